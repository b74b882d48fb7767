"""One TLS hello written and its answer read without cryptography (RFC 5246): who answers, its pick, its chain.

Reads what OpenSSL refuses to: a certificate message of any size, a Diffie-Hellman group of any size. SSL 3.0 to
TLS 1.2 only, for in TLS 1.3 all of that is encrypted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from ipaddress import ip_address

from scanner.observations import Reason, TlsVersion, Unobserved
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.wire import Wire
from scanner.record import escaped

_WIRE_VERSIONS = {
    0x0300: TlsVersion.SSL_3_0,
    0x0301: TlsVersion.TLS_1_0,
    0x0302: TlsVersion.TLS_1_1,
    0x0303: TlsVersion.TLS_1_2,
}
_RECORDS = range(0x14, 0x19)
_ALERT, _HANDSHAKE = 0x15, 0x16
_RENEGOTIATION_INFO = 0xFF01


class _Message(IntEnum):
    SERVER_HELLO = 2
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12


EPHEMERAL_DH = (
    0x009F, 0x009E, 0x006B, 0x0067, 0x0039, 0x0033, 0x0016, 0x0015, 0x0014, 0x0088, 0x0045, 0x009A,  # DHE_RSA
    0x00A3, 0x00A2, 0x006A, 0x0040, 0x0038, 0x0032, 0x0013, 0x0012, 0x0011, 0x0087, 0x0044, 0x0099,  # DHE_DSS
    0xCCAA, 0xC09F, 0xC09E, 0xC0A3, 0xC0A2, 0xC053, 0xC052, 0x00C4, 0x00BE,  # DHE_RSA: ChaCha20, CCM, ARIA, Camellia
    0x00A7, 0x00A6, 0x006D, 0x006C, 0x003A, 0x0034, 0x001B, 0x001A, 0x0019, 0x0018, 0x0017,  # anonymous
    0x0089, 0x0046, 0x009B,
)  # fmt: skip
"""The suites of the IANA registry that exchange keys by ephemeral finite-field Diffie-Hellman."""

COMMON = (
    0xC02C, 0xC030, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8, 0xC024, 0xC028, 0xC023, 0xC027, 0xC00A, 0xC014,  # ECDHE
    0xC009, 0xC013,
    0xC0AD, 0xC0AC, 0xC0AF, 0xC0AE, 0xC05D, 0xC05C, 0xC061, 0xC060,  # ECDHE: CCM, ARIA
    0x009F, 0x009E, 0xCCAA, 0x006B, 0x0067, 0x0039, 0x0033, 0x0088, 0x0045, 0x0016, 0x0032, 0x0038, 0x0013,  # DHE
    0x009D, 0x009C, 0x003D, 0x003C, 0x0035, 0x002F, 0x0084, 0x0041, 0x0096, 0x0007, 0xC0A1, 0xC09D,  # RSA
    0xC012, 0xC008, 0x000A, 0xC011, 0xC007, 0x0005, 0x0004, 0x0009, 0x0062, 0x0064, 0x0003, 0x0006, 0x0008, 0x0014,
)  # fmt: skip
"""Suites of which most servers accept at least one; fewer than the 128 or so that some stacks fail on."""


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
    secure_renegotiation: bool
    """Whether it confirms RFC 5746."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The server's first flight, as far as it was sent."""

    spoke: Spoke
    said: bytes
    """The first bytes, for those who speak something else."""
    hello: ServerHello | None = None
    chain: tuple[bytes, ...] = ()
    """The certificates as sent, in DER."""
    dh_bits: int | None = None
    """The size of the finite-field Diffie-Hellman group sent."""


def greet(target: Target, port: int, name: str | None, circumstances: Circumstances, suites: tuple[int, ...] = COMMON) -> Flight:
    """The answer to one hello; raises OSError where no connection comes about."""
    ends = time.monotonic() + min(2 * circumstances.timeout, circumstances.deadline)
    with Wire(target.address, port, timeout=circumstances.timeout, ends=ends, limit=circumstances.read_limit) as wire:
        return flight(_received(wire, client_hello(server_name(name), suites)))


def refusal(flight: Flight, target: Target, port: int, circumstances: Circumstances) -> Unobserved | None:
    """Why this peer does not speak TLS at all; None where it does, or may."""
    match flight.spoke:
        case Spoke.SOMETHING_ELSE:
            return Unobserved(reason=Reason.NOT_SPOKEN, detail=f"answers a TLS hello with: {escaped(flight.said, limit=100)}")
        case Spoke.SILENT:
            said = _nudged(target, port, circumstances)
            if said:
                return Unobserved(
                    reason=Reason.NOT_SPOKEN,
                    detail=f"silent to TLS, says to a line of text: {escaped(said, limit=100)}",
                )
            return unobserved("accepts the connection and says nothing", Reason.SILENT)
        case _:
            return None


def server_name(name: str | None) -> str:
    """The name to send as SNI; empty where there is none, for an address has no place there (RFC 6066 section 3)."""
    try:
        return str(ip_address(name or "")) and ""
    except ValueError:
        return name or ""


