"""The questions to LDAP servers (RFC 4511), and what their answers show. No bind, no name, no password. Pure; trusts no byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scanner.probes.ber import INTEGER, SEQUENCE, STRING, BerError, element, encoded, integer

_SEARCH, _ENTRY, _DONE, _REFERENCE = 0x63, 0x64, 0x65, 0x73
_BASE, _ONE_LEVEL = 0, 1
_BOOLEAN, _ENUMERATED, _PRESENT = 0x01, 0x0A, 0x87
_ENTRIES, _SECONDS = 1, 5
"""What a search may bring and take at the most."""
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
    request = encoded(
        _SEARCH,
        encoded(STRING, base),
        encoded(_ENUMERATED, bytes([scope])),
        encoded(_ENUMERATED, b"\0"),
        integer(_ENTRIES),
        integer(_SECONDS),
        encoded(_BOOLEAN, b"\0"),
        encoded(_PRESENT, b"objectClass"),
        encoded(SEQUENCE, encoded(STRING, attribute)),
    )
    return encoded(SEQUENCE, integer(1), request)


def _messages(said: bytes) -> Iterator[tuple[int, bytes]]:
    """The operations of the whole messages at the beginning, each by its tag and content."""
    while said:
        try:
            kind, message, said = element(said)
            number, which, rest = element(message)
            if (kind, number, which) != (SEQUENCE, INTEGER, b"\x01"):
                return
            operation, content, _ = element(rest)
        except BerError:
            return
        yield operation, content


def _first_value(entry: bytes) -> bytes:
    """The first value of the first attribute of a search result entry (RFC 4511 section 4.5.2)."""
    try:
        _, _, attributes = element(entry)
        _, attribute, _ = element(element(attributes)[1])
        _, _, values = element(attribute)
        _, value, _ = element(element(values)[1])
    except BerError:
        return b""
    return value[:500]
