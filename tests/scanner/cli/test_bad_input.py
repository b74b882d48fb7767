"""Bad input: a clear message that says what, where and what to do, the documented status, and nothing lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.cli.console import keep
from scanner.faults import InputError

ROOT = Path(__file__).resolve().parents[3]
BASELINE = ROOT / "examples" / "lab-baseline.yaml"
ADDRESS = "127.47.0.1"


def clearance(*words: str | Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """One command as a person would run it, in this folder."""
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, "-m", "scanner.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=folder)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a good scope and a good permit for one endpoint that nobody serves."""
    write_scope(tmp_path)
    write_permit(tmp_path)
    return tmp_path


def write_scope(folder: Path, address: str = ADDRESS, port: int = 9) -> None:
    scope = {
        "schema_version": 1,
        "agency": {"code": "H47", "name": {"vi": "Cơ quan", "en": "Agency"}, "echelon": "province"},
        "system": {"id": "sys", "name": {"vi": "Hệ thống", "en": "System"}, "level": 3, "operator": "IT"},
        "hosts": [{"id": "web", "address": address, "services": [{"port": port, "speaks": "https", "name": "a.test"}]}],
    }
    (folder / "scope.yaml").write_text(json.dumps(scope, ensure_ascii=False), encoding="utf-8")


def write_permit(folder: Path, begins: int = -1, ends: int = 1, addresses: tuple[str, ...] = (f"{ADDRESS}/32",)) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    permit = {
        "schema_version": 1,
        "kind": "self-check",
        "decision": "1/test",
        "agency": "H47",
        "permitted_by": {"person": "a.b", "organisation": "Agency"},
        "inspectors": [{"person": "c.d", "organisation": "Agency"}],
        "addresses": list(addresses),
        "window": {
            "begins": (now + timedelta(hours=begins)).isoformat(),
            "ends": (now + timedelta(hours=ends)).isoformat(),
        },
    }
    (folder / "permit.yaml").write_text(json.dumps(permit), encoding="utf-8")


def scan(folder: Path, *more: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    words = (
        "scan",
        "scope.yaml",
        "--permit",
        "permit.yaml",
        "--baseline",
        BASELINE,
        "--out",
        "run",
        "--timeout",
        "1",
        "--ports",
        "9",
    )
    return clearance(*words, *more, folder=folder, **environment)


def refused(done: subprocess.CompletedProcess[str], status: int, *said: str) -> None:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for words in said:
        assert words in done.stderr


def test_without_a_permit_nothing_is_sent(desk: Path) -> None:
    done = clearance("scan", "scope.yaml", "--baseline", BASELINE, "--out", "run", folder=desk)
    refused(done, 2, "no permit, no packet", "--permit")
    assert not (desk / "run").exists()


def test_a_permit_that_has_ended_refuses_before_the_first_packet(desk: Path) -> None:
    write_permit(desk, begins=-3, ends=-2)
    refused(scan(desk), 13, "the permit ended on", "1/test")
    assert not (desk / "run").exists()


def test_a_permit_that_has_not_begun_refuses(desk: Path) -> None:
    write_permit(desk, begins=2, ends=3)
    refused(scan(desk), 13, "the permit begins on")


def test_an_endpoint_outside_the_permit_is_named_and_refused(desk: Path) -> None:
    write_permit(desk, addresses=("127.47.0.2/32",))
    with socket.create_server((ADDRESS, 0)) as listener:
        write_scope(desk, port=listener.getsockname()[1])
        refused(scan(desk), 13, "web", ADDRESS, "outside the permitted addresses")
        listener.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_wide_permit_does_not_reach_loopback_by_accident(desk: Path) -> None:
    write_permit(desk, addresses=("0.0.0.0/0",))
    refused(scan(desk), 13, "which the permit must list literally")


def test_a_name_that_resolves_outside_the_permit_is_refused_with_name_and_address(desk: Path) -> None:
    write_scope(desk, address="localhost")
    done = scan(desk)
    refused(done, 13, "localhost", "outside the permitted addresses")


def test_a_name_without_an_address_is_an_outcome_and_nothing_was_reachable(desk: Path) -> None:
    write_scope(desk, address="no-such-host.invalid")
    done = scan(desk)
    assert done.returncode == 14, done.stderr
    assert "name-unresolved" in done.stderr
    kept = [json.loads(path.read_bytes())["result"] for path in (desk / "run" / "observations").rglob("*.json")]
    assert kept
    assert {result["reason"] for result in kept} == {"name-unresolved"}


def test_nothing_reachable_has_its_own_status_and_keeps_every_reason(desk: Path) -> None:
    done = scan(desk)
    assert done.returncode == 14, done.stderr
    assert "refused" in done.stderr
    assert (desk / "run" / "manifest.json").exists()
    again = clearance("evaluate", "run", folder=desk)
    assert again.returncode == 11
    assert "INCOMPLETE" in again.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"schema_version: 1\nagency: {code: A, code: B}\n", ("scope.yaml", "twice")),
        (b"schema_version: 1\nagency: [\n", ("scope.yaml",)),
        (b"\xff\xfe\x00not utf-8", ("scope.yaml",)),
        (b"", ("scope.yaml",)),
        (b"- just\n- a list\n", ("scope.yaml",)),
    ],
)
def test_a_scope_that_cannot_be_read_names_the_file_and_what_is_wrong(desk: Path, text: bytes, words: tuple[str, ...]) -> None:
    (desk / "scope.yaml").write_bytes(text)
    refused(scan(desk), 2, *words)


