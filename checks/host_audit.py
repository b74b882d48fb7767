"""Checks of the kernel's audit system: what its rules record now, and whether anybody is told before its log is full."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.host_specimens import AUDIT_RULES
from scanner.observations import Audit, HostObservation, PolicySetting, fact
from scanner.specimens import host

_CALLS = re.compile(r"-S (\S+)")
_FIELD = re.compile(r"-[FC] ([a-z0-9_]+)(!=|>=|<=|&=|=|>|<|&)(\S+)")
_ARCHITECTURE = re.compile(r"-F arch=(\S+)")
_OF_PEOPLE = {"auid>=1000", "auid>=500", "auid!=-1", "auid!=4294967295", "auid!=unset"}
"""Conditions that leave out what no person started: daemons since the boot."""


class Sensors(Parameters):
    """Processes that record the start of programs beside the kernel's audit system."""

    processes: Annotated[tuple[str, ...], Stricter.SUBSET] = ()


class Watched(Parameters):
    """Files and folders of which every change is recorded."""

    paths: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/sudoers",
        "/etc/sudoers.d",
    )


class Warnings(Parameters):
    """What auditd may do when its room runs out, so that somebody learns of it."""

    actions: Annotated[tuple[str, ...], Stricter.SUBSET] = ("email", "syslog", "exec", "single", "halt")


def _audit(*rules: str, enabled: bool = True, running: bool = True) -> Audit:
    return Audit(enabled=enabled, running=running, rules=rules)


_PROCESSES, _WATCHES = AUDIT_RULES[:2], AUDIT_RULES[2:]


def _at_work(audit: Audit) -> bool:
    """Whether records are made and taken, and no rule exempts every process."""
    return audit.enabled and audit.running and not any(_exempts(rule) for rule in audit.rules)


def _exempts(rule: str) -> bool:
    if re.match(r"-[aA] (never,task|task,never)", rule):
        return True
    of_all = not _CALLS.search(rule) or "-S all" in rule
    return re.match(r"-[aA] (never,exit|exit,never)", rule) is not None and of_all and not _narrows(rule)


def _narrows(rule: str) -> bool:
    """Whether a rule is about less than every program that a person starts."""
    fields = {f"{name}{sign}{value}" for name, sign, value in _FIELD.findall(rule) if name not in ("arch", "key")}
    return bool(fields - _OF_PEOPLE) or "-C " in rule


def _records_execve(rules: Iterable[str]) -> set[str]:
    """The architectures whose every start of a program is recorded; the first rule that matches a call decides."""
    found: set[str] = set()
    for rule in rules:
        calls = {call for group in _CALLS.findall(rule) for call in group.split(",")}
        if not re.match(r"-[aA] \S*exit\S* ", f"{rule} ") or not calls & {"execve", "all"}:
            continue
        named = _ARCHITECTURE.search(rule)
        about = {named[1]} if named else {"b32", "b64"}
        if re.match(r"-[aA] (never,exit|exit,never) ", rule) and not _narrows(rule):
            return found
        if re.match(r"-[aA] (always,exit|exit,always) ", rule) and not _narrows(rule):
            found |= about
    return found


@check(
    "host-processes-recorded",
    observes=HostObservation,
    facts=("audit", "processes"),
    parameters=Sensors,
    passes=(
        host(),
        host(audit=_audit("-a always,exit -S execve -F key=exec")),
        (host(audit=_audit(), processes=("sensor",)), Sensors(processes=("sensor",))),
    ),
    fails=(
        host(audit=_audit()),
        host(audit=_audit(*AUDIT_RULES, enabled=False)),
        host(audit=_audit(*AUDIT_RULES, running=False)),
        host(audit=_audit("-a never,task", *AUDIT_RULES)),
        host(audit=_audit("-a never,exit -F arch=b64 -S all", *AUDIT_RULES)),
        host(audit=_audit(_PROCESSES[1])),
        host(audit=_audit("-a always,exit -F arch=b64 -S execve -C uid!=euid -F euid=0 -F key=sudo")),
        host(audit=_audit("-a always,exit -F arch=b64 -S execve -F path=/usr/bin/su -F key=su")),
        host(audit=_audit("-a always,exit -F arch=b64 -S open,openat -F key=files")),
        host(audit=_audit("-w /usr/bin/execve -p x -k exec")),
    ),
    fixes={
        "debian": (
            "apt install auditd; in /etc/audit/rules.d/30-exec.rules the lines -a always,exit -F arch=b64 -S execve,execveat -F "
            "auid>=1000 -F auid!=unset -k exec and the same for b32; then augenrules --load"
        ),
        "rhel": (
            "Take -a task,never out of /etc/audit/rules.d/audit.rules, add -a always,exit -F arch=b64 -S execve,execveat -F "
            "auid>=1000 -F auid!=unset -k exec and the same for b32; then augenrules --load"
        ),
    },
    retests={
        "any": Retest("auditctl -l | grep execve", "shows a rule for b64 and one for b32"),
    },
)
def processes_recorded(host: HostObservation, parameters: Sensors) -> Verdict:
    """Every program that a person starts is recorded.

    Passes where the audit system is at work and its rules record each execve of 64-bit programs, of people at least, or where one
    of the named sensors is running (TCVN 14423:2026 clause 5.8.2.1a). Rules about some programs or some users only do not count.
    """
    audit = fact(host.audit)
    sensors = sorted(set(parameters.processes) & set(fact(host.processes)))
    if sensors or (_at_work(audit) and "b64" in _records_execve(audit.rules)):
        return Pass(said("recorded by {what}", what=", ".join(sensors) or "auditd"))
    if not _at_work(audit):
        return Fail(said("the audit system is not at work"))
    return Fail(said("no rule records every execve"))


