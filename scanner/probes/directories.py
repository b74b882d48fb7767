"""The questions to LDAP servers (RFC 4511), and what their answers show. No bind, no name, no password. Pure; trusts no byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_SEARCH, _ENTRY, _DONE, _REFERENCE = 0x63, 0x64, 0x65, 0x73
_BASE, _ONE_LEVEL = 0, 1
_SUCCESS, _SIZE_LIMIT = 0, 4
_CLOSED = (1, 8, 13, 32, 48, 49, 50, 53)
"""operationsError (a bind is demanded), strongerAuthRequired, confidentialityRequired, noSuchObject (it is hidden),
inappropriateAuthentication, invalidCredentials, insufficientAccessRights and unwillingToPerform."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    entries: int
    result: int | None
    """The result code; None where the answer was not whole."""
    naming_context: bytes
    """The first value of the first attribute that was sent."""


def root() -> bytes:
    """A search for the root DSE's naming contexts: what every server tells about itself."""
    return _search(b"", _BASE, b"namingContexts")


def below(naming_context: bytes) -> bytes:
    """A search for one entry below this one, by name only."""
    return _search(naming_context, _ONE_LEVEL, b"1.1")


def found(said: bytes) -> Found | None:
    """What a search came to; None where this is no LDAP answer."""
    entries, result, value = 0, None, b""
    if not said.startswith(b"\x30"):
        return None
    for kind, body in _messages(said):
        if kind == _ENTRY:
            entries += 1
            value = value or _first_value(body)
        elif kind == _DONE:
            result = body[2] if body[:2] == b"\x0a\x01" and len(body) > 2 else None
        elif kind != _REFERENCE:
            return None
    return Found(entries, result, value) if entries or result is not None else None


def open_to_strangers(answer: Found | None) -> bool | None:
    """Whether entries were shown to a stranger; None where the answer does not tell."""
    if answer is None:
        return None
    if answer.entries:
        return True
    if answer.result in _CLOSED:
        return False
    return None if answer.result not in (_SUCCESS, _SIZE_LIMIT) else answer.result == _SIZE_LIMIT


def _search(base: bytes, scope: int, attribute: bytes) -> bytes:
    present = b"\x87" + _sized(b"objectClass")
    fields = b"\x04" + _sized(base) + bytes((0x0A, 1, scope, 0x0A, 1, 0, 0x02, 1, 1, 0x02, 1, 5, 0x01, 1, 0)) + present
    fields += b"\x30" + _sized(b"\x04" + _sized(attribute))
    return b"\x30" + _sized(b"\x02\x01\x01" + bytes([_SEARCH]) + _sized(fields))


def _sized(data: bytes) -> bytes:
    size = len(data)
    return (bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2)) + data


def _element(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """Tag and content of the element that begins there, and where the next begins; None where it is not whole."""
    if at + 2 > len(data):
        return None
    first, start = data[at + 1], at + 2
    if first & 0x80:
        width = first & 0x7F
        if not 1 <= width <= 4 or start + width > len(data):
            return None
        first, start = int.from_bytes(data[start : start + width]), start + width
    return (data[at], data[start : start + first], start + first) if start + first <= len(data) else None


def _messages(said: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(said):
        message = _element(said, at)
        if message is None or message[0] != 0x30 or message[1][:3] != b"\x02\x01\x01":
            return
        operation = _element(message[1], 3)
        if operation is None:
            return
        yield operation[0], operation[1]
        at = message[2]


def _first_value(entry: bytes) -> bytes:
    name = _element(entry, 0)
    attributes = name and _element(entry, name[2])
    attribute = attributes and _element(attributes[1], 0)
    kind = attribute and _element(attribute[1], 0)
    values = attribute and kind and _element(attribute[1], kind[2])
    value = values and _element(values[1], 0)
    return value[1][:500] if value else b""
