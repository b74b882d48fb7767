"""What an agency claimed of itself against what its inspection saw: answers that do not hold, findings and systems that differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scanner.assessment import Assessment
from scanner.attestations import Answer, Attestation
from scanner.changes import Change, Comparison, Turn, compared
from scanner.drift import Drift, drift
from scanner.findings import Finding, Outcome
from scanner.fingerprint import Identity
from scanner.record import Name, Record, Sha256, Sorted


class Answered(Record):
    """What somebody answered to a control."""

    answer: Answer
    document: Sha256 | None
    by: Name


class Contradicted(Record):
    """A control that the agency answered well for, and of which the inspection says otherwise."""

    control: Name
    claimed: Answered
    inspector: Answered | None
    """What was answered in the inspection; None where nobody was asked."""
    failing: tuple[Finding, ...]
    """Findings of the inspection under this control that fail."""


class Weighed(Record):
    """An agency's claims, weighed against an inspection."""

    comparison: Comparison
    """The self-check as before, the inspection as after."""
    system: Drift
    """How the inspected system differs from the one the agency showed."""
    contradicted: tuple[Contradicted, ...]
    other_documents: Sorted[Name]
    """Controls answered by both with different documents."""
    not_inspected: tuple[Finding, ...]
    """What the agency found in order under a mandatory control, and the inspection did not ask: by another baseline, or of fewer subjects."""

    @property
    def refuted(self) -> tuple[Change, ...]:
        """Findings that the agency found in order, and that fail for the inspector."""
        return tuple(change for change in self._failing if change.before in _IN_ORDER)

    @property
    def unclaimed(self) -> tuple[Change, ...]:
        """Findings that fail for the inspector, and of which the agency said nothing: it could not see them, or left them out."""
        return tuple(change for change in self._failing if change.before not in _IN_ORDER)

    @property
    def _failing(self) -> tuple[Change, ...]:
        return tuple(change for change in self.comparison.changes if change.turn in _TURNED and change.after is Outcome.FAIL)

    @property
    def unconfirmed(self) -> tuple[Change, ...]:
        """Findings the agency had something to say of and the inspector could not see."""
        return tuple(change for change in self.comparison.changes if change.turn is Turn.NO_LONGER_ASSESSED)

    @property
    def holds(self) -> bool | None:
        """Whether the claims hold: False where one is refuted, None where one that is mandatory could not be confirmed.

        Of what nobody claimed, a failure refutes nothing; it is told beside.
        """
        if self.contradicted or self.system.lapses or any(change.classed.mandatory for change in self.refuted):
            return False
        unconfirmed = any(change.classed.mandatory for change in self.unconfirmed) or bool(self.not_inspected)
        return None if unconfirmed or not self.system.complete else True


_TURNED = (Turn.WORSE, Turn.NEW)
_GOOD = (Answer.YES, Answer.NOT_APPLICABLE)
_IN_ORDER = (Outcome.PASS, Outcome.NOT_APPLICABLE)

Answers = Mapping[str, Attestation]


def weighed(
    claims: Assessment, seen: Assessment, answers: tuple[Answers, Answers], identities: tuple[Identity, Identity]
) -> Weighed:
    """The claims of a self-check against what an inspection saw; of each pair the agency's first."""
    own, inspected = answers
    both = own.keys() & inspected.keys()
    return Weighed(
        comparison=compared(claims, seen),
        system=drift(*identities),
        contradicted=tuple(
            found
            for control in sorted(own)
            if (found := _contradicted(control, own[control], inspected.get(control), seen)) is not None
        ),
        other_documents=tuple(control for control in both if own[control].document != inspected[control].document),
        not_inspected=tuple(_not_inspected(claims, seen)),
    )


def _not_inspected(claims: Assessment, seen: Assessment) -> Iterator[Finding]:
    mandatory = {control.id for control in claims.controls if control.classed.mandatory}
    asked = {finding.id for finding in seen.findings}
    for finding in claims.findings:
        if finding.control in mandatory and finding.outcome in _IN_ORDER and finding.id not in asked:
            yield finding


def _contradicted(control: str, claim: Attestation, other: Attestation | None, seen: Assessment) -> Contradicted | None:
    """Where the agency said yes, or that it does not apply, and the inspection says no, partly, or saw it fail."""
    if claim.answer not in _GOOD:
        return None
    failing = tuple(finding for finding in seen.findings if finding.control == control and finding.outcome is Outcome.FAIL)
    if not failing and (other is None or other.answer in _GOOD):
        return None
    told = None if other is None else Answered(answer=other.answer, document=other.document, by=other.by)
    claimed = Answered(answer=claim.answer, document=claim.document, by=claim.by)
    return Contradicted(control=control, claimed=claimed, inspector=told, failing=failing)
