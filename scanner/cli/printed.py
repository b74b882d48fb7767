"""What commands print with --format json, as records: their schemas are made from these, and tests hold what is printed against them.

A verb that prints a record of its own (plan, runs, explain, a report) is not here. Nothing is read back in these forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import create_model

from certification.application import Stage
from certification.request import Kind
from certification.status import State
from scanner.advisories import FeedRef
from scanner.baseline import Baseline
from scanner.baseline_diff import BaselineDiff
from scanner.changes import Comparison
from scanner.claims import Weighed
from scanner.cli.explained import CheckData
from scanner.cli.found import FOUND
from scanner.cli.outcome import Outcome
from scanner.coverage import Coverage
from scanner.decision import BaselineRef
from scanner.drift import Drift
from scanner.findings import Finding
from scanner.record import Instant, Record
from scanner.rejudging import Rejudged
from scanner.stated import Follows, Stated
from scanner.targets import Host, RunKind


class Sign(Record):
    """What `doctor` found of one thing: None is neither good nor bad."""

    good: bool | None
    what: str
    mend: str


class ExportedInventory(Record):
    """The hosts of a scope, which `inventory import` reads back."""

    hosts: tuple[Host, ...]


class Recheck(Record):
    """One finding before and after; it decides nothing."""

    run_before: str
    run_after: str
    decides: bool
    before: Finding
    after: Finding


def _with(name: str, says: str, record: type[Record], **more: Any) -> type[Record]:
    """A record of these fields and further ones, of which some are properties of the first."""
    fields = {each: (field.annotation, field) for each, field in record.model_fields.items()}
    made: type[Record] = create_model(
        name, __base__=Record, __doc__=says, **(fields | {each: (kind, ...) for each, kind in more.items()})
    )  # type: ignore[call-overload]
    return made


Compare = _with("Compare", "What an agency claimed against what an inspector saw.", Weighed, holds=bool)


class StatedGround(Stated):
    """A ground that a person states, with its clause and what follows from it."""

    clause: str
    follows: Follows


DriftSeen = _with(
    "DriftSeen",
    "What drifted from the evidence of a certificate.",
    Drift,
    serial=str,
    run_before=str,
    run_after=str,
    kind_after=RunKind,
    lapses=bool,
    stated=tuple[StatedGround, ...],
)


class DriftByDigest(Record):
    """Whether the system is the same, where the certificate's evidence was not given: `lapses` is null where nobody can say why it is not."""

    serial: str
    fingerprint_before: str
    fingerprint_after: str
    lapses: bool | None
    stated: tuple[StatedGround, ...]


class Under(Rejudged):
    """A run judged under another baseline."""

    folder: str
    worse: bool


class Broken(Record):
    """A run that could not be judged."""

    folder: str
    error: str


class Evaluate(Record):
    """What `evaluate --under` prints."""

    baseline: BaselineRef
    runs: tuple[Under, ...]
    broken: tuple[Broken, ...]


class ImportedFeed(FeedRef):
    """A feed that was read into the store."""

    changed: bool


class KeptFeed(FeedRef):
    """A feed of the store."""

    age_days: int
    namespaces: tuple[str, ...]
    state: str


class FeedsStatus(Record):
    """What stands in the store; `absent` are the kinds that the baseline asks for and it lacks."""

    serial: int
    feeds: tuple[KeptFeed, ...]
    absent: tuple[str, ...]


class Affected(Record):
    """A certificate that rests on whom was asked about."""

    serial: str
    state: State
    how: str
    agency: str
    since: Instant


class StatusRow(Record):
    """A certificate, and what has become of it."""

    serial: str
    state: State
    kind: Kind
    since: Instant
    agency: str
    ends: Instant
    days_left: int
    reminder: int | None
    review_by: Instant | None
    review_overdue: bool


class Application(Record):
    """How far an application has come."""

    stage: Stage
    agency: str
    run: str
    signers: tuple[str, ...]
    serials: tuple[str, ...]
    reason: str
    states: Mapping[str, State]
    """What has become of each certificate that the log holds, by its serial."""


class WaiversLint(Record):
    """What is wrong, and what is doubtful; how many there are is null where the file could not be read."""

    faults: tuple[str, ...]
    warnings: tuple[str, ...]
    waivers: int | None
    remediations: int | None


def _outcome_with(words: str) -> Any:
    """How this command ended, with what it found, or null where it ended before."""
    return _with("FoundOutcome", "How a command ended, what it said, and what it found.", Outcome, found=FOUND[words] | None)


PRINTED: Mapping[str, Any] = {
    **{words.replace(" ", "-"): _outcome_with(words) for words in FOUND},
    "baseline-show": Baseline,
    "baseline-diff": BaselineDiff,
    "baseline-coverage": Coverage,
    "checks-list": tuple[CheckData, ...],
    "compare": Compare,
    "diff": Comparison,
    "doctor": Mapping[str, tuple[Sign, ...]],
    "drift": DriftSeen | DriftByDigest,
    "evaluate": Evaluate | _outcome_with("evaluate"),
    "inventory-export": ExportedInventory,
    "feeds-import": tuple[ImportedFeed, ...],
    "feeds-status": FeedsStatus,
    "recheck": Recheck,
    "status": tuple[StatusRow, ...] | Application,
    "trust-affected": tuple[Affected, ...],
    "waivers-lint": WaiversLint,
}
"""By the verb's words, joined with dashes: the type of what it prints. `drift` prints another with the certificate's bundle than without, `status` of a file than
of a serial."""
