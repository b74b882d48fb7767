"""Checks of the rules for passwords, failed logins and idle shells that are in force. A rule that is not stated never passes."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, PamRule, fact
from scanner.specimens import POLICY, authentication, host, pam

_CREDITS = ("dcredit", "ucredit", "lcredit", "ocredit")
_SECOND_FACTORS = ("pam_google_authenticator", "pam_oath", "pam_u2f", "pam_duo", "pam_pkcs11", "pam_yubico")


class Strength(Parameters):
    """How long a password is at least, and of how many classes of characters."""

    length: Annotated[int, Stricter.HIGHER] = 14
    classes: Annotated[int, Stricter.HIGHER] = 4


class Remembered(Parameters):
    """How many former passwords are barred."""

    passwords: Annotated[int, Stricter.HIGHER] = 10


class Lockout(Parameters):
    """After how many failed logins an account is closed at the latest, and for how many seconds at least."""

    tries: Annotated[int, Stricter.LOWER] = 5
    seconds: Annotated[int, Stricter.HIGHER] = 43_200


class MaximumDays(Parameters):
    """For how many days a new account's password is valid at most."""

    days: Annotated[int, Stricter.LOWER] = 365


class ShellSeconds(Parameters):
    """After how many idle seconds a shell ends at the latest."""

    seconds: Annotated[int, Stricter.LOWER] = 300


_UNIX = pam("password", "pam_unix.so")


def _pwquality(*arguments: str) -> PamRule:
    return pam("password", "pam_pwquality.so", *arguments, control="requisite")


def _policy(file: str, **changes: str | None) -> dict[str, dict[str, str]]:
    held = {**POLICY.get(file, {}), **changes}
    return {**POLICY, file: {name: value for name, value in held.items() if value is not None}}


def _validity(days: str) -> dict[str, dict[str, str]]:
    return {**POLICY, "login.defs": {"PASS_MAX_DAYS": days}}


def _with(policy: dict[str, dict[str, str]]) -> HostObservation:
    return host(authentication=authentication(policy=policy))


@check(
    "host-password-strength",
    observes=HostObservation,
    facts=("authentication",),
    parameters=Strength,
    passes=(
        host(),
        (_with(_policy("pwquality.conf", minlen="8")), Strength(length=8)),
        host(authentication=authentication(_pwquality("minlen=15", "minclass=4"), _UNIX, policy={})),
    ),
    fails=(
        _with(_policy("pwquality.conf", minlen="13")),
        _with(_policy("pwquality.conf", minclass=None)),
        _with(_policy("pwquality.conf", minlen="fourteen")),
        _with(_policy("pwquality.conf", dcredit="1")),
        _with(_policy("pwquality.conf", enforcing="0")),
        host(authentication=authentication(_UNIX)),
        host(authentication=authentication(_UNIX, _pwquality())),
        host(authentication=authentication(_pwquality(), policy=POLICY)),
        host(authentication=authentication(pam("password", "pam_pwquality.so", control="optional"), _UNIX)),
        host(authentication=authentication(_pwquality("minlen=8"), _UNIX)),
    ),
    fixes={
        "debian": "apt install libpam-pwquality; minlen = 14 and minclass = 4 in /etc/security/pwquality.conf",
        "ubuntu": "apt install libpam-pwquality; minlen = 14 and minclass = 4 in /etc/security/pwquality.conf",
        "rhel": "minlen = 14 and minclass = 4 in /etc/security/pwquality.conf",
    },
    retests={
        "any": Retest("passwd", "refuses, for a test account, a password that is too short or too plain"),
    },
)
def password_strength(host: HostObservation, parameters: Strength) -> Verdict:
    """New passwords are long and of several classes.

    Fails unless pam_pwquality is required wherever passwords are set, with the length and the classes asked for; where
    files disagree, the weaker figure counts, and credits for classes are taken off the length (TCVN 14423:2026 clause 5.6.2.2a; CIS Debian 12 5.3.3.2). NIST SP 800-63B
    asks for 15 characters and no classes.
    """
    rules = fact(host.authentication)
    modules = rules.rules("password", "pam_pwquality")
    if not rules.demanded("password", "pam_pwquality") or 0 in rules.numbers("pwquality.conf", "enforcing", *modules):
        return Fail(said("no rule of PAM demands pam_pwquality"))
    credit = sum(max((0, *rules.numbers("pwquality.conf", name, *modules))) for name in _CREDITS)
    length = min(rules.numbers("pwquality.conf", "minlen", *modules), default=0) - credit
    classes = min(rules.numbers("pwquality.conf", "minclass", *modules), default=0)
    seen = said("demands {length} characters of {classes} classes", length=length, classes=classes)
    return Pass(seen) if length >= parameters.length and classes >= parameters.classes else Fail(seen)


