"""`clearance explain CHECK --run RUN`: what was seen, from which file, by which clause, and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.cli.explained import CheckData
from scanner.record import sha256
from scanner.registry import load_checks
from tests.scanner.patching.hosts import fix, slice_of
from tests.scanner.patching.test_judging import HOST, OFFERS, files
from tests.scanner.test_changes import clearance, on_disk


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged run in which one upgrade is overdue."""
    folder = tmp_path_factory.mktemp("explain") / "run"
    return on_disk(folder, files(slice_of(*OFFERS, fix("curl", "7.88-2", since=None), asked=HOST)))


def test_a_failure_is_told_with_clause_evidence_and_what_to_do(run: Path) -> None:
    done = clearance("explain", "patches-no-overdue", "--run", run, "--subject", "web1")
    assert done.returncode == 0, done.stderr
    seen = done.stdout.partition("What run")[2]
    digest = sha256((run / "observations" / "host" / "web1.json").read_bytes())
    for words in (
        "✗ web1: fail",
        "PAT-01-OVERDUE",
        "TCVN 14423:2026 5.7.2.2",
        "overdue upgrades (1): curl 7.88-1 to 7.88-2",
        f"observations/host/web1.json (SHA-256 {digest})",
        f"clearance recheck {run} --finding F-",
    ):
        assert words in seen, (words, seen)


def test_each_control_that_demands_it_is_told_the_loudest_first(run: Path) -> None:
    told = json.loads(clearance("explain", "ssh-ciphers", "--run", run, "--format", "json").stdout)
    assert {finding["control"] for finding in told["findings"]} == {"NET-02-SSH", "NET-02-SSH-PROFILE"}
    assert {finding["evidence_file"] for finding in told["findings"]} == {"observations/ssh/web1_22.json"}
    assert told["fixes"]["openssh"]


def test_what_nobody_saw_has_no_evidence_and_no_remedy(tmp_path: Path) -> None:
    unseen = on_disk(tmp_path / "run", {path: data for path, data in files(None).items() if "/host/" not in path})
    done = clearance("explain", "host-os-supported", "--run", unseen)
    seen = done.stdout.partition("What run")[2]
    assert "? web1: notchecked" in seen
    assert "no probe ran" in seen
    assert "evidence: none" in seen
    assert "to mend it" not in seen


def test_each_product_is_told_the_command_that_shows_it_is_mended() -> None:
    told = clearance("explain", "tls-minimum-version").stdout
    for_nginx = told.partition("  nginx:\n")[2].partition("  apache:\n")[0]
    assert (
        "    mended once this says Cipher is (NONE), after an alert of the server:\n      openssl s_client -connect HOST:PORT "
        in for_nginx
    )
    assert "-starttls postgres " in told.partition("  postgresql:\n")[2].partition("  mariadb:\n")[0]
    in_vietnamese = clearance("--lang", "vi", "explain", "host-redis-authenticates").stdout
    assert "đã khắc phục khi lệnh sau trả lời NOAUTH:\n      redis-cli -h HOST -p PORT ping" in in_vietnamese


def test_the_commands_stand_in_the_data_which_its_schema_describes(run: Path) -> None:
    for words in (("ssh-ciphers", "--run", str(run)), ("tls-robot",)):
        told = clearance("explain", *words, "--format", "json").stdout
        found = CheckData.read(told.encode())
        assert set(found.retests) == set(found.fixes)
        assert (found.findings is None) is (len(words) == 1)
    listed = json.loads(clearance("checks", "list", "--format", "json").stdout)
    assert {CheckData.model_validate_json(json.dumps(each)).id for each in listed} == set(load_checks())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("ssh-ciphers", "--run", "RUN", "--subject", "web9:22"), "it was at web1:22"),
        (("tls-robot", "--run", "RUN", "--subject", "web1:22"), "was not asked at web1:22"),
        (("ssh-ciphers", "--subject", "web1:22"), "name the run with --run"),
        (("ssh-ciphers", "--run", "RUN", "--baseline", "npdb-2026"), "leave --baseline out"),
        (("ssh-ciphers", "--run", "."), "no run here"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(run: Path, words: tuple[str, ...], complaint: str) -> None:
    done = clearance("explain", *(str(run) if word == "RUN" else word for word in words))
    assert done.returncode in (2, 12)
    assert (complaint in done.stderr, done.stdout) == (True, ""), done.stderr


def test_a_run_whose_evidence_was_changed_is_explained_by_nobody(run: Path, tmp_path: Path) -> None:
    changed = on_disk(tmp_path / "run", files(slice_of(*OFFERS, asked=HOST)))
    (changed / "observations" / "ssh" / "web1_22.json").write_bytes(b"{}")
    assert clearance("explain", "ssh-ciphers", "--run", changed).returncode == 12


def test_the_report_names_them_beside_the_fixes(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = clearance("report", run, "--format", "html", "--out", out)
    assert done.returncode == 0, done.stderr
    assert (
        "mended once this names no package to upgrade, and none that is kept back:</span> <code>apt-get -s upgrade</code>"
        in out.read_text()
    )


def test_a_control_is_explained_by_its_clause_and_its_checks(run: Path) -> None:
    for word in ("NET-02-SSH", "net-02-ssh"):
        done = clearance("explain", word)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("NET-02-SSH ")
        assert "more: clearance explain ssh-ciphers\n" in done.stdout
    assert f"clearance explain ssh-ciphers --run {run}" in clearance("explain", "NET-02-SSH", "--run", run).stdout
    as_data = clearance("explain", "NET-02-SSH", "--format", "json")
    assert as_data.returncode == 2 and "ssh-ciphers" in as_data.stderr


@pytest.mark.parametrize(
    ("word", "near"), [("ssh-cipher", "ssh-ciphers"), ("NET-02-SSL", "NET-02-SSH"), ("SSH-Ciphers", "ssh-ciphers")]
)
def test_a_misspelt_name_is_answered_with_near_ones(word: str, near: str) -> None:
    done = clearance("explain", word)
    assert done.returncode == 2
    assert "did you mean" in done.stderr and near in done.stderr
    assert "did you mean" not in clearance("explain", "zzzzzzzz").stderr
