"""The neighbours probe: on a small network of its own with other hosts, and on loopback for how each address is taken."""

from __future__ import annotations

import json
import socket
import sys
import time
from datetime import UTC, datetime

import pytest

from scanner.observations import NeighboursObservation, Reason, Unobserved
from scanner.probes import fence, neighbours
from scanner.probes.looking import Ground
from scanner.probes.neighbours import MOST, PORTS, Sweep, surroundings
from scanner.specimens import NEIGHBOUR
from scanner.specimens import neighbours as specimen
from tests.lab.island import on_an_island
from tests.scanner.permits import permit
from tests.scanner.probes.talkers import circumstances

HERE, BESIDE = "127.102.3.1", "127.102.3.2"

_LOOK = """
import json, sys, time
from scanner.probes import neighbours
from scanner.probes.looking import Ground
from tests.scanner.permits import permit
from tests.scanner.probes.talkers import circumstances
given = json.load(sys.stdin)
began = time.monotonic()
found = neighbours.look(Ground(tuple(given["networks"]), tuple(given["declared"])), circumstances(timeout=2.5, deadline=30.0))
print(json.dumps([time.monotonic() - began, found.model_dump(mode="json")]))
"""


def look(networks: list[str], declared: list[str]) -> tuple[float, NeighboursObservation]:
    """What the probe sees on the island, and the seconds it took."""
    said = on_an_island([sys.executable, "-c", _LOOK], text=json.dumps({"networks": networks, "declared": declared}))
    seconds, found = json.loads(said)
    return seconds, NeighboursObservation.model_validate_json(json.dumps(found))


def test_what_answers_undeclared_is_found_and_silence_costs_one_time_out_for_all() -> None:
    seconds, found = look(["10.9.0.0/28", "10.9.1.64/26", "fd00:9::/124"], ["10.9.0.2", "fd00:9::2"])
    assert {(one.address, one.port, one.accepted) for one in found.answering} == {
        ("10.9.0.3", 443, True),
        ("fd00:9::3", 443, False),
    }
    assert found.asked == 12 + 62 + 13
    assert found.rest is True
    left_out = {one.what: one.why for one in found.left_out}
    assert left_out["10.9.0.1"] == left_out["fd00:9::1"] == "an address of the machine that looks"
    assert left_out["10.9.0.0"] == "the network's own address"
    assert left_out["10.9.0.15"] == "the network's broadcast address"
    assert seconds < 10.0  # two seconds of patience for each of five ports of 85 silent addresses, all at the same time
    assert found.seen.connections <= found.asked * len(PORTS)


def test_a_network_in_which_nothing_else_answers_is_empty_once_it_was_wholly_asked() -> None:
    _, found = look(["10.9.0.0/29", "10.9.1.0/28"], ["10.9.0.2", "10.9.0.3"])
    assert found.answering == ()
    assert found.undeclared == ()


_ASK_ALL = """
import time
from scanner.probes.datagrams.asking import asked
from scanner.probes.datagrams.host import questions
found, sent = asked("10.9.0.255", questions(), 0.1, time.monotonic() + 5)
print(sent, *sorted({type(fact).__name__ for fact in found.values()}))
"""


def test_the_kernel_lets_no_datagram_out_to_the_broadcast_address_of_a_network() -> None:
    assert on_an_island([sys.executable, "-c", _ASK_ALL]).split() == ["0", "Unobserved"]


