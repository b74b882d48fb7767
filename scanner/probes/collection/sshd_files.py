"""What the SSH server's own files set, where the server could not be asked: the first value wins, an Include stands where it is written.

Only what is judged is reckoned, in the words in which `sshd -T` prints it. A line whose meaning is not certain makes all of it unread.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from scanner.probes.collection.sections import CollectionError, Files

ROOT = "/etc/ssh/sshd_config"

DEFAULTS = {
    "authenticationmethods": "any",
    "clientalivecountmax": "3",
    "clientaliveinterval": "0",
    "disableforwarding": "no",
    "gssapiauthentication": "no",
    "hostbasedauthentication": "no",
    "ignorerhosts": "yes",
    "kbdinteractiveauthentication": "yes",
    "logingracetime": "120",
    "loglevel": "INFO",
    "maxauthtries": "6",
    "passwordauthentication": "yes",
    "permitemptypasswords": "no",
    "permituserenvironment": "no",
    "x11forwarding": "no",
}
"""Defaults that sshd_config(5) has given alike since OpenSSH 7.4 (RHEL 7); compared with the source of 7.7 and the program of 9.2.

Those of PermitRootLogin, which distributors change, and of UsePAM are not among them: where the files do not say, nobody knows."""

_KEYWORDS = """
    acceptenv addressfamily afstokenpassing allowagentforwarding allowgroups allowstreamlocalforwarding allowtcpforwarding allowusers
    authenticationmethods authorizedkeyscommand authorizedkeyscommanduser authorizedkeysfile authorizedkeysfile2
    authorizedprincipalscommand authorizedprincipalscommanduser authorizedprincipalsfile banner casignaturealgorithms
    challengeresponseauthentication channeltimeout checkmail chrootdirectory ciphers clientalivecountmax clientaliveinterval compression
    debianbanner denygroups denyusers disableforwarding dsaauthentication exposeauthinfo fingerprinthash forcecommand gatewayports
    gssapiauthentication gssapicleanupcredentials gssapicleanupcreds gssapienablek5users gssapikexalgorithms gssapikeyexchange
    gssapistorecredentialsonrekey gssapistrictacceptorcheck gssapiusesessioncredcache gssusesessionccache hostbasedacceptedalgorithms
    hostbasedacceptedkeytypes hostbasedauthentication hostbasedusesnamefrompacketonly hostcertificate hostdsakey hostkey hostkeyagent
    hostkeyalgorithms ignorerhosts ignoreuserknownhosts include ipqos kbdinteractiveauthentication keepalive kerberosauthentication
    kerberosgetafstoken kerberosorlocalpasswd kerberostgtpassing kerberosticketcleanup kerberosuniqueccache kerberosusekuserok
    kexalgorithms keyregenerationinterval listenaddress logingracetime loglevel logverbose macs match maxauthtries maxsessions
    maxstartups modulifile pamauthenticationviakbdint passwordauthentication permitblacklistedkeys permitemptypasswords permitlisten
    permitopen permitrootlogin permittty permittunnel permituserenvironment permituserrc persourcemaxstartups persourcenetblocksize
    persourcepenalties persourcepenaltyexemptlist pidfile port printlastlog printmotd protocol pubkeyacceptedalgorithms
    pubkeyacceptedkeytypes pubkeyauthentication pubkeyauthoptions refuseconnection rekeylimit requiredrsasize reversemappingcheck
    revokedkeys rdomain rhostsauthentication rhostsrsaauthentication rsaauthentication rsaminsize securitykeyprovider serverkeybits
    setenv showpatchlevel skeyauthentication sshdauthpath sshdsessionpath streamlocalbindmask streamlocalbindunlink strictmodes subsystem
    syslogfacility tcpkeepalive trustedusercakeys unusedconnectiontimeout usedns uselogin usepam useprivilegeseparation
    verifyreversemapping versionaddendum x11displayoffset x11forwarding x11uselocalhost xauthlocation
