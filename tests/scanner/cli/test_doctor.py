"""The doctor names what is missing before a scan, at a real SSH server, and says how to mend it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.printed import printed
from tests.scanner.probes import login_hosts
from tests.scanner.probes.login_hosts import Premises

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with login_hosts.premises(tmp_path_factory.mktemp("premises")) as found:
        yield found


def desk(folder: Path, premises: Premises, **login: Any) -> Path:
    """A folder with a scope of one host and a permit for it."""
    address, port = premises.machine.ssh
    account = {"user": "audit", "port": port, "key": str(premises.key), "host_keys": list(premises.machine.host_keys)} | login
    both, at = {"vi": "Thử", "en": "Test"}, datetime.now(UTC).replace(microsecond=0)
    scope = {
        "agency": {"code": "H47", "name": both, "echelon": "province"},
        "system": {"id": "S", "name": both, "level": 3, "operator": "IT"},
        "hosts": [{"id": "app1", "address": address, "login": account}, {"id": "app2", "address": address}],
    }
    permit = {
        "kind": "self-check",
        "decision": "1",
        "agency": "H47",
        "permitted_by": {"person": "a", "organisation": "b"},
        "inspectors": [{"person": "a", "organisation": "b"}],
        "addresses": [f"{address}/32"],
        "window": {
            "begins": f"{at - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "ends": f"{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        },
    }
    (folder / "scope.yaml").write_text(json.dumps(scope))
    (folder / "permit.yaml").write_text(json.dumps(permit))
    return folder


def doctor(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scanner.cli", "doctor", "scope.yaml", "--permit", "permit.yaml", *words]
    environment = {key: value for key, value in os.environ.items() if key != "SSH_AUTH_SOCK"}
    environment |= {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_host_that_is_ready_and_one_without_a_login_are_told_apart(tmp_path: Path, premises: Premises) -> None:
    done = doctor(desk(tmp_path, premises))
    assert done.returncode == 11, done.stderr
    assert "✓ audit is let in; the host proves SHA256:" in done.stderr
    assert "✗ no login: its host controls stay undetermined" in done.stderr
    assert "host_keys to the scope" in done.stderr
    assert "fonts for papers: " in done.stderr
    assert "rights: " in done.stderr
    assert not list(tmp_path.glob("run*"))  # it keeps nothing


def test_rights_that_are_missing_are_named_with_the_way_to_grant_them(tmp_path: Path, premises: Premises) -> None:
    done = doctor(desk(tmp_path, premises, user="guest"), "app1", "--format", "json")
    assert done.returncode == 11, done.stderr
    signs = printed("doctor", done.stdout)["app1"]
    missing = {sign["what"].split(":")[0]: sign["mend"] for sign in signs if not sign["good"]}
    assert "sshd" in missing and "sudoers lines" in missing["sshd"]


@pytest.mark.parametrize(
    ("login", "said", "mend"),
    [
        ({"key": "/nonexistent"}, "no-credential", "start an SSH agent"),
        ({"user": "nobody"}, "login-refused", "authorized_keys"),
        (
            {"host_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"]},
            "host-key-changed",
            "console",
        ),
        ({"port": 9}, "refused", "start the SSH server"),
    ],
)
def test_each_trouble_has_its_way_to_mend_it(
    tmp_path: Path, premises: Premises, login: dict[str, Any], said: str, mend: str
) -> None:
    done = doctor(desk(tmp_path, premises, **login), "app1")
    assert done.returncode == 11, done.stderr
    assert f"✗ {said}" in done.stderr
    assert mend in done.stderr


def test_a_key_file_that_others_may_read_is_named(tmp_path: Path, premises: Premises) -> None:
    key = tmp_path / "our key"
    key.write_bytes(premises.key.read_bytes())
    key.chmod(0o644)
    done = doctor(desk(tmp_path, premises, key=str(key)), "app1")
    assert done.returncode == 11
    assert f"✗ key file {key}: mode 644 lets others than its owner at it" in done.stderr
    assert f"chmod 600 '{key}'" in done.stderr
    key.chmod(0o600)
    assert "key file" not in doctor(tmp_path, "app1").stderr


def test_a_permit_that_ended_is_no_fault_of_its_addresses(tmp_path: Path, premises: Premises) -> None:
    path = desk(tmp_path, premises) / "permit.yaml"
    told = json.loads(path.read_text())
    told["window"] = {"begins": "2026-01-01T00:00:00Z", "ends": "2026-01-02T00:00:00Z"}
    path.write_text(json.dumps(told))
    done = doctor(tmp_path, "app1")
    assert done.returncode == 11
    assert "✗ login not tried: the permit ended on 2026-01-02" in done.stderr
    assert "ask for another permit" in done.stderr and "have the permit name" not in done.stderr


def test_this_machine_is_called_so_in_the_language_chosen(tmp_path: Path, premises: Premises) -> None:
    (desk(tmp_path, premises) / "clearance.toml").write_text('lang = "vi"\n')
    assert "this machine" not in doctor(tmp_path, "app2").stderr


def test_a_host_that_is_not_there_is_an_input_error(tmp_path: Path, premises: Premises) -> None:
    done = doctor(desk(tmp_path, premises), "app9")
    assert done.returncode == 2
    assert "no host is called app9" in done.stderr


def test_feeds_that_are_absent_are_told_where_a_store_is_named(tmp_path: Path, premises: Premises) -> None:
    from scanner.feeds.importing import Wish, imported
    from tests.scanner.feeds.editions import kev, written

    store = tmp_path / "feeds.sqlite"
    at = datetime.now(UTC).replace(microsecond=0)
    dated = at - timedelta(hours=10)  # an edition is of 10 o'clock, and today's has not been made yet before that
    imported([written(tmp_path / "kev.json", kev(f"{dated:%Y-%m-%d}", ["CVE-2026-1001"]))], store, Wish(now=at))
    done = doctor(desk(tmp_path, premises), "app1", "--feeds", "feeds.sqlite")
    assert done.returncode == 11
    assert "✓ feed kev: 0 days old" in done.stderr
    assert "absent" in done.stderr
