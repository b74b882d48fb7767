"""The EPSS bound of patches' deadlines: a decimal that a baseline's file writes in quotes, compared as it is written."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from checks.patches import Deadlines, _rated
from scanner.advisories import Severity
from scanner.patch_specimens import flaw
from scanner.strict_yaml import InputError, parse


def _deadlines(text: str) -> Deadlines:
    return Deadlines.model_validate_json(json.dumps(parse(text.encode(), "baseline.yaml").value))


@pytest.mark.parametrize(("bound", "rated"), [("0.3", Severity.HIGH), ("0.30", Severity.HIGH), ("0.300001", Severity.MEDIUM)])
def test_a_bound_in_quotes_is_compared_as_written(bound: str, rated: Severity) -> None:
    seen = flaw(40, severity=Severity.UNKNOWN, epss=0.3)  # the double nearest to 0.3 is less than 0.3
    assert _rated(seen, _deadlines(f'likely: "{bound}"')) is rated


def test_a_decimal_without_quotes_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"baseline\.yaml:1: put quotes round '0\.2'"):
        _deadlines("likely: 0.2")


@pytest.mark.parametrize("bound", ["1.1", "-0.1", "NaN", "Infinity", "often", ""])
def test_what_is_no_share_is_refused(bound: str) -> None:
    with pytest.raises(ValidationError):
        _deadlines(f'likely: "{bound}"')
