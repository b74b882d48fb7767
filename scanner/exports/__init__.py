"""Exports: a stored assessment in the formats that other programs read. Each is a pure function; what was not determined is a success in none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.exports.items import Judged


@dataclass(frozen=True, slots=True)
class Export:
    """One format: what makes it, what its files are called, and whether one file takes several runs."""

    suffix: str
    several: bool
    make: Callable[[Sequence[Judged]], bytes]


def formats() -> dict[str, Export]:
    """Every format by the word that asks for it."""
    from scanner.exports import cyclonedx, defectdojo, junit, oscal, sarif, tables, workbook

    return {
        "jsonl": Export("jsonl", several=True, make=tables.as_jsonl),
        "csv": Export("csv", several=True, make=tables.as_csv),
        "xlsx": Export("xlsx", several=True, make=workbook.as_xlsx),
        "sarif": Export("sarif", several=True, make=sarif.as_sarif),
        "junit": Export("junit.xml", several=True, make=junit.as_junit),
        "oscal": Export("oscal.json", several=True, make=oscal.as_oscal),
        "defectdojo": Export("defectdojo.json", several=False, make=defectdojo.as_defectdojo),
        "cyclonedx-vex": Export("vex.cdx.json", several=True, make=cyclonedx.as_vex),
    }


NAMES = ("jsonl", "csv", "xlsx", "sarif", "junit", "oscal", "defectdojo", "cyclonedx-vex")
"""The words that ask for them."""
