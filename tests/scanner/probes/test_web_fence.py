"""No probe of TLS or HTTP reaches an address the permit does not name, and none exceeds the host's budget."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.observations import Reason, TlsVersion, Unobserved
from scanner.probes import http, peer_certificate, tls
from scanner.probes.fence import Fence, NotPermittedError, raised
from scanner.probes.looking import Probe
from scanner.probes.sslyze_engine import Engine
from scanner.targets import Service, Speaks
from tests.scanner.permits import permit
from tests.scanner.probes.issuing import Made, kept
from tests.scanner.probes.web_peers import circumstances, listening, silent
from tests.scanner.probes.web_peers import tls as speaking_tls

HERE, ELSEWHERE = "127.41.4.1", "127.41.4.2"


def fence(*addresses: str, budget: int = 1_000) -> Fence:
    return Fence(permit(*addresses, budget=budget), lambda: datetime.now(UTC))


@pytest.mark.parametrize("look", [tls.look, peer_certificate.look, http.look], ids=["tls", "peer-certificate", "http"])
def test_outside_the_permit_nothing_is_connected_to(look: Probe) -> None:
    with listening(HERE, silent) as peer, raised(fence(f"{ELSEWHERE}/32")) as guard:
        found = look(peer.target(), circumstances(0.5, 5))
        assert isinstance(found, Unobserved) and found.reason is Reason.NOT_PERMITTED
        assert guard.spent.total() == 0
        assert peer.taken == []


def test_sslyze_too_is_held_by_the_fence() -> None:
    with listening(HERE, silent) as peer, raised(fence(f"{ELSEWHERE}/32")):
        engine = Engine(peer.address, Service(port=peer.port, speaks=Speaks.TLS), timeout=0.5, ends=time.monotonic() + 5)
        for ask in (
            lambda: engine.shown(TlsVersion.TLS_1_3),
            lambda: engine.heartbleed(TlsVersion.TLS_1_2),
        ):
            with pytest.raises(NotPermittedError):
                ask()
        assert peer.taken == []


@pytest.mark.parametrize(("look", "needs"), [(tls.look, 10), (peer_certificate.look, 1)], ids=["tls", "peer-certificate"])
def test_a_budget_spent_in_the_midst_is_said_and_kept(look: Probe, needs: int, tmp_path: Path) -> None:
    talk = speaking_tls(*kept(tmp_path, Made()))
    with listening(HERE, talk) as peer, raised(fence(f"{HERE}/32", budget=needs)):
        found = look(peer.target(), circumstances(0.5, 10))
    assert isinstance(found, Unobserved) and found.reason is Reason.BUDGET_SPENT
    assert len(peer.taken) <= needs


def test_what_a_probe_counts_is_what_the_fence_counted(tmp_path: Path) -> None:
    talk = speaking_tls(*kept(tmp_path, Made()))
    for look in (tls.look, peer_certificate.look):
        with listening(HERE, talk) as peer, raised(fence(f"{HERE}/32")) as guard:
            found = look(peer.target(), circumstances(0.5, 10))
        assert not isinstance(found, Unobserved)
        assert found.seen.connections == guard.spent[HERE]
