"""Knocking: open, closed and silent told apart, side by side, held by the fence, and nmap not needed for a few ports."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from scanner.discovery import Nmap, counted
from scanner.observations import PortsObservation, Reason, Unobserved, Vantage
from scanner.pacing import FEW
from scanner.probes import fence, knocking
from scanner.probes.knocking import State, knocked
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Host, Service, Speaks
from tests.scanner.permits import now, permit

HERE = "127.111.0.1"


@contextmanager
def permitted(budget: int = 5_000, rate: int = 1_000) -> Iterator[fence.Fence]:
    with fence.raised(fence.Fence(permit("127.111.0.0/16", budget=budget, rate=rate), now)) as raised:
        yield raised


@contextmanager
def silent(address: str = HERE) -> Iterator[int]:
    """A port at which no further connection is answered: its queue is full and nobody takes from it."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind((address, 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        time.sleep(0.05)
        yield listener.getsockname()[1]


@contextmanager
def open_port(address: str = HERE) -> Iterator[int]:
    with socket.create_server((address, 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def ask(*ports: int, address: str = HERE, patience: float = 20.0) -> knocking.Knocked:
    return knocked(address, ports, timeout=5.0, ends=time.monotonic() + patience)


def test_no_order_makes_the_waiting_shorter_after_which_a_port_is_closed() -> None:
    """A server that is late is open even so: its queue is full at first, and somebody takes from it after the first knock."""
    with socket.create_server((HERE, 0), backlog=0) as listener, ExitStack() as stack:
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(listener.getsockname())

        def take() -> None:
            time.sleep(0.4)
            with suppress(OSError):
                while True:
                    stack.enter_context(listener.accept()[0])

        listener.settimeout(3.0)
        taker = threading.Thread(target=take)
        taker.start()
        port = listener.getsockname()[1]
        found = knocked(HERE, [port], timeout=0.1, ends=time.monotonic() + 10)
        taker.join()
    assert found.states == {port: State.OPEN}


def test_open_closed_and_silent_ports_are_told_apart() -> None:
    with open_port() as listening, silent() as mute:
        found = ask(listening, 9, mute)
    assert found.states == {listening: State.OPEN, 9: State.CLOSED, mute: State.SILENT}
    assert found.open == (listening,)
    assert found.answered
    assert found.connections == 4  # the silent one was knocked at twice


def test_a_host_that_drops_everything_has_not_answered() -> None:
    with silent() as mute:
        assert not ask(mute).answered


def test_silent_ports_are_waited_for_together() -> None:
    with ExitStack() as stack:
        mute = [stack.enter_context(silent()) for _ in range(8)]
        began = time.monotonic()
        found = ask(*mute)
        together = time.monotonic() - began
    assert set(found.states.values()) == {State.SILENT}
    assert together < 8 * sum(knocking.WAITS)  # one after the other they would take no less


def test_outside_the_permit_nothing_is_knocked_at() -> None:
    with open_port("127.112.0.1") as elsewhere, permitted(), pytest.raises(fence.NotPermittedError):
        ask(elsewhere, address="127.112.0.1")


def test_every_knock_counts_against_the_budget() -> None:
    with permitted(budget=3) as raised:
        ask(9, 10, 11)
        assert raised.spent[HERE] == 3
        with pytest.raises(fence.BudgetSpentError):
            ask(12)


def test_a_knock_that_waits_long_for_its_turn_under_the_rate_is_still_answered() -> None:
    closed = range(9, 9 + knocking.AT_ONCE)
    with permitted(rate=5):
        found = ask(*closed)  # together they wait three seconds for their turns, three times as long as for an answer
    assert set(found.states.values()) == {State.CLOSED}
    assert found.connections == len(closed)


def test_a_time_that_is_over_is_no_list_of_closed_ports() -> None:
    with silent() as mute, pytest.raises(TimeoutError, match="before every port"):
        ask(mute, patience=0.3)


def test_trouble_of_this_machine_says_nothing_about_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_files(*_: object, **_more: object) -> None:  # stands in for a process that has no file left to open
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "create_connection", without_files)
    with pytest.raises(OSError, match="Too many open files"):
        ask(9)


def look(declared: Host, ports: str) -> PortsObservation | Unobserved:
    given = Circumstances(vantage=Vantage(zone="test", address="127.0.0.1"), now=now, deadline=30.0, ports=ports)
    return Nmap("/nonexistent/nmap").look(Target("web", declared, None, HERE), given)


def host(*ports: int) -> Host:
    return Host(id="web", address=HERE, services=tuple(Service(port=port, speaks=Speaks.OTHER) for port in ports))


def test_a_few_ports_are_found_without_nmap() -> None:
    with permitted() as raised, socket.create_server((HERE, 0), backlog=64) as listener:
        port = listener.getsockname()[1]
        listener.close()
        seen = look(host(port), "9,10")
        assert isinstance(seen, PortsObservation)
        assert (seen.open, seen.unanswered, seen.seen.by) == ((), (port,), "clearance")
        assert seen.seen.connections == raised.spent[HERE] == 3


def test_a_host_of_which_no_port_answers_is_unreachable_not_closed() -> None:
    with permitted(), silent() as mute:
        seen = look(host(mute), str(mute))
    assert isinstance(seen, Unobserved) and seen.reason is Reason.UNREACHABLE


def test_many_ports_are_nmaps() -> None:
    assert counted(host(), f"1-{FEW}") == counted(host(9), f"1-{FEW}") == FEW
    assert counted(host(FEW + 1), f"1-{FEW}") == FEW + 1
    with permitted():
        seen = look(host(), f"1-{FEW + 1}")
    assert isinstance(seen, Unobserved) and seen.reason is Reason.TOOL_MISSING
