"""Checks of the SSH server's effective settings (`sshd -T`). A setting that is not printed never passes.

Where only the server's files were read, what they set wrongly fails, what they leave open does not, and nothing passes.
"""

from __future__ import annotations

import re
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Message, Pass, Verdict, said
from scanner.observations import HostObservation, fact
from scanner.specimens import host

_NUMBER = re.compile(r"[0-9]{1,9}")
_TEST = "in /etc/ssh/sshd_config, then sshd -t && systemctl reload ssh"


class AllowedValues(Parameters):
    """The values a setting may have."""

    allowed: Annotated[tuple[str, ...], Stricter.SUBSET] = ("no",)


class LogLevels(Parameters):
    """The log levels that record logins."""

    allowed: Annotated[tuple[str, ...], Stricter.SUBSET] = ("INFO", "VERBOSE")


class IdleSeconds(Parameters):
    """After how many seconds an unanswering session must be closed."""

    seconds: Annotated[int, Stricter.LOWER] = 300


class Tries(Parameters):
    """How many tries one connection may have."""

    most: Annotated[int, Stricter.LOWER] = 4


class GraceSeconds(Parameters):
    """How long a login may take."""

    seconds: Annotated[int, Stricter.LOWER] = 60


def _shown(host: HostObservation, *names: str) -> Message:
    sshd = fact(host.sshd)
    stated = [f"{name} {value}" for name in names if (value := sshd.value(name)) is not None]
    return (
        said("states {settings}", settings=", ".join(stated))
        if stated
        else said("does not state {settings}", settings=", ".join(names))
    )


def _is(host: HostObservation, name: str, allowed: tuple[str, ...]) -> Verdict:
    sshd = fact(host.sshd)
    value = sshd.value(name)
    good = sshd.leaves_open(name) or (value is not None and value.lower() in {word.lower() for word in allowed})
    return Pass(_shown(host, name)) if good else Fail(_shown(host, name))


def _leaves_open(host: HostObservation, *names: str) -> bool:
    """Whether only files were read, which say nothing of one of these settings."""
    return any(fact(host.sshd).leaves_open(name) for name in names)


def _number(host: HostObservation, name: str) -> int:
    """The setting's number; 0, which each of these checks refuses, where it is not one."""
    value = fact(host.sshd).value(name) or ""
    return int(value) if _NUMBER.fullmatch(value) else 0


@check(
    "host-sshd-root-login",
    observes=HostObservation,
    parameters=AllowedValues,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(
        host(),
        (
            host(sshd_settings={"permitrootlogin": "without-password"}),
            AllowedValues(allowed=("no", "without-password")),
        ),
    ),
    fails=tuple(
        host(sshd_settings={"permitrootlogin": value})
        for value in ("yes", "prohibit-password", "without-password", "forced-commands-only", None)
    ),
    fixes={"openssh": f"PermitRootLogin no  {_TEST}; first make sure that a named administrator can log in and use sudo."},
    retests={
        "openssh": Retest("sshd -T | grep -i ^permitrootlogin", "prints permitrootlogin no"),
    },
)
def root_login(host: HostObservation, parameters: AllowedValues) -> Verdict:
    """Nobody logs in as root.

    Fails unless PermitRootLogin has an allowed value (CIS Debian 12 5.1.20; TCVN 14423:2026 clause 5.6.2.3).
    """
    return _is(host, "permitrootlogin", parameters.allowed)


@check(
    "host-sshd-empty-passwords",
    observes=HostObservation,
    parameters=Parameters,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(host(),),
    fails=(host(sshd_settings={"permitemptypasswords": "yes"}), host(sshd_settings={"permitemptypasswords": None})),
    fixes={
        "openssh": f"PermitEmptyPasswords no  {_TEST}",
        "any": "passwd --lock USER for every account that has no password: awk -F: '$2 == \"\" {print $1}' /etc/shadow",
    },
    retests={
        "openssh": Retest("sshd -T | grep -i ^permitemptypasswords", "prints permitemptypasswords no"),
        "any": Retest("awk -F: '$2 == \"\" {print $1}' /etc/shadow", "prints nothing"),
    },
)
def empty_passwords(host: HostObservation, _: Parameters) -> Verdict:
    """Nobody logs in with an empty password.

    Fails unless PermitEmptyPasswords is no (CIS Debian 12 5.1.19; TCVN 14423:2026 clause 5.6.2.2).
    """
    return _is(host, "permitemptypasswords", ("no",))


@check(
    "host-sshd-password-authentication",
    observes=HostObservation,
    parameters=Parameters,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(host(), host(sshd_settings={"kbdinteractiveauthentication": "no"})),
    fails=(
        host(sshd_settings={"passwordauthentication": "yes"}),
        host(sshd_settings={"passwordauthentication": None}),
        host(sshd_settings={"kbdinteractiveauthentication": "yes"}),
        host(sshd_settings={"challengeresponseauthentication": "yes"}),
    ),
    fixes={
        "openssh": (
            f"PasswordAuthentication no and KbdInteractiveAuthentication no  {_TEST}; first install a key for every "
            "administrator."
        )
    },
    retests={
        "openssh": Retest("sshd -T | grep -Ei '^(password|kbdinteractive)authentication'", "prints no behind both"),
    },
)
def password_authentication(host: HostObservation, _: Parameters) -> Verdict:
    """A password alone does not log in.

    Fails unless PasswordAuthentication is no, and where the keyboard-interactive method, which asks for the same
    passwords, is on.
    """
    sshd = fact(host.sshd)
    names = ("passwordauthentication", "kbdinteractiveauthentication", "challengeresponseauthentication")
    on = [name for name in names if sshd.value(name) not in ("no", None)]
    seen = _shown(host, *names)
    off = sshd.value(names[0]) == "no" or sshd.leaves_open(names[0])
    return Pass(seen) if off and not on else Fail(seen)


