"""Baselines: controls with their clauses, rules and parameters, read strictly and bound to the checks they name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from scanner import strict_yaml
from scanner.advisories import FeedKind
from scanner.assessment import BaselineRef, Clause, ControlClass, TailoringRef
from scanner.check import Check, Parameters
from scanner.complaints import wrong
from scanner.faults import WrongValueError
from scanner.i18n import N_
from scanner.record import Instant, Name, Record, Sorted, Text, sha256
from scanner.strict_yaml import Document, InputError, Place
from scanner.targets import BilingualText, Level

Days = Annotated[int, Field(ge=1, le=3_660)]
LEVELS: tuple[Level, ...] = (1, 2, 3, 4, 5)


class Way(StrEnum):
    """How a control is decided."""

    NETWORK = "network"
    HOST = "host"
    DOCUMENT = "document"


class Rule(Record):
    """A check with the parameters this control sets, and those that differ at a level."""

    check: Name
    parameters: Mapping[str, Any] = {}
    at_level: Mapping[Level, Mapping[str, Any]] = {}


class DocumentAsked(Record):
    """The document a person shows for a control, and for how long it speaks."""

    document: BilingualText
    max_age_days: Mapping[Level, Days] = {}
    """At a level that is not named the document does not age."""


class Control(Record):
    """What the regime demands, where it stands, and what decides it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    id: Name
    title: BilingualText
    heading: Name
    classed: ControlClass = Field(alias="class")
    levels: tuple[Level, ...] = Field(min_length=1)
    """Each level named; never a minimum, never inherited."""
    method: tuple[Way, ...] = Field(min_length=1)
    references: tuple[Clause, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    attestation: DocumentAsked | None = None
    note: Text = ""

    @model_validator(mode="after")
    def _decidable(self) -> Self:
        if not self.rules and self.attestation is None:
            raise ValueError(N_("nothing decides it: give it rules, an attestation, or both"))
        if len(set(self.levels)) != len(self.levels):
            raise ValueError(N_("a level is named twice"))
        checks = [rule.check for rule in self.rules]
        if len(set(checks)) != len(checks):
            raise ValueError(N_("a check stands twice"))
        return self


class Heading(Record):
    """A heading of the report (Circular 46/2022 art. 6(2))."""

    id: Name
    title: BilingualText


class FeedAsked(Record):
    """Outside data the judgement needs, and how old it may be."""

    kind: FeedKind
    max_age_days: Days


class Transition(Record):
    """For whom a regime goes on after its end: systems whose level was approved early enough."""

    until: Instant
    """Exclusive."""
    approved_before: Instant
    """Exclusive: an approval of this very instant is too late."""
    shown_by: Name
    """The control whose document is the decision approving the level; the document's date is the approval's."""
    references: tuple[Clause, ...] = Field(min_length=1)


class Effective(Record):
    """When the regime is in force: `begins` inclusive, `ends` exclusive or open."""

    begins: Instant
    ends: Instant | None = None
    references: tuple[Clause, ...] = ()
    """Where the dates come from."""
    transition: Transition | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends is not None and self.ends <= self.begins:
            raise ValueError(N_("it ends before it begins: give `ends` an instant after `begins`"))
        if self.transition is not None:
            if self.ends is None:
                raise ValueError(N_("a transition follows an end: give `ends`, or leave `transition` out"))
            if self.transition.until <= self.ends:
                raise ValueError(N_("the transition is over before the regime ends: give `until` an instant after `ends`"))
            if self.transition.approved_before > self.ends:
                raise ValueError(N_("approved_before lies after the end: under an ended regime no level is approved"))
        return self


class Baseline(Record):
    """One regime's demands, versioned."""

    schema_version: Literal[1] = 1
    id: Name
    version: Text = Field(min_length=1)
    regime: Name
    title: BilingualText
    packs: Sorted[Name] = ()
    """Check packs of others whose checks its rules may name: only those, and only when they are installed."""
    laboratory: bool
    effective: Effective
    evidence_max_age_days: Mapping[Level, Days]
    feeds: tuple[FeedAsked, ...] = ()
    headings: tuple[Heading, ...] = Field(min_length=1)
    diagram: Name | None = None
    """The control whose document is the network diagram, which belongs to the system's fingerprint."""
    controls: tuple[Control, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.evidence_max_age_days) != set(LEVELS):
            raise ValueError(N_("evidence_max_age_days must name each of the levels 1 to 5"))
        ids = [control.id for control in self.controls]
        for found in ids:
            if ids.count(found) > 1:
                raise WrongValueError(N_("control {control} stands twice"), control=found)
        known = {heading.id for heading in self.headings}
        for control in self.controls:
            if control.heading not in known:
                raise WrongValueError(
                    N_("control {control}: no heading is called {heading}"), control=control.id, heading=control.heading
                )
        if self.diagram is not None and not any(found.id == self.diagram and found.attestation for found in self.controls):
            raise WrongValueError(
                N_("the diagram is shown by {control}, and no control of that name asks for a document"), control=self.diagram
            )
        transition = self.effective.transition
        if transition and not any(found.id == transition.shown_by and found.attestation for found in self.controls):
            raise WrongValueError(
                N_("the transition is shown by {control}, and no control of that name asks for a document"),
                control=transition.shown_by,
            )
        return self


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A rule with its check and its validated parameters at each level."""

    control: Control
    check: Check[Any, Any]
    parameters: Mapping[Level, Parameters]


@dataclass(frozen=True, slots=True)
class BoundBaseline:
    """A baseline whose every rule has found its check."""

    baseline: Baseline
    digest: str
    rules: tuple[BoundRule, ...]
    tailoring: TailoringRef | None = None
    """What was demanded beyond the baseline with this digest."""
    further: frozenset[tuple[str, str]] = frozenset()
    """The controls and checks of the rules that the tailoring adds to controls of its parent."""

    def ref(self) -> BaselineRef:
        """What an assessment records of it."""
        found = self.baseline
        return BaselineRef(
            id=found.id,
            version=found.version,
            regime=found.regime,
            sha256=self.digest,
            laboratory=found.laboratory,
            tailoring=self.tailoring,
        )

    def controls(self, level: Level) -> tuple[Control, ...]:
        """The controls that apply at a level, in the baseline's order."""
        return tuple(control for control in self.baseline.controls if level in control.levels)

    def rules_of(self, control: Control) -> tuple[BoundRule, ...]:
        """The bound rules of a control."""
        return tuple(rule for rule in self.rules if rule.control.id == control.id)


def load(data: bytes, name: str, checks: Mapping[str, Check[Any, Any]]) -> BoundBaseline:
    """The baseline in these bytes, bound; raises InputError with file, line and control at the first fault."""
    document, baseline = _read(data, name)

    def fault(place: Place, complaint: str) -> InputError:
        return _error(document, place, baseline.controls[int(place[1])].id, complaint)

    return bind(baseline, sha256(data), checks, fault)


def bind(
    baseline: Baseline, digest: str, checks: Mapping[str, Check[Any, Any]], fault: Callable[[Place, str], InputError]
) -> BoundBaseline:
    """The baseline with every rule bound to its check; raises what `fault` makes of the place and the words of the first that has none."""
    bound = []
    for at, control in enumerate(baseline.controls):
        for number, rule in enumerate(control.rules):
            place: Place = ("controls", at, "rules", number)
            check = checks.get(rule.check)
            if check is None:
                raise fault(place, f"no check is called {rule.check}{_nearest(rule.check, checks)}")
            bound.append(BoundRule(control, check, _parameters(place, control, rule, check, fault)))
    return BoundBaseline(baseline, digest, tuple(bound))


def read_baseline(data: bytes, name: str) -> Baseline:
    """The baseline in these bytes, bound to no check; raises InputError with file, line and control at the first fault."""
    return _read(data, name)[1]


def _read(data: bytes, name: str) -> tuple[Document, Baseline]:
    document = strict_yaml.parse(data, name)
    try:
        return document, Baseline.model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        raise _fault(document, error) from None


def _parameters(
    place: Place, control: Control, rule: Rule, check: Check[Any, Any], fault: Callable[[Place, str], InputError]
) -> dict[Level, Parameters]:
    strange = set(rule.at_level) - set(control.levels)
    if strange:
        raise fault((*place, "at_level"), f"level {min(strange)} is not among the control's levels")
    found: dict[Level, Parameters] = {}
    for level in control.levels:
        wanted = {**rule.parameters, **rule.at_level.get(level, {})}
        try:
            found[level] = check.parameters.model_validate_json(json.dumps(wanted))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            complaint = f"no parameter is called {key}" if first["type"] == "extra_forbidden" else f"{key}: {wrong(first)}"
            where = (*place, "parameters", key) if key in rule.parameters else place
            raise fault(where, f"{rule.check}: {complaint}") from None
    return found


def _fault(document: Document, error: ValidationError) -> InputError:
    place, message = strict_yaml.complaint(error)
    if len(place) > 1 and place[0] == "controls" and isinstance(place[1], int):
        return _error(document, place, _control_id(document, place[1]), message)
    return document.error(place, message)


def _control_id(document: Document, at: int) -> str:
    control = document.value["controls"][at]
    return str(control.get("id", f"number {at + 1}")) if isinstance(control, dict) else f"number {at + 1}"


def _error(document: Document, place: Place, control: str, message: str) -> InputError:
    return InputError(f"{document.name}:{document.line(place)}: control {control}: {message}")


def _nearest(word: str, checks: Mapping[str, object]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, checks, n=1)
    return f"; did you mean {near[0]}?" if near else ""
