"""Record: the frozen, strict base of all that is written to disk, and the one way to read and write it."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Self, TypeVar

import rfc8785
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)

from scanner.collector import few_collections
from scanner.complaints import NAME, SHA256, complaints
from scanner.i18n import N_, _, speaking

JSON_LIMIT = 64 * 1024 * 1024
"""No record on disk is larger than this many bytes."""

_SAFE_INTEGER = 2**53 - 1
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_DEPTH = 64
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_PLAIN = re.compile(rb"[\x20-\x5b\x5d-\x7e]*")
"""Printable ASCII without the backslash, which alone is escaped of it."""

_QUICK = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_UNSAFE = re.compile(r"[0-9][.eE]|[0-9]{16}")
"""What may be a fraction, or an integer beyond 2^53."""

T = TypeVar("T")


class RecordError(ValueError):
    """Bytes that are not the record they should be: says what was found and what was wanted."""


def _nfc(text: str) -> str:
    return _short_nfc(text) if len(text) <= _SHORT else _is_nfc(text)


def _is_nfc(text: str) -> str:
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError(N_("text must be in Unicode normalisation form C"))
    # what is printable as a whole holds none of them, and is told so at once
    if not text.isprintable() and any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co") and sign != "\n" for sign in text):
        raise ValueError(N_("text must hold no control or formatting characters"))
    return text


_SHORT = 200
_short_nfc = lru_cache(maxsize=4_096)(_is_nfc)
"""The same sentences and names come again with every finding."""


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(N_("an instant needs a time zone, as in 2026-11-23T08:00:00+07:00"))
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError(N_("an instant before the year 1 or after 9999")) from None


def _instant(value: object, info: ValidationInfo) -> object:
    if info.mode != "json" or not isinstance(value, str):
        return value
    if not _INSTANT.fullmatch(value):
        # left to the library, "20271231" would be so many seconds after 1970
        raise ValueError(N_("an instant is written as 2026-11-23T08:00:00+07:00, and never as a number or a day alone"))
    return datetime.fromisoformat(value)  # a day or an hour that there is not raises ValueError


def _in_order(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(values) < 2:
        return values
    keyed = {_sort_key(value): value for value in values}
    return tuple(keyed[key] for key in sorted(keyed))


def _sort_key(value: object) -> tuple[int, str]:
    match value:
        case bool() | int():
            return value, ""
        case str():
            return 0, value
        case Record():
            return 0, value.model_dump_json()  # each value has one such form, and it is had ten times as fast as the written one
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a sorted set")


Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(_nfc)]
"""Text of our own or an operator's: NFC, without control or formatting characters, at most 10,000 characters."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=NAME)]
"""An identifier: ASCII letters, digits, dot, dash and underscore, so that no two look alike."""

PeerText = Annotated[str, StringConstraints(max_length=8_192, pattern=r"^[\x20-\x7e]*$")]
"""What a peer said, escaped by `escaped`: printable ASCII only, whatever the peer sent."""

Sha256 = Annotated[str, StringConstraints(pattern=SHA256)]
"""A SHA-256 digest in lower-case hexadecimal."""

Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    AfterValidator(_utc),
    PlainSerializer(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"), return_type=str),
]
"""An aware instant, in UTC, in whole seconds."""

Sorted = Annotated[tuple[T, ...], AfterValidator(_in_order)]
"""A set, kept and written in order and without repeats, so that its bytes are the same on every run."""


class Record(BaseModel):
    """A frozen value with one written form: RFC 8785 canonical JSON."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    def written(self) -> bytes:
        """The record's bytes on disk."""
        return canonical_json(self.model_dump(mode="json"))

    def digest(self) -> str:
        """The SHA-256 of the bytes on disk."""
        return sha256(self.written())

    @classmethod
    def read(cls, data: bytes, *, limit: int = JSON_LIMIT) -> Self:
        """The record these bytes hold; raises RecordError when they hold anything else or anything more."""
        with few_collections():
            parse_json(data, limit=limit)
            try:
                return cls.model_validate_json(data)
            except ValidationError as error:
                with speaking("en"):  # such an error is for whoever mends the program, or stands in a record
                    raise RecordError(f"not a {cls.__name__}: {explained(error)}") from None


class BilingualText(Record):
    """One text in Vietnamese and in English."""

    vi: Text
    en: Text


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of a JSON value."""
    return rfc8785.dumps(value)


def canonical_json(value: Any) -> bytes:
    """The same of a value whose keys are all text, as those that were read from JSON or dumped from a record; many times as fast.

    The standard library's form is the same but for fractions, integers beyond 2^53, and keys beyond the basic plane, which are sorted otherwise:
    where its form may hold one of them, and where it refuses the value, it is not used.
    """
    try:
        quick = _QUICK.encode(value)
        basic = len(quick.encode("utf-16-le")) == 2 * len(quick)
    except (TypeError, ValueError, RecursionError):
        return canonical(value)
    outside = "".join(quick.replace("\\\\", "").replace('\\"', "").split('"')[::2])  # of strings, whose quotes come in pairs
    return canonical(value) if _UNSAFE.search(outside) or not basic else quick.encode()


def sha256(data: bytes) -> str:
    """The SHA-256 of these bytes in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


class OwnWords(str):
    """What our own catalogue says, as against what a peer said: it keeps its letters, which need not be ASCII."""

    __slots__ = ()


def explained(error: ValidationError) -> OwnWords:
    """A validation error in one line, in the chosen language, without the input's own words (they may be hostile or secret)."""
    found = [": ".join(filter(None, (escaped(".".join(map(str, place))), told))) for place, told in complaints(error)]
    more = [_("and {count} more").format(count=len(found) - 8)] if len(found) > 8 else []
    return OwnWords("; ".join(found[:8] + more))


def parse_json(data: bytes, *, limit: int = JSON_LIMIT) -> Any:
    """The JSON value in these bytes; refuses duplicate keys, NaN, integers beyond 2^53, deep nesting and non-UTF-8."""
    if len(data) > limit:
        raise RecordError(f"{len(data)} bytes where at most {limit} are read")
    if data.count(b"[") + data.count(b"{") > _DEPTH and _depth(data) > _DEPTH:
        raise RecordError(f"nested deeper than {_DEPTH}")
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_repeats,
            parse_constant=_no_constant,
            parse_int=_small_integer,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise RecordError("not JSON") from None


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RecordError("a key stands twice in one object")
    return found


def _no_constant(word: str) -> None:
    raise RecordError(f"{word} is not a value")


def _small_integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > _SAFE_INTEGER:
        raise RecordError("an integer beyond 2^53")
    return int(digits)


def escaped(said: bytes | str, *, limit: int = 1_024) -> str:
    r"""What a peer said as printable ASCII: other characters as \xNN or \u{N}; cut after `limit` bytes, and says so."""
    data = said.encode("utf-8", "surrogateescape") if isinstance(said, str) else said
    kept = data[:limit]
    plain = _PLAIN.fullmatch(kept)  # most of what is said needs no escape
    shown = kept.decode("ascii") if plain else "".join(_escape(sign) for sign in kept.decode("utf-8", "surrogateescape"))
    return shown if len(data) <= limit else f"{shown}... ({len(data)} bytes)"


def _escape(sign: str) -> str:
    code = ord(sign)
    if sign == "\\":
        return "\\\\"
    if 0x20 <= code <= 0x7E:
        return sign
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{{{code:x}}}"
