"""The check API: a check is one pure function from an observation and parameters to a verdict, with its examples."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from pydantic import ConfigDict

from scanner.findings import Confidence, Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import Observation, ServiceSettings
from scanner.record import Record

_ID = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)+$")


class Stricter(StrEnum):
    """Which of two values of a parameter demands more; each parameter declares one, `Annotated[int, Stricter.LOWER]`."""

    LOWER = "lower"
    """None asks nothing."""
    HIGHER = "higher"
    SUBSET = "subset"
    """What is accepted: fewer names demand more."""
    SUPERSET = "superset"
    """What is refused or required: more names demand more."""
    TRUE = "true"
    FALSE = "false"
    NONE = "none"
    """Two different values cannot be compared."""


class Parameters(Record):
    """What a baseline may set on a check; every field has a default, and declares by Stricter which value demands more."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    @classmethod
    def direction(cls, field: str) -> Stricter | None:
        """The direction in which this field becomes stricter; None where none is declared."""
        return next((found for found in cls.model_fields[field].metadata if isinstance(found, Stricter)), None)


O = TypeVar("O", bound=Observation)  # noqa: E741 - O and P are the usual letters for these two
P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Retest:
    """How to see, on the spot, that a failure is mended: a command that shows the effect, and what it then shows."""

    command: str
    """Words in capitals stand for what is to be put in their place, as in the fixes; it is the same in every language."""
    good: str
    """A message of the catalogue. Whatever else the command shows, an error of its own among it, does not tell that it is mended."""


ANY = "any"
"""Stands for every product that is not named beside it."""


@dataclass(frozen=True, slots=True)
class Check(Generic[O, P]):
    """A check and all that is said about it."""

    id: str
    title: str
    explanation: str
    """How it is judged."""
    observes: type[O]
    facts: tuple[str, ...]
    """The facts (fields or properties of type `T | Unobserved`) it needs; where one is missing it is not called."""
    to_pass: tuple[str, ...]
    """The facts that a pass needs besides: where one is missing a failure stands, and nothing else is said."""
    needs: Confidence
    parameters: type[P]
    fixes: Mapping[str, str]
    """How to mend a failure, by product."""
    retests: Mapping[str, Retest]
    """How to see that it is mended, by product; `any` is for each that has none of its own."""
    passes: tuple[O | tuple[O, P], ...]
    fails: tuple[O | tuple[O, P], ...]
    module: str
    judge: Callable[[O, P], Verdict]
    until: Callable[[O, P], date | None] | None
    """The last day, in UTC, on which the same observation still passes; None where no day ends it."""

    def __call__(self, observation: O, parameters: P) -> Verdict:
        """The verdict on this observation."""
        return self.judge(observation, parameters)

    def retest(self, product: str) -> Retest | None:
        """How to see that it is mended in this product; None where the check does not say."""
        return self.retests.get(product) or self.retests.get(ANY)


def check(  # noqa: PLR0913 - each is said by name and none can be left out of the whole
    id: str,  # noqa: A002 - it is the field's word
    *,
    observes: type[O],
    passes: tuple[O | tuple[O, P], ...],
    fails: tuple[O | tuple[O, P], ...],
    fixes: Mapping[str, str],
    retests: Mapping[str, Retest] = MappingProxyType({}),
    parameters: type[P] = Parameters,  # type: ignore[assignment]  # a default for a type variable cannot be written otherwise in 3.11
    facts: tuple[str, ...] = (),
    to_pass: tuple[str, ...] = (),
    needs: Confidence = Confidence.CERTAIN,
    until: Callable[[O, P], date | None] | None = None,
) -> Callable[[Callable[[O, P], Verdict]], Check[O, P]]:
    """Makes a function a Check; raises TypeError at import when the check is not whole."""

    def whole(judge: Callable[[O, P], Verdict]) -> Check[O, P]:
        title, _, explanation = (inspect.getdoc(judge) or "").partition("\n")
        declared = {*facts, *to_pass}
        properties = {name for name in declared if isinstance(getattr(observes, name, None), property)}
        unknown = declared - set(observes.model_fields) - properties
        unmended = set(retests) - set(fixes) - {ANY}
        for wrong, complaint in (
            (not _ID.match(id), "an id is kebab-case with at least two words"),
            (not title, "the docstring's first line is the title, and there is none"),
            (not explanation.strip(), "the docstring does not say how it is judged"),
            (not passes or not fails, "it needs at least one passing and one failing example"),
            (not fixes, "it does not say how to mend a failure"),
            (bool(unmended), f"it retests what it does not mend: {', '.join(sorted(unmended))}"),
            (bool(unknown), f"{observes.__name__} has no fact {', '.join(sorted(unknown))}"),
        ):
            if wrong:
                raise TypeError(f"check {id}: {complaint}")
        return Check(
            id=id,
            title=title,
            explanation=explanation.strip(),
            observes=observes,
            facts=facts,
            to_pass=to_pass,
            needs=needs,
            parameters=parameters,
            fixes=fixes,
            retests=retests,
            passes=passes,
            fails=fails,
            module=judge.__module__,
            judge=judge,
            until=until,
        )

    return whole


def every_place(found: ServiceSettings | None, wrong: Callable[[ServiceSettings, str], list[str]]) -> Verdict:
    """Fails on what is wrong at any place of a service's settings; not applicable where the host has no such service."""
    if found is None:
        return NotApplicable(said("the service is neither set up nor running"))
    faults = [f"{place}: {fault}" for place in found.places() for fault in wrong(found, place)]
    return Fail(said("has {faults}", faults="; ".join(faults))) if faults else Pass()
