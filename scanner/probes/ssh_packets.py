"""SSH's binary packets before encryption (RFC 4253): written and read, strictly bounded. No network, no cryptography."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

PACKET_LIMIT = 65_536
"""Bytes of one packet at the most; RFC 4253 section 6.1 asks for 35000 to be accepted."""
NAMES_LIMIT = 512
"""Names read from one list."""

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, KEXINIT = 1, 2, 3, 4, 20
_LISTS = 10
_COOKIE = 16
_BY_APPLICATION = 11


class PacketError(ValueError):
    """Bytes that are not what RFC 4253 says should stand here."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one side offers in its KEXINIT (RFC 4253 section 7.1), each list in that side's order."""

    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    ciphers: tuple[str, ...]
    """Both directions together."""
    macs: tuple[str, ...]
    compression: tuple[str, ...]


class Reader:
    """Reads the fields of a payload one after the other (RFC 4251 section 5); raises PacketError where one is not whole."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count < 0 or self._at + count > len(self._data):
            raise PacketError("a field is longer than its packet")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """A uint32."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """A string."""
        return self.take(self.number())

    def mpint(self) -> int:
        """A positive multiple precision integer."""
        value = int.from_bytes(self.string(), "big", signed=True)
        if value < 0:
            raise PacketError("a negative integer")
        return value

    def names(self) -> tuple[str, ...]:
        """A name-list; what is not ASCII stands escaped."""
        text = self.string()
        names = tuple(name.decode("ascii", "backslashreplace") for name in text.split(b",", NAMES_LIMIT)) if text else ()
        if len(names) > NAMES_LIMIT:
            raise PacketError(f"more than {NAMES_LIMIT} names in one list")
        return names

    def end(self) -> None:
        """Nothing is left; raises PacketError otherwise."""
        if self._at != len(self._data):
            raise PacketError("bytes are left over in a packet")


def string(data: bytes) -> bytes:
    """A string field."""
    return struct.pack(">I", len(data)) + data


def mpint(value: int) -> bytes:
    """A multiple precision integer field."""
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big")) if value else string(b"")


def names(listed: Iterable[str]) -> bytes:
    """A name-list field."""
    return string(",".join(listed).encode("ascii"))


def packet(payload: bytes) -> bytes:
    """The payload as one unencrypted packet."""
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + os.urandom(padding)


def unpacked(buffer: bytes) -> tuple[bytes, int] | None:
    """The payload of the first packet in the buffer and the bytes it took; None where it is not whole yet."""
    if len(buffer) < 5:
        return None
    length, padding = struct.unpack(">IB", buffer[:5])
    if not 5 <= length <= PACKET_LIMIT or not 4 <= padding <= length - 1:
        raise PacketError("no SSH packet: its length makes no sense")
    if len(buffer) < 4 + length:
        return None
    return buffer[5 : 4 + length - padding], 4 + length


def kexinit(kex: str, host_key: str, server: Offer) -> bytes:
    """A KEXINIT that leaves the server one key exchange and one host key algorithm, and takes the rest as it offers it."""
    lists = (
        (kex,),
        (host_key,),
        server.ciphers,
        server.ciphers,
        server.macs,
        server.macs,
        server.compression,
        server.compression,
    )
    fields = b"".join(names(_plain(listed)) for listed in (*lists, (), ()))
    return bytes([KEXINIT]) + os.urandom(_COOKIE) + fields + bytes(5)


def read_kexinit(payload: bytes) -> Offer:
    """What the server offers; raises PacketError where the payload is no KEXINIT."""
    reader = Reader(payload)
    if reader.take(1)[0] != KEXINIT:
        raise PacketError("the first packet is no KEXINIT")
    reader.take(_COOKIE)
    kex, keys, *rest = (reader.names() for _ in range(_LISTS))
    reader.take(5)
    reader.end()
    return Offer(kex, keys, _joined(rest[0:2]), _joined(rest[2:4]), _joined(rest[4:6]))


def disconnect() -> bytes:
    """A polite end (RFC 4253 section 11.1)."""
    return bytes([DISCONNECT]) + struct.pack(">I", _BY_APPLICATION) + string(b"") + string(b"")


def _joined(lists: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for listed in lists for name in listed))


def _plain(listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in listed if name.isascii() and name.isprintable() and len(name) <= 64)[:100]
