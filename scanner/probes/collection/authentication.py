"""PAM stacks with their includes followed, the files that rule passwords, idle shells and automatic logins."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from scanner.observations import Authentication, PamRule, PamStack, PolicySetting, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, text_lines
from scanner.record import escaped

SHELL = r"""
section pam lines /etc/pam.d/*
policies() {
  lines /etc/login.defs /etc/security/pwquality.conf /etc/security/pwquality.conf.d/*.conf /etc/security/faillock.conf \
    /etc/security/pwhistory.conf
}
section policies policies
profiles() { lines /etc/profile /etc/profile.d/*.sh /etc/bashrc /etc/bash.bashrc; }
section profiles profiles
autologin() {
  lines /etc/systemd/system/*getty*.service /etc/systemd/system/*getty*.service.d/*.conf /etc/inittab /etc/gdm/custom.conf \
    /etc/gdm3/daemon.conf /etc/gdm3/custom.conf /etc/lightdm/lightdm.conf /etc/lightdm/lightdm.conf.d/*.conf /etc/sddm.conf \
    /etc/sddm.conf.d/*.conf
}
section autologin autologin
"""

SERVICES = ("sshd", "login", "passwd", "sudo", "su")
"""The ways in, to root's rights, and to a new password."""

_LINE = re.compile(r"(/[^:]{1,300}):\s*(.*?)\s*")
_PAM = re.compile(r"-?(auth|account|password|session)\s+(\[[^\]]*\]|\S+)\s+(\S+)(?:\s+(.*))?")
_SETTING = re.compile(r"([A-Za-z_]{1,40})(?:\s*=\s*|\s+|$)(.*)")
_TMOUT = re.compile(r"\bTMOUT=[\"']?(-?[0-9]{1,9})?")
_AUTOMATIC = re.compile(
    r"(?i)ExecStart=.*agetty.*(?:--autologin|\s-a)\s*\S.*|.*:respawn:.*getty.*(?:--autologin|\s-a)\s*\S.*"
    r"|(?:AutomaticLoginEnable|TimedLoginEnable)\s*=\s*(?:true|1)|autologin-user\s*=\s*\S+|User\s*=\s*\S+"
)
_DEPTH = 8
_RULES = 400

Files = dict[str, list[str]]


def authentication(found: Collected) -> Authentication | Unobserved:
    """The rules for passwords, lockout and idle shells that are in force."""
    stacks = found.read("pam", lambda text: tuple(_stacks(_files(text))), Reason.UNREADABLE)
    settings = found.read("policies", lambda text: tuple(_settings(_files(text))), Reason.UNREADABLE)
    timeouts = found.read("profiles", lambda text: tuple(_timeouts(_files(text))), Reason.UNREADABLE)
    if isinstance(stacks, Unobserved):
        return stacks
    if isinstance(settings, Unobserved):
        return settings
    return (
        timeouts
        if isinstance(timeouts, Unobserved)
        else Authentication(stacks=stacks, settings=settings, shell_timeouts=timeouts)
    )


def automatic_logins(found: Collected) -> tuple[str, ...] | Unobserved:
    """The lines that let somebody in at the console without being asked."""

    def read(text: bytes) -> tuple[str, ...]:
        lines = ((file, line) for file, lines in _files(text).items() for line in lines)
        return tuple(escaped(f"{file}: {line}") for file, line in lines if _automatic(file, line))

    return found.read("autologin", read, Reason.UNREADABLE)


def _automatic(file: str, line: str) -> bool:
    own = line.lower().startswith("user")  # sddm's [Autologin] alone has such a line; a unit of getty has one of another meaning
    return _AUTOMATIC.fullmatch(line) is not None and (not own or "sddm" in file)


def _files(text: bytes) -> Files:
    found: Files = defaultdict(list)
    for line in filter(None, text_lines(text)):
        match = _LINE.fullmatch(line)
        if match is None:
            raise CollectionError("a line does not name its file")
        found[match[1]].append(match[2])
    return found


def _stacks(files: Files) -> Iterator[PamStack]:
    if not files:
        raise CollectionError("the host has no PAM service")
    for service in SERVICES:
        if f"/etc/pam.d/{service}" in files:
            yield PamStack(service=service, rules=tuple(_rules(files, service)))


def _rules(files: Files, service: str) -> list[PamRule]:
    found: list[PamRule] = []
    for kind in ("auth", "account", "password", "session"):
        _follow(files, service, kind, found, _DEPTH)
    return found


def _follow(files: Files, service: str, kind: str, found: list[PamRule], depth: int) -> None:
    """Adds the rules of one kind; what is included twice over or too deep is no stack that is read."""
    if depth == 0 or len(found) > _RULES:
        raise CollectionError("its includes do not come to an end")
    name = service if service.startswith("/") else f"/etc/pam.d/{service}"
    if name not in files:
        raise CollectionError("a stack includes a file that is not there")
    for line in files[name]:
        included = re.fullmatch(r"@include\s+(\S+)", line)
        match = _PAM.fullmatch(line.partition("#")[0].strip())
        if included is not None:
            _follow(files, included[1], kind, found, depth - 1)
        elif match is None:
            raise CollectionError("a line of a stack is no rule")
        elif match[1] == kind and match[2] in ("include", "substack"):
            _follow(files, match[3], kind, found, depth - 1)
        elif match[1] == kind:
            module = escaped(match[3].rpartition("/")[2], limit=200)
            arguments = tuple(escaped(word, limit=500) for word in (match[4] or "").split())
            found.append(PamRule(kind=kind, control=escaped(match[2], limit=500), module=module, arguments=arguments))


def _settings(files: Files) -> Iterator[PolicySetting]:
    for file, lines in files.items():
        folder, _, name = file.rpartition("/")
        known = folder.rpartition("/")[2].removesuffix(".d") if folder.endswith(".d") else name
        for line in lines:
            match = _SETTING.fullmatch(line.partition("#")[0].strip())
            if match is not None:
                yield PolicySetting(file=escaped(known), name=match[1], value=escaped(match[2].strip()))


def _timeouts(files: Files) -> Iterator[int]:
    for lines in files.values():
        for line in lines:
            for match in _TMOUT.finditer(line):
                yield max(0, int(match[1] or 0))
