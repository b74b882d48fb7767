"""Which protocol bytes belong to, and whether an answer shows a command executed for a stranger. Pure; trusts no byte."""

from __future__ import annotations

import re
import ssl
import struct
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A protocol, and what its bytes show about strangers."""

    protocol: str
    strangers: bool | None = None
    """Whether a command was executed without a credential; None where the bytes do not show it."""


_GREETINGS: tuple[tuple[str, str, bool | None], ...] = (
    # protocol, pattern of the first bytes, what they show about strangers
    ("ssh", r"SSH-\d", False),
    ("vnc", r"RFB \d{3}\.\d{3}\n", None),
    ("rsync", r"@RSYNCD: ", None),
    ("smtp", r"[245]\d\d[ -][^\r\n]*\bE?SMTP\b", False),
    ("lmtp", r"220[ -][^\r\n]*\bLMTP\b", False),
    ("nntp", r"20[01][ -][^\r\n]*\b(NNTP|NNRP|INN|news)", None),
    ("ftp", r"(220|120|421|530)[ -][^\r\n]*(FTP|FileZilla)", False),
    ("pop3", r"(\+OK|-ERR)[ \r]", False),
    ("imap", r"\* PREAUTH", True),
    ("imap", r"\* (OK|BYE)\b", False),
    ("sieve", r'"IMPLEMENTATION" ', False),
    ("irc", r":[^ ]+ (NOTICE|020|001) ", None),
    ("memcached", r"(VERSION \d|STAT pid )", True),
    ("http", r"HTTP/\d\.\d \d{3}", None),
    ("telnet", r"(?s).{0,2000}(login|username|user name|password): ?$", False),
)
_COMPILED = tuple((name, re.compile(pattern.encode(), re.IGNORECASE), strangers) for name, pattern, strangers in _GREETINGS)
_IAC, _NEGOTIATIONS = 0xFF, range(0xFB, 0xFF)


def greeted(said: bytes) -> Recognised | None:
    """The protocol of what a peer says before it is asked anything; None where it is not recognised."""
    if len(said) >= 3 and said[0] == _IAC and said[1] in _NEGOTIATIONS:
        prompts = re.search(rb"(login|username|password): ?$", said, re.IGNORECASE)
        return Recognised("telnet", strangers=False if prompts else None)
    for name, pattern, strangers in _COMPILED:
        if pattern.match(said):
            return Recognised(name, strangers)
    return _mysql(said)


def _mysql(said: bytes) -> Recognised | None:
    """A handshake of protocol 10, or the error that a host is not let in: either way nothing before a credential."""
    if len(said) < 6 or said[3] != 0 or int.from_bytes(said[:3], "little") > 4_096:
        return None
    handshake = said[4] == 10 and re.match(rb"[\d.]+[0-9A-Za-z.+~:_-]*\0", said[5:])
    refused = said[4] == 0xFF and len(said) > 7 and struct.unpack("<H", said[5:7])[0] in (1040, 1129, 1130)
    return Recognised("mysql", strangers=False) if handshake or refused else None


def vnc_strangers(said: bytes, version: bytes) -> bool | None:
    """Whether a VNC server offers the security type None (RFC 6143 section 7.1.2)."""
    if version < b"003.007":
        return said[:4] == b"\0\0\0\x01" if len(said) >= 4 else None
    return 1 in said[1 : 1 + said[0]] if said and 0 < said[0] < len(said) else None


def pinged(said: bytes) -> Recognised | None:
    """The answer to PING: redis says whether it executes it, others give themselves away by how they complain."""
    if said.startswith(b"+PONG"):
        return Recognised("redis", strangers=True)
    if re.match(rb"-(NOAUTH|DENIED|WRONGPASS|ERR operation not permitted|ERR Client sent AUTH)", said):
        return Recognised("redis", strangers=False)
    if said.startswith(b"ERROR\r\n"):
        return Recognised("memcached")
    return greeted(said)


def http_store(said: bytes) -> Recognised:
    """A data store behind HTTP, by what it answers to GET /."""
    status = said[9:12]
    for name, marks in (("elasticsearch", (b'"cluster_name"', b'"lucene_version"')), ("couchdb", (b'"couchdb"', b'"Welcome"'))):
        if all(mark in said for mark in marks):
            return Recognised(name, strangers=status == b"200")
    if status == b"401" and re.search(rb'"security_exception"|realm="security"', said):
        return Recognised("elasticsearch", strangers=False)
    return Recognised("http")


def postgresql(said: bytes) -> Recognised | None:
    """The answer to SSLRequest: one letter (PostgreSQL protocol 3, section SSL session encryption)."""
    return Recognised("postgresql") if said in (b"S", b"N") else None


def tls(said: bytes) -> bool:
    """Whether this is a TLS record: an answer to a ClientHello, be it an alert."""
    return len(said) >= 3 and said[0] in (0x15, 0x16) and said[1] == 3 and said[2] <= 4


def client_hello() -> bytes:
    """A ClientHello of this machine's TLS library."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake waits for the peer")


_OP_MSG, _OP_REPLY = 2013, 1
MONGO_HELLO = 1
MONGO_LIST = 2


def mongo(request: int) -> bytes:
    """`hello`, or `listDatabases` by name only, as an OP_MSG with this request id."""
    command = b"\x10hello\0" if request == MONGO_HELLO else b"\x10listDatabases\0"
    names_only = b"" if request == MONGO_HELLO else b"\x08nameOnly\0\x01"
    fields = command + struct.pack("<i", 1) + names_only + b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0"
    document = struct.pack("<i", len(fields) + 5) + fields + b"\0"
    body = struct.pack("<IB", 0, 0) + document
    return struct.pack("<iiii", len(body) + 16, request, 0, _OP_MSG) + body


def mongo_answer(said: bytes, request: int) -> bool | None:
    """Whether the answer to this request reports success; None where it is no answer of MongoDB's."""
    if len(said) < 21:
        return None
    length, _own, to, kind = struct.unpack("<iiii", said[:16])
    if to != request or kind not in (_OP_MSG, _OP_REPLY) or not 21 <= length <= 64_000_000:
        return None
    found = said.rfind(b"\x01ok\0")
    return found > 0 and said[found + 4 : found + 12] == struct.pack("<d", 1.0)
