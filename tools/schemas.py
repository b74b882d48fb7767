"""Brings the JSON Schemas under docs/schemas up to date."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from scanner.assessment import Assessment
from scanner.cli.explained import CheckData
from scanner.cli.outcome import Outcome
from scanner.cli.printed import PRINTED
from scanner.forecast import Forecast
from scanner.inventory.outcome import Imported
from scanner.order import Order
from scanner.schemas import SCHEMAS as READ
from scanner.shelf import Runs
from scanner.targets import Permit, Scope

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
BASELINE = FOLDER / "baseline.schema.json"


def _of(record: Any) -> Callable[[], bytes]:
    def schema() -> bytes:
        described = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **TypeAdapter(record).json_schema(by_alias=True, mode="serialization"),
        }
        return json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    return schema


SCHEMAS: Mapping[Path, Callable[[], bytes]] = {
    **{FOLDER / f"{name}.schema.json": made for name, made in READ.items()},
    FOLDER / "scope.schema.json": _of(Scope),
    FOLDER / "permit.schema.json": _of(Permit),
    FOLDER / "order.schema.json": _of(Order),
    FOLDER / "assessment.schema.json": _of(Assessment),
    FOLDER / "plan.schema.json": _of(Forecast),
    FOLDER / "runs.schema.json": _of(Runs),
    FOLDER / "inventory.schema.json": _of(Imported),
    FOLDER / "explain.schema.json": _of(CheckData),
    FOLDER / "outcome.schema.json": _of(Outcome),
    **{FOLDER / f"{name}.schema.json": _of(printed) for name, printed in PRINTED.items()},
}
"""Each schema's file, and what makes it: of the files operators write, and of what commands print."""

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, made in SCHEMAS.items():
        path.write_bytes(made())
