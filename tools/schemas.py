"""Brings the JSON Schemas under docs/schemas up to date."""

from __future__ import annotations

from pathlib import Path

from scanner.schemas import SCHEMAS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
BASELINE = FOLDER / "baseline.schema.json"

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in SCHEMAS.items():
        (FOLDER / f"{name}.schema.json").write_bytes(made())
