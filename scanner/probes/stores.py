"""The harmless questions to data stores, and whether an answer shows that one was executed for a stranger. Pure."""

from __future__ import annotations

import re
import struct

from scanner.observations import Weakness
from scanner.probes.protocols import Recognised

PING = b"PING\r\n"
"""Of redis; memcached and others give themselves away by how they complain."""
SECOND_QUESTIONS = {"redis": b"INFO server\r\n", "memcached": b"version\r\n"}
"""Asked where the answer to PING does not show it."""
SSL_REQUEST = struct.pack(">ii", 8, 80_877_103)
"""PostgreSQL's question whether TLS may follow (protocol 3.0, SSLRequest)."""

_NOT_EXECUTED = re.compile(rb"-(NOAUTH|DENIED|ERR operation not permitted)")
_NOT_THIS_ONE = re.compile(rb"-(ERR unknown command|NOPERM|LOADING|MASTERDOWN|BUSY|MISCONF|CLUSTERDOWN)")
_INFO = re.compile(rb"\$\d{1,7}\r\n# Server")


def pinged(said: bytes) -> Recognised | None:
    """What the answer to PING, or to the question after it, shows; None where neither redis nor memcached answers."""
    if said.startswith(b"+PONG") or _INFO.match(said):
        return Recognised("redis", strangers=True)
    if _NOT_EXECUTED.match(said):
        return Recognised("redis", strangers=False)
    if _NOT_THIS_ONE.match(said):
        return Recognised("redis", doubt="it does not execute PING or INFO for a stranger; another command it may")
    if re.match(rb"VERSION \d", said):
        return Recognised("memcached", strangers=True)
    if said.startswith(b"CLIENT_ERROR unauthenticated"):
        return Recognised("memcached", strangers=False)
    return None


def second_question(said: bytes) -> bytes | None:
    """What to ask on the same connection after this answer to PING; None where there is nothing more to ask."""
    if said.startswith(b"ERROR\r\n"):
        return SECOND_QUESTIONS["memcached"]
    return SECOND_QUESTIONS["redis"] if _NOT_THIS_ONE.match(said) else None


def get(path: str, host: str) -> bytes:
    """A plain GET, without a credential."""
    return f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode("ascii", "replace")


COUCHDB_LIST = "/_all_dbs"
"""Where CouchDB lists its databases: its front page welcomes everybody, whoever may read the rest."""
_HTTP = re.compile(rb"HTTP/\d\.\d (\d{3})")


def http(said: bytes) -> Recognised | None:
    """A data store behind HTTP, or plain HTTP, by what it answers to GET /; None where it is not HTTP."""
    found = _HTTP.match(said)
    if not found:
        return None
    if found[1] == b"401":
        secured = re.search(rb'"security_exception"|realm="(security|OpenSearch Security)"', said)
        return Recognised("elasticsearch" if secured else "http", strangers=False)
    if found[1] == b"200" and b'"cluster_name"' in said and b'"lucene_version"' in said:
        return Recognised("elasticsearch", strangers=True)
    if found[1] == b"200" and b'"couchdb"' in said and b'"Welcome"' in said:
        return Recognised("couchdb", doubt="it does not say whether it lists its databases")
    return Recognised("http", doubt="a page shows nothing about what lies behind it: declare this service as http or https")


def couchdb(said: bytes) -> Recognised:
    """What the answer to COUCHDB_LIST shows."""
    found = _HTTP.match(said)
    status = found[1] if found else b""
    if status == b"200":
        return Recognised("couchdb", strangers=True)
    if status in (b"401", b"403"):
        return Recognised("couchdb", strangers=False)
    return Recognised("couchdb", doubt="it does not say whether it lists its databases")


def postgresql(said: bytes) -> Recognised | None:
    """The answer to SSL_REQUEST: one letter. Whether it asks for a password only a named user would learn."""
    if said not in (b"S", b"N"):
        return None
    return Recognised("postgresql", weaknesses=(Weakness.NO_TLS,) if said == b"N" else ())


MONGO_HELLO, MONGO_LIST = 1, 2
"""Request ids of the two questions to MongoDB: who are you, and which databases are there."""
_OP_MSG = 2_013
_UNAUTHORIZED = b"\x10code\0" + struct.pack("<i", 13)


def mongo(request: int) -> bytes:
    """`hello`, or `listDatabases` by name only and from a secondary too, as an OP_MSG (MongoDB wire protocol)."""
    command = b"\x10hello\0" if request == MONGO_HELLO else b"\x10listDatabases\0"
    fields = command + struct.pack("<i", 1) + b"\x02$db\0" + _sized(b"admin\0")
    if request == MONGO_LIST:
        fields += b"\x08nameOnly\0\x01\x03$readPreference\0" + _document(b"\x02mode\0" + _sized(b"secondaryPreferred\0"))
    body = struct.pack("<IB", 0, 0) + _document(fields)
    return struct.pack("<iiii", len(body) + 16, request, 0, _OP_MSG) + body


def mongo_answered(said: bytes, request: int) -> bool:
    """Whether this is MongoDB's answer to the request, or its beginning."""
    if len(said) < 26:
        return False
    length, _own, to, kind = struct.unpack("<iiii", said[:16])
    return bool(to == request and kind == _OP_MSG and 26 <= length <= 48_000_000)


def mongo_listed(said: bytes) -> Recognised:
    """What the answer to `listDatabases` shows; only Unauthorized says no, for a server has other reasons to refuse."""
    if mongo_answered(said, MONGO_LIST):
        if b"\x04databases\0" in said[20:]:
            return Recognised("mongodb", strangers=True)
        if _UNAUTHORIZED in said:
            return Recognised("mongodb", strangers=False)
    return Recognised("mongodb", doubt="it neither lists its databases nor says that a login is needed")


def _document(fields: bytes) -> bytes:
    return struct.pack("<i", len(fields) + 5) + fields + b"\0"


def _sized(text: bytes) -> bytes:
    return struct.pack("<i", len(text)) + text
