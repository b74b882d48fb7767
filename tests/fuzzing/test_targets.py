"""Each target over its seeds and some hundred fixed mutations: what is not documented is never raised."""

from __future__ import annotations

import pytest

from tests.fuzzing.mutations import mutated
from tests.fuzzing.targets import Target, targets

SLOW = {"baseline", "tailoring", "questionnaire-xlsx", "bundle"}
"""Those that take milliseconds each: fewer mutations."""


@pytest.mark.parametrize("target", list(targets()), ids=lambda target: target.name)
def test_whatever_is_handed_in_is_read_or_refused_in_the_documented_way(target: Target) -> None:
    seeds = target.seeds()
    assert seeds
    read = 0
    for data in mutated(seeds, 40 if target.name in SLOW else 250, target.name):
        try:
            target.parse(data)
        except target.documented:
            continue
        read += 1
    assert read, "not even its own seed was read"
