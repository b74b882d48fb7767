"""Checks of who can use a host: one root, no empty or badly kept password, nobody forgotten, no way to root unasked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import Credential, HostObservation, LastLogin, SudoGrant, fact
from scanner.specimens import AT, account, accounts, credential, host

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Schemes(Parameters):
    """The schemes that resist guessing, by crypt(5)'s names: yescrypt, gost-yescrypt and sha512crypt."""

    allowed: Annotated[tuple[str, ...], Stricter.SUBSET] = ("y", "gy", "6")


class DormantDays(Parameters):
    """After how many days without a login an account must be closed."""

    days: Annotated[int, Stricter.LOWER] = 45


class PasswordAge(Parameters):
    """After how many days an administrator's password must change."""

    days: Annotated[int, Stricter.LOWER] = 60


def _today(host: HostObservation) -> int:
    return (host.seen.observed_at - _EPOCH).days


def _listed(names: set[str] | list[str]) -> str:
    return ", ".join(sorted(names))


@check(
    "host-one-root",
    observes=HostObservation,
    facts=("accounts",),
    passes=(host(),),
    fails=(host(accounts=accounts(account("toor", 0))), host(accounts=accounts(account("toor", 0, "/usr/sbin/nologin")))),
    fixes={"any": "userdel NAME, or usermod --uid N NAME with a number of its own; then find / -uid 0 shows nothing of its"},
    retests={
        "any": Retest("awk -F: '$3 == 0 {print $1}' /etc/passwd", "prints root, and no other name"),
    },
)
def one_root(host: HostObservation, _: Parameters) -> Verdict:
    """Only root has the rights of root.

    Fails on every other account with user id 0, whatever its shell: what it does is logged as root's (TCVN 14423:2026
    clause 5.6.2.3; CIS Debian 12 5.4.2.1). No root at all is no sound list and fails.
    """
    names = {account.name for account in fact(host.accounts).accounts if account.uid == 0}
    return Pass() if names == {"root"} else Fail(said("accounts with user id 0: {names}", names=_listed(names)))


@check(
    "host-no-empty-credentials",
    observes=HostObservation,
    facts=("accounts", "credentials"),
    passes=(host(), host(credentials=(credential(state="none", scheme="none"),))),
    fails=(
        host(credentials=(credential(), credential("guest", state="empty", scheme="none"))),
        host(accounts=accounts(account("guest", 1_001, kept_in="empty"))),
    ),
    fixes={"any": "passwd --lock NAME, then a password or a key for whoever needs the account"},
    retests={
        "any": Retest("awk -F: '$2 == \"\" {print $1}' /etc/shadow", "prints nothing"),
    },
)
def no_empty_credentials(host: HostObservation, _: Parameters) -> Verdict:
    """No account has an empty password.

    Fails on accounts that log in with nothing (TCVN 14423:2026 clause 5.6.2.2; CIS Debian 12 7.2.2).
    """
    names = {held.name for held in fact(host.credentials) if held.state == "empty"}
    names |= {account.name for account in fact(host.accounts).accounts if account.kept_in == "empty"}
    return Fail(said("accounts without a password: {names}", names=_listed(names))) if names else Pass()


