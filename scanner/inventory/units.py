"""Administrative units with the days on which their names are in force: 63 provinces until 30 June 2025, 34 since.

Source: `provinces.yaml` beside this file (Resolutions 175/2024/QH15 and 202/2025/QH15). Certificates of units that were merged
stay what they are; only what is newly declared is brought to the names of the day.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints

from scanner.record import Record, Text
from scanner.strict_yaml import read_file

_SOURCE = Path(__file__).with_name("provinces.yaml")
_DAY = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")]
_PREFIXES = "tỉnh|thành phố|tp\\.?"


class Unit(Record):
    """A province or centrally run city under one name."""

    name: Text
    since: _DAY | None = None
    until: _DAY | None = None
    into: Text | None = None
    """The unit it became a part of on the day after `until`."""

    def in_force(self, on: date) -> bool:
        """Whether the name is in force on this day."""
        return (self.since or "") <= on.isoformat() <= (self.until or "9999-12-31")


class _Units(Record):
    units: tuple[Unit, ...]


@cache
def units() -> tuple[Unit, ...]:
    """Every unit that was in force at some time since 2008."""
    return read_file(_SOURCE).as_record(_Units).units


def current(on: date) -> tuple[str, ...]:
    """The names in force on this day."""
    return tuple(unit.name for unit in units() if unit.in_force(on))


def renamed(text: str, on: date) -> str:
    """The text with the name of a unit that ended before this day replaced by that of the unit it is a part of now.

    A province's prefix goes with it where the new unit is a city: "tỉnh Bình Dương" becomes "Thành phố Hồ Chí Minh".
    """
    for unit in units():
        if unit.into is None or unit.until is None or on.isoformat() <= unit.until:
            continue
        found = _pattern(unit.name).search(text)
        if found:
            city = unit.into.startswith("Thành phố")
            prefix = "" if city or not found["prefix"] else found["prefix"]
            return text[: found.start()] + prefix + unit.into + text[found.end() :]
    return text


@cache
def _pattern(name: str) -> re.Pattern[str]:
    words = r"[\s–-]+".join(re.escape(word) for word in re.split(r"[\s–-]+", name))
    return re.compile(rf"(?<!\w)(?P<prefix>(?:{_PREFIXES})\s+)?{words}(?!\w)", re.IGNORECASE)


def plain(text: str) -> str:
    """Letters and digits of a heading without accents and case, words separated by one space: what people write is compared by it."""
    spread = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return " ".join(re.findall(r"[a-z0-9]+", "".join(sign for sign in spread if not unicodedata.combining(sign))))
