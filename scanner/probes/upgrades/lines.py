"""Change to TLS in protocols of lines: mail, news, chat and file transfer."""

from __future__ import annotations

import re
from typing import NoReturn

from scanner.probes.upgrades.talk import Stream, Talk, refuses, speaks_otherwise, turned_away

_OURSELVES = b"clearance.invalid"
_TRIES = 20
"""Lines of other matters that may come before an answer."""


def smtp(talk: Talk, _: str) -> Stream:
    """SMTP (RFC 3207)."""
    return _mail(talk, b"EHLO")


def lmtp(talk: Talk, _: str) -> Stream:
    """LMTP (RFC 2033 section 4, RFC 3207)."""
    return _mail(talk, b"LHLO")


def _mail(talk: Talk, hello: bytes) -> Stream:
    _coded(talk, b"220")
    talk.say(hello + b" " + _OURSELVES + b"\r\n")
    offered = _coded(talk, b"250")
    if not any(line[4:].strip().upper() == b"STARTTLS" for line in offered):
        refuses(offered)
    talk.say(b"STARTTLS\r\n")
    _accepted(talk, b"220")
    return talk.sealed()


def ftp(talk: Talk, _: str) -> Stream:
    """FTP (RFC 4217 section 4)."""
    _coded(talk, b"220")
    talk.say(b"AUTH TLS\r\n")
    _accepted(talk, b"234")
    return talk.sealed()


def nntp(talk: Talk, _: str) -> Stream:
    """NNTP (RFC 4642 section 2.2)."""
    greeting = talk.line()
    if greeting[:3] not in (b"200", b"201"):
        _not_greeted(greeting)
    talk.say(b"STARTTLS\r\n")
    answer = talk.line()
    if not answer.startswith(b"382"):
        refuses(answer)
    return talk.sealed()


def imap(talk: Talk, _: str) -> Stream:
    """IMAP (RFC 9051 section 6.2.1)."""
    greeting = talk.line()
    if not greeting.upper().startswith((b"* OK", b"* PREAUTH")):
        _not_greeted(greeting)
    talk.say(b"a1 STARTTLS\r\n")
    answer = talk.reply(lambda line: line.startswith(b"a1 "))[-1]
    if not answer.upper().startswith(b"A1 OK"):
        refuses(answer)
    return talk.sealed()


def pop3(talk: Talk, _: str) -> Stream:
    """POP3 (RFC 2595 section 4)."""
    greeting = talk.line()
    if not greeting.startswith(b"+OK"):
        _not_greeted(greeting)
    talk.say(b"STLS\r\n")
    answer = talk.line()
    if not answer.startswith(b"+OK"):
        refuses(answer)
    return talk.sealed()


def sieve(talk: Talk, _: str) -> Stream:
    """ManageSieve (RFC 5804 sections 1.7 and 2.2)."""
    offered = _until_ok(talk)
    if not any(line.strip().strip(b'"').upper() == b"STARTTLS" for line in offered):
        refuses(offered)
    talk.say(b"STARTTLS\r\n")
    answer = talk.line()
    if not answer.upper().startswith(b"OK"):
        refuses(answer)
    return talk.sealed()


def _until_ok(talk: Talk) -> list[bytes]:
    first = talk.line()
    if not first.startswith(b'"') and not first.upper().startswith(b"OK"):
        speaks_otherwise(first)
    return [first] if _ended(first) else [first, *talk.reply(_ended)]


def _ended(line: bytes) -> bool:
    return re.match(rb"(OK|NO|BYE)\b", line, re.IGNORECASE) is not None


def irc(talk: Talk, _: str) -> Stream:
    """IRC (the IRCv3 extension tls: numeric 670 grants it, 691 refuses)."""
    talk.say(b"STARTTLS\r\n")
    for _attempt in range(_TRIES):
        line = talk.line()
        if line.startswith(b"PING"):
            talk.say(b"PONG" + line[4:] + b"\r\n")
            continue
        words = line.split(b" ", 2)
        code = words[1] if line.startswith(b":") and len(words) > 1 else words[0]
        if code == b"670":
            return talk.sealed()
        if code in (b"691", b"421", b"451", b"ERROR"):
            refuses(line)
        if code not in (b"NOTICE", b"020", b"CAP"):
            speaks_otherwise(line)
    return refuses(b"no answer to STARTTLS")


def _coded(talk: Talk, code: bytes) -> list[bytes]:
    """A reply of one or several numbered lines (RFC 5321 section 4.2.1); raises UpgradeError where it has another number."""
    found = talk.reply(lambda line: re.match(rb"\d{3}(?!-)", line) is not None or not re.match(rb"(\d{3}-|[ \t])", line))
    if not found[-1].startswith(code):
        _not_greeted(found[-1])
    return found


def _not_greeted(said: bytes) -> NoReturn:
    """Raises for a first word other than a greeting: the protocol's own refusal, or something else."""
    if re.match(rb"[45]\d\d[ -]|\* BYE\b|-ERR\b", said, re.IGNORECASE):
        turned_away(said)
    speaks_otherwise(said)


def _accepted(talk: Talk, code: bytes) -> None:
    answer = talk.reply(lambda line: re.match(rb"\d{3}-", line) is None)
    if not answer[-1].startswith(code):
        refuses(answer)