@check(
    "host-password-schemes",
    observes=HostObservation,
    facts=("accounts", "credentials"),
    parameters=Schemes,
    passes=(host(), host(credentials=(credential(scheme="6"), credential("old", state="locked", scheme="1")))),
    fails=(
        *(host(credentials=(credential(scheme=scheme),)) for scheme in ("1", "5", "other", "none", "2b")),
        host(accounts=accounts(account("old", 1_001, kept_in="here"))),
    ),
    fixes={
        "debian": "In /etc/pam.d/common-password: pam_unix.so yescrypt; then passwd --expire NAME for each account named",
        "ubuntu": "In /etc/pam.d/common-password: pam_unix.so yescrypt; then passwd --expire NAME for each account named",
        "rhel": "ENCRYPT_METHOD YESCRYPT in /etc/login.defs, authselect apply-changes; then passwd --expire NAME for each",
    },
    retests={
        "any": Retest("awk -F: '$2 ~ /^[$]/ {print $1, substr($2, 1, 3)}' /etc/shadow", "prints $y$ or $6$ behind each name"),
    },
)
def password_schemes(host: HostObservation, parameters: Schemes) -> Verdict:
    """Passwords are kept under a scheme that resists guessing.

    Fails on accounts whose password is kept as DES, MD5, SHA-256 or in a way that is not known, or in
    /etc/passwd for everybody to read (TCVN 14423:2026 clause
    5.4.2.4a; CIS Debian 12 5.4.1.4). Locked accounts do not count: their password lets nobody in.
    """
    weak = [f"{held.name} ({held.scheme})" for held in _open(host) if held.scheme not in parameters.allowed]
    weak += [f"{account.name} (/etc/passwd)" for account in fact(host.accounts).accounts if account.kept_in == "here"]
    return Fail(said("passwords under another scheme: {names}", names=_listed(weak))) if weak else Pass()


def _open(host: HostObservation) -> tuple[Credential, ...]:
    return tuple(held for held in fact(host.credentials) if held.state == "open")


@check(
    "host-administrator-password-age",
    observes=HostObservation,
    facts=("accounts", "credentials", "sudo"),
    parameters=PasswordAge,
    passes=(host(), host(credentials=(credential("root", state="locked"), credential(state="none", maximum=None)))),
    fails=(
        host(credentials=(credential(maximum=61),)),
        host(credentials=(credential(maximum=None),)),
        host(credentials=(credential("root", maximum=365),)),
        host(credentials=(credential(changed=(AT - _EPOCH).days - 61),)),
        host(credentials=(credential(changed=None),)),
        host(
            accounts=accounts(account("binh", 1_001)),
            credentials=(credential("binh", maximum=None),),
            sudo=(SudoGrant(who="binh", commands=("ALL",), asks=True),),
        ),
    ),
    fixes={"any": "chage --maxdays 60 NAME for every administrator; PASS_MAX_DAYS 60 in /etc/login.defs for those to come"},
    retests={
        "any": Retest("chage --list NAME", "shows a maximum number of days that is no greater than the rule's"),
    },
)
def administrator_password_age(host: HostObservation, parameters: PasswordAge) -> Verdict:
    """Administrators' passwords change in time.

    Fails where an account with user id 0 of an administering group, or to whom sudo gives everything has a password that never need change, need not
    within the days asked for, or has not (TCVN 14423:2026 clause 5.6.2.2b). NIST SP 800-63B advises against forced
    changes; the national rule decides here. Accounts without a password are not concerned.
    """
    administrators = fact(host.accounts).administrators(fact(host.sudo))
    held = [credential for credential in _open(host) if credential.name in administrators]
    late = [credential.name for credential in held if not _changes(credential, _today(host), parameters.days)]
    conflict = said(
        "not changed within {days} days: {names} (NIST SP 800-63B advises against forced changes; the national rule decides)",
        days=parameters.days,
        names=_listed(late),
    )
    return Fail(conflict) if late else Pass()


def _changes(held: Credential, today: int, days: int) -> bool:
    due = held.maximum is not None and 0 < held.maximum <= days
    return due and held.changed is not None and today - held.changed <= days


