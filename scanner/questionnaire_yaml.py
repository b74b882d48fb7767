"""Questionnaires as YAML: one item for each control, every text in quotes, and every fault with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scanner import strict_yaml
from scanner.i18n import _
from scanner.questionnaire import ANSWERED, ANSWERS, ASKED, COLUMNS, HEAD, Cell, Filled, Sheet, quoted, tidy
from scanner.strict_yaml import Document, Place

_HELP = (
    f"# Answer each control with one of: {', '.join(ANSWERS)}. All but yes need a reason; yes and partly need a document.",
    "# The document is a path beside this file, its date a day (2026-11-23). What is left empty is not answered.",
    "# Trả lời mỗi yêu cầu bằng một trong: yes (có), partly (một phần), no (không), not-applicable (không áp dụng).",
    "# Mọi câu trả lời trừ yes cần lý do; yes và partly cần tài liệu. Tài liệu là đường dẫn cạnh tệp này, ngày viết như 2026-11-23.",
    "# Ô để trống là chưa trả lời.",
)


def write(sheet: Sheet) -> bytes:
    """The questionnaire's bytes; the same for the same questionnaire."""
    lines = [*_HELP, *(f"{key}: {_scalar(key, sheet.head[key])}" for key in HEAD), "controls:"]
    for row in sheet.rows:
        for number, column in enumerate(COLUMNS):
            lines.append(f"  {'- ' if number == 0 else '  '}{column}: {_scalar(column, row[column])}")
    return ("\n".join(lines) + "\n").encode()


def _scalar(key: str, text: str) -> str:
    # Escaped as JSON does it, which YAML reads as the same text; line and paragraph separators would end a line of YAML.
    quotes = json.dumps(text, ensure_ascii=False)
    quotes = "".join(sign if sign == " " or sign.isprintable() else json.dumps(sign)[1:-1] for sign in quotes)
    return text if key in ("schema_version", "level") else quotes


def read(data: bytes, name: str) -> Filled:
    """The questionnaire in these bytes, with the faults of its form; raises InputError where they are no strict YAML."""
    document = strict_yaml.parse(data, name)
    if not isinstance(document.value, dict):
        raise document.error((), _("not a questionnaire; `clearance questionnaire RUN` writes one"))
    faults: list[str] = []
    top: dict[str, Any] = document.value
    faults += _strange(document, (), top, (*HEAD, "controls"))
    head = {key: _cell(document, (key,), top[key]) for key in HEAD if key in top}
    items = top.get("controls")
    if not isinstance(items, list):
        faults.append(str(document.error(("controls",), _("the list of controls is missing"))))
        items = []
    rows = []
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            faults.append(str(document.error(("controls", at), _("not a control with its answer"))))
            continue
        faults += _strange(document, ("controls", at), item, COLUMNS)
        rows.append(_row(document, at, item))
    return Filled(name, head, tuple(rows), tuple(faults))


def _row(document: Document, at: int, item: Mapping[str, Any]) -> dict[str, Cell]:
    """Every column; one that is left out is empty, and stands where the item begins."""
    missing = Cell("", f"{document.name}:{document.line(('controls', at))}")
    return {
        column: _cell(document, ("controls", at, column), item[column]) if column in item else missing
        for column in (*ASKED, *ANSWERED)
    }


def _cell(document: Document, place: Place, value: object) -> Cell:
    where = f"{document.name}:{document.line(place)}"
    match value:
        case None:
            return Cell("", where)
        case str():
            return Cell(tidy(value), where)
        case int() if place[-1] in ("schema_version", "level", "max_age_days") and not isinstance(value, bool):
            return Cell(str(value), where)
        case _:
            message = _("{key}: {value} is not text; put quotes round it").format(key=place[-1], value=quoted(str(value)))
            return Cell("", where, message)


def _strange(document: Document, place: Place, found: Mapping[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    for key in found:
        if key not in known:
            message = _("no key is called {key} here; there are {known}").format(key=quoted(key), known=", ".join(known))
            yield f"{document.name}:{document.line((*place, key))}: {message}"