def test_a_misspelt_key_in_the_scope_is_named(desk: Path) -> None:
    text = (desk / "scope.yaml").read_text("utf-8").replace('"services"', '"servces"')
    (desk / "scope.yaml").write_text(text, encoding="utf-8")
    refused(scan(desk), 2, "scope.yaml", "servces")


def test_a_missing_file_is_named(desk: Path) -> None:
    (desk / "scope.yaml").unlink()
    refused(scan(desk), 2, "scope.yaml", "No such file")


def test_a_permit_of_another_agency_is_refused(desk: Path) -> None:
    text = (desk / "permit.yaml").read_text("utf-8").replace("H47", "H48")
    (desk / "permit.yaml").write_text(text, encoding="utf-8")
    done = scan(desk)
    assert done.returncode in (2, 13), done.stderr
    assert "H48" in done.stderr


@pytest.mark.parametrize(
    ("find", "put", "words"),
    [
        ("tls-minimum-version", "tls-no-such-check", ("TLS-VERSION", "tls-no-such-check")),
        ("{minimum: TLS 1.2}", "{minimun: TLS 1.2}", ("TLS-VERSION", "minimun")),
        ("    class: gate\n    levels: [1, 2, 3, 4, 5]", "    clas: gate\n    levels: [1, 2, 3, 4, 5]", ("TLS-VERSION", "clas")),
    ],
)
def test_a_mistake_in_a_baseline_names_file_control_and_line(desk: Path, find: str, put: str, words: tuple[str, ...]) -> None:
    text = BASELINE.read_text("utf-8")
    line = text[: text.index(find)].count("\n") + 1
    (desk / "mine.yaml").write_text(text.replace(find, put, 1), encoding="utf-8")
    done = clearance("scan", "scope.yaml", "--permit", "permit.yaml", "--baseline", "mine.yaml", "--out", "run", folder=desk)
    refused(done, 2, "mine.yaml", *words)
    assert any(f":{near}" in done.stderr or f"line {near}" in done.stderr for near in range(line - 8, line + 2)), done.stderr
    assert not (desk / "run").exists()


def test_a_run_folder_is_never_overwritten(desk: Path) -> None:
    scan(desk)
    before = sorted(path.stat().st_mtime_ns for path in (desk / "run").rglob("*"))
    done = scan(desk)
    assert done.returncode in (2, 12), done.stderr
    assert "run" in done.stderr
    assert sorted(path.stat().st_mtime_ns for path in (desk / "run").rglob("*")) == before


def test_without_nmap_the_ports_are_unobserved_and_the_rest_goes_on(desk: Path) -> None:
    done = scan(desk, "--ports", "1-200", PATH="/nonexistent")
    assert done.returncode == 14, done.stderr
    ports = json.loads((desk / "run" / "observations" / "ports" / "web.json").read_bytes())
    assert ports["result"]["reason"] == "tool-missing"
    assert (desk / "run" / "observations" / "tls" / "web_443.json").exists() or (desk / "run" / "observations" / "tls").exists()


def test_a_changed_observation_is_an_integrity_failure(desk: Path) -> None:
    scan(desk)
    path = next((desk / "run" / "observations" / "tls").iterdir())
    path.write_bytes(path.read_bytes().replace(b"refused", b"blocked"))
    done = clearance("evaluate", "run", folder=desk)
    assert done.returncode == 12, done.stderr


