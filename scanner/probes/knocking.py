"""Knocking: which of a few ports of one host are open, by connects of our own, side by side, each closed again at once.

For a few ports this is faster and gentler than a port scanner: silent ports cost one overlapped wait, and every connection is seen by the
fence. Wide sweeps stay nmap's.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from scanner.pacing import side_by_side
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


def knocked(address: str, ports: Iterable[int], *, timeout: float, ends: float, turn: float = 0.0) -> Knocked:
    """What each port of the host does; raises what the fence raises, and TimeoutError where the time is over before all are known.

    `timeout` shortens the first knock alone. `turn` is how long a connection may wait for its turn under the rate: no more of them wait together
    than have it within a second.
    """
    with ThreadPoolExecutor(max_workers=side_by_side(AT_ONCE, turn, WAITS[0])) as pool:
        asked = {port: pool.submit(_asked, address, port, timeout, ends) for port in sorted(set(ports))}
        try:
            found = {port: answer.result() for port, answer in asked.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return Knocked({port: state for port, (state, _) in found.items()}, sum(opened for _, opened in found.values()))


def _asked(address: str, port: int, longest: float, ends: float) -> tuple[State, int]:
    """What the port does, and the knocks it took."""
    knocks, state = 0, State.SILENT
    while state is State.SILENT and knocks < len(WAITS):
        wait = WAITS[knocks] if knocks else min(WAITS[0], longest)
        state = _knock(address, port, min(wait, ends - time.monotonic()))
        knocks += 1
    return state, knocks


def _knock(address: str, port: int, wait: float) -> State:
    if wait <= 0:
        raise TimeoutError("the time was over before every port was asked for")
    try:  # the wait begins with the packet: the fence has a connection wait for its turn before, which says nothing about the port
        with socket.create_connection((address, port), timeout=wait):
            return State.OPEN
    except (NotPermittedError, BudgetSpentError):
        raise
    except ConnectionRefusedError:
        return State.CLOSED
    except OSError as error:
        if error.errno in _OUR_OWN:
            raise
        return State.SILENT
