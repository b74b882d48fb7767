"""A server's first flight taken apart: its hello or retry, certificates, key exchange or alert. Bytes in, facts out; trusts none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from scanner.observations import TlsVersion
from scanner.probes.sweep.client_hello import WIRE_VERSIONS, Extension
from scanner.probes.sweep.registry import FINITE_FIELD

_VERSIONS = {wire: version for version, wire in WIRE_VERSIONS.items()}
_RECORDS = range(0x14, 0x19)
_ALERT, _HANDSHAKE = 0x15, 0x16
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random by which a HelloRetryRequest is known (RFC 8446 section 4.1.3)."""
_NAMED_CURVE = 3


class Kind(IntEnum):
    """The handshake messages that are read."""

    SERVER_HELLO = 2
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    SERVER_HELLO_DONE = 14


class Spoke(StrEnum):
    """What kind of answer a hello got."""

    HELLO = "hello"
    ALERT = "alert"
    CLOSED = "closed"
    SILENT = "silent"
    SOMETHING_ELSE = "something-else"


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server picked."""

    version: TlsVersion
    suite: int
    compression: bool
    extensions: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def secure_renegotiation(self) -> bool:
        """Whether it confirms RFC 5746."""
        return Extension.RENEGOTIATION_INFO in self.extensions

    @property
    def group(self) -> int | None:
        """The group of its key share, or that it asks one for (RFC 8446 section 4.2.8)."""
        share = self.extensions.get(Extension.KEY_SHARE, b"")
        return int.from_bytes(share[:2]) if len(share) >= 2 else None


@dataclass(frozen=True, slots=True)
class Flight:
    """The server's first flight, as far as it was sent."""

    spoke: Spoke
    said: bytes
    """The first bytes, for those who speak something else."""
    alert: int | None = None
    """The alert's description (RFC 8446 section 6); None where there was none."""
    hello: ServerHello | None = None
    chain: tuple[bytes, ...] = ()
    """The certificates as sent, in DER; none in TLS 1.3, where they are encrypted."""
    dh_prime: int | None = None
    """The modulus of the finite-field Diffie-Hellman group sent."""
    curve: int | None = None
    """The named curve of the key exchange; TLS 1.2 and older."""
    signature: bytes = b""
    """The two bytes that name the algorithm of the key exchange's signature; TLS 1.2 alone has them."""
    cut: bool = False
    """Whether the time was over before the flight was whole."""


def flight(data: bytes | None) -> Flight:
    """These bytes taken apart; None stands for a peer that sent nothing and did not close."""
    if data is None:
        return Flight(Spoke.SILENT, b"")
    if not data:
        return Flight(Spoke.CLOSED, b"")
    if not is_tls(data):
        return Flight(Spoke.CLOSED if _is_ssl2(data) else Spoke.SOMETHING_ELSE, data[:256])
    return _taken_apart(data)


def _taken_apart(data: bytes) -> Flight:
    hello: ServerHello | None = None
    chain: tuple[bytes, ...] = ()
    dh_prime = curve = None
    signature = b""
    for kind, body in _messages(data):
        try:
            match kind:
                case Kind.SERVER_HELLO if hello is None:
                    hello = _server_hello(body)
                case Kind.CERTIFICATE:
                    chain = _certificates(body)
                case Kind.SERVER_KEY_EXCHANGE if hello and hello.suite in FINITE_FIELD:
                    dh_prime, signature = _dh_prime(body), _after(body, 0, 2, 2, 2)
                case Kind.SERVER_KEY_EXCHANGE if body[0] == _NAMED_CURVE:
                    curve, signature = int.from_bytes(body[1:3]), _after(body, 3, 1)
        except (IndexError, KeyError):
            break
    if hello is None:
        return Flight(Spoke.ALERT, data[:7], alert=_alert(data))
    return Flight(Spoke.HELLO, data[:7], None, hello, chain, dh_prime, curve, signature=signature)


def is_whole(data: bytes | bytearray) -> bool:
    """Whether nothing more need be read: the flight's end, an alert, a hello of TLS 1.3, or not TLS at all."""
    if len(data) < 6:
        return False
    if not is_tls(data) or data[0] == _ALERT:
        return not is_tls(data) or len(data) >= 7
    for kind, body in _messages(data):
        if kind == Kind.SERVER_HELLO_DONE:
            return True
        if kind == Kind.SERVER_HELLO:
            try:
                if _server_hello(body).version is TlsVersion.TLS_1_3:
                    return True
            except (IndexError, KeyError):
                return True
    return _alert(data) is not None


def is_tls(data: bytes | bytearray) -> bool:
    """Whether these bytes begin with a record of SSL 3.0 or later."""
    return len(data) > 2 and data[0] in _RECORDS and data[1] == 3


def _is_ssl2(data: bytes) -> bool:
    return len(data) > 2 and data[0] & 0x80 != 0 and data[2] in (0, 4)


def _records(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 5 <= len(data) and data[at] in _RECORDS:
        size = int.from_bytes(data[at + 3 : at + 5])
        yield data[at], bytes(data[at + 5 : at + 5 + size])
        at += 5 + size


def _alert(data: bytes | bytearray) -> int | None:
    """The first alert that is fatal, or else the last warning; a warning alone is no answer yet."""
    for kind, body in _records(data):
        if kind == _ALERT and len(body) == 2 and body[0] == 2:
            return body[1]
    alerts = [body[1] for kind, body in _records(data) if kind == _ALERT and len(body) == 2]
    return alerts[-1] if alerts and data[0] == _ALERT else None


def _messages(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """The handshake messages in these records, whole ones only, however they are cut or joined."""
    stream = bytearray()
    for kind, body in _records(data):
        if kind == _HANDSHAKE:
            stream += body
    start = 0
    while start + 4 <= len(stream):
        end = start + 4 + int.from_bytes(stream[start + 1 : start + 4])
        if end > len(stream):
            return
        yield stream[start], bytes(stream[start + 4 : end])
        start = end


def _server_hello(body: bytes) -> ServerHello:
    after = 35 + body[34] + 2
    suite, compression = int.from_bytes(body[after - 2 : after]), body[after] != 0
    extensions: dict[int, bytes] = {}
    at = after + 3
    while at + 4 <= len(body):
        size = int.from_bytes(body[at + 2 : at + 4])
        extensions[int.from_bytes(body[at : at + 2])] = body[at + 4 : at + 4 + size]
        at += 4 + size
    chosen = extensions.get(Extension.SUPPORTED_VERSIONS, body[:2])
    version = _VERSIONS[int.from_bytes(chosen[:2])]
    if body[2:34] == _RETRY:
        version = TlsVersion.TLS_1_3
    return ServerHello(version, suite, compression, extensions)


def _certificates(body: bytes) -> tuple[bytes, ...]:
    found, at = [], 3
    while at + 3 <= len(body):
        size = int.from_bytes(body[at : at + 3])
        found.append(body[at + 3 : at + 3 + size])
        at += 3 + size
    return tuple(found)


def _after(body: bytes, at: int, *widths: int) -> bytes:
    """Two bytes after the fields of these widths of length; none where they are not there."""
    for width in widths:
        at += width + int.from_bytes(body[at : at + width])
    return body[at : at + 2] if at + 2 <= len(body) else b""


def _dh_prime(body: bytes) -> int | None:
    size = int.from_bytes(body[:2])
    return int.from_bytes(body[2 : 2 + size]) if 2 + size <= len(body) else None
