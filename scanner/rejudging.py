"""Judging stored evidence under another baseline: what that law would do to the run. The run itself stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner import store
from scanner.assessment import Assessment, Decision, ReasonCode
from scanner.baseline import load
from scanner.changes import Comparison, compared
from scanner.check import Check
from scanner.findings import Message
from scanner.judge import judge
from scanner.observations import Sight
from scanner.order import FileDigest, Order
from scanner.plan import sights
from scanner.record import Name, Record, Sorted, sha256
from scanner.scoring import decide
from scanner.targets import RunKind


class Rejudged(Record):
    """What another law would do to one run."""

    run: Name
    kind: RunKind
    agency: Name
    system: Name
    would_decide: Decision
    """The decision under the other baseline, whether or not it was in force at the run's instant of judgement."""
    calendar: Message | None
    """Why no decision could have rested on the other baseline at that instant; None where one could."""
    stored: Decision | None
    """The decision that lies in the run; None where it was never judged."""
    other_code: bool
    """The stored judgement was made by other code than compares here."""
    never_looked_at: Sorted[Sight]
    """What the other baseline wants to see, and the run never planned: its rules there are not checked."""
    never_answered: Sorted[Name]
    """Controls of the other baseline that ask for a document nobody has shown."""
    comparison: Comparison
    """Its own baseline against the other, both by the code of this installation, so that every difference is the law's."""

    @property
    def is_worse(self) -> bool:
        """Whether the run would get less under the other law than under its own, each with its calendar.

        None is granted under a law that is not in force, whatever it would decide.
        """
        return _RANK[self.comparison.after.decision] > _RANK[self.comparison.before.decision]


_RANK = {Decision.AUTHORISE: 0, Decision.AUTHORISE_TRIAL: 1, Decision.INCOMPLETE: 2, Decision.DENY: 3}


def worst(decisions: list[Decision]) -> Decision:
    """The decision that grants least; authorise of none."""
    return max(decisions, key=_RANK.__getitem__, default=Decision.AUTHORISE)


def under(
    files: Mapping[str, bytes], baseline: bytes, name: str, checks: Mapping[str, Check[Any, Any]], code: tuple[FileDigest, ...]
) -> Rejudged:
    """What the baseline in these bytes would do to a run; raises StoreError where the run's files do not belong together.

    As of the run's own instant of judgement, from its own evidence, answers, waivers and slice of the feeds.
    """
    order = Order.read(files[store.ORDER])
    own = judge(files, checks, code)
    other = judge(placed_under(files, baseline), checks, code)
    bound = load(baseline, name, checks)
    stored = Assessment.read(files[store.ASSESSMENT]) if store.ASSESSMENT in files else None
    answered = store.attestations(files)
    calendar = next((reason for reason in other.reasons if reason.code is ReasonCode.BASELINE_NOT_IN_FORCE), None)
    return Rejudged(
        run=order.run,
        kind=order.kind,
        agency=order.scope.agency.code,
        system=order.scope.system.id,
        would_decide=decide([reason for reason in other.reasons if reason is not calendar]),
        calendar=None if calendar is None else calendar.message,
        stored=None if stored is None else stored.decision,
        other_code=stored is not None and stored.checks != code,
        never_looked_at=tuple(set(sights(order.scope, bound)) - set(order.plan)),
        never_answered=tuple(
            control.id
            for control in bound.controls(order.scope.system.level)
            if control.attestation is not None and control.id not in answered
        ),
        comparison=compared(own, other),
    )


def placed_under(files: Mapping[str, bytes], baseline: bytes) -> dict[str, bytes]:
    """The run's files as if this baseline had been ordered; for judging only, since no signature holds for them."""
    derived = Order.read(files[store.ORDER]).model_copy(update={"baseline": sha256(baseline), "tailoring": None})
    outside = (store.ASSESSMENT, store.MANIFEST, store.TAILORING, *store.SIGNATURES)
    kept = {path: data for path, data in files.items() if path not in outside}
    return {**kept, store.ORDER: derived.written(), store.BASELINE: baseline}
