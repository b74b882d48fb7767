"""What the host logs: journald, the syslog daemon and whom it tells, logrotate, the kernel's audit system, room for logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from scanner.observations import Audit, Journal, LogFile, PolicySetting, Reason, Rotation, Unobserved
from scanner.probes.collection.hardening import listed
from scanner.probes.collection.sections import Collected, CollectionError, files, text_lines
from scanner.record import escaped

AUDIT_RULES = "/usr/sbin/auditctl -l"
AUDIT_STATUS = "/usr/sbin/auditctl -s"
AUDITD = "/usr/bin/cat /etc/audit/auditd.conf"
JOURNAL = "/usr/bin/journalctl -q --no-pager -o short-unix"
LOG_FILES = (
    "/usr/bin/find /var/log '(' -type f -o -type d ')' '(' -perm -002 -o -type f -perm -004 "
    "'(' -name 'auth.log*' -o -name 'secure*' -o -name 'btmp*' -o -path '/var/log/audit/*' ')' ')' -ls"
)
PRIVILEGED = (AUDIT_RULES, AUDIT_STATUS, AUDITD, JOURNAL, LOG_FILES)

SHELL = rf"""
if command -v systemd-analyze >/dev/null; then section journald brief systemd-analyze cat-config systemd/journald.conf
elif command -v journalctl >/dev/null; then section journald false
else section no-journald true
fi
kept() {{ if [ -d /var/log/journal ]; then echo yes; else echo no; fi; }}
section journal-kept kept
entries() {{ asroot {JOURNAL}; }}
oldest() {{
  {{ entries; echo "ended $?"; }} | awk '/^ended [0-9]+$/ {{ ended = 1; status = $2; exit }} {{ ended = 1; print $1; exit }}
    END {{ exit ended ? status : 1 }}'
}}
if [ -x /usr/bin/journalctl ]; then section journal-oldest oldest; fi
syslogs() {{ lines /etc/rsyslog.conf /etc/rsyslog.d/* /etc/syslog-ng/syslog-ng.conf /etc/syslog-ng/conf.d/*; }}
section syslog syslogs
rotations() {{ lines /etc/logrotate.conf /etc/logrotate.d/*; }}
section logrotate rotations
if [ -x /usr/sbin/auditctl ]; then
  section audit-rules asroot {AUDIT_RULES}
  section audit-status asroot {AUDIT_STATUS}
else section no-audit true
fi
if [ -e /etc/audit ]; then section auditd asroot {AUDITD}; else section no-auditd true; fi
section log-room brief df -P /var/log
running() {{
  [ -r /proc/1/status ] || return 77
  cat /proc/[0-9]*/status | awk '/^Name:/ {{ name = substr($0, 7) }} /^NSpid:/ && NF == 2 {{ print name }}'
}}
section processes running
inside() {{
  [ -r /proc/1/status ] || return 77
  {{ grep -lE '/(docker[/-][0-9a-f]{{12}}|libpod-[0-9a-f]{{12}}|crio-[0-9a-f]{{12}}|cri-containerd-|kubepods|lxc[./])' /proc/[0-9]*/cgroup
    cat /proc/[0-9]*/status; }} | awk '/^\/proc\// {{ split($0, at, "/"); grouped[at[3]] = 1 }}
    /^Name:/ {{ name = substr($0, 7) }} /^Pid:/ {{ number = $2 }}
    /^NSpid:/ {{ seen = 1; if (NF != 2 || ((number in grouped) && !(1 in grouped))) print name }} END {{ exit !seen }}'
}}
section contained inside
section log-files asroot {LOG_FILES}
"""

_UNITS = {
    "usec|us": 0.000001,
    "msec|ms": 0.001,
    "seconds?|sec|s|": 1,
    "minutes?|min|m": 60,
    "hours?|hr|h": 3_600,
    "days?|d": 86_400,
    "weeks?|w": 604_800,
    "months?|M": 2_629_800,
    "years?|y": 31_557_600,
}
"""The units of a time span (systemd.time(7)), in seconds."""
_SPAN = re.compile(r"\s*([0-9]{1,12})\s*([A-Za-z]*)")
_JOURNAL = re.compile(r"\s*(Storage|MaxRetentionSec)\s*=\s*(.*?)\s*")
_ROOM = re.compile(r".*\s(\d{1,3})%\s+/\S*")
_PERIODS = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 732, "yearly": 8_766}
"""Hours between two rotations."""
_IGNORED = (
    ".bak",
    ".cfsaved",
    ".disabled",
    ".dpkg-bak",
    ".dpkg-del",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".dpkg-tmp",
    ".rpmnew",
    ".rpmorig",
    ".rpmsave",
    ".swp",
    ".ucf-dist",
    ".ucf-new",
    ".ucf-old",
    ",v",
    "~",
)
"""How names of files end that logrotate leaves out (logrotate(8), tabooext)."""
_SCRIPTS = ("prerotate", "postrotate", "firstaction", "lastaction", "preremove")
_STORAGES: dict[str, Literal["persistent", "volatile", "none"]] = {
    "persistent": "persistent",
    "volatile": "volatile",
    "none": "none",
}


def processes(found: Collected) -> tuple[str, ...] | Unobserved:
    """The names of what is running, at most 15 letters of each as the kernel keeps them; no arguments.

    What runs in a container has another number there: it is none of the host's own guards, loggers or services.
    """

    def read(text: bytes) -> tuple[str, ...]:
        names = {escaped(line, limit=64) for line in text_lines(text) if line}
        if not names:
            raise CollectionError("no process is named")
        return tuple(names)

    return found.read("processes", read, Reason.UNREADABLE)


def contained(found: Collected) -> tuple[str, ...] | Unobserved:
    """The names of what is running inside containers: under another number there, or in a container engine's control group.

    One that shares the host's numbers is among `processes` too, since an agent that guards the host may be such a one. Control groups
    say nothing where the first process is itself in one, as when the host is a container.
    """
    return found.read(
        "contained", lambda text: tuple({escaped(line, limit=64) for line in text_lines(text) if line}), Reason.UNREADABLE
    )


def journal(found: Collected) -> Journal | Unobserved:
    """The effective settings of journald; a host without it stores nothing there."""
    if "no-journald" in found.sections:
        return Journal(storage="none", retention_seconds=None)
    on_disk = found.read("journal-kept", _yes, Reason.UNREADABLE)
    if isinstance(on_disk, Unobserved):
        return on_disk
    return found.read("journald", lambda text: _journal(text, on_disk=on_disk), Reason.UNSUPPORTED)


def _yes(text: bytes) -> bool:
    if text not in (b"yes\n", b"no\n"):
        raise CollectionError("it is neither yes nor no")
    return text == b"yes\n"


def _journal(text: bytes, *, on_disk: bool) -> Journal:
    set_last = {"Storage": "auto", "MaxRetentionSec": "0"}
    for line in text_lines(text):
        match = _JOURNAL.fullmatch(line)
        if match is not None:
            set_last[match[1]] = match[2]
    if b"[Journal]" not in text:
        raise CollectionError("it has no section [Journal]")
    storage = set_last["Storage"].lower() or "auto"
    if storage not in (*_STORAGES, "auto"):
        raise CollectionError("a storage that is not known")
    seconds = _seconds(set_last["MaxRetentionSec"] or "0")
    return Journal(storage=_STORAGES.get(storage, "persistent" if on_disk else "volatile"), retention_seconds=seconds or None)


def _seconds(span: str) -> int:
    total, at = 0.0, 0
    if span == "infinity":
        return 0
    while at < len(span):
        part = _SPAN.match(span, at)
        unit = next((value for names, value in _UNITS.items() if part and re.fullmatch(names, part[2])), None)
        if part is None or unit is None:
            raise CollectionError("a time span that is not read")
        total, at = total + int(part[1]) * unit, part.end()
    return int(total)


def oldest_record(found: Collected) -> datetime | Unobserved | None:
    """The time of the oldest record in the journal; None where there is no journal, or nothing in it."""
    if "no-journald" in found.sections:
        return None
    if "journal-oldest" not in found.sections:
        return found.absent("journal-oldest", Reason.UNSUPPORTED, "no /usr/bin/journalctl")

    def read(text: bytes) -> datetime | None:
        if not text:
            return None  # journalctl ran and ended well
        try:
            return datetime.fromtimestamp(float(text), UTC)
        except (ValueError, OverflowError, OSError):
            raise CollectionError("no time is said") from None

    return found.privileged("journal-oldest", JOURNAL, read)


def rotations(found: Collected) -> tuple[Rotation, ...] | Unobserved:
    """What logrotate does with each path it is told of."""
    return found.read("logrotate", lambda text: tuple(_rotations(text)), Reason.UNREADABLE)


def _rotations(text: bytes) -> Iterator[Rotation]:
    """Directives outside of braces hold for what follows; those inside, for the paths before the brace."""
    held = files(text)
    main = held.pop("/etc/logrotate.conf", [])
    if [line.split()[1:] for line in main if line.split()[:1] == ["include"]] not in ([["/etc/logrotate.d"]], []):
        raise CollectionError("it includes other files than those of /etc/logrotate.d")
    general: dict[str, str] = {}
    for lines in (main, *(lines for name, lines in held.items() if not name.endswith(_IGNORED))):
        own = general if lines is main else dict(general)
        yield from _blocks(lines, own)


def _blocks(lines: list[str], general: dict[str, str]) -> Iterator[Rotation]:
    paths: list[str] = []
    inside: dict[str, str] | None = None
    script = False
    for line in lines:
        words = line.replace("{", " { ").replace("}", " } ").split()
        if not words or words[0].startswith("#"):
            continue
        if script or words[0] in _SCRIPTS:
            script = words[0] != "endscript"
            continue
        if inside is None and (words[0].startswith(("/", '"', "'")) or words[0] == "{"):
            paths += [word.strip("\"'") for word in words if word != "{"]
            inside = dict(general) if "{" in words else None
            words = []
        if words[:1] == ["}"] and inside is not None:
            yield from (Rotation(path=escaped(path), days=_days(inside)) for path in paths)
            paths, inside = [], None
        elif words:
            _direct(words, general if inside is None else inside)
    if paths or inside is not None or script:
        raise CollectionError("a block does not end")


def _direct(words: list[str], own: dict[str, str]) -> None:
    if "{" in words or "}" in words:
        raise CollectionError("a line is no directive")
    if words[0] in _PERIODS:
        own["period"] = words[0]
        own.pop("size", None)  # the last of them counts (logrotate(8))
    elif words[0].partition("=")[0] in ("size", "rotate", "maxsize", "maxage"):
        name, _, value = " ".join(words).replace("=", " ").partition(" ")
        own[name] = value.strip()


def _days(own: dict[str, str]) -> int | None:
    """The days a record stays after it was written, at the least."""
    rotate, maximum = own.get("rotate", "0"), own.get("maxage")
    if not re.fullmatch(r"-?[0-9]{1,6}", rotate) or (maximum is not None and not re.fullmatch(r"[0-9]{1,6}", maximum)):
        raise CollectionError("a number that is not read")
    if "size" in own or "maxsize" in own or "period" not in own:
        return None
    kept = 999_999 if rotate == "-1" else int(rotate) * _PERIODS[own["period"]] // 24
    return kept if maximum is None else min(kept, int(maximum))


def audit(found: Collected) -> Audit | Unobserved:
    """The state and the rules of the kernel's audit system; a host without auditctl has neither."""
    if "no-audit" in found.sections:
        return Audit(enabled=False, running=False, rules=())
    rules = found.privileged("audit-rules", AUDIT_RULES, _audit_rules)
    if isinstance(rules, Unobserved):
        return rules
    return found.privileged("audit-status", AUDIT_STATUS, lambda text: _audit(text, rules))


