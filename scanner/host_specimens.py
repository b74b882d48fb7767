"""What a well-kept host logs, by which clock, and what guards it, for the specimen of a host."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from scanner.observations import (
    AccessControl,
    AppArmor,
    Audit,
    Clock,
    IntegrityBase,
    Job,
    Journal,
    LoginKey,
    LogTarget,
    Mount,
    PackageSource,
    PolicySetting,
    Rotation,
    ServiceSettings,
)

AUDIT_RULES = (
    "-a always,exit -F arch=b64 -S execve,execveat -F auid>=1000 -F auid!=-1 -F key=exec",
    "-a always,exit -F arch=b32 -S execve,execveat -F auid>=1000 -F auid!=-1 -F key=exec",
    "-w /etc/passwd -p wa -k identity",
    "-w /etc/group -p wa -k identity",
    "-w /etc/shadow -p wa -k identity",
    "-w /etc/gshadow -p wa -k identity",
    "-w /etc/sudoers -p wa -k scope",
    "-w /etc/sudoers.d -p wa -k scope",
)
"""Rules that record every program a person starts and every change to accounts and sudo's rules."""


def target(**changes: Any) -> LogTarget:
    """A log server that is told everything by rsyslog, inside TLS."""
    good = {"by": "rsyslog", "host": "log.example.vn", "protocol": "tcp", "encrypted": True, "what": "*.*"}
    return LogTarget(**{**good, **changes})


def clock(**changes: Any) -> Clock:
    """A clock that chrony keeps."""
    good = {"by": "chrony", "synchronised": True, "offset_milliseconds": 1, "source": "192.0.2.123"}
    return Clock(**{**good, **changes})


def service(place: str, **settings: tuple[str, ...]) -> ServiceSettings:
    """A service with these settings at one place."""
    pairs = ((name, value) for name, values in settings.items() for value in values)
    return ServiceSettings(settings=tuple(PolicySetting(file=place, name=name, value=value) for name, value in pairs))


def source(**changes: Any) -> PackageSource:
    """The agency's own mirror."""
    return PackageSource(**{"file": "/etc/apt/sources.list", "host": "mirror.example.vn", "signed": True, **changes})


def guarded(at: datetime) -> dict[str, Any]:
    """Facts of a host that logs, hands its logs on, is watched and backed up, seen at this instant."""
    return {
        "processes": ("auditd", "chronyd", "rsyslogd", "sshd", "sssd", "systemd", "systemd-journal"),
        "journal": Journal(storage="persistent", retention_seconds=None),
        "oldest_record": at - timedelta(days=120),
        "log_targets": (target(),),
        "rotations": (Rotation(path="/var/log/auth.log", days=91), Rotation(path="/var/log/syslog", days=91)),
        "audit": Audit(enabled=True, running=True, rules=AUDIT_RULES),
        "audit_settings": (
            PolicySetting(file="auditd.conf", name="space_left_action", value="email"),
            PolicySetting(file="auditd.conf", name="admin_space_left_action", value="single"),
        ),
        "log_room_used": 40,
        "clocks": (clock(),),
        "jobs": (
            Job(by="timer", name="dailyaidecheck.service", last=at - timedelta(hours=8), failed=False),
            Job(by="timer", name="restic-backup.service", last=at - timedelta(hours=6), failed=False),
        ),
        "signatures": at - timedelta(days=1),
        "integrity_bases": (IntegrityBase(by="aide", made=at - timedelta(days=30)),),
        "package_sources": (source(),),
        "upgraded": at - timedelta(days=5),
        "module_streams": (),
        "replaced_files": (),
        "restart_required": (),
        "filter_logs": True,
        "nginx": service("443 dvc.example.vn", listen=("443 ssl",), ssl_protocols=("TLSv1.2 TLSv1.3",), server_tokens=("off",)),
        "apache": service(
            "server",
            servertokens=("Prod",),
            serversignature=("Off",),
            traceenable=("Off",),
            sslprotocol=("-all +TLSv1.2 +TLSv1.3",),
            sslengine=("on",),
        ),
        "postgresql": service(
            "15/main",
            listen_addresses=("localhost",),
            ssl=("on",),
            hba=("local all postgres peer", "host all all 127.0.0.1/32 scram-sha-256"),
        ),
        "mysql": service("mysqld", **{"bind-address": ("127.0.0.1",)}),
        "redis": service("/etc/redis/redis.conf", bind=("127.0.0.1 -::1",), requirepass=("1",)),
        "contained": (),
        "mounts": tuple(
            Mount(path=path, type="tmpfs", options=("nodev", "noexec", "nosuid", "rw"))
            for path in ("/dev/shm", "/tmp", "/var/tmp")
        ),
        "access_control": AccessControl(selinux=None, apparmor=AppArmor(enforced=12, complaining=0, unconfined=0)),
        "automounters": (),
        "resolvers": ("192.0.2.53",),
        "account_sources": ("files", "sss"),
        "log_files": (),
        "login_keys": (LoginKey(account="an", fingerprint="SHA256:" + "B" * 43),),
    }
