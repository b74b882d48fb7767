"""Brings the JSON Schemas under docs/schemas up to date."""

from __future__ import annotations

from pathlib import Path

from scanner.schemas import baseline_schema

BASELINE = Path(__file__).resolve().parent.parent / "docs" / "schemas" / "baseline.schema.json"

if __name__ == "__main__":
    BASELINE.parent.mkdir(parents=True, exist_ok=True)
    BASELINE.write_bytes(baseline_schema())
