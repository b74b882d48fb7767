"""The fence: every connection this process opens is held to the permit at the moment it is opened.

An audit hook sees each socket.connect of the process, those of sslyze, requests and paramiko among them, after name
resolution and on the very address. Outside the permit's addresses or window, or beyond the host's budget, the connect
is refused; within them it waits its turn under the permit's rate. Nothing is fenced while no permit is raised.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from scanner.targets import Permit, Rate


class NotPermittedError(PermissionError):
    """A connection the permit does not allow; it was not opened."""


class BudgetSpentError(PermissionError):
    """The host's budget of connections is spent; the connection was not opened."""


class Fence:
    """The permit in force in this process, its clock, and the connections counted so far."""

    def __init__(
        self, permit: Permit, now: Callable[[], datetime], spent: dict[str, int] | None = None, rate: Rate | None = None
    ) -> None:
        self.permit = permit
        self.rate = permit.rate if rate is None else permit.rate.at_most(rate)
        self.spent: Counter[str] = Counter(spent or {})
        self._now = now
        self._lock = threading.Condition()
        self._next_turn = 0.0
        self._lent = 0.0
        self._closed = False

    def close(self) -> None:
        """From here on admits nothing: the scan is over or was interrupted."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()

    def admit(self, address: str, connections: int = 1) -> None:
        """Counts connections to this address and waits their turn; raises where the permit or the budget forbids them.

        The hook calls this for every connection of the process.
        """
        with self._lock:
            self._count(address, connections)
            turn = max(self._next_turn, time.monotonic())
            self._next_turn = turn + connections / self._free_rate()
            while not self._closed and (left := turn - time.monotonic()) > 0:
                self._lock.wait(left)
            self._insist(address)  # the wait may have outlasted the scan, or the permit's window

    @contextmanager
    def lent(self, address: str, connections: int) -> Iterator[float]:
        """Counts connections that another program is about to open, and yields the rate a second it may open them at.

        That is half the permit's rate; while the block lasts, this process keeps to the other half.
        """
        with self._lock:
            self._count(address, connections)
            while self._lent and not self._closed:
                self._lock.wait()
            self._insist(address)  # as above; another program may have had its turn for minutes
            self._lent = self.rate.lent
        try:
            yield self._lent
        finally:
            with self._lock:
                self._lent = 0.0
                self._lock.notify_all()

    def count(self, address: str, connections: int) -> None:
        """Counts connections that another program is about to open slowly by itself."""
        with self._lock:
            self._count(address, connections)

    def _insist(self, address: str) -> None:
        if self._closed:
            raise NotPermittedError("the scan is over")
        refusal = self.permit.refusal(address, self._now())
        if refusal is not None:
            raise NotPermittedError(str(refusal))

    def _count(self, address: str, connections: int) -> None:
        self._insist(address)
        where = ip_address(address)
        address = str(getattr(where, "ipv4_mapped", None) or where)  # one budget for one host, however its address is spelt
        if self.spent[address] + connections > self.rate.connections_per_host:
            raise BudgetSpentError(f"{address}: the budget of {self.rate.connections_per_host} connections is spent")
        self.spent[address] += connections

    def _free_rate(self) -> float:
        return self.rate.connections_per_second - self._lent


_raised: list[Fence] = []
_hooked = False


@contextmanager
def raised(fence: Fence) -> Iterator[Fence]:
    """Holds every connection of this process to the fence's permit until the block ends."""
    global _hooked  # noqa: PLW0603 - an audit hook can be added and never removed, so it is added once
    if not _hooked:
        sys.addaudithook(_watch)
        _hooked = True
    _raised.append(fence)
    try:
        yield fence
    finally:
        _raised.remove(fence)


def count(address: str, connections: int) -> None:
    """Counts connections that another program is about to open slowly by itself; raises where there is no fence."""
    if not _raised:
        raise NotPermittedError("no permit is in force")
    for fence in tuple(_raised):
        fence.count(address, connections)


@contextmanager
def lent(address: str, connections: int) -> Iterator[float]:
    """Asks the fence in force for connections that another program is about to open; raises where there is no fence."""
    if not _raised:
        raise NotPermittedError("no permit is in force")
    with ExitStack() as stack:
        yield min(stack.enter_context(fence.lent(address, connections)) for fence in tuple(_raised))


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("socket.connect", "socket.sendto", "socket.sendmsg") or not _raised:
        return
    address = arguments[1]
    if not isinstance(address, tuple):
        return  # a Unix socket (the SSH agent) or a connected one leaves this machine no further than its connect did
    for fence in tuple(_raised):
        fence.admit(_unscoped(str(address[0])))


def _unscoped(address: str) -> str:
    """An IPv6 address without its zone; in anything else a percent sign would make it a name, and the fence admits no name."""
    return address.partition("%")[0] if ":" in address else address
