"""Accounts, credentials, last logins and sudo rules. Hashes stay on the host: awk prints their scheme and nothing of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from scanner.observations import Account, Accounts, Credential, Group, LastLogin, Reason, SudoGrant, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, table, text_lines
from scanner.record import RecordError, escaped, parse_json

SHADOW = (
    "/usr/bin/awk -F: -v OFS=: '{split($2,p,/[$]/);print $1,length($2)?$2~/^!/?1:$2~/^[*]/?2:3:0,"
    "$2~/^!*[$][0-9a-z]+[$]/&&length(p[2])<5?p[2]:length($2)<3?0:-1,$3,$5,$7,$8}' /etc/shadow"
)
"""Prints of each password field its kind (see _STATES) and the name of the hash's scheme, 0 where there is none, -1 where it has no
name; there are no quotation marks in it because sudoers cannot match them."""
SUDOERS = "/usr/bin/cvtsudoers -e -f json /etc/sudoers"
PRIVILEGED = (SHADOW, SUDOERS)

SHELL = f"""
section passwd awk -F: -v OFS=: '{{ print $1, $2 == "" ? 0 : $2 == "x" || $2 ~ /^[*!]/ ? 1 : 2, $3, $4, $7 }}' /etc/passwd
section group awk -F: '{{ print $1 ":" $3 ":" $4 }}' /etc/group
section shadow asroot {SHADOW}
if [ ! -e /etc/sudoers ]; then section no-sudo true; else section sudoers asroot {SUDOERS}; fi
if command -v lastlog >/dev/null; then section lastlog brief lastlog
elif command -v lastlog2 >/dev/null; then section lastlog brief lastlog2
fi
"""

_ID = re.compile(r"[0-9]{1,10}")
_NAME = re.compile(r"[!-9;-~]{1,256}")
_DAYS = re.compile(r"-?[0-9]{0,9}")
_LOGIN = re.compile(r"(\S+)\s.*\s([A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d [+-]\d{4} \d{4})\s*")
_NEVER = re.compile(r"(\S+)\s+\*\*Never logged in\*\*\s*")
_STATES: dict[str, Literal["open", "locked", "none", "empty"]] = {"0": "empty", "1": "locked", "2": "none", "3": "open"}
_PLACES: dict[str, Literal["empty", "shadow", "here"]] = {"0": "empty", "1": "shadow", "2": "here"}
_UNNAMED = {"0": "none", "-1": "other"}
_FOR_EVER = 99_999
"""The days that shadow(5) writes for never."""


def accounts(found: Collected) -> Accounts | Unobserved:
    """The accounts and groups of /etc/passwd and /etc/group."""
    groups = found.read("group", lambda text: tuple(_groups(text)), Reason.UNREADABLE)
    if isinstance(groups, Unobserved):
        return groups
    return found.read("passwd", lambda text: Accounts(accounts=_some(_accounts(text)), groups=groups), Reason.UNREADABLE)


def credentials(found: Collected) -> tuple[Credential, ...] | Unobserved:
    """What the shadow file says of each account, but for the hash."""
    return found.privileged("shadow", SHADOW, lambda text: _some(_credentials(text)))


def logins(found: Collected) -> tuple[LastLogin, ...] | Unobserved:
    """The last login of each account."""
    if "lastlog" not in found.sections:
        return found.absent("lastlog", Reason.UNSUPPORTED, "the host has neither lastlog nor lastlog2")
    return found.read("lastlog", lambda text: tuple(_logins(text)), Reason.UNREADABLE)


def sudo(found: Collected) -> tuple[SudoGrant, ...] | Unobserved:
    """Who may run what as another; none where the host has no sudo."""
    if "no-sudo" in found.sections:
        return ()
    return found.privileged("sudoers", SUDOERS, lambda text: tuple(_grants(text)))


def _some(facts: Iterator[Any]) -> tuple[Any, ...]:
    found = tuple(facts)
    if not found:
        raise CollectionError("it names nobody")
    return found


def _fields(text: bytes, columns: int) -> Iterator[list[str]]:
    for fields in table(text, ":", columns):
        if not _NAME.fullmatch(fields[0]):
            raise CollectionError("a line does not begin with a name")
        yield fields


def _number(field: str) -> int:
    if not _ID.fullmatch(field):
        raise CollectionError("a number is none")
    return int(field)


def _days(field: str) -> int | None:
    if not _DAYS.fullmatch(field) or field == "-":
        raise CollectionError("a number of days is none")
    return None if field in ("", "-1") else int(field)


def _accounts(text: bytes) -> Iterator[Account]:
    for name, place, uid, gid, shell in _fields(text, 5):
        if place not in _PLACES:
            raise CollectionError("a line has a place of the password that the script does not print")
        yield Account(name=name, kept_in=_PLACES[place], uid=_number(uid), gid=_number(gid), shell=escaped(shell) or "/bin/sh")


def _groups(text: bytes) -> Iterator[Group]:
    for name, gid, members in _fields(text, 3):
        yield Group(name=name, gid=_number(gid), members=tuple(escaped(member) for member in members.split(",") if member))


def _credentials(text: bytes) -> Iterator[Credential]:
    for name, state, scheme, changed, maximum, inactive, expires in _fields(text, 7):
        longest = _days(maximum)
        yield Credential(
            name=name,
            state=_state(state),
            scheme=_UNNAMED.get(scheme) or escaped(scheme, limit=16),
            changed=_days(changed),
            maximum=None if longest is None or longest >= _FOR_EVER else longest,
            inactive=_days(inactive),
            expires=_days(expires),
        )


def _state(sign: str) -> Literal["open", "locked", "none", "empty"]:
    state = _STATES.get(sign)
    if state is None:
        raise CollectionError("a line has a state that the script does not print")
    return state


def _logins(text: bytes) -> Iterator[LastLogin]:
    lines = text_lines(text)
    if not lines[0].startswith("Username"):
        raise CollectionError("it has no head")
    for line in filter(None, lines[1:]):
        never, once = _NEVER.fullmatch(line), _LOGIN.fullmatch(line)
        if never is not None and _NAME.fullmatch(never[1]):
            yield LastLogin(name=never[1], at=None)
        elif once is not None and _NAME.fullmatch(once[1]):
            yield LastLogin(name=once[1], at=datetime.strptime(once[2], "%a %b %d %H:%M:%S %z %Y").astimezone(UTC))
        else:
            raise CollectionError("a line is no login")


def _grants(text: bytes) -> Iterator[SudoGrant]:
    try:
        policy = parse_json(text)
        unasked = {name for entry in policy.get("Defaults", ()) for name in _unasked(entry)}
        for spec in policy.get("User_Specs", ()):
            for user in spec["User_List"]:
                for granted in spec["Cmnd_Specs"]:
                    yield _grant(_who(user), granted, unasked)
    except (RecordError, AttributeError, KeyError, TypeError) as error:
        raise CollectionError(f"it is no policy of sudo: {type(error).__name__}") from None


def _unasked(entry: Mapping[str, Any]) -> Iterator[str]:
    """Whom Defaults spare the password; Defaults for a host or a command count for everybody, the worse reading."""
    off = any(option.get("authenticate") is False for option in entry["Options"])
    if off:
        bound = entry.get("Binding") or [{}]
        yield from (_who(user) for user in bound) if any("user" in key for user in bound for key in user) else ("ALL",)


def _who(user: Mapping[str, Any]) -> str:
    signs = {"username": "", "usergroup": "%", "userid": "#", "usergid": "%#", "netgroup": "+", "nonunixgroup": "%:"}
    sign, value = next((signs[kind], value) for kind, value in user.items() if kind in signs)
    return escaped(f"{sign}{value}", limit=256)


def _grant(who: str, granted: Mapping[str, Any], unasked: set[str]) -> SudoGrant:
    options = granted.get("Options", ())
    stated = [option["authenticate"] for option in options if "authenticate" in option]
    asks = bool(stated[-1]) if stated else who not in unasked and "ALL" not in unasked
    commands = [f"{'!' if command.get('negated') else ''}{command['command']}" for command in granted["Commands"]]
    return SudoGrant(who=who, commands=tuple(escaped(command, limit=1_024) for command in commands), asks=asks)
