"""Change to TLS in protocols of packets: directories, databases and remote desktops."""

from __future__ import annotations

import struct

from scanner.probes.desktops import NEGOTIATED, rdp_request
from scanner.probes.upgrades.talk import MOST, Stream, Talk, refuses, speaks_otherwise, turned_away

# --- LDAP (RFC 4511 section 4.14) ---

_START_TLS = b"1.3.6.1.4.1.1466.20037"
_EXTENDED_RESPONSE = 0x78


def ldap(talk: Talk, _: str) -> Stream:
    """The StartTLS operation."""
    name = bytes((0x80, len(_START_TLS))) + _START_TLS
    request = b"\x02\x01\x01" + bytes((0x77, len(name))) + name
    talk.say(bytes((0x30, len(request))) + request)
    head = talk.exactly(2)
    if head[0] != 0x30:
        speaks_otherwise(head)
    body = talk.exactly(_length(talk, head[1]))
    result = _result_code(body)
    if result is None:
        speaks_otherwise(body)
    if result != 0:
        refuses(f"result code {result}".encode())
    return talk.sealed()


def _length(talk: Talk, first: int) -> int:
    if not first & 0x80:
        return first
    width = first & 0x7F
    if not 0 < width <= 4:
        speaks_otherwise(bytes((0x30, first)))
    return int.from_bytes(talk.exactly(width))


def _result_code(body: bytes) -> int | None:
    """The result of an ExtendedResponse to message 1; None where these bytes are none."""
    if not body.startswith(b"\x02\x01\x01") or len(body) < 5 or body[3] != _EXTENDED_RESPONSE:
        return None
    start = 5 if not body[4] & 0x80 else 5 + (body[4] & 0x7F)
    code = body[start : start + 3]
    return code[2] if len(code) == 3 and code[:2] == b"\x0a\x01" else None


# --- PostgreSQL (protocol 3.0, SSLRequest) ---


def postgres(talk: Talk, _: str) -> Stream:
    """PostgreSQL: one byte answers."""
    talk.say(struct.pack(">ii", 8, 80_877_103))
    answer = talk.exactly(1)
    if answer == b"N":
        refuses(answer)
    if answer != b"S":
        speaks_otherwise(answer)
    return talk.sealed()


# --- MySQL and MariaDB (protocol 10) ---

_CLIENT_SSL, _PROTOCOL_41, _SECURE_CONNECTION = 0x800, 0x200, 0x8000


def mysql(talk: Talk, _: str) -> Stream:
    """MySQL: the server's first packet says whether it knows TLS."""
    head = talk.exactly(4)
    size = int.from_bytes(head[:3], "little")
    if head[3] != 0 or not 1 <= size <= MOST:
        speaks_otherwise(head)
    greeting = talk.exactly(size)
    version, _zero, rest = greeting[1:].partition(b"\0")
    if greeting[0] == 0xFF:
        turned_away(greeting[3:])
    if greeting[0] != 10 or len(rest) < 15:
        speaks_otherwise(greeting)
    if not int.from_bytes(rest[13:15], "little") & _CLIENT_SSL:
        refuses(version)
    flags = _CLIENT_SSL | _PROTOCOL_41 | _SECURE_CONNECTION
    request = struct.pack("<IIB23x", flags, 1 << 24, 33)
    talk.say(len(request).to_bytes(3, "little") + b"\x01" + request)
    return talk.sealed()


# --- Remote desktop (MS-RDPBCGR 2.2.1.1 and 2.2.1.2) ---

_TLS_AND_CREDSSP = 3


def rdp(talk: Talk, _: str) -> Stream:
    """RDP: the answer to the connection request names the chosen protocol."""
    talk.say(rdp_request(_TLS_AND_CREDSSP))
    head = talk.exactly(4)
    size = int.from_bytes(head[2:])
    if head[0] != 3 or not 11 <= size <= 512:
        speaks_otherwise(head)
    answer = talk.exactly(size - 4)
    if answer[1] & 0xF0 != 0xD0:
        speaks_otherwise(answer)
    chosen = answer[7:]
    if len(chosen) < 8 or chosen[0] != NEGOTIATED or not int.from_bytes(chosen[4:8], "little") & _TLS_AND_CREDSSP:
        refuses(answer)
    return talk.sealed()


# --- SQL Server (MS-TDS 2.2.6.5; TLS travels inside PRELOGIN packets) ---

_PRELOGIN, _RESPONSE = 0x12, 0x04
_ENCRYPTION, _END = 1, 0xFF
_ENCRYPT_ON, _ENCRYPT_NOT_SUPPORTED = 1, 2
_LARGEST = 4_088
"""Bytes of TLS in one packet before the client may negotiate a larger one."""


def mssql(talk: Talk, _: str) -> Stream:
    """SQL Server: the answer to PRELOGIN says whether it knows TLS."""
    version = bytes((0, 0, 0, 0, 0, 0))
    head = struct.pack(">BHHBHHB", 0, 11, len(version), _ENCRYPTION, 11 + len(version), 1, _END)
    talk.say(_packet(head + version + bytes((_ENCRYPT_ON,))))
    kind, body = _received(talk)
    if kind != _RESPONSE:
        speaks_otherwise(body)
    encryption = _option(body, _ENCRYPTION)
    if encryption is None:
        speaks_otherwise(body)
    if encryption == _ENCRYPT_NOT_SUPPORTED:
        refuses(body)
    return _Packed(talk.sealed())


def _packet(body: bytes) -> bytes:
    return struct.pack(">BBHHBB", _PRELOGIN, 1, 8 + len(body), 0, 0, 0) + body


def _received(talk: Talk) -> tuple[int, bytes]:
    """The kind and the body of the next packet."""
    head = talk.exactly(8)
    size = int.from_bytes(head[2:4])
    if head[0] not in (_PRELOGIN, _RESPONSE) or size < 8:
        speaks_otherwise(head)
    return head[0], talk.exactly(size - 8)


def _option(body: bytes, wanted: int) -> int | None:
    """The first byte of an option of a PRELOGIN answer; None where it is absent or points outside."""
    at = 0
    while at + 5 <= len(body) and body[at] != _END:
        token, offset, length = struct.unpack_from(">BHH", body, at)
        if token == wanted:
            return body[offset] if length and offset < len(body) else None
        at += 5
    return None


class _Packed:
    """A stream whose TLS records travel in PRELOGIN packets, as they do until the handshake is over."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = b""

    def send(self, data: bytes) -> None:
        """Sends all of it, in as many packets as it takes."""
        for at in range(0, len(data), _LARGEST):
            self._stream.send(_packet(data[at : at + _LARGEST]))

    def read(self) -> bytes:
        """The bytes of the next packet; none where the peer closed, and whatever is no packet as it stands."""
        while len(self._held) < 8 or len(self._held) < int.from_bytes(self._held[2:4]):
            more = self._stream.read()
            if not more:
                return b""
            self._held += more
            if self._held[0] not in (_PRELOGIN, _RESPONSE):
                data, self._held = self._held, b""
                return data
        size = max(8, int.from_bytes(self._held[2:4]))
        data, self._held = self._held[8:size], self._held[size:]
        return data or self.read()

    def patience(self, seconds: float) -> None:
        """Waits no longer than this for the next bytes."""
        self._stream.patience(seconds)
