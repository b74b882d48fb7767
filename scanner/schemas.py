"""JSON Schemas for editors, made from the models that read the files."""

from __future__ import annotations

import json

from scanner.baseline import Baseline


def baseline_schema() -> bytes:
    """The JSON Schema of a baseline; what spans several keys (unique ids, known headings and checks) `baseline lint` judges."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Baseline.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