def test_a_run_without_an_order_is_told_so(desk: Path) -> None:
    (desk / "empty").mkdir()
    done = clearance("evaluate", "empty", folder=desk)
    assert done.returncode in (2, 12), done.stderr
    assert "order.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_verb_and_an_unknown_option_are_usage_errors(desk: Path) -> None:
    assert clearance("scna", folder=desk).returncode == 2
    assert clearance("scan", "--no-such", folder=desk).returncode == 2


def test_a_skipped_sight_is_not_assessed_and_never_passes(desk: Path) -> None:
    done = scan(desk, "--skip", "web:9=tls")
    assert done.returncode == 14, done.stderr
    clearance("evaluate", "run", folder=desk)
    findings = json.loads((desk / "run" / "assessment.json").read_bytes())["findings"]
    skipped = [finding for finding in findings if finding["check"].startswith("tls-")]
    assert skipped
    assert {finding["outcome"] for finding in skipped} == {"notchecked"}


def test_an_attestation_for_a_control_nobody_asks_about_names_the_ones_that_are(desk: Path) -> None:
    scan(desk)
    words = ("attest", "run", "D99", "--answer", "yes", "--by", "a.b", "--role", "head")
    refused(clearance(*words, folder=desk), 2, "D99", "D18")


def test_a_full_disk_leaves_no_half_written_record(desk: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs rights")
    disk = desk / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=64k none {disk} && cp scope.yaml permit.yaml {disk} && dd if=/dev/zero of={disk}/fill bs=1k count=40 2>/dev/null; "
        f"cd {disk} && {sys.executable} -m scanner.cli scan scope.yaml --permit permit.yaml --baseline {BASELINE} --out run --timeout 1 --ports 9; "
        f"status=$?; find run -type f | while read -r file; do {sys.executable} -c "
        "'import json,sys; json.load(open(sys.argv[1])) if sys.argv[1].endswith(\".json\") else None' $file || exit 99; done; exit $status"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = ["unshare", "-m", "bash", "-c", script]
    done = subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 130, (done.returncode, done.stderr)
    assert "No space left" in done.stderr or "disk is full" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_that_wants_no_colour_gets_none(desk: Path) -> None:
    scan(desk)
    assert "\x1b[" not in clearance("evaluate", "run", folder=desk).stderr
    assert "\x1b[" in clearance("--color", "always", "evaluate", "run", folder=desk, NO_COLOR="").stderr


def test_quiet_prints_one_verdict_line(desk: Path) -> None:
    scan(desk)
    done = clearance("-q", "evaluate", "run", folder=desk)
    assert done.returncode == 11
    assert len(done.stderr.strip().splitlines()) == 1
    assert "INCOMPLETE" in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "không có tệp hoặc thư mục này"),
        (b"", "tệp trống"),
        (b"\xff\xfe\x00", "không phải văn bản UTF-8"),
        (b"schema_version: 1\nagency: {code: A, code: B}\n", "khóa 'code' xuất hiện hai lần"),
        (b"schema_version: 1\nagncy: 1\n", "ở đây không có khóa nào tên 'agncy'"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_vietnamese_too(desk: Path, text: bytes | None, words: str) -> None:
    (desk / "scope.yaml").unlink()
    if text is not None:
        (desk / "scope.yaml").write_bytes(text)
    refused(clearance("--lang", "vi", "plan", "scope.yaml", "--permit", "permit.yaml", folder=desk), 2, "scope.yaml", words)


def test_who_has_no_permit_yet_is_told_how_to_write_one(desk: Path) -> None:
    (desk / "permit.yaml").unlink()
    refused(clearance("plan", "scope.yaml", "--permit", "permit.yaml", folder=desk), 2, "clearance permit new permit.yaml")


def test_a_place_where_nothing_can_be_written_is_bad_input_and_not_an_interruption(desk: Path) -> None:
    (desk / "file").write_text("in the way")
    words = ("--agency", "H15", "--name", "U", "--echelon", "province", "--level", "3", "--system", "dvc")
    refused(clearance("init", "file/x", *words, folder=desk), 2, "file/x", "Not a directory", "nothing was half-written")


def test_a_file_that_could_not_be_written_leaves_no_piece_of_it(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="taken"):
        keep(tmp_path / "taken", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