# --- What is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "declared", "asked"),
    [
        (("198.51.100.7/32",), ("198.51.100.7",), []),
        (("198.51.100.7/32", "198.51.100.8/32"), ("198.51.100.7",), ["198.51.100.8"]),
        (("198.51.100.0/30",), ("198.51.100.1",), ["198.51.100.2"]),
        (("198.51.100.0/31",), (), ["198.51.100.0", "198.51.100.1"]),
        (("198.51.100.0/30", "198.51.100.0/30"), (), ["198.51.100.1", "198.51.100.2"]),
        (("2001:db8::/126",), ("2001:db8:0:0::1",), ["2001:db8::2", "2001:db8::3"]),
        (("127.0.0.0/8",), (), []),
        (("::1/128",), (), []),
        (("224.0.0.0/4",), (), []),
    ],
)
def test_what_is_permitted_and_not_declared_is_asked(
    networks: tuple[str, ...], declared: tuple[str, ...], asked: list[str]
) -> None:
    found = surroundings(Ground(networks, declared))
    assert list(found.asked) == asked
    assert found.beyond is None


@pytest.mark.parametrize("network", ["10.9.0.0/21", "2001:db8::/64"])
def test_more_than_is_asked_in_one_run_is_said_and_never_taken_for_empty(network: str) -> None:
    found = surroundings(Ground((network,), ()))
    assert len(found.asked) == MOST
    assert isinstance(found.beyond, Unobserved)
    assert found.beyond.reason is Reason.NOT_ASKED


def test_a_network_of_exactly_as_many_addresses_as_are_asked_is_wholly_asked() -> None:
    found = surroundings(Ground(("198.18.0.0/22", "198.18.4.0/31"), ()))
    assert len(found.asked) == MOST == 1_022 + 2
    assert found.beyond is None


def test_no_order_makes_the_waiting_shorter_after_which_an_address_is_nobody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Sweep, "run", lambda self, _addresses: waits.append(self.patience))
    for timeout in (0.1, 5.0):
        neighbours.look(Ground(("192.0.2.0/30",), ()), circumstances(timeout=timeout))
    assert waits == [neighbours._PATIENCE] * 2


# --- How an address is taken ---------------------------------------------------------------------


NETWORKS = ("127.102.3.0/24", "::1/128")


def swept(*addresses: str) -> Sweep:
    sweep = Sweep(patience=0.3, ends=time.monotonic() + 5)
    sweep.run(addresses)
    return sweep


@pytest.mark.parametrize("here", [HERE, "::1"])
def test_a_refusal_is_an_answer_and_an_answer_ends_the_asking(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((here, 0), family=socket.AF_INET6 if ":" in here else socket.AF_INET) as server:
        monkeypatch.setattr(neighbours, "PORTS", (server.getsockname()[1], 9))
        opened = swept(here)
        assert opened.answered[here].accepted
        assert opened.opened == 1
        monkeypatch.setattr(neighbours, "PORTS", (9, server.getsockname()[1]))
        refused = swept(here)
    assert not refused.answered[here].accepted
    assert refused.opened == 1
    assert refused.trouble is None


def test_every_connection_is_counted_and_what_is_not_permitted_leaves_the_rest_unseen() -> None:
    with fence.raised(fence.Fence(permit(*NETWORKS), lambda: datetime.now(UTC))) as guard:
        found = swept(HERE, "127.103.0.1", BESIDE)
    assert dict(guard.spent) == {HERE: 1}
    assert isinstance(found.trouble, Unobserved)
    assert found.trouble.reason is Reason.NOT_PERMITTED


def test_time_that_runs_out_leaves_the_rest_unseen() -> None:
    sweep = Sweep(patience=1.0, ends=0.0)
    sweep.run((HERE,))
    assert sweep.answered == {}
    assert isinstance(sweep.trouble, Unobserved)
    assert sweep.trouble.reason is Reason.TIMED_OUT


def test_what_was_found_counts_even_where_not_all_was_asked() -> None:
    rest = Unobserved(reason=Reason.NOT_ASKED)
    assert specimen(rest=rest, answering=(NEIGHBOUR,)).undeclared == (NEIGHBOUR,)
    assert isinstance(specimen(rest=rest).undeclared, Unobserved)


def test_where_every_address_can_be_bound_binding_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert neighbours.own("127.0.0.1")
    monkeypatch.setattr(neighbours, "_bound", lambda _: True)
    assert not neighbours.own("198.51.100.7")
