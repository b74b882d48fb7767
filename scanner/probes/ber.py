"""The little of ASN.1 BER (X.690) that the questions to SNMP and LDAP need: definite lengths, one-byte tags, nothing else."""

from __future__ import annotations

INTEGER, STRING, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31


class BerError(ValueError):
    """Bytes that are not the BER they should be."""


def encoded(tag: int, *parts: bytes) -> bytes:
    """One element with these contents."""
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def integer(value: int) -> bytes:
    """A number that is not negative."""
    return encoded(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def element(data: bytes) -> tuple[int, bytes, bytes]:
    """The tag and content of the first element, and what follows it."""
    if len(data) < 2 or data[0] & 0x1F == 0x1F:
        raise BerError("no element")
    size, start = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or len(data) < 2 + count:
            raise BerError("a length that is not read")
        size, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < start + size:
        raise BerError("shorter than it says")
    return data[0], data[start : start + size], data[start + size :]


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """All the elements in a row."""
    found = []
    while data:
        tag, content, data = element(data)
        found.append((tag, content))
    return found


def inside(data: bytes, tag: int) -> list[tuple[int, bytes]]:
    """The elements inside the one element these bytes begin with, which must have this tag."""
    found, content, _ = element(data)
    if found != tag:
        raise BerError("another element")
    return elements(content)
