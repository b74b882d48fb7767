"""Where the system log goes: what rsyslog and syslog-ng are told to send to other machines. logs.py collects it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Literal

from scanner.observations import LogTarget, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, Files, files
from scanner.record import escaped

ALL, SOME = "*.*", "what conditions let through"

_RSYSLOG, _SYSLOG_NG = "/etc/rsyslog.conf", "/etc/syslog-ng/syslog-ng.conf"
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_REMARK = re.compile(r"/\*.*?\*/", re.DOTALL)
_INCLUDE = re.compile(
    r"(?im)^\s*(?:\$IncludeConfig\s+(\S+)|include\s*\(\s*file\s*=\s*\"([^\"]+)\"[^)]*\)|@include\s+\"([^\"]+)\")"
)
_LEGACY = re.compile(r"([\w*.,;!=/&-]+)\s+-?(@@?)(?:\([^)]*\))?(\[[^\]]+\]|[^\s:;#]+)(?:[:;].*)?")
_ACTION = re.compile(r"(?im)^[ \t]*(?:([\w*.,;!=/&-]+)[ \t]+)?(?:\S.*?[ \t])??action\s*\(((?:[^()\"]|\"[^\"]*\")*)\)")
_PARAMETER = re.compile(r"([A-Za-z.]+)\s*=\s*\"([^\"]*)\"")
_DRIVER = re.compile(r"(?im)^\s*\$DefaultNetstreamDriver\s+(\S+)|\bDefaultNetstreamDriver\s*=\s*\"([^\"]+)\"")
_LEGACY_MODE = re.compile(r"(?im)^\s*\$ActionSendStreamDriverMode\s+(\d+)")
_TLS_DRIVERS = ("gtls", "ossl", "mbedtls")
_DESTINATION = re.compile(r"\bdestination\s+([\w.-]+)\s*\{")
_PATH = re.compile(r"\blog\s*\{")
_NETWORK = re.compile(r"\b(network|syslog|tcp6?|udp6?)\s*\(\s*\"?([^\s\"()]+)\"?")
_TRANSPORT = re.compile(r"\btransport\s*\(\s*\"?(tls|tcp|udp)\"?\s*\)")


def targets(found: Collected) -> tuple[LogTarget, ...] | Unobserved:
    """The machines that the system log is sent to; none where no syslog daemon is set up."""
    return found.read("syslog", lambda text: tuple(_targets(files(text))), Reason.UNREADABLE)


def _targets(held: Files) -> Iterator[LogTarget]:
    if _RSYSLOG in held:
        yield from _rsyslog(_in_force(held, _RSYSLOG, "/etc/rsyslog.d/"))
    if _SYSLOG_NG in held:
        yield from _syslog_ng(_in_force(held, _SYSLOG_NG, "/etc/syslog-ng/conf.d/"))


def _in_force(held: Files, main: str, folder: str) -> str:
    """The text of the main file and of those it includes; one that lies elsewhere makes it unreadable."""
    text = _REMARK.sub("", "\n".join(held[main]))
    for match in _INCLUDE.finditer(text):
        pattern = match[1] or match[2] or match[3]
        if pattern == "scl.conf" or pattern.startswith("/usr/share/syslog-ng/"):
            continue  # syslog-ng's own library of definitions
        if not pattern.startswith(folder):
            raise CollectionError(f"it includes other files than those of {folder}")
        names = [name for name in sorted(held) if fnmatchcase(name, pattern)]
        included = _REMARK.sub("", "\n".join(line for name in names for line in held[name]))
        if _INCLUDE.search(included):
            raise CollectionError("an included file includes others, which is not read")
        text += "\n" + included
    return text


def _depth(text: str) -> int:
    plain = _QUOTED.sub("", text)
    return plain.count("{") - plain.count("}")


# --- rsyslog -------------------------------------------------------------------------------------


def _rsyslog(text: str) -> Iterator[LogTarget]:
    driver = next((match[1] or match[2] for match in reversed([*_DRIVER.finditer(text)])), "")
    for match in _ACTION.finditer(text):
        said = {name.lower(): value for name, value in _PARAMETER.findall(match[2])}
        if said.get("type") in ("omfwd", "omrelp") and "target" in said:
            conditional = _depth(text[: match.start()]) > 0 or not _plain(match[0])
            yield _by_action(said, SOME if conditional else match[1] or ALL, driver)
    yield from _legacy(text, driver)


def _plain(statement: str) -> bool:
    """Whether nothing but a selector stands before the action."""
    return re.match(r"\s*(if|else|call|:)", statement) is None


def _by_action(said: Mapping[str, str], what: str, driver: str) -> LogTarget:
    if said["type"] == "omrelp":
        return _target("rsyslog", said["target"], "relp", encrypted=said.get("tls") == "on", what=what)
    tcp = said.get("protocol", "udp").lower() == "tcp"
    encrypted = tcp and said.get("streamdrivermode") == "1" and said.get("streamdriver", driver) in _TLS_DRIVERS
    return _target("rsyslog", said["target"], "tcp" if tcp else "udp", encrypted=encrypted, what=what)


def _legacy(text: str, driver: str) -> Iterator[LogTarget]:
    """Lines of the old form, `selector @host`; `&` repeats the selector before."""
    selector, depth, mode = SOME, 0, "0"
    for line in text.split("\n"):
        match, set_mode = _LEGACY.fullmatch(line.strip()), _LEGACY_MODE.match(line)
        mode = set_mode[1] if set_mode else mode
        if match is not None and "." in (match[1] if match[1] != "&" else selector):
            selector = selector if match[1] == "&" else match[1]
            tcp = match[2] == "@@"
            encrypted = tcp and mode == "1" and driver in _TLS_DRIVERS
            what = SOME if depth else selector
            yield _target("rsyslog", match[3], "tcp" if tcp else "udp", encrypted=encrypted, what=what)
        elif match is None and re.match(r"[\w*,;!=/-]+\.\S+\s", line.strip()):
            selector = line.split()[0]
        depth += _depth(line)


# --- syslog-ng -----------------------------------------------------------------------------------


def _syslog_ng(text: str) -> Iterator[LogTarget]:
    """The network destinations that a log path leads to."""
    places = {match[1]: _block(text, match.end()) for match in _DESTINATION.finditer(text)}
    for path in (_block(text, match.end()) for match in _PATH.finditer(text)):
        what = SOME if re.search(r"\bfilter\s*[({]", path) else ALL
        for name in re.findall(r"\bdestination\s*\(\s*([\w.-]+)\s*\)", path):
            for driver in _NETWORK.finditer(places.get(name, "")):
                said = _TRANSPORT.search(places[name])
                transport = said[1] if said else "udp" if driver[1].startswith("udp") else "tcp"
                protocol: Literal["udp", "tcp"] = "udp" if transport == "udp" else "tcp"
                yield _target("syslog-ng", driver[2], protocol, encrypted=transport == "tls", what=what)


def _block(text: str, begins: int) -> str:
    depth = 1
    for at in range(begins, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[begins:at]
    raise CollectionError("a block does not end")


def _target(
    by: Literal["rsyslog", "syslog-ng"], host: str, protocol: Literal["udp", "tcp", "relp"], *, encrypted: bool, what: str
) -> LogTarget:
    return LogTarget(by=by, host=escaped(host, limit=300), protocol=protocol, encrypted=encrypted, what=escaped(what, limit=300))