@check(
    "host-changes-recorded",
    observes=HostObservation,
    facts=("audit",),
    parameters=Watched,
    passes=(
        host(),
        host(audit=_audit("-w /etc -p wa -k etc")),
        (
            host(audit=_audit("-a always,exit -S all -F path=/etc/passwd -F perm=wa -F key=identity")),
            Watched(paths=("/etc/passwd",)),
        ),
        (host(audit=_audit("-a always,exit -F dir=/etc -F perm=wa -F key=etc")), Watched(paths=("/etc/passwd",))),
    ),
    fails=(
        host(audit=_audit(*_PROCESSES)),
        host(audit=_audit(*_WATCHES[1:])),
        host(audit=_audit(*AUDIT_RULES, enabled=False)),
        host(audit=_audit("-a task,never", *AUDIT_RULES)),
        host(audit=_audit("-a never,exit", *AUDIT_RULES)),
        host(audit=_audit("-w /etc -p x -k etc")),
        host(audit=_audit("-w /etc -p r -k etc")),
        host(audit=_audit("-w /etcetera -p wa -k etc")),
        host(audit=_audit("-a always,exit -S all -F path=/etc -F perm=wa -F key=etc")),
        host(audit=_audit("-a always,exit -S all -F dir=/etc -F perm=wa -F auid=1000 -F key=etc")),
    ),
    fixes={"any": "-w PATH -p wa -k changes in /etc/audit/rules.d/40-changes.rules for each path, then augenrules --load"},
    retests={
        "any": Retest("auditctl -l", "shows a rule for each path"),
    },
)
def changes_recorded(host: HostObservation, parameters: Watched) -> Verdict:
    """Changes to accounts and to sudo's rules are recorded.

    Fails unless the audit system is at work and watches each of the paths for writes and changed attributes (TCVN 14423:2026
    clause 5.8.2.1a; CIS Debian 12 6.2.3). Logins are in the system log whatever its rules.
    """
    audit = fact(host.audit)
    if not _at_work(audit):
        return Fail(said("the audit system is not at work"))
    missing = [path for path in parameters.paths if not any(_watches(rule, path) for rule in audit.rules)]
    return Fail(said("not watched: {paths}", paths=", ".join(missing))) if missing else Pass()


def _watches(rule: str, path: str) -> bool:
    """Whether one rule records writes and changed attributes of a path, by itself or as part of a folder."""
    old = re.fullmatch(r"-w (\S+) -p (\w+)(?: -k \S+)?", rule)
    if old is not None:
        return {"w", "a"} <= set(old[2]) and _within(path, old[1])
    fields = {name: value for name, sign, value in _FIELD.findall(rule) if sign == "="}
    narrow = {name for name, _, _ in _FIELD.findall(rule)} - {"path", "dir", "perm", "key", "arch"}
    if not re.match(r"-[aA] (always,exit|exit,always) ", rule) or narrow or not {"w", "a"} <= set(fields.get("perm", "")):
        return False
    return fields.get("path") == path or ("dir" in fields and _within(path, fields["dir"]))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


@check(
    "host-audit-warns",
    observes=HostObservation,
    facts=("audit_settings",),
    parameters=Warnings,
    passes=(host(),),
    fails=(
        host(audit_settings=(PolicySetting(file="auditd.conf", name="space_left_action", value="IGNORE"),)),
        host(audit_settings=(PolicySetting(file="auditd.conf", name="max_log_file", value="8"),)),
    ),
    fixes={"any": "space_left_action = email and action_mail_acct = ACCOUNT in /etc/audit/auditd.conf, then restart auditd"},
    retests={
        "any": Retest(
            "grep -E '^(space_left_action|action_mail_acct)' /etc/audit/auditd.conf",
            "shows email, and an account that somebody reads",
        ),
    },
)
def audit_warns(host: HostObservation, parameters: Warnings) -> Verdict:
    """Somebody is told before there is no room for audit records.

    Fails where auditd is told to do nothing visible when its room runs out (TCVN 14423:2026 clause 5.8.2.1a, from level 3).
    """
    settings = fact(host.audit_settings)
    if not settings:
        return NotApplicable(said("auditd is not installed"))
    action = next((setting.value.split()[0].lower() for setting in settings if setting.name == "space_left_action"), "-")
    seen = said("space_left_action = {action}", action=action)
    return Pass(seen) if action in parameters.actions else Fail(seen)
