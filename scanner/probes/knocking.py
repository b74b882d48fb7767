"""Knocking: which of a few ports of one host are open, by connects of our own, side by side, each closed again at once.

For a few ports this is faster and gentler than a port scanner: silent ports cost one overlapped wait, and every connection is seen by the
fence. Wide sweeps stay nmap's.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from scanner.probes.fence import BudgetSpentError, NotPermittedError

AT_ONCE = 16
"""Ports of one host that are waited for at the same time."""
WAITS = (1.0, 2.0)
"""Seconds to wait for the first and for the second knock; only a port that stays silent is knocked at twice, and no order makes the
second wait less: silence passes as closed."""


_OUR_OWN = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL)
"""Trouble of this machine, which says nothing about the port."""


class State(StrEnum):
    """What a port did when it was knocked at."""

    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"
    """No answer within the waits, or one from the network on the way: neither open nor closed."""


@dataclass(frozen=True, slots=True)
class Knocked:
    """The ports by what they did, and the connections it took."""

    states: dict[int, State]
    connections: int

    @property
    def open(self) -> tuple[int, ...]:
        """The open ports, in order."""
        return tuple(sorted(port for port, state in self.states.items() if state is State.OPEN))

    @property
    def answered(self) -> bool:
        """Whether at least one port answered; a host that drops everything never does."""
        return any(state is not State.SILENT for state in self.states.values())


def knocked(address: str, ports: Iterable[int], *, timeout: float, ends: float) -> Knocked:
    """What each port of the host does; raises what the fence raises, and TimeoutError where the time is over before all are known.

    `timeout` shortens the first knock alone.
    """
    return asyncio.run(_all(address, sorted(set(ports)), timeout, ends))


async def _all(address: str, ports: list[int], longest: float, ends: float) -> Knocked:
    places, opened = asyncio.Semaphore(AT_ONCE), 0

    async def one(port: int) -> tuple[int, State]:
        nonlocal opened
        async with places:
            for wait in (min(longest, WAITS[0]), *WAITS[1:]):
                opened += 1
                state = await _knock(address, port, min(wait, ends - time.monotonic()))
                if state is not State.SILENT:
                    break
            return port, state

    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(one(port)) for port in ports]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return Knocked(dict(task.result() for task in asked), opened)


async def _knock(address: str, port: int, wait: float) -> State:
    if wait <= 0:
        raise TimeoutError("the time was over before every port was asked for")
    try:
        async with asyncio.timeout(wait):
            _, writer = await asyncio.open_connection(address, port)
    except (NotPermittedError, BudgetSpentError):
        raise
    except ConnectionRefusedError:
        return State.CLOSED
    except OSError as error:
        if error.errno in _OUR_OWN:
            raise
        return State.SILENT
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return State.OPEN
