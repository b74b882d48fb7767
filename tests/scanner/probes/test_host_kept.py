"""What only a login shows of how a real host is kept: as root, as the audit user, and without the sudoers lines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.findings import Fail, Pass
from scanner.observations import HostObservation, Reason, Unobserved
from scanner.probes import host, login
from scanner.probes.looking import Target
from scanner.registry import load_checks
from tests.lab.machines import BADLY, WELL
from tests.scanner.probes import login_hosts
from tests.scanner.probes.login_hosts import Premises
from tests.scanner.probes.web_peers import circumstances

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the hosts' accounts live in a mount namespace")


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with login_hosts.premises(tmp_path_factory.mktemp("premises")) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def seen(target: Target) -> HostObservation:
    found = host.look(target, circumstances(timeout=5, deadline=30))
    assert isinstance(found, HostObservation), found
    return found


def test_root_and_the_audit_user_see_the_same_accounts_rules_and_keys(premises: Premises) -> None:
    as_root, as_audit, as_guest = (seen(premises.target(user)) for user in ("root", "audit", "guest"))
    for name in ("accounts", "credentials", "sudo", "authentication", "automatic_logins", "packet_filter", "exposed_keys"):
        assert getattr(as_audit, name) == getattr(as_root, name), name
    for name in ("accounts", "credentials", "sudo", "authentication", "automatic_logins", "exposed_keys"):
        assert not isinstance(getattr(as_root, name), Unobserved), name
    for name in ("credentials", "sudo", "exposed_keys"):
        refused = getattr(as_guest, name)
        assert isinstance(refused, Unobserved) and refused.reason is Reason.NEEDS_RIGHTS and "sudo -n /usr/bin/" in refused.detail
    assert as_guest.accounts == as_root.accounts and as_guest.authentication == as_root.authentication


def test_no_hash_and_no_salt_crosses_the_wire(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    with (premises.machine.folder / "etc" / "shadow").open("a") as shadow:
        shadow.write("salted:$6$SALTSALT$HASHHASH:20000:0:60:7:::\nodd:x$SALTSALT$HASHHASH:1::::::\nold:HASHHASHabcde:1::::::\n")
    with (premises.machine.folder / "etc" / "passwd").open("a") as passwd:
        passwd.write("ancient:HASHHASHabcde:3001:3001:::/bin/false\n")
    outputs: list[bytes] = []
    answer = login.answer

    def heard(*asked: Any) -> login.Answer:
        said = answer(*asked)
        outputs.append(said.output)
        return said

    monkeypatch.setattr(host, "answer", heard)
    found = seen(premises.target()).credentials
    assert not isinstance(found, Unobserved)
    schemes = {held.name: held.scheme for held in found}
    assert (schemes["salted"], schemes["odd"], schemes["old"]) == ("6", "other", "other")
    assert outputs and b"SALT" not in outputs[0] and b"HASH" not in outputs[0]


def test_a_well_kept_host_passes_and_a_badly_kept_one_fails_in_what_only_a_login_shows(tmp_path: Path) -> None:
    checks = {
        name: check for name, check in load_checks().items() if check.module in ("checks.host_accounts", "checks.host_passwords")
    }
    shown: tuple[str, ...] = (
        "host-one-root",
        "host-no-empty-credentials",
        "host-sudo-asks",
        "host-sudo-named",
        "host-password-schemes",
    )
    shown += ("host-password-strength", "host-password-history", "host-lockout")
    verdicts = {}
    for kept in (WELL, BADLY):
        with login_hosts.premises(tmp_path / kept.os[1], kept=kept) as place:
            found = seen(place.target())
        verdicts[kept] = {name: type(checks[name](found, checks[name].parameters())) for name in shown}
    assert set(verdicts[WELL].values()) == {Pass}, verdicts[WELL]
    assert set(verdicts[BADLY].values()) == {Fail}, verdicts[BADLY]


def test_a_command_that_hangs_on_the_host_costs_its_own_part_and_no_more(premises: Premises) -> None:
    began = time.monotonic()
    found, plain = seen(premises.target("stuck")), seen(premises.target("guest"))
    assert time.monotonic() - began < 10
    assert isinstance(found.listening, Unobserved) and "took too long" in found.listening.detail
    assert (found.packages, found.accounts, found.authentication) == (plain.packages, plain.accounts, plain.authentication)
