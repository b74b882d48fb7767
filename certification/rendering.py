"""What a person sees before signing: the statement itself, every word of its payload, made fit for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from certification.statements import Statement
from scanner.i18n import _, ngettext
from scanner.record import escaped, parse_json, sha256

_LONG = 400
_MANY = 20
_ENCODED = re.compile(r"[A-Za-z0-9+/]+={0,2}")
"""Base64: nothing a person could read; every other text is shown whole, however long."""


def rendered(statement: Statement) -> str:
    """The payload as text, from the very bytes that will be signed; only long lists and base64 show as digests."""
    payload = statement.written()
    value = parse_json(payload)
    head = [
        _("This is what is signed:"),
        _("  type     {type}").format(type=value["predicateType"]),
        _("  as       {role}").format(role=statement.role.value),
        _("  payload  SHA-256 {digest}").format(digest=sha256(payload)),
        "",
    ]
    about = _subjects(value["subject"])
    return "\n".join([*head, *_lines(value["predicate"], 0), "", *about]) + "\n"


def _subjects(values: list[dict[str, Any]]) -> Iterator[str]:
    count = len(values)
    yield ngettext("about {count} file:", "about {count} files:", count).format(count=count)
    for value in values[:_MANY]:
        yield f"  {value['digest']['sha256']}  {_safe(value['name'])}"
    if count > _MANY:
        listed = "".join(f"{value['digest']['sha256']}  {value['name']}\n" for value in values)
        yield _("  and {count} more; the whole list has the SHA-256 {digest}").format(
            count=count - _MANY, digest=sha256(listed.encode())
        )


def _lines(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    match value:
        case dict():
            for key, inner in value.items():
                if isinstance(inner, dict | list) and inner:
                    yield f"{indent}{_safe(key)}:"
                    yield from _lines(inner, depth + 1)
                else:
                    yield f"{indent}{_safe(key)}: {_scalar(inner)}"
        case list():
            for inner in value:
                shown = list(_lines(inner, depth + 1))
                yield f"{indent}- {shown[0].lstrip()}" if shown else f"{indent}-"
                yield from shown[1:]
        case _:
            yield f"{indent}{_scalar(value)}"


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return _("yes") if value else _("no")
        case str() if len(value) > _LONG and _ENCODED.fullmatch(value):
            digest = sha256(value.encode())
            return _("{count} characters, SHA-256 {digest}").format(count=len(value), digest=digest)
        case [] | {}:
            return _("none")
        case _:
            return _safe(str(value))


def _safe(text: str) -> str:
    """Vietnamese letters stay; what could move the cursor, hide or reorder text, a line break too, is escaped."""
    return "".join(sign if sign.isprintable() else escaped(sign) for sign in text)
