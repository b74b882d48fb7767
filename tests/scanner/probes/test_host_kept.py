"""What only a login shows of how a real host is kept: as root, as the audit user, and without the sudoers lines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
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


_CENTRAL = 'action(type="omfwd" target="log.mau.test" protocol="tcp" StreamDriver="gtls" StreamDriverMode="1")\n'
_HBA = "local all postgres peer\nhost all all {address} {method}\n"
_SOUND = (
    ("systemd/journald.conf.d/99-lab.conf", "[Journal]\nStorage=persistent\n"),
    ("rsyslog.conf", "$IncludeConfig /etc/rsyslog.d/*.conf\n"),
    ("rsyslog.d/90-central.conf", _CENTRAL),
    ("logrotate.d/rsyslog", "/var/log/syslog /var/log/auth.log {\n  weekly\n  rotate 13\n}\n"),
    ("cron.d/lab", "0 2 * * * root /usr/bin/restic backup /srv\n"),
    ("redis/redis.conf", "bind 127.0.0.1 -::1\nrequirepass SECRETSECRET\n"),
    ("postgresql/15/main/pg_hba.conf", _HBA.format(address="127.0.0.1/32", method="scram-sha-256")),
)
_LAX = (
    ("systemd/journald.conf.d/99-lab.conf", "[Journal]\nStorage=volatile\n"),
    ("rsyslog.conf", "*.* /var/log/syslog\n"),
    ("logrotate.d/rsyslog", "/var/log/syslog /var/log/auth.log {\n  daily\n  rotate 7\n}\n"),
    ("cron.d/lab", "#0 2 * * * root /usr/bin/restic backup /srv\n"),
    ("redis/redis.conf", "bind 0.0.0.0\nprotected-mode no\n"),
    ("postgresql/15/main/pg_hba.conf", _HBA.format(address="0.0.0.0/0", method="trust")),
)
_JUDGED: dict[str, dict[str, Any]] = {
    "host-system-log-kept": {"processes": ()},
    "host-log-retention": {},
    "host-backup-job": {"jobs": ("restic",)},
    "host-redis-authenticates": {},
    "host-postgresql-authenticates": {},
}


def test_how_a_real_host_logs_backs_up_and_keeps_its_services_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = load_checks()
    verdicts = {}
    for name, over in (("sound", _SOUND), ("lax", _LAX)):
        with login_hosts.premises(tmp_path / name, kept=replace(WELL, over=over)) as place:
            found, as_root, as_guest = (seen(place.target(user)) for user in ("audit", "root", "guest"))
        shown = ("journal", "log_targets", "rotations", "audit", "audit_settings", "jobs", "postgresql", "redis", "log_files")
        for fact in (*shown, "mounts", "access_control", "automounters", "resolvers", "account_sources"):
            assert getattr(found, fact) == getattr(as_root, fact) and not isinstance(getattr(found, fact), Unobserved), fact
        for fact in ("postgresql", "redis", "log_files"):
            refused = getattr(as_guest, fact)
            assert isinstance(refused, Unobserved) and refused.reason is Reason.NEEDS_RIGHTS, fact
        assert b"SECRETSECRET" not in found.written()
        verdicts[name] = {
            check: type(checks[check](found, checks[check].parameters(**parameters))) for check, parameters in _JUDGED.items()
        }
        assert [target.host for target in found.log_targets] == (["log.mau.test"] if name == "sound" else [])  # type: ignore[union-attr]
    assert set(verdicts["sound"].values()) == {Pass}, verdicts["sound"]
    assert set(verdicts["lax"].values()) == {Fail}, verdicts["lax"]
