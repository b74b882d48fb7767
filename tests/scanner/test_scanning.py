"""Scanning: kept as it is seen, held to the permit at connect time, interruptible and resumable; a bad probe never stops the rest."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.allowance import Allowance
from scanner.baseline import load
from scanner.contact import Contact
from scanner.faults import InputError
from scanner.observations import HttpObservation, Observation, PortsObservation, Reason, Sighting, Unobserved, Vantage
from scanner.ordering import Inputs, ordered
from scanner.probes import fence
from scanner.probes.looking import Circumstances, Probe, Target
from scanner.registry import load_checks
from scanner.scan import OutsidePermitError, addresses, scan
from scanner.specimens import http
from scanner.store import BASELINE, CONTACT, Run, sightings
from scanner.targets import (
    Agency,
    BilingualText,
    Host,
    Pace,
    Permit,
    Scope,
    Service,
    Speaks,
    System,
)
from tests.lab.processes import interruptible
from tests.scanner import permits
from tests.scanner.permits import now

ROOT = Path(__file__).resolve().parents[2]
LAB_BASELINE = ROOT / "examples" / "lab-baseline.yaml"
HERE = "127.46.0.1"
TEXT = BilingualText(vi="Thử", en="Test")


def permit(budget: int = 5_000, rate: int = 1_000, parallel: int = 4, addresses: tuple[str, ...] = (f"{HERE}/32",)) -> Permit:
    return permits.permit(*addresses, budget=budget, rate=rate, parallel=parallel)


def run_of(folder: Path, allowed: Permit, *ports: int, address: str = HERE) -> Run:
    services = tuple(Service(port=port, speaks=Speaks.HTTP) for port in ports)
    scope = Scope(
        agency=Agency(code="H46", name=TEXT, echelon="province"),
        system=System(id="S", name=TEXT, level=3, operator="IT"),
        hosts=(Host(id="web", address=address, services=services),),
    )
    data = LAB_BASELINE.read_bytes()
    inputs = Inputs(scope, allowed, None, load(data, "lab", load_checks()), {BASELINE: data})
    order = ordered(inputs, now(), zone="test", tool="test", code=())
    return Run.create(folder / "run", order, inputs.files)


def circumstances(deadline: float = 5.0) -> Circumstances:
    return Circumstances(vantage=Vantage(zone="test", address="127.0.0.1"), now=now, timeout=1.0, deadline=deadline)


def seen(_target: Target, _circumstances: Circumstances) -> Observation:
    found: HttpObservation = http()
    return found


def nothing(_target: Target, _circumstances: Circumstances) -> Unobserved:
    return Unobserved(reason=Reason.NOT_ASKED)


def taken(run: Run, http_probe: Probe, deadline: float = 5.0) -> dict[str, Sighting]:
    """The sightings of a scan whose HTTP probe is this one, by subject."""
    looks = {"http": http_probe, "ports": nothing, "host": nothing}
    scan(run, circumstances(deadline), lambda *_: None, addresses(run.order, now()), looks)
    return {sight.subject: sighting for sight, (sighting, _) in sightings(run.files()).items() if sight.kind == "http"}


def reason(sighting: Sighting) -> Reason:
    assert isinstance(sighting.result, Unobserved), sighting
    return sighting.result.reason


def test_a_probe_that_crashes_is_an_outcome_and_the_rest_goes_on(tmp_path: Path) -> None:
    def odd(target: Target, given: Circumstances) -> Observation:
        if target.subject == "web:1":
            raise RuntimeError("password=hunter2")
        return seen(target, given)

    run = run_of(tmp_path, permit(), 1, 2, 3)
    found = taken(run, odd)
    assert reason(found["web:1"]) is Reason.CRASHED
    assert isinstance(found["web:2"].result, HttpObservation)
    assert isinstance(found["web:3"].result, HttpObservation)
    assert b"hunter2" not in b"".join(run.files().values())


def test_a_probe_that_exits_the_program_is_an_outcome_too(tmp_path: Path) -> None:
    def leaves(_target: Target, _given: Circumstances) -> Observation:
        sys.exit(3)

    assert reason(taken(run_of(tmp_path, permit(), 1), leaves)["web:1"]) is Reason.CRASHED


def test_a_probe_that_outlives_its_deadline_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.scan._GRACE", 0.2)
    released = threading.Event()

    def sleeps(_target: Target, _given: Circumstances) -> Observation:
        released.wait(20)
        return http()

    run = run_of(tmp_path, permit(), 1)
    assert reason(taken(run, sleeps, deadline=0.2)["web:1"]) is Reason.TIMED_OUT
    released.set()


def _connects(connect: Callable[[str, int], None], address: str, port: int) -> Probe:
    def probe(_target: Target, _given: Circumstances) -> Observation | Unobserved:
        from scanner.probes.looking import unobserved

        try:
            connect(address, port)
        except OSError as error:
            return unobserved(error)
        found: HttpObservation = http()
        return found

    return probe


def _plainly(address: str, port: int) -> None:
    socket.create_connection((address, port), timeout=1).close()


def _without_exception(address: str, port: int) -> None:
    with socket.socket() as one:
        one.connect_ex((address, port))


def _asynchronously(address: str, port: int) -> None:
    async def connect() -> None:
        _, writer = await asyncio.open_connection(address, port)
        writer.close()

    asyncio.run(connect())


def _by_datagram(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", (address, port))


WAYS = [_plainly, _without_exception, _asynchronously, _by_datagram]


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_outside_the_permit_is_refused_when_it_is_opened_however_it_is_opened(
    tmp_path: Path, way: Callable[[str, int], None]
) -> None:
    with socket.create_server(("127.46.0.2", 0)) as elsewhere:
        elsewhere.settimeout(0.1)
        port = elsewhere.getsockname()[1]
        found = taken(run_of(tmp_path, permit(), 1), _connects(way, "127.46.0.2", port))
        assert reason(found["web:1"]) is Reason.NOT_PERMITTED
        with pytest.raises(TimeoutError):
            elsewhere.accept()


@pytest.mark.parametrize("way", WAYS[:3])
def test_a_connection_inside_the_permit_is_opened_and_counted(tmp_path: Path, way: Callable[[str, int], None]) -> None:
    with socket.create_server((HERE, 0)) as here:
        run = run_of(tmp_path, permit(), 1)
        found = taken(run, _connects(way, HERE, here.getsockname()[1]))
    assert isinstance(found["web:1"].result, HttpObservation)
    with run.journal() as journal:
        assert dict(journal.execute("SELECT address, connections FROM spent")) == {HERE: 1}


def test_an_address_of_the_other_family_is_refused_as_well(tmp_path: Path) -> None:
    def by_ipv6(_address: str, port: int) -> None:
        with socket.socket(socket.AF_INET6) as one:
            one.connect(("::1", port))

    assert reason(taken(run_of(tmp_path, permit(), 1), _connects(by_ipv6, "", 9))["web:1"]) is Reason.NOT_PERMITTED


def test_the_budget_of_a_host_is_never_exceeded_not_even_by_resuming(tmp_path: Path) -> None:
    with socket.create_server((HERE, 0), backlog=64) as here:
        port = here.getsockname()[1]
        probe = _connects(_plainly, HERE, port)
        run = run_of(tmp_path, permit(budget=3), 1, 2, 3, 4, 5)
        found = taken(run, probe)
        spent = [one for one in found.values() if isinstance(one.result, Unobserved)]
        assert len(spent) == 2
        assert {reason(one) for one in spent} == {Reason.BUDGET_SPENT}
        (run.folder / "observations" / "http" / "web_1.json").unlink()
        again = taken(run, probe)
        assert reason(again["web:1"]) is Reason.BUDGET_SPENT


def test_the_connections_to_each_host_are_accounted_for_in_the_evidence(tmp_path: Path) -> None:
    with socket.create_server((HERE, 0), backlog=64) as here:
        run = run_of(tmp_path, permit(budget=70), 1, 2, 3)
        taken(run, _connects(_plainly, HERE, here.getsockname()[1]))
    account = Contact.read(run.read(CONTACT)).hosts
    assert [(host.host, host.address, host.connections, host.budget) for host in account] == [("web", HERE, 3, 70)]
    assert CONTACT in {entry.path for entry in run.write_manifest().files}


def test_a_pace_makes_a_scan_gentler_and_never_exceeds_the_permit(tmp_path: Path) -> None:
    strict = permit(rate=20, parallel=2, budget=9)
    for pace, wanted in ((Pace.GENTLE, (5, 1, 9)), (Pace.NORMAL, (20, 2, 9)), (Pace.FAST, (20, 2, 9))):
        order = run_of(tmp_path / pace, strict, 1).order.model_copy(update={"pace": pace})
        rate = order.rate
        assert (rate.connections_per_second, rate.parallel_per_host, rate.connections_per_host) == wanted
        assert fence.Fence(strict, now, None, rate).rate == rate


def test_the_rate_spreads_connections_over_time() -> None:
    with fence.raised(fence.Fence(permit(rate=20), now)) as raised, socket.create_server((HERE, 0), backlog=64) as here:
        began = time.monotonic()
        for _ in range(5):
            _plainly(*here.getsockname())
        turns = raised._next_turn - began
    assert turns >= 5 / 20  # five turns of a twentieth of a second each were handed out, however long they took


def test_a_look_at_many_ports_has_the_time_that_the_rate_makes_them_take(tmp_path: Path) -> None:
    """At half of 50 connections a second 130 ports take more than five seconds; the deadline is four."""
    from scanner import discovery

    run = run_of(tmp_path, permit(rate=50), 9)
    given = replace(circumstances(deadline=4.0), ports="1-130")
    looks = {"ports": discovery.look, "http": nothing, "host": nothing}
    scan(run, given, lambda *_: None, addresses(run.order, now()), looks)
    found = {sight.kind: sighting.result for sight, (sighting, _) in sightings(run.files()).items()}["ports"]
    assert isinstance(found, PortsObservation), found
    assert (found.open, found.unanswered) == ((), (9,))


def test_while_another_program_has_half_of_the_rate_our_own_connections_go_on_at_the_slowest_rate() -> None:
    guard = fence.Fence(permit(rate=1), now)
    with fence.raised(guard), socket.create_server((HERE, 0)) as here, guard.lent(HERE, 1) as rate:
        _plainly(*here.getsockname())
        assert rate == 0.5
    assert guard.spent[HERE] == 2


def test_no_more_than_the_permitted_number_of_probes_meet_one_host_at_once(tmp_path: Path) -> None:
    lock, now_there, most = threading.Lock(), [0], [0]

    def probe(target: Target, given: Circumstances) -> Observation:
        with lock:
            now_there[0] += 1
            most[0] = max(most[0], now_there[0])
        threading.Event().wait(0.02)
        with lock:
            now_there[0] -= 1
        return seen(target, given)

    taken(run_of(tmp_path, permit(parallel=2), *range(1, 9)), probe)
    assert most[0] <= 2


def test_after_the_scan_nothing_left_behind_may_connect_any_more(tmp_path: Path) -> None:
    with fence.raised(fence.Fence(permit(), now)) as raised:
        raised.close()
        with pytest.raises(fence.NotPermittedError):
            _plainly(HERE, 9)


def test_without_a_permit_raised_nothing_is_fenced_and_nothing_can_be_lent() -> None:
    with socket.create_server((HERE, 0)) as here:
        _plainly(*here.getsockname())
    with pytest.raises(fence.NotPermittedError), fence.lent(HERE, 1):
        pass
    with pytest.raises(fence.NotPermittedError):
        fence.count(HERE, 1)


def test_a_name_that_resolves_outside_is_refused_before_the_first_packet(tmp_path: Path) -> None:
    run = run_of(tmp_path, permit(), 1, address="localhost")
    with pytest.raises(OutsidePermitError, match="localhost"):
        addresses(run.order, now())


def test_each_sighting_is_kept_as_soon_as_it_is_made(tmp_path: Path) -> None:
    run = run_of(tmp_path, permit(), 1, 2)
    kept: list[int] = []

    def told(*_: object) -> None:
        kept.append(len(sightings(run.files())))

    scan(run, circumstances(), told, addresses(run.order, now()), {"http": seen, "ports": nothing, "host": nothing})
    assert kept == list(range(1, len(run.order.plan) + 1))


def _serve_slowly(stop: threading.Event, server: socket.socket) -> None:
    held = []
    server.settimeout(0.1)
    while not stop.is_set():
        with suppress(OSError):
            held.append(server.accept())
    for peer, _ in held:
        peer.close()


def test_ctrl_c_keeps_what_was_seen_and_resume_takes_only_what_is_left(tmp_path: Path) -> None:
    stop = threading.Event()
    with socket.create_server((HERE, 0), backlog=64) as tarpit:
        thread = threading.Thread(target=_serve_slowly, args=(stop, tarpit))
        thread.start()
        port = tarpit.getsockname()[1]
        scope = {
            "schema_version": 1,
            "agency": {"code": "H46", "name": {"vi": "Cơ quan", "en": "Agency"}, "echelon": "province"},
            "system": {"id": "S", "name": {"vi": "Hệ thống", "en": "System"}, "level": 3, "operator": "IT"},
            "hosts": [
                {"id": "web", "address": HERE, "services": [{"port": 9, "speaks": "http"}, {"port": port, "speaks": "https"}]}
            ],
        }
        (tmp_path / "scope.yaml").write_text(json.dumps(scope), encoding="utf-8")
        (tmp_path / "permit.yaml").write_text(permit().model_dump_json(), encoding="utf-8")
        command = [sys.executable, "-m", "scanner.cli", "scan", "scope.yaml", "--permit", "permit.yaml", "--ports", "9"]
        command += ["--baseline", str(LAB_BASELINE), "--out", "run", "--timeout", "20", "--deadline", "60"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        child = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible
        )
        for _attempt in range(600):
            if (tmp_path / "run" / "observations" / "http" / "web_9.json").exists():
                break
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
        assert child.returncode == 130, said
        assert "--resume" in said
        assert "Traceback" not in said
        kept = {path: path.read_bytes() for path in (tmp_path / "run" / "observations").rglob("*.json")}
        assert kept
        assert not (tmp_path / "run" / "observations" / "tls").exists()
        stop.set()
        thread.join()
    done = subprocess.run(
        [*command, "--resume"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode in (0, 14), done.stderr
    assert all(path.read_bytes() == data for path, data in kept.items())
    order = json.loads((tmp_path / "run" / "order.json").read_bytes())
    assert len(list((tmp_path / "run" / "observations").rglob("*.json"))) == len(order["plan"])


def test_a_run_that_goes_on_meets_no_other_machine_under_a_name(tmp_path: Path) -> None:
    run = run_of(tmp_path, permit(), 80, address="localhost")
    begun: dict[str, str | Unobserved] = {"web": HERE}
    later = Unobserved(reason=Reason.NAME_UNRESOLVED)
    looks = {"http": nothing, "ports": nothing, "host": nothing}
    scan(run, circumstances(), lambda *_: None, begun, looks)
    with pytest.raises(InputError, match=f"host web was {HERE} when this run began and is 127.46.0.2 now"):
        scan(run, circumstances(), lambda *_: None, {"web": "127.46.0.2"}, looks)
    scan(run, circumstances(), lambda *_: None, {"web": later}, looks)
    assert [host.address for host in Contact.read(run.read(CONTACT)).hosts] == [HERE]


def test_what_no_time_is_left_for_is_kept_as_nothing_and_taken_when_the_run_goes_on(tmp_path: Path) -> None:
    run = run_of(tmp_path, permit(), 80, 81, 82)
    clock = [0.0]

    def slow(_target: Target, _circumstances: Circumstances) -> Observation:
        clock[0] += 10
        return seen(_target, _circumstances)

    looks = {"http": slow, "ports": nothing, "host": nothing}
    found = addresses(run.order, now())
    allowed = Allowance(run=10, clock=lambda: clock[0])
    gone = scan(run, circumstances(), lambda *_: None, found, looks, time_allowed=allowed)
    kept = sightings(run.files())
    assert gone and set(kept) | set(gone) == set(run.order.plan) and not set(kept) & set(gone)
    assert clock[0] >= 10
    assert scan(run, circumstances(), lambda *_: None, found, looks) == ()
    assert set(sightings(run.files())) == set(run.order.plan)


def test_a_host_s_time_begins_with_its_first_sight_and_that_of_the_run_with_the_first_of_all() -> None:
    clock = [0.0]
    allowed = Allowance(run=100, host=10, clock=lambda: clock[0])
    assert allowed.may_begin("a")
    clock[0] = 9.9
    assert allowed.may_begin("a") and allowed.may_begin("b")
    clock[0] = 10.0
    assert not allowed.may_begin("a") and allowed.may_begin("b")
    clock[0] = 99.9
    assert not allowed.may_begin("b") and allowed.may_begin("c")
    clock[0] = 100.0
    assert not any(map(allowed.may_begin, "abcd"))
    assert all(map(Allowance().may_begin, "ab"))