@check(
    "host-sshd-idle-timeout",
    observes=HostObservation,
    parameters=IdleSeconds,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(host(), (host(sshd_settings={"clientaliveinterval": "300"}), IdleSeconds(seconds=900))),
    fails=(
        host(sshd_settings={"clientaliveinterval": "101"}),
        host(sshd_settings={"clientaliveinterval": "0"}),
        host(sshd_settings={"clientalivecountmax": "0"}),
        host(sshd_settings={"clientaliveinterval": None}),
        host(sshd_settings={"clientaliveinterval": "soon"}),
    ),
    fixes={
        "openssh": f"ClientAliveInterval 100 and ClientAliveCountMax 3  {_TEST}",
        "bash": "readonly TMOUT=300; export TMOUT  in /etc/profile.d/timeout.sh closes shells that stand idle.",
    },
    retests={
        "openssh": Retest(
            "sshd -T | grep -i ^clientalive",
            "prints an interval and a count whose product is no greater than the rule's seconds, and neither is 0",
        ),
        "bash": Retest("bash -lc 'echo $TMOUT'", "prints the seconds asked for, or fewer"),
    },
)
def idle_timeout(host: HostObservation, parameters: IdleSeconds) -> Verdict:
    """Sessions that no longer answer are closed.

    Fails where ClientAliveInterval times ClientAliveCountMax is 0, which closes nothing, or more than asked for (CIS
    Debian 12 5.1.7; TCVN 14423:2026 clause 5.12.2.4c).
    """
    seconds = _number(host, "clientaliveinterval") * _number(host, "clientalivecountmax")
    names = ("clientaliveinterval", "clientalivecountmax")
    seen = _shown(host, *names)
    return Pass(seen) if 0 < seconds <= parameters.seconds or _leaves_open(host, *names) else Fail(seen)


@check(
    "host-sshd-max-auth-tries",
    observes=HostObservation,
    parameters=Tries,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(
        host(),
        host(sshd_settings={"maxauthtries": "1"}),
        (host(sshd_settings={"maxauthtries": "6"}), Tries(most=6)),
    ),
    fails=(
        host(sshd_settings={"maxauthtries": "5"}),
        host(sshd_settings={"maxauthtries": "0"}),
        host(sshd_settings={"maxauthtries": None}),
    ),
    fixes={"openssh": f"MaxAuthTries 4  {_TEST}"},
    retests={
        "openssh": Retest("sshd -T | grep -i ^maxauthtries", "prints 4 or less"),
    },
)
def max_auth_tries(host: HostObservation, parameters: Tries) -> Verdict:
    """A connection has few tries to log in.

    Fails where MaxAuthTries is more than asked for (CIS Debian 12 5.1.16; TCVN 14423:2026 clause 5.5.2.2a).
    """
    seen = _shown(host, "maxauthtries")
    few = 0 < _number(host, "maxauthtries") <= parameters.most
    return Pass(seen) if few or _leaves_open(host, "maxauthtries") else Fail(seen)


@check(
    "host-sshd-login-grace-time",
    observes=HostObservation,
    parameters=GraceSeconds,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(host(), (host(sshd_settings={"logingracetime": "120"}), GraceSeconds(seconds=120))),
    fails=(
        host(sshd_settings={"logingracetime": "61"}),
        host(sshd_settings={"logingracetime": "0"}),
        host(sshd_settings={"logingracetime": None}),
    ),
    fixes={"openssh": f"LoginGraceTime 60  {_TEST}"},
    retests={
        "openssh": Retest("sshd -T | grep -i ^logingracetime", "prints 60 or less, and not 0"),
    },
)
def login_grace_time(host: HostObservation, parameters: GraceSeconds) -> Verdict:
    """A login that does not come to an end is cut off.

    Fails where LoginGraceTime is 0, which waits for ever, or longer than asked for (CIS Debian 12 5.1.13).
    """
    seen = _shown(host, "logingracetime")
    short = 0 < _number(host, "logingracetime") <= parameters.seconds
    return Pass(seen) if short or _leaves_open(host, "logingracetime") else Fail(seen)


@check(
    "host-sshd-log-level",
    observes=HostObservation,
    parameters=LogLevels,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(host(), host(sshd_settings={"loglevel": "INFO"})),
    fails=tuple(host(sshd_settings={"loglevel": value}) for value in ("QUIET", "ERROR", "DEBUG3", None)),
    fixes={"openssh": f"LogLevel VERBOSE  {_TEST}"},
    retests={
        "openssh": Retest("sshd -T | grep -i ^loglevel", "prints loglevel VERBOSE"),
    },
)
def log_level(host: HostObservation, parameters: LogLevels) -> Verdict:
    """Logins are recorded.

    Fails unless LogLevel is one that records every login: below INFO nothing is kept, and the debug levels write what
    is private (CIS Debian 12 5.1.14; TCVN 14423:2026 clause 5.8.2.1a).
    """
    return _is(host, "loglevel", parameters.allowed)
