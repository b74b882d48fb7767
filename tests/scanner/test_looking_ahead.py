"""What a plan tells before anything is sent, what a person may leave out, how a scan pauses, and what it says on the way."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from scanner import i18n
from scanner.choosing import left_out
from scanner.forecast import Forecast
from scanner.history import seconds_by_kind
from scanner.observations import Sight
from scanner.pausing import Pause
from scanner.store import ORDER, Run, StoreError
from scanner.strict_yaml import InputError
from scanner.terminal import Progress, duration
from tests.certification.papers import own_certificate
from tests.scanner.cli.in_process import clearance
from tests.scanner.cli.test_bad_input import BASELINE, ROOT, write_permit, write_scope

PLAN = ("plan", "scope.yaml", "--permit", "permit.yaml", "--baseline", str(BASELINE))
PLANNED = tuple(Sight(subject=subject, kind=kind) for subject, kind in (
    ("agency", "neighbours"), ("web", "ports"), ("web:443", "tls"), ("web:443", "http"), ("web2:443", "tls"),
))  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write_scope(tmp_path)
    write_permit(tmp_path)
    return tmp_path


def _changed(desk: Path, name: str, **more: object) -> None:
    path = desk / name
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | more), "utf-8")


def planned(desk: Path, *more: str) -> Forecast:
    done = clearance(*PLAN, *more, "--format", "json", folder=desk)
    assert done.returncode == (13 if json.loads(done.stdout)["refusals"] else 0), done.stderr
    Draft202012Validator(json.loads((ROOT / "docs" / "schemas" / "plan.schema.json").read_bytes())).validate(
        json.loads(done.stdout)
    )
    return Forecast.read(done.stdout.strip().encode())


def test_a_plan_sends_nothing(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_given: object, **_more: object) -> None:
        raise AssertionError("a plan touched the network")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr("subprocess.Popen.__init__", never)
    done = clearance(*PLAN, folder=desk)
    assert done.returncode == 0, done.stderr
    assert not (desk / "runs").exists()


def test_a_plan_tells_what_cannot_be_assessed_and_what_that_blocks(desk: Path) -> None:
    found = planned(desk)
    told = {blocked.why: blocked for blocked in found.blocked}
    assert told["no-login"].subjects == ("web",)
    assert told["no-login"].blocks
    assert "document" in told
    assert found.credentials == ()
    key = "ssh-ed25519 AAAA"
    host = {"id": "web", "address": "127.47.0.1", "login": {"user": "audit", "key": "audit-key", "host_keys": [key]}}
    _changed(desk, "scope.yaml", hosts=[host])
    found = planned(desk)
    assert "no-login" not in {blocked.why for blocked in found.blocked}
    assert [account.split()[0] for account in found.credentials] == ["audit@127.47.0.1:22"]
    text = clearance(*PLAN, folder=desk).stderr
    assert "audit@127.47.0.1" in text
    assert "blocks a certificate" in text


def test_a_plan_counts_connections_by_the_ports_and_tells_a_budget_that_is_too_small(desk: Path) -> None:
    few, many = planned(desk, "--ports", "9"), planned(desk, "--ports", "1-4000")
    assert many.connections - few.connections == 2 * 3_999
    assert "over-budget" not in {blocked.why for blocked in few.blocked}
    assert "over-budget" in {blocked.why for blocked in many.blocked}
    assert planned(desk, "--rate", "gentle").seconds > planned(desk, "--rate", "fast").seconds


def test_a_plan_tells_why_a_scan_now_would_be_refused(desk: Path) -> None:
    write_permit(desk, begins=1, ends=2, addresses=("127.48.0.0/24",))
    closed, outside = planned(desk).refusals
    assert "the permit begins on" in closed
    assert outside.startswith("web: 127.47.0.1 is outside")
    done = clearance(*PLAN, folder=desk)
    assert done.returncode == 13 and done.stderr.rstrip().endswith("a scan now would be refused")


def test_a_plan_names_every_file_without_which_something_stays_unknown(desk: Path) -> None:
    law = ("--baseline", "npdb-2026")
    told = {blocked.why: blocked for blocked in planned(desk, *law).blocked}
    assert "NET-17" in told["no-anchors"].controls and told["no-anchors"].blocks and told["no-anchors"].subjects == ("web:9",)
    assert "NET-17-REVOKED" in told["no-crls"].controls and told["no-crls"].blocks
    assert told["no-feeds"].blocks
    (desk / "ca.pem").write_bytes(own_certificate("an"))
    given = {blocked.why for blocked in planned(desk, *law, "--anchors", "ca.pem").blocked}
    assert "no-anchors" not in given and "no-crls" in given
    for form in ("text", "json"):
        done = clearance(*PLAN, "--feeds", "nowhere.sqlite", "--format", form, folder=desk)
        assert done.returncode == 2 and "nowhere.sqlite" in done.stderr, "a store that is not there is no store"


def test_what_is_left_out_is_named_by_host_endpoint_or_kind() -> None:
    def names(**given: list[str]) -> set[str]:
        return {f"{sight.subject}={sight.kind}" for sight in left_out(PLANNED, **given)}

    assert names() == set()
    assert names(skip=["web"]) == {"web=ports", "web:443=tls", "web:443=http"}
    assert names(skip=["web:443=tls"]) == {"web:443=tls"}
    assert names(skip=["=tls"]) == {"web:443=tls", "web2:443=tls"}
    assert names(only=["web2"]) == {"agency=neighbours", "web=ports", "web:443=tls", "web:443=http"}
    assert names(only=["web"], skip=["web=ports"]) == {"agency=neighbours", "web=ports", "web2:443=tls"}
    for wrong in ("web3", "web:80", "web2=http", "web=nonsense"):
        for option in ("only", "skip"):
            with pytest.raises(InputError, match=wrong):
                names(**{option: [wrong]})


def test_a_pause_waits_for_what_is_under_way_and_goes_on_when_continued() -> None:
    stopped: list[str] = []
    pause, ended = Pause(lambda: stopped.append("stop")), threading.Event()
    pause.wait(ended)
    pause.settle(busy=False)
    pause.ask()
    pause.settle(busy=True)
    assert (stopped, pause.asked) == ([], True)
    waiting = threading.Thread(target=pause.wait, args=(ended,))
    waiting.start()
    pause.settle(busy=False)
    waiting.join(10)
    assert (stopped, pause.asked, waiting.is_alive()) == (["stop"], False, False)
    pause.ask()
    ended.set()
    pause.wait(ended)


def test_off_a_terminal_progress_is_plain_lines_with_errors_apart(capsys: pytest.CaptureFixture[str]) -> None:
    expected = {(f"web{number}:443", "tls"): 1.0 for number in range(40)}
    with Progress(expected, quiet=False, color="never") as progress:
        for number, (subject, kind) in enumerate(expected):
            progress.sighting(subject, kind, "refused" if number == 5 else None, 0.1)
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if "%" in line]
    assert [line.split()[0] for line in told] == [str(tenth) for tenth in range(10, 101, 10)]
    assert "40/40 sights" in told[-1]
    assert "1 not seen" in told[-1]
    assert "not seen" not in told[0]
    assert all("left" in line for line in told)
    assert [line for line in lines if line.startswith("  ?")] == ["  ? web5:443 tls: refused (0.1 s)"]
    with Progress(expected, quiet=True, color="never") as progress:
        progress.sighting("web0:443", "tls", "refused", 0.1)
    assert capsys.readouterr().err == ""


def lefts(capsys: pytest.CaptureFixture[str], took: list[tuple[float, float]], forecast: float | None) -> list[str]:
    """What is told of the time left after each of these sights: what was expected of it, and when it ended."""
    now = [0.0]
    expected = {(f"web{number}", "tls"): weight for number, (weight, _ended) in enumerate(took)}
    with Progress(expected, quiet=False, color="never", forecast=forecast, clock=lambda: now[0]) as progress:
        for (subject, kind), (_weight, ended) in zip(expected, took, strict=True):
            now[0] = ended
            progress.sighting(subject, kind, None, 0.1)
    lines = [line for line in capsys.readouterr().err.splitlines() if "%" in line]
    return [line.partition(" sights")[2].partition(" left")[0].strip(" ·") for line in lines]


def test_the_time_left_keeps_to_the_forecast_until_the_run_tells_more(capsys: pytest.CaptureFixture[str]) -> None:
    """Eight quick sights end late, of which nothing may be concluded for the two that are long."""
    quick = [(0.2, 60.0 * number) for number in range(1, 9)]
    long = [(600.0, 900.0), (600.0, 1_400.0)]
    told = lefts(capsys, quick + long, forecast=1_380)
    assert told[:8] == ["23 min"] * 8
    assert told[8] in {f"{minutes} min" for minutes in range(9, 16)}
    assert told[9] == "1 s"


def test_without_a_forecast_no_time_is_told_before_enough_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    told = lefts(capsys, [(0.1, 30.0)] + [(10.0, 30.0 + 30 * number) for number in range(1, 10)], forecast=None)
    assert told[0].split()[0] == "web0"
    assert told[1:] == ["8 min", "5 min", "4 min", "3 min", "2 min", "2 min", "68 s", "34 s", "1 s"]


def test_a_run_that_takes_longer_than_forecast_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    told = lefts(capsys, [(10.0, 1_000.0 * number) for number in range(1, 11)], forecast=600)
    assert told == ["2.5 h", "2.2 h", "1.9 h", "1.7 h", "83 min", "67 min", "50 min", "33 min", "17 min", "1 s"]


def test_numbers_and_units_are_those_of_the_language(capsys: pytest.CaptureFixture[str]) -> None:
    with i18n.speaking("vi"):
        assert (duration(7_200), duration(1_380), duration(20)) == ("2,0 giờ", "23 phút", "20 giây")
        with Progress({("web", "tls"): 1.0}, quiet=False, color="never") as progress:
            progress.sighting("web", "tls", "timed-out", 1.25)
    assert "  ? web tls: hết thời gian chờ (1,2 giây)" in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "told"), [(0, "1 s"), (45, "45 s"), (320, "5 min"), (7_200, "2.0 h")])
def test_a_time_is_told_as_people_tell_it(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_history_is_the_median_of_earlier_runs_and_a_broken_journal_tells_nothing(tmp_path: Path) -> None:
    assert seconds_by_kind(tmp_path / "runs") == {}
    for number, took in enumerate((1.0, 2.0, 9.0)):
        run = Run(tmp_path / "runs" / f"r{number}")
        run.write(ORDER, b"{}")
        with run.journal() as journal:
            journal.execute("INSERT INTO event VALUES ('', 'web', 'tls', 'tls', ?)", (took,))
    assert seconds_by_kind(tmp_path / "runs") == {"tls": 2.0}
    assert seconds_by_kind(tmp_path / "runs", without=tmp_path / "runs" / "r2") == {"tls": 1.5}
    broken = Run(tmp_path / "runs" / "r9")
    broken.write(ORDER, b"{}")
    broken.write("journal.sqlite", b"not a database" * 100)
    assert seconds_by_kind(tmp_path / "runs") == {"tls": 2.0}


def test_two_scans_never_write_into_one_run(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.write(ORDER, b"{}")
    with run.held(), pytest.raises(StoreError, match="another scan"), Run(tmp_path / "run").held():
        pass
    with run.held():
        assert list(run.files()) == [ORDER]


def test_a_plan_reckons_with_the_half_of_the_rate_that_nmap_has_one_host_after_the_other(desk: Path) -> None:
    """What `init` writes is `gentle`: 5 connections a second, of which the look for ports has half."""
    hosts = [{"id": name, "address": address} for name, address in (("web", "127.47.0.1"), ("db", "127.47.0.2"))]
    write_permit(desk, addresses=("127.47.0.0/24",))
    _changed(desk, "scope.yaml", hosts=hosts[:1])
    one = planned(desk, "--rate", "gentle", "--ports", "1-1000")
    _changed(desk, "scope.yaml", hosts=hosts)
    two = planned(desk, "--rate", "gentle", "--ports", "1-1000")
    for found, count in ((one, 1), (two, 2)):
        assert found.seconds >= count * 1_000 / 2.5
        assert found.seconds_if_silent >= count * 2_000 / 2.5
    assert "where a firewall keeps silent" in clearance(*PLAN, "--rate", "gentle", "--ports", "1-1000", folder=desk).stderr


def test_a_plan_tells_which_limit_of_time_is_too_short_and_what_to_do(desk: Path) -> None:
    few = ("--rate", "gentle", "--ports", "9")
    assert planned(desk, *few).too_short == ()
    found = planned(desk, *few, "--deadline", "1", "--run-deadline", "2", "--host-deadline", "2")
    told = {short.option: short for short in found.too_short}
    assert set(told) == {"--deadline", "--run-deadline", "--host-deadline"}
    assert "ports" in told["--deadline"].where and told["--host-deadline"].where == ("web",)
    assert all(short.needed > short.allowed for short in found.too_short)
    text = clearance(*PLAN, *few, "--run-deadline", "2", folder=desk).stderr
    assert "--run-deadline 2 is too short" in text and "--resume" in text


def test_a_plan_of_a_scope_without_hosts_names_the_import(desk: Path) -> None:
    _changed(desk, "scope.yaml", hosts=[])
    done = clearance(*PLAN, folder=desk)
    assert done.returncode == 2
    assert "no host is declared yet" in done.stderr and "clearance inventory import FILE --scope scope.yaml" in done.stderr


def test_the_time_left_is_never_less_than_the_longest_sight_still_takes(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(
        {("web", "ports"): 1_000.0, ("agency", "neighbours"): 10.0}, quiet=False, color="never", forecast=600.0
    ) as progress:
        progress.sighting("agency", "neighbours", None, 0.0)
    assert "17 min left" in capsys.readouterr().err