def _audit_rules(text: bytes) -> tuple[str, ...]:
    lines = [line for line in text_lines(text) if line]
    if lines == ["No rules"]:
        return ()
    if not lines or any(not line.startswith(("-a ", "-w ", "-A ")) for line in lines):
        raise CollectionError("a line is no rule")
    return tuple(escaped(line) for line in lines)


def _audit(text: bytes, rules: tuple[str, ...]) -> Audit:
    said = dict(line.split(" ", 1) for line in text_lines(text) if " " in line)
    if not said.get("enabled", "").isdigit() or not said.get("pid", "").isdigit():
        raise CollectionError("it does not say whether it is enabled")
    return Audit(enabled=said["enabled"] in ("1", "2"), running=said["pid"] != "0", rules=rules)


def audit_settings(found: Collected) -> tuple[PolicySetting, ...] | Unobserved:
    """The settings of auditd; none where it is not there."""
    if "no-auditd" in found.sections:
        return ()

    def read(text: bytes) -> tuple[PolicySetting, ...]:
        pairs = [line.partition("=") for line in text_lines(text) if line.strip() and not line.lstrip().startswith("#")]
        if not pairs or any(not equals for _, equals, _ in pairs):
            raise CollectionError("a line is no setting")
        return tuple(
            PolicySetting(file="auditd.conf", name=escaped(name.strip().lower()), value=escaped(value.strip()))
            for name, _, value in pairs
        )

    return found.privileged("auditd", AUDITD, read)


def log_room(found: Collected) -> int | Unobserved:
    """How many percent of the file system under /var/log are used."""

    def read(text: bytes) -> int:
        lines = [line for line in text_lines(text) if line]
        match = _ROOM.fullmatch(lines[-1]) if len(lines) == 2 else None
        if match is None:
            raise CollectionError("no share is said")
        return int(match[1])

    return found.read("log-room", read, Reason.UNREADABLE)


def log_files(found: Collected) -> tuple[LogFile, ...] | Unobserved:
    """What others than owner and group may change under /var/log, and what they may read of logins and of the audit system."""

    def read(text: bytes) -> tuple[LogFile, ...]:
        return tuple(LogFile(path=escaped(path), mode=mode, owner=escaped(owner)) for path, mode, owner in listed(text))

    return found.privileged("log-files", LOG_FILES, read)
