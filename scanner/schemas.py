"""JSON Schemas for editors, made from the models that read the files."""

from __future__ import annotations

import json

from scanner.baseline import Baseline
from scanner.record import Record
from scanner.tailoring import Tailoring


def baseline_schema() -> bytes:
    """The JSON Schema of a baseline; what spans several keys (unique ids, known headings and checks) `baseline lint` judges."""
    return _schema(Baseline)


def tailoring_schema() -> bytes:
    """The JSON Schema of a tailoring; whether it demands more than its parent `baseline lint` judges."""
    return _schema(Tailoring)


def _schema(kind: type[Record]) -> bytes:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **kind.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


SCHEMAS = {"baseline": baseline_schema, "tailoring": tailoring_schema}
"""What makes the schema of each kind of file."""