def client_hello(name: str, suites: tuple[int, ...]) -> bytes:
    """A hello for TLS 1.2 or older that offers these suites and compression."""
    offered = b"".join(suite.to_bytes(2) for suite in suites)
    body = b"\x03\x03" + os.urandom(32) + b"\0" + _sized(offered, 2) + b"\x02\x01\x00" + _sized(_extensions(name), 2)
    return b"\x16\x03\x01" + _sized(b"\x01" + _sized(body, 3), 2)


def flight(data: bytes | None) -> Flight:
    """These bytes taken apart; None stands for a peer that sent nothing and did not close."""
    if data is None:
        return Flight(Spoke.SILENT, b"")
    if not data:
        return Flight(Spoke.CLOSED, b"")
    if not _is_tls(data):
        return Flight(Spoke.CLOSED if _is_ssl2(data) else Spoke.SOMETHING_ELSE, data[:256])
    if data[0] == _ALERT:
        return Flight(Spoke.ALERT, data[:7])
    hello: ServerHello | None = None
    chain: tuple[bytes, ...] = ()
    dh_bits: int | None = None
    for kind, body in _messages(data):
        try:
            match kind:
                case _Message.SERVER_HELLO:
                    hello = _server_hello(body)
                case _Message.CERTIFICATE:
                    chain = _certificates(body)
                case _Message.SERVER_KEY_EXCHANGE if hello and hello.suite in EPHEMERAL_DH:
                    dh_bits = _dh_bits(body)
        except (IndexError, KeyError):
            break
    return Flight(Spoke.HELLO if hello else Spoke.ALERT, data[:7], hello, chain, dh_bits)


def _received(wire: Wire, hello: bytes) -> bytes | None:
    data = bytearray()
    try:
        wire.send(hello)
        while not _is_whole(data):
            more = wire.read()
            if not more:
                break
            data += more
    except TimeoutError:
        return bytes(data) or None
    except ConnectionError:
        pass  # a peer that slams the door closes; what it said before stands
    return bytes(data)


def _is_whole(data: bytearray) -> bool:
    """Whether the flight ends here: with a ServerHelloDone, an alert, or not being TLS at all."""
    if len(data) < 6:
        return False
    if not _is_tls(data) or data[0] == _ALERT:
        return True
    return data.endswith(b"\x0e\0\0\0") or (data[-7:-5] == b"\x15\x03" and data[-4:-2] == b"\0\x02")


def _is_tls(data: bytes | bytearray) -> bool:
    return len(data) > 2 and data[0] in _RECORDS and data[1] == 3


def _is_ssl2(data: bytes) -> bool:
    return len(data) > 2 and data[0] & 0x80 != 0 and data[2] in (0, 4)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The handshake messages in these records, whole ones only."""
    stream, at = bytearray(), 0
    while at + 5 <= len(data) and data[at] == _HANDSHAKE:
        size = int.from_bytes(data[at + 3 : at + 5])
        stream += data[at + 5 : at + 5 + size]
        at += 5 + size
    start = 0
    while start + 4 <= len(stream):
        end = start + 4 + int.from_bytes(stream[start + 1 : start + 4])
        if end > len(stream):
            return
        yield stream[start], bytes(stream[start + 4 : end])
        start = end


def _server_hello(body: bytes) -> ServerHello:
    after = 35 + body[34] + 2
    extensions, at = body[after + 3 :], 0
    renegotiation = False
    while at + 4 <= len(extensions):
        renegotiation = renegotiation or int.from_bytes(extensions[at : at + 2]) == _RENEGOTIATION_INFO
        at += 4 + int.from_bytes(extensions[at + 2 : at + 4])
    suite = int.from_bytes(body[after - 2 : after])
    return ServerHello(_WIRE_VERSIONS[int.from_bytes(body[:2])], suite, body[after] != 0, renegotiation)


def _certificates(body: bytes) -> tuple[bytes, ...]:
    found, at = [], 3
    while at + 3 <= len(body):
        size = int.from_bytes(body[at : at + 3])
        found.append(body[at + 3 : at + 3 + size])
        at += 3 + size
    return tuple(found)


def _dh_bits(body: bytes) -> int | None:
    size = int.from_bytes(body[:2])
    return int.from_bytes(body[2 : 2 + size]).bit_length() if 2 + size <= len(body) else None


def _nudged(target: Target, port: int, circumstances: Circumstances) -> bytes:
    """What the peer says to one line of text: redis, for one, waits for the end of a line and none comes in a hello."""
    ends = time.monotonic() + circumstances.timeout
    try:
        with Wire(target.address, port, timeout=circumstances.timeout, ends=ends, limit=256) as wire:
            wire.send(b"HELP\r\n\r\n")
            return wire.read()
    except OSError:
        return b""


def _extensions(name: str) -> bytes:
    signatures = bytes.fromhex(
        "0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b 0401 0501 0601 0301 0303 0201 0203 0202 0402"
    )
    found = {
        10: _sized(bytes.fromhex("001d 0017 0018 0019 001e 001a 001b 001c 0016 000e 000d"), 2),  # groups: curves only
        11: b"\x01\x00",
        13: _sized(signatures, 2),
        _RENEGOTIATION_INFO: b"\0",
    }
    if name:
        found[0] = _sized(b"\0" + _sized(name.encode("ascii"), 2), 2)
    return b"".join(kind.to_bytes(2) + _sized(data, 2) for kind, data in found.items())


def _sized(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width) + data
