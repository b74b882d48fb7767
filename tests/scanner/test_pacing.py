"""Pacing: what looks at once shares one rate, never exceeds it, and has time enough for its turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.observations import Sight
from scanner.pacing import FEW, TRIES, WORKERS, Pacing, side_by_side, swept
from scanner.targets import Pace, Rate
from tests.scanner.permits import permit

PORTS = Sight(subject="web", kind="ports")
TLS = Sight(subject="web:443", kind="tls")


def pacing(rate: Rate, ports: int, hosts: int = 1) -> Pacing:
    return Pacing(rate, {"web": ports}, hosts)


def test_at_the_gentle_pace_a_look_at_many_ports_has_the_time_that_they_take_at_half_the_rate() -> None:
    found = pacing(Pace.GENTLE.rate, 1_134)
    assert found.spent(PORTS) == 1_134 / 2.5
    assert found.spent(PORTS, silent=True) == TRIES * 1_134 / 2.5
    assert found.patience(PORTS) > found.spent(PORTS, silent=True)


def test_many_hosts_at_a_gentle_pace_wait_for_few_turns_at_a_time() -> None:
    found = pacing(Pace.GENTLE.rate, 9, hosts=200)
    assert found.at_once < WORKERS
    assert found.turn <= 2.0
    assert found.patience(TLS) >= 60 * found.turn
    assert pacing(Pace.FAST.rate, 9, hosts=200).at_once == WORKERS


@given(
    st.builds(Rate, connections_per_second=st.integers(1, 1_000), parallel_per_host=st.integers(1, 16)), st.integers(1, 65_535)
)
def test_what_is_lent_and_what_is_kept_are_the_rate_and_no_time_is_without_bound(rate: Rate, ports: int) -> None:
    found = pacing(rate, ports, hosts=50)
    assert found.kept + (rate.lent if found.wide else 0.0) == rate.connections_per_second
    assert 1 <= found.at_once <= WORKERS
    assert bool(found.wide) == (ports > FEW)
    assert 0 < found.spent(PORTS) <= found.patience(PORTS) < 2 * TRIES * ports / rate.lent + 50_000
    assert found.patience(TLS) <= 2 * 60 * found.turn


@pytest.mark.parametrize(("turn", "many"), [(0.0, 16), (0.01, 16), (0.2, 5), (3.0, 1)])
def test_so_many_connections_wait_together_as_have_their_turn_in_time(turn: float, many: int) -> None:
    assert side_by_side(16, turn, 1.0) == many


def test_nobody_is_asked_on_loopback_and_no_more_than_a_survey_asks_elsewhere() -> None:
    assert swept(permit("127.0.0.0/8", "10.1.2.0/24")) == 256
    assert swept(permit("10.0.0.0/8", "2001:db8::/64")) == 1_024
