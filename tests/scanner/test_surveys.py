"""Surveys of the agency as a whole within a scan, and hosts whose names have several addresses."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

import checks
from scanner.baseline import load
from scanner.observations import NeighboursObservation, Observation, Reason, Sight, Sighting, Unobserved
from scanner.ordering import Inputs, ordered
from scanner.plan import observable, sights
from scanner.probes.looking import Circumstances, Ground, Target
from scanner.registry import load_checks
from scanner.scan import SURVEY_PATIENCE, OutsidePermitError, addresses, scan
from scanner.scoring import uncovered
from scanner.specimens import datagrams, neighbours
from scanner.store import BASELINE, Run, sightings
from scanner.targets import AGENCY, Agency, BilingualText, Host, Scope, Service, Speaks, System
from tests.checks.test_datagrams import ALL_SILENT
from tests.scanner.permits import now
from tests.scanner.test_scanning import circumstances, permit

HERE = "127.102.4.1"
NATIONAL = Path(checks.__file__).parent / "baselines" / "npdb-2026.yaml"
TEXT = BilingualText(vi="Thử", en="Test")


def run_of(folder: Path, *hosts: Host, networks: tuple[str, ...] = ("127.102.4.0/24",)) -> Run:
    scope = Scope(
        agency=Agency(code="H46", name=TEXT, echelon="province"),
        system=System(id="S", name=TEXT, level=3, operator="IT"),
        hosts=hosts,
    )
    data = NATIONAL.read_bytes()
    inputs = Inputs(scope, permit(addresses=networks), None, load(data, "national", load_checks()), {BASELINE: data})
    return Run.create(folder / "run", ordered(inputs, now(), zone="test", tool="test", code=()), inputs.files)


def taken(run: Run, **looks: object) -> dict[Sight, Sighting]:
    """The sightings of a scan with these probes; the others see nothing."""

    def nothing(_target: object, _circumstances: Circumstances) -> Unobserved:
        return Unobserved(reason=Reason.NOT_ASKED)

    every = {sight.kind: nothing for sight in run.order.plan} | looks
    scan(run, circumstances(), lambda *_: None, addresses(run.order, now()), every)  # type: ignore[arg-type]
    return {sight: sighting for sight, (sighting, _) in sightings(run.files()).items()}


def test_the_survey_is_given_the_permitted_networks_and_the_declared_addresses(tmp_path: Path) -> None:
    given: list[Ground] = []

    def survey(ground: Ground, limits: Circumstances) -> Observation:
        assert limits.deadline == SURVEY_PATIENCE * circumstances().deadline
        given.append(ground)
        found: NeighboursObservation = neighbours()
        return found

    run = run_of(tmp_path, Host(id="a", address=HERE), Host(id="b", address="127.102.4.2"))
    found = taken(run, neighbours=survey)
    assert given == [Ground(networks=("127.102.4.0/24",), declared=(HERE, "127.102.4.2"))]
    assert isinstance(found[Sight(subject=AGENCY, kind="neighbours")].result, NeighboursObservation)


def test_a_permit_of_loopback_leaves_nothing_to_ask_and_says_so(tmp_path: Path) -> None:
    from scanner.probes import neighbours as probe

    seen = taken(run_of(tmp_path, Host(id="a", address=HERE)), neighbours=probe.look)[
        Sight(subject=AGENCY, kind="neighbours")
    ].result
    assert isinstance(seen, NeighboursObservation)
    assert (seen.asked, seen.undeclared) == (0, ())
    assert [one.why for one in seen.left_out] == ["loopback: the machine that looks"]


def _resolving_to(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    def answer(*_: object, **__: object) -> list[tuple[object, ...]]:
        if not found:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_a_name_with_several_addresses_is_looked_at_at_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, Host(id="a", address="dvc.example.vn"), networks=("127.102.4.0/24", "::1/128"))
    _resolving_to(monkeypatch, HERE, "::1")
    found = addresses(run.order, now())["a"]
    assert isinstance(found, Unobserved)
    assert "declare each as a host of its own: 127.102.4.1, ::1" in found.detail
    seen = taken(run)
    assert all(isinstance(sighting.result, Unobserved) for sighting in seen.values())
    survey = seen[Sight(subject=AGENCY, kind="neighbours")].result
    assert isinstance(survey, Unobserved)
    assert survey.reason is Reason.NAME_UNRESOLVED


def test_one_address_of_a_name_outside_the_permit_stops_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, Host(id="a", address="dvc.example.vn"))
    _resolving_to(monkeypatch, HERE, "2001:db8::7")
    with pytest.raises(OutsidePermitError, match="2001:db8::7 is outside"):
        addresses(run.order, now())


def test_a_host_that_met_every_datagram_with_silence_is_not_covered(tmp_path: Path) -> None:
    run = run_of(tmp_path, Host(id="a", address=HERE))

    def silent(_target: Target, _circumstances: Circumstances) -> Observation:
        return ALL_SILENT

    found = taken(run, datagrams=silent)
    kept = {sight: (sighting, "00" * 32) for sight, sighting in found.items()}
    assert uncovered(run.order, kept) == ("a",)
    refusing = {
        sight: (sighting.model_copy(update={"result": datagrams()}) if sight.kind == "datagrams" else sighting, digest)
        for sight, (sighting, digest) in kept.items()
    }
    assert uncovered(run.order, refusing) == ()


def test_a_declared_udp_service_is_planned_for_and_nothing_else_is_looked_for_there() -> None:
    service = Service(port=53, transport="udp", speaks=Speaks.DNS)
    host = Host(id="ns1", address=HERE, services=(service, Service(port=53, speaks=Speaks.DNS)))
    scope = Scope(
        agency=Agency(code="H46", name=TEXT, echelon="province"),
        system=System(id="S", name=TEXT, level=3, operator="IT"),
        hosts=(host,),
    )
    planned = sights(scope, load(NATIONAL.read_bytes(), "national", load_checks()))
    assert {sight.kind for sight in planned if sight.subject == "ns1:53/udp"} == {"reply"}
    assert {sight.kind for sight in planned if sight.subject == "ns1:53"} == {"greeting"}
    assert {sight.kind for sight in planned if sight.subject == AGENCY} == {"neighbours"}
    assert observable(host, service) == ("reply",)