@check(
    "host-password-history",
    observes=HostObservation,
    facts=("authentication",),
    parameters=Remembered,
    passes=(
        host(),
        host(authentication=authentication(pam("password", "pam_unix.so", "remember=24"))),
        host(
            authentication=authentication(
                pam("password", "pam_pwhistory.so"), _UNIX, policy=_policy("pwhistory.conf", remember="10")
            )
        ),
    ),
    fails=(
        host(authentication=authentication(pam("password", "pam_unix.so"))),
        host(authentication=authentication(pam("password", "pam_pwhistory.so"), _UNIX)),
        host(authentication=authentication(_UNIX, pam("password", "pam_pwhistory.so", "remember=10"))),
        host(authentication=authentication(pam("password", "pam_pwhistory.so", "remember=9"), _UNIX)),
    ),
    fixes={
        "debian": "Before pam_unix in /etc/pam.d/common-password: password requisite pam_pwhistory.so remember=10 use_authtok",
        "rhel": "authselect enable-feature with-pwhistory; remember = 10 in /etc/security/pwhistory.conf",
    },
    retests={
        "any": Retest("passwd", "refuses, for a test account, a password that it had before"),
    },
)
def password_history(host: HostObservation, parameters: Remembered) -> Verdict:
    """Former passwords are barred.

    Fails unless pam_pwhistory, or pam_unix, remembers as many as asked for (TCVN 14423:2026 clause 5.6.2.2b; CIS
    Debian 12 5.3.3.3.1).
    """
    rules = fact(host.authentication)
    modules = rules.rules("password", "pam_pwhistory")
    kept = rules.numbers("pwhistory.conf", "remember", *modules) if rules.demanded("password", "pam_pwhistory") else ()
    by_unix = [
        int(value)
        for module in rules.rules("password", "pam_unix")
        if (value := module.argument("remember")) and value.isascii() and value.isdigit()
    ]
    most = min(kept or by_unix, default=0)
    seen = said("remembers {count} passwords", count=most)
    return Pass(seen) if most >= parameters.passwords else Fail(seen)


@check(
    "host-lockout",
    observes=HostObservation,
    facts=("authentication",),
    parameters=Lockout,
    passes=(
        host(),
        (_with(_policy("faillock.conf", unlock_time="900")), Lockout(seconds=900)),
        _with(_policy("faillock.conf", unlock_time="0")),
    ),
    fails=(
        _with(_policy("faillock.conf", deny="6")),
        _with(_policy("faillock.conf", deny="0")),
        _with(_policy("faillock.conf", deny=None, unlock_time=None)),
        _with(_policy("faillock.conf", unlock_time="900")),
        host(authentication=authentication(pam("auth", "pam_unix.so"))),
        host(authentication=authentication(pam("auth", "pam_faillock.so", "preauth"), pam("auth", "pam_unix.so"))),
    ),
    fixes={
        "debian": "deny = 5 and unlock_time = 43200 in /etc/security/faillock.conf, and pam_faillock in /etc/pam.d/common-auth",
        "rhel": "authselect enable-feature with-faillock; deny = 5 and unlock_time = 43200 in /etc/security/faillock.conf",
    },
    retests={
        "any": Retest(
            "faillock --user NAME",
            "lists the failures of a test account after wrong passwords, and the right one is then refused",
        ),
    },
)
def lockout(host: HostObservation, parameters: Lockout) -> Verdict:
    """Failed logins close the account for a time.

    Fails unless pam_faillock counts failures, closes after few enough and for long enough; 0 seconds is until an
    administrator opens it (TCVN 14423:2026 clause 5.5.2.2a suggests 12 hours to 30 days; CIS Debian 12 5.3.3.1 asks for
    15 minutes, which does not meet it).
    """
    rules = fact(host.authentication)
    modules = rules.rules("auth", "pam_faillock")
    if not rules.demanded("auth", "pam_faillock", first=False) or not any(_counts(module) for module in modules):
        return Fail(said("no rule of PAM counts failed logins"))
    tries = rules.numbers("faillock.conf", "deny", *modules) or (3,)
    seconds = rules.numbers("faillock.conf", "unlock_time", *modules) or (600,)
    seen = said(
        "closes after {tries} failures for {seconds} seconds (the national figure is 12 hours or more, that of CIS 15 minutes)",
        tries=max(tries),
        seconds=min(seconds),
    )
    few = all(0 < count <= parameters.tries for count in tries)
    long = all(count == 0 or count >= parameters.seconds for count in seconds)
    return Pass(seen) if few and long else Fail(seen)


def _counts(module: PamRule) -> bool:
    return module.argument("authfail") is not None