@check(
    "host-dormant-accounts",
    observes=HostObservation,
    facts=("accounts", "credentials", "logins"),
    parameters=DormantDays,
    passes=(
        host(),
        host(logins=(LastLogin(name="an", at=AT - timedelta(days=45)),)),
        host(logins=(), credentials=(credential(state="locked"),)),
        host(logins=(), credentials=(credential(expires=1),)),
    ),
    fails=(
        host(logins=(LastLogin(name="an", at=AT - timedelta(days=46)),)),
        host(logins=(LastLogin(name="an", at=None),)),
        host(logins=()),
    ),
    fixes={"any": "usermod --lock --expiredate 1 NAME, or userdel NAME; useradd -D --inactive 45 for accounts to come"},
    retests={
        "any": Retest("passwd --status NAME", "shows L or LK behind the name, or finds no such account"),
    },
)
def dormant_accounts(host: HostObservation, parameters: DormantDays) -> Verdict:
    """Nobody's account is left open unused.

    Fails on persons' accounts with a shell that are neither locked nor expired and have not logged in within the days
    asked for (TCVN 14423:2026 clause 5.6.2.3; CIS Debian 12 5.4.1.5). Logins without a terminal are not in this record,
    so an account that only copies files looks unused; the auditor's own is left out for that reason, and root, which
    administrators become without logging in.
    """
    since = host.seen.observed_at - timedelta(days=parameters.days)
    last = {login.name: login.at for login in fact(host.logins)}
    closed = {held.name for held in fact(host.credentials) if _closed(held, _today(host))}
    persons = [entry.name for entry in fact(host.accounts).accounts if entry.uid >= 1_000 and entry.can_log_in]
    judged = [name for name in persons if name not in closed and name != host.user]
    unused = [name for name in judged if (at := last.get(name)) is None or at < since]
    seen = said("open and not used for {days} days: {names}", days=parameters.days, names=_listed(unused))
    return Fail(seen) if unused else Pass()


def _closed(held: Credential, today: int) -> bool:
    return held.state == "locked" or (held.expires is not None and held.expires <= today)


@check(
    "host-sudo-asks",
    observes=HostObservation,
    facts=("sudo",),
    passes=(host(), host(sudo=()), host(sudo=(SudoGrant(who="audit", commands=("/usr/sbin/sshd -T",), asks=False),))),
    fails=(
        host(sudo=(SudoGrant(who="%sudo", commands=("ALL",), asks=False),)),
        host(sudo=(SudoGrant(who="an", commands=("/bin/ls", "/bin/bash"), asks=False),)),
        host(sudo=(SudoGrant(who="an", commands=("!/bin/su", "ALL"), asks=False),)),
    ),
    fixes={"any": "Take NOPASSWD and !authenticate out of the rule with visudo, or name the exact commands it is needed for."},
    retests={
        "any": Retest("sudo -l -U NAME", "shows NOPASSWD and !authenticate nowhere but beside exact commands"),
    },
)
def sudo_asks(host: HostObservation, _: Parameters) -> Verdict:
    """Nobody becomes root without being asked.

    Fails on sudo rules that give every command, or a shell, without a password (TCVN 14423:2026 clause 5.6.2.2).
    """
    rules = [rule for rule in fact(host.sudo) if not rule.asks and rule.is_total]
    return Fail(said("sudo asks nothing of {names}", names=_listed({rule.who for rule in rules}))) if rules else Pass()


@check(
    "host-sudo-named",
    observes=HostObservation,
    facts=("sudo",),
    passes=(host(), host(sudo=(SudoGrant(who="ALL", commands=("/usr/bin/uptime",), asks=True),))),
    fails=(host(sudo=(SudoGrant(who="ALL", commands=("ALL",), asks=True),)),),
    fixes={"any": "Replace ALL at the beginning of the rule by the group of those who administer: %sudo or %wheel."},
    retests={
        "any": Retest("grep -rE '^[[:space:]]*ALL[[:space:]]' /etc/sudoers /etc/sudoers.d", "finds no such line"),
    },
)
def sudo_named(host: HostObservation, _: Parameters) -> Verdict:
    """Rights of root are given to some, not to everybody.

    Fails where sudo lets every account run every command, or a shell (TCVN 14423:2026 clause 5.6.2.4).
    """
    rules = [rule for rule in fact(host.sudo) if rule.who == "ALL" and rule.is_total]
    return Fail(said("every account may run {commands}", commands=_listed(set(rules[0].commands)))) if rules else Pass()
