"""The whole road on real servers, as the three users walk it; the demonstration is the test's own beginning."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from certification.gateway_bundle import PROBE_REVOKED, PROBE_UNKNOWN
from examples.ceremony import hold
from examples.demo import main as demonstrate
from scanner.store import unpacked

BASELINE = Path(__file__).resolve().parent.parent / "examples" / "lab-baseline.yaml"


def clearance(*words: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One command as a person would run it."""
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(BASELINE.parent.parent)}
    command = [sys.executable, "-m", "scanner.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=folder)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demonstration ran to its end."""
    folder = tmp_path_factory.mktemp("road") / "demo"
    assert demonstrate(folder, "127.95") == 0
    return folder


def test_the_well_kept_agency_is_authorised_and_the_other_denied(road: Path) -> None:
    decisions = {
        name: json.loads((road / f"run-{name}" / "assessment.json").read_bytes())["decision"] for name in ("good", "bad")
    }
    assert decisions == {"good": "authorise", "bad": "deny"}


def test_the_denial_names_every_thing_that_is_badly_kept(road: Path) -> None:
    assessment = json.loads((road / "run-bad" / "assessment.json").read_bytes())
    failed = {(finding["check"], finding["subject"]) for finding in assessment["findings"] if finding["outcome"] == "fail"}
    expected = {
        ("tls-minimum-version", "web:443"),
        ("tls-strong-suites", "web:443"),
        ("peer-certificate-expiry", "apps:4430"),
        ("peer-certificate-name", "apps:4431"),
        ("peer-certificate-trusted", "apps:4432"),
        ("peer-certificate-key-size", "apps:4433"),
        ("peer-certificate-trusted", "apps:4434"),
        ("ssh-key-exchange", "web:22"),
        ("ssh-ciphers", "web:22"),
        ("ssh-host-key-size", "web:22"),
        ("http-redirects-to-https", "web:80"),
        ("exposure-only-declared", "web"),
        ("exposure-no-cleartext-services", "apps"),
        ("exposure-no-cleartext-administration", "apps:23"),
        ("exposure-authenticated-stores", "apps:6379"),
        ("host-os-supported", "web"),
        ("host-no-cleartext-packages", "apps"),
        ("host-sshd-root-login", "web"),
    }
    assert expected <= failed


def test_the_well_kept_agency_fails_nothing_but_advice(road: Path) -> None:
    assessment = json.loads((road / "run-good" / "assessment.json").read_bytes())
    failed = {finding["control"] for finding in assessment["findings"] if finding["outcome"] == "fail"}
    assert failed <= {"PORTS-DATABASES"}
    outcomes = {finding["outcome"] for finding in assessment["findings"]}
    assert not outcomes & {"notchecked", "error"}


def test_the_certificate_verifies_offline_and_the_judgement_is_reached_again(road: Path) -> None:
    done = clearance(
        "verify", road / "good.certificate.dsse.json", "--trust", road / "trust-laboratory.dsse.json",
        "--bundle", road / "good.bundle", "--recompute",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "✓ VALID" in done.stderr


def test_the_certificate_verifies_without_network_and_without_any_scanner_library(road: Path) -> None:
    hidden = "import sys\nfor name in ('sslyze', 'nassl', 'paramiko', 'requests'):\n    sys.modules[name] = None\n"
    code = hidden + "from scanner.cli import main\nmain()\n"
    words = ["verify", road / "good.certificate.dsse.json", "--trust", road / "trust-laboratory.dsse.json"]
    words += ["--bundle", road / "good.bundle", "--recompute"]
    command = ["unshare", "-r", "-n", sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=BASELINE.parent.parent)
    assert done.returncode == 0, done.stderr


def test_evidence_judged_again_gives_the_same_bytes_in_another_process_zone_and_hash_seed(road: Path, tmp_path: Path) -> None:
    with tarfile.open(road / "good.bundle") as bundle:
        bundle.extractall(tmp_path / "run", filter="data")
    before = (tmp_path / "run" / "assessment.json").read_bytes()
    (tmp_path / "run" / "assessment.json").unlink()
    for seed, zone in (("1", "Asia/Ho_Chi_Minh"), ("2", "America/Caracas")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        command = [sys.executable, "-m", "scanner.cli", "evaluate", str(tmp_path / "run")]
        done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60, cwd=BASELINE.parent.parent)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "run" / "assessment.json").read_bytes() == before


def test_every_single_file_of_the_bundle_counts(road: Path, tmp_path: Path) -> None:
    with tarfile.open(road / "good.bundle") as bundle:
        names = [entry.name for entry in bundle]
    trust, certificate = road / "trust-laboratory.dsse.json", road / "good.certificate.dsse.json"
    for name in names[:: max(1, len(names) // 6)]:
        forged = tmp_path / "forged.bundle"
        data = bytearray((road / "good.bundle").read_bytes())
        with tarfile.open(road / "good.bundle") as bundle:
            member = bundle.getmember(name)
        data[member.offset_data + member.size // 2] ^= 1
        forged.write_bytes(data)
        done = clearance("verify", certificate, "--trust", trust, "--bundle", forged)
        assert done.returncode == 12, (name, done.stderr)


def test_a_production_trust_root_refuses_the_laboratory(road: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").symlink_to(road / "keys")

    def run(*words: str | Path, expect: int = 0, show: bool = True) -> str:
        assert show in (True, False)
        done = clearance(*words)
        assert done.returncode == expect, done.stderr
        return done.stdout

    root = hold(tmp_path, BASELINE, run, kind="production")
    done = clearance("verify", road / "good.certificate.dsse.json", "--trust", root, "--bundle", road / "good.bundle")
    assert done.returncode in (12, 13)
    assert "refused [" in done.stderr


def test_one_approval_is_not_enough_and_the_refusal_says_so(road: Path) -> None:
    done = clearance(
        "issue", road / "good.bundle", "--request", road / "good.request.dsse.json", "--trust",
        road / "trust-laboratory.dsse.json", "--authorisation", road / "good.half.dsse.json",
        "--log", road / "authorisations.log", "--log-signer", f"file:{road}/keys/log-mps.pem", "--out", road / "never.json",
    )  # fmt: skip
    assert done.returncode == 12
    assert "refused [" in done.stderr
    assert not (road / "never.json").exists()


def test_the_log_is_whole_and_holds_the_certificate_and_its_suspension(road: Path) -> None:
    done = clearance(
        "log", "verify", road / "authorisations.log", "--trust", road / "trust-laboratory.dsse.json",
        "--checkpoint", road / "authorisations.checkpoint",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 entries" in done.stderr


def test_no_key_and_no_password_stands_in_any_run_or_bundle(road: Path) -> None:
    secrets = [b"PRIVATE KEY", (road / "lab" / "good" / "redis" / "redis.conf").read_bytes().split(b"requirepass ")[1].split()[0]]
    kept = [*road.glob("run-*/**/*"), *road.glob("*.bundle"), *road.glob("*.html"), *road.glob("*.dsse.json")]
    assert len(kept) > 40
    for path in kept:
        if path.is_file():
            data = path.read_bytes()
            if path.name == "gateway.bundle":
                # it carries the keys of two certificates that must open nothing, to try the gateway with
                probes = (PROBE_REVOKED, PROBE_UNKNOWN)
                data = b"".join(content for name, content in unpacked(data).items() if name not in probes)
            assert not [secret for secret in secrets if secret in data], path


def test_run_folders_and_bundles_are_for_their_owner_only(road: Path) -> None:
    for path in (road / "run-good", road / "good.bundle", road / "run-good.html"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_self_check_can_never_be_issued_on(road: Path, tmp_path: Path) -> None:
    permit = road / "lab" / "good" / "self-check.yaml"
    done = clearance(
        "scan", road / "lab" / "good" / "scope.yaml", "--permit", permit, "--baseline", BASELINE, "--out", tmp_path / "run"
    )
    assert done.returncode == 14, done.stderr  # the lab has stopped: nothing answers, and the run says so
    done = clearance("evaluate", tmp_path / "run")
    assert done.returncode == 11, done.stderr
    done = clearance("seal", tmp_path / "run", "--signer", f"file:{road}/keys/scanner.pem", "--out", tmp_path / "self.bundle")
    assert done.returncode == 0, done.stderr
    done = clearance(
        "request", tmp_path / "self.bundle", "--kind", "trial", "--csr", road / "lab" / "good" / "client.csr.pem", "--api", "verify",
        "--purpose", "test", "--signer", f"file:{road}/keys/agency-good.pem", "--out", tmp_path / "request.json",
    )  # fmt: skip
    assert done.returncode in (12, 13)
    assert "self-check" in done.stderr


def test_the_reports_are_one_file_without_script_that_loads_nothing(road: Path) -> None:
    for name in ("good", "bad"):
        page = (road / f"run-{name}.html").read_text("utf-8")
        assert "<script" not in page
        assert "default-src 'none'" in page
        assert " src=" not in page
        assert (
            page.count("http://") + page.count("https://") == page.count("https://dichvucong") + page.count("http://www.w3.org")
            or name == "bad"
        )


def test_the_backup_of_the_page_is_made_and_proves_itself_whole(road: Path, tmp_path: Path) -> None:
    page = (
        (BASELINE.parent.parent / "docs" / "operations.md").read_text("utf-8").split("## Backup and restore")[1].split("\n## ")[0]
    )
    saving, proving = [
        "\n".join(re.findall(r"^\$ (.*)$", block, re.MULTILINE)) for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    ]
    for old, new in {
        "trust-laboratory.dsse.json": "trust.dsse.json", "authorisations.log": "authorisations.log", "sequence.json": "sequence.json",
        "clients": "clients", "good.bundle": "H15/run.bundle", "good.request.dsse.json": "H15/request.dsse.json", "run-good": "runs/R-1",
        "good.certificate.dsse.json": "certificate.dsse.json", "good.certificate.dsse.json.tlog-proof": "certificate.dsse.json.tlog-proof",
        "good.certificate.pdf": "certificate.pdf", "witness-mic.json": "witness.json",
    }.items():  # fmt: skip
        (tmp_path / new).parent.mkdir(exist_ok=True)
        (shutil.copytree if (road / old).is_dir() else shutil.copy)(road / old, tmp_path / new)
    resumed(road, tmp_path)
    program = tmp_path / "bin" / "clearance"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m scanner.cli "$@"\n')
    program.chmod(0o700)
    environment = {
        **os.environ,
        "NO_COLOR": "1",
        "PYTHONPATH": str(BASELINE.parent.parent),
        "PATH": f"{program.parent}:{os.environ['PATH']}",
    }
    for script in (saving, proving):
        done = subprocess.run(
            ["sh", "-euc", script], capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    assert "✓ VALID" in done.stderr
    assert "DAMAGED" not in done.stdout
    assert done.stdout.count("backup/runs/R-1") == 1


def resumed(road: Path, folder: Path) -> None:
    """Lifts the suspension in the copy of the log in this folder: both authorities sign it, and the witness sees it."""
    log, trust = folder / "authorisations.log", folder / "trust.dsse.json"
    common = (
        "--log",
        log,
        "--trust",
        trust,
        "--log-signer",
        f"file:{road}/keys/log-mps.pem",
        "--yes",
        "--out",
        folder / "resumption.json",
    )
    serial = clearance("log", "show", log).stdout.splitlines()[0].split("\t")[3].strip()
    for words in (
        ("resume", serial, *common, "--signer", f"file:{road}/keys/approver-mps.pem"),
        ("resume", serial, *common, "--signer", f"file:{road}/keys/approver-mic.pem", "--begun", folder / "resumption.json"),
        (
            "log",
            "cosign",
            log,
            "--trust",
            trust,
            "--signer",
            f"file:{road}/keys/witness-mic.pem",
            "--state",
            folder / "witness.json",
        ),
    ):
        done = clearance(*words)
        assert done.returncode == 0, done.stderr