"""
_KNOWN = frozenset(_KEYWORDS.split())
"""Every keyword of sshd_config(5) and of Debian's and Red Hat's changes to it; another one may mean anything."""

_LINE = re.compile(r"[ \t]*([A-Za-z0-9]{1,60})(?:[ \t]*=[ \t]*|[ \t]+)(.*)")
_WORD = re.compile(r"\"([^\"'\\]*)\"(?=[ \t]|$)|([^ \t\"'\\#=][^ \t\"'\\=]*)")
_CRITERIA = {"address", "group", "host", "localaddress", "localport", "rdomain", "user"}
_SPACE = re.compile(r"[ \t\r\f]*")
_INCLUDED = re.compile(r"/?(?:[A-Za-z0-9_.,@+-]+/)*[A-Za-z0-9_.,@+*?-]+")
_COUNT = re.compile(r"0|[1-9][0-9]{0,8}")
_SPAN = re.compile(r"([0-9]{1,9})([smhdwSMHDW]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LEVELS = ("SILENT", "QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3")
_DEPTH = 16
_LINES = 100_000
_INTERACTIVE = "kbdinteractiveauthentication"
_CHALLENGE = ("challengeresponseauthentication", "skeyauthentication")
LISTS = ("allowusers", "allowgroups", "denyusers", "denygroups")
"""Settings that every line adds to; where none does, they are empty."""


def reckoned(files: Files, root: str = ROOT) -> dict[str, list[str]]:
    """The values in force of the settings that are judged, but for Match blocks; one that is not certain is left out."""
    first: dict[str, str] = {}
    found: dict[str, list[str]] = defaultdict(list)
    for name, words in _Walk(files, root).lines():
        if name in LISTS:
            found[name] += words
        elif (read := _READERS.get(name)) is not None:
            first.setdefault(name, read(words))
    for name, value in (DEFAULTS | _settled(first)).items():
        found[name] = [value]
    if first.get("permituserenvironment") == "":
        del found["permituserenvironment"]
    if _disputed(first):
        del found[_INTERACTIVE]
    return dict(found)


class _Walk:
    """One pass over the files, from the first on."""

    def __init__(self, files: Files, root: str) -> None:
        self._files, self._root = files, root
        self._folder = PurePosixPath(root).parent
        self._reached: set[str] = set()
        self._left = _LINES

    def lines(self) -> Iterator[tuple[str, list[str]]]:
        """Each setting outside of Match blocks with its words, in the order in which they count."""
        if self._root not in self._files:
            raise CollectionError(f"no {self._root}")
        yield from self._of(self._root, 0)
        if self._files.keys() - self._reached:
            raise CollectionError("a file was read that nothing includes")

    def _of(self, path: str, depth: int) -> Iterator[tuple[str, list[str]]]:
        if depth > _DEPTH:
            raise CollectionError("files include each other without end")
        self._reached.add(path)
        block = ""  # a Match block ends with its file
        for line in self._files[path]:
            self._left -= 1
            if self._left < 0:
                raise CollectionError("files include too much")
            name, rest = _keyword(line)
            if name == "match":
                block = _block(_words(name, rest))
            elif name == "include":
                if block:
                    raise CollectionError("a Match block includes other files, which is not read")
                for included in [path for pattern in _words(name, rest) for path in self._matching(pattern)]:
                    yield from self._of(included, depth + 1)
            elif _is_judged(name, block):
                yield name, _words(name, rest)

    def _matching(self, pattern: str) -> list[str]:
        if _INCLUDED.fullmatch(pattern) is None:
            raise CollectionError("an Include whose files are not certain")
        whole = PurePosixPath(pattern if pattern.startswith("/") else f"{self._folder}/{pattern}")
        return sorted(
            path
            for path in self._files
            if str(PurePosixPath(path).parent) == str(whole.parent)
            and fnmatchcase(PurePosixPath(path).name, whole.name)
            and (not PurePosixPath(path).name.startswith(".") or whole.name.startswith("."))
        )


def _keyword(line: str) -> tuple[str, str]:
    """The setting that a line is about, and the rest of it; two empty words for a line that says nothing."""
    if not line or line.startswith("#"):
        return "", ""
    match = _LINE.fullmatch(line)
    if match is None:
        raise CollectionError("a line is no setting")
    name = match[1].lower()
    if name not in _KNOWN:
        raise CollectionError("a setting is of no known meaning")
    return name, match[2]


def _is_judged(name: str, block: str) -> bool:
    """Whether this setting counts here: outside of blocks; what one for all sets, versions print differently."""
    if name not in _READERS and name not in LISTS:
        return False
    if block == "all":
        raise CollectionError("a Match block for all sets what is judged")
    return not block


def _block(words: list[str]) -> str:
    """Which connections a Match block is about: all or some."""
    if [word.lower() for word in words] == ["all"]:
        return "all"
    if len(words) % 2 or {word.lower() for word in words[::2]} - _CRITERIA:
        raise CollectionError("a Match block has a condition of no known meaning")
    return "some"


def _words(name: str, rest: str) -> list[str]:
    """The words of a line: plain, or in double quotes; a comment ends the line of a setting with one value."""
    found: list[str] = []
    at = 0
    while at < len(rest):
        if rest[at] == "#" and name not in (*LISTS, "include", "authenticationmethods"):
            break
        match = _WORD.match(rest, at)
        if match is None:
            raise CollectionError("a value is written in a way that is not read")
        found.append(match[2] if match[1] is None else match[1])
        blank = _SPACE.match(rest, match.end())
        at = len(rest) if blank is None else blank.end()
        if at == match.end() and at < len(rest):
            raise CollectionError("a value is written in a way that is not read")
    if not found or "" in found:
        raise CollectionError("a setting has no value")
    return found


def _one(words: list[str]) -> str:
    if len(words) != 1:
        raise CollectionError("a setting has more than one value")
    return words[0]


def _among(*allowed: str, same: Mapping[str, str] | None = None) -> Callable[[list[str]], str]:
    def read(words: list[str]) -> str:
        value = _one(words).lower()
        value = (same or {}).get(value, value)
        if value not in allowed:
            raise CollectionError("a setting has a value it cannot have")
        return value

    return read


def _count(words: list[str]) -> str:
    if _COUNT.fullmatch(value := _one(words)) is None:
        raise CollectionError("a setting has a value it cannot have")
    return value


def _seconds(words: list[str]) -> str:
    value = _one(words)
    spans = [(match[1], match[2].lower()) for match in _SPAN.finditer(value)]
    if not spans or "".join(match[0] for match in _SPAN.finditer(value)) != value:
        raise CollectionError("a setting has a value it cannot have")
    return str(sum(int(number) * _SECONDS[unit] for number, unit in spans))


def _level(words: list[str]) -> str:
    value = _one(words).upper()
    if value not in _LEVELS:
        raise CollectionError("a setting has a value it cannot have")
    return {"DEBUG1": "DEBUG", "QUIET": "SILENT"}.get(value, value)


def _environment(words: list[str]) -> str:
    """Yes or no; a pattern of names, which not every version knows, is left open."""
    value = _one(words).lower()
    return value if value in ("yes", "no") else ""


_FLAG = _among("yes", "no")
_READERS: Mapping[str, Callable[[list[str]], str]] = {
    **dict.fromkeys(
        (
            "disableforwarding",
            "gssapiauthentication",
            "hostbasedauthentication",
            "passwordauthentication",
            "permitemptypasswords",
            "usepam",
            "x11forwarding",
            _INTERACTIVE,
            *_CHALLENGE,
        ),
        _FLAG,
    ),
    "authenticationmethods": " ".join,
    "clientalivecountmax": _count,
    "clientaliveinterval": _seconds,
    "ignorerhosts": _among("yes", "no", "shosts-only"),
    "logingracetime": _seconds,
    "loglevel": _level,
    "maxauthtries": _count,
    "permitrootlogin": _among(
        "yes", "no", "without-password", "forced-commands-only", same={"prohibit-password": "without-password"}
    ),
    "permituserenvironment": _environment,
}


def _settled(first: Mapping[str, str]) -> dict[str, str]:
    """The settings by the names that `sshd -T` prints; the older name of the keyboard-interactive method is that method's."""
    said = [value for name, value in first.items() if name in (_INTERACTIVE, *_CHALLENGE)]
    found = {name: value for name, value in first.items() if name not in _CHALLENGE}
    return found | ({_INTERACTIVE: said[0]} if said else {})


def _disputed(first: Mapping[str, str]) -> bool:
    """Whether the two names of the method disagree, the later one allowing it: a server before 8.7 keeps them apart, a later one not."""
    said = [value for name, value in first.items() if name in (_INTERACTIVE, *_CHALLENGE)]
    return bool(said) and said[0] == "no" and "yes" in said
