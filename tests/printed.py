"""What commands print as JSON, held against the schemas in docs/schemas."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_bytes()))


def printed(name: str, text: str | bytes) -> Any:
    """The value that this verb printed, which is as its schema says."""
    value = json.loads(text)
    _validator(name).validate(value)
    return value