@check(
    "host-password-validity",
    observes=HostObservation,
    facts=("authentication",),
    parameters=MaximumDays,
    passes=(host(), _with(_validity("365"))),
    fails=tuple(_with(_validity(value)) for value in ("99999", "0", "-1", "x", "")),
    fixes={"any": "PASS_MAX_DAYS 365 in /etc/login.defs; chage --maxdays 365 NAME for the accounts that exist"},
    retests={
        "any": Retest("chage --list NAME", "shows a maximum number of days that is no greater than the rule's"),
    },
)
def password_validity(host: HostObservation, parameters: MaximumDays) -> Verdict:
    """New accounts' passwords do not stay valid for ever.

    Fails unless PASS_MAX_DAYS of login.defs is set, and no more than asked for (TCVN 14423:2026 clause 5.6.2.2b; CIS
    Debian 12 5.4.1.1). NIST SP 800-63B advises against forced changes; the national rule decides.
    """
    days = fact(host.authentication).numbers("login.defs", "PASS_MAX_DAYS")
    seen = said("sets PASS_MAX_DAYS to {days}", days=", ".join(map(str, days)) or "nothing")
    return Pass(seen) if days and all(0 < count <= parameters.days for count in days) else Fail(seen)


@check(
    "host-shell-timeout",
    observes=HostObservation,
    facts=("authentication",),
    parameters=ShellSeconds,
    passes=(host(), (host(authentication=authentication(timeouts=(900,))), ShellSeconds(seconds=900))),
    fails=tuple(host(authentication=authentication(timeouts=times)) for times in ((), (0,), (301,), (300, 3_600))),
    fixes={"any": "readonly TMOUT=300; export TMOUT  in /etc/profile.d/timeout.sh"},
    retests={
        "any": Retest("bash -lc 'echo $TMOUT'", "prints the seconds asked for, or fewer"),
    },
)
def shell_timeout(host: HostObservation, parameters: ShellSeconds) -> Verdict:
    """Shells that stand idle end.

    Fails where no profile sets TMOUT, or any sets it to 0 or to more than asked for (TCVN 14423:2026 clause 5.5.2.2a; CIS
    Debian 12 5.4.3.2 asks for 15 minutes).
    """
    times = fact(host.authentication).shell_timeouts
    seen = said("sets TMOUT to {seconds}", seconds=", ".join(map(str, times)) or "nothing")
    return Pass(seen) if times and all(0 < seconds <= parameters.seconds for seconds in times) else Fail(seen)


@check(
    "host-second-factor",
    observes=HostObservation,
    facts=("sshd", "authentication"),
    to_pass=("sshd_printed",),
    passes=(
        host(),
        host(sshd_settings={"authenticationmethods": "publickey,password"}),
    ),
    fails=(
        host(sshd_settings={"authenticationmethods": "any"}),
        host(sshd_settings={"authenticationmethods": "publickey"}),
        host(sshd_settings={"authenticationmethods": "password,keyboard-interactive"}),
        host(sshd_settings={"authenticationmethods": "publickey,password publickey"}),
        host(sshd_settings={"authenticationmethods": "publickey,password; any under Match User an"}),
        host(sshd_settings={"authenticationmethods": None}),
        host(
            sshd_settings={"authenticationmethods": "any", "passwordauthentication": "yes"},
            authentication=authentication(pam("auth", "pam_oath.so")),
        ),
    ),
    fixes={"openssh": "AuthenticationMethods publickey,keyboard-interactive with pam_oath or pam_u2f in /etc/pam.d/sshd"},
    retests={
        "openssh": Retest(
            "sshd -T -C user=NAME | grep -i ^authenticationmethods",
            "names two methods in one list, with a comma between them",
        ),
    },
)
def second_factor(host: HostObservation, _: Parameters) -> Verdict:
    """An SSH login takes two things.

    Fails unless every way that AuthenticationMethods allows, in every Match block, asks for two different methods (TCVN
    14423:2026 clause 5.6.2.4). A second factor that is asked for before this host, at a gateway, is not seen here.
    """
    sshd = fact(host.sshd)
    value = sshd.value("authenticationmethods") or ""
    ways = [way for part in value.split("; ") for way in part.partition(" under Match ")[0].split()]
    extra = sorted({rule.module for rule in fact(host.authentication).rules("auth", *_SECOND_FACTORS)})
    sufficient = bool(ways) and all(len(_kinds(way, asks_more=bool(extra))) > 1 for way in ways)
    seen = said("AuthenticationMethods {ways}; second factors in PAM: {modules}", ways=value, modules=", ".join(extra) or "none")
    return Pass(seen) if sufficient or sshd.leaves_open("authenticationmethods") else Fail(seen)


def _kinds(way: str, *, asks_more: bool) -> set[str]:
    """What a way asks for; the keyboard-interactive method asks for the password again where PAM has nothing else to ask."""
    methods = {method.partition(":")[0] for method in way.split(",")}
    return methods if asks_more else {"password" if method == "keyboard-interactive" else method for method in methods}
