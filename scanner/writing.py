"""Dates, numbers and lists as a page's reader writes them: "23 tháng 11, 2026" and "91,5" in Vietnamese, "23 November 2026" and "91.5" in English."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from scanner.i18n import _, language

HANOI = timezone(timedelta(hours=7))
"""Vietnam's time all year round (Decision 134/2002/QD-TTg)."""
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def day(instant: datetime | None) -> str:
    """The day in Vietnam on which this instant falls; "never" where there is none."""
    if instant is None:
        return _("never")
    local = instant.astimezone(HANOI)
    if language() == "vi":
        return f"{local.day} tháng {local.month}, {local.year}"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def formal_day(instant: datetime) -> str:
    """The day as a document's head has it (Decree 30/2020/ND-CP, annex I): days below 10 and months 1 and 2 with a leading zero."""
    local = instant.astimezone(HANOI)
    if language() != "vi":
        return day(instant)
    month = f"{local.month:02d}" if local.month < 3 else str(local.month)
    return f"ngày {local.day:02d} tháng {month} năm {local.year}"


def moment(instant: datetime | None) -> str:
    """The instant to the minute, in UTC; "never" where there is none."""
    if instant is None:
        return _("never")
    if language() == "vi":
        return f"{instant.day} tháng {instant.month}, {instant.year}, {instant:%H:%M} UTC"
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def share(part: int, whole: int) -> str:
    """A part of a whole in percent, rounded down to a tenth so that it never looks like more; a dash of nothing."""
    if not whole:
        return "–"
    tenths = part * 1_000 // whole
    return f"{tenths // 10}{',' if language() == 'vi' else '.'}{tenths % 10}"


def count(number: int) -> str:
    """A whole number with its thousands apart: 12.000 in Vietnamese, 12,000 in English."""
    return f"{number:,}".replace(",", ".") if language() == "vi" else f"{number:,}"


def tenths(number: float) -> str:
    """A number to the tenth: 2,5 in Vietnamese, 2.5 in English."""
    return f"{number:.1f}".replace(".", ",") if language() == "vi" else f"{number:.1f}"


def listed(items: Sequence[str], most: int, between: str = ", ") -> str:
    """At most so many of these items in one line, and how many more there are."""
    rest = len(items) - most
    more = between + _("and {count} more").format(count=count(rest)) if rest > 0 else ""
    return between.join(items[:most]) + more


def bounded(lines: Sequence[str], most: int) -> tuple[str, ...]:
    """At most so many of these lines, and one that says how many more the report has."""
    rest = len(lines) - most
    return (*lines[:most], *((_("and {count} more, in the report").format(count=count(rest)),) if rest > 0 else ()))
