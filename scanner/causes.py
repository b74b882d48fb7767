"""Why a decision is what it is, as readers see it: each control's reasons together, gates first, the rest by what has to be done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from scanner.assessment import Assessment, ControlClass, DecisionReason, ReasonCode
from scanner.evaluate import ATTESTATION
from scanner.findings import Finding, Outcome
from scanner.i18n import N_, _, ngettext, shown, titled
from scanner.observations import Reason
from scanner.status_words import Word, verdict_word

UNSEEN = (Outcome.NOT_CHECKED, Outcome.ERROR)
"""The outcomes of what nobody saw."""


class Need(StrEnum):
    """What a reason of a decision asks for; in the order in which readers are told."""

    PLAIN = "plain"
    """Its own sentence says it all."""
    GATE = "gate"
    """A gate that failed or is not determined: before all else."""
    MENDING = "mending"
    REACH = "reach"
    LOGIN = "login"
    FEEDS = "feeds"
    FILE = "file"
    DECLARING = "declaring"
    DOCUMENT = "document"
    SIGHT = "sight"
    """It was not seen, for a reason of its own."""
    HELD = "held"
    """It is waived, or a plan says when it will be mended."""


_NAMED: Mapping[Need, str] = {
    Need.GATE: N_("gates that failed or are not determined"),
    Need.MENDING: N_("to be mended"),
    Need.REACH: N_("was not reached"),
    Need.LOGIN: N_("needs a login"),
    Need.FEEDS: N_("needs feeds"),
    Need.FILE: N_("needs a file given to the scan"),
    Need.DECLARING: N_("nothing is declared to look at"),
    Need.DOCUMENT: N_("needs a document"),
    Need.SIGHT: N_("was not seen"),
    Need.HELD: N_("waived or planned"),
}
_REMEDIES: Mapping[Need, str] = {
    Need.MENDING: N_("Mend it as told under “Mend first”, or hold a waiver or a plan for it, and look again."),
    Need.REACH: N_("Start the service, open the way from where it is looked, or take it out of the scope; then look again."),
    Need.LOGIN: N_(
        "Declare a read-only login for the host in the scope (docs/host-access.md), try it with `clearance doctor`, and look again."
    ),
    Need.FEEDS: N_("Import what the vendors publish with `clearance feeds import`, and look again with --feeds."),
    Need.FILE: N_("Look again with the CA store (--anchors) and the revocation lists (--crls)."),
    Need.DECLARING: N_(
        "Declare such a service in the scope and look again; where there is none, a person answers so, with the reason "
        "(`clearance attest`, not-applicable)."
    ),
    Need.DOCUMENT: N_(
        "Write the questionnaire with `clearance questionnaire`, fill it in, and take it in with `clearance attest --questionnaire`."
    ),
    Need.SIGHT: N_("“Not assessed” tells why, and where."),
}
_OF_REASONS: Mapping[str, Need] = {
    **dict.fromkeys((Reason.NO_CREDENTIAL, Reason.LOGIN_REFUSED, Reason.HOST_KEY_CHANGED, Reason.NEEDS_RIGHTS), Need.LOGIN),
    **dict.fromkeys(
        (Reason.UNREACHABLE, Reason.REFUSED, Reason.TIMED_OUT, Reason.BLOCKED, Reason.RESET, Reason.NAME_UNRESOLVED), Need.REACH
    ),
    Reason.NOT_GIVEN: Need.FILE,
}
_OF_SENTENCES = {
    "needs an authenticated check: it was only seen in a {how}": Need.LOGIN,
    "no declared service has anything of the kind {kind} to look at": Need.DECLARING,
    "it was seen to speak what {kind} looks at, and is not declared so: declare what it speaks": Need.DECLARING,
}
"""By how the sentences of `scanner.evaluate` begin."""
_OF_CODES = {
    ReasonCode.GATE_FAILED: Need.MENDING,
    ReasonCode.NOT_SATISFIED: Need.MENDING,
    ReasonCode.NOT_COVERED: Need.REACH,
    ReasonCode.FEED_STALE: Need.FEEDS,
    ReasonCode.WAIVED: Need.HELD,
    ReasonCode.PLANNED: Need.HELD,
}
_BARE = (ReasonCode.GATE_FAILED, ReasonCode.UNDETERMINED, ReasonCode.NOT_SATISFIED)
"""The reasons that say nothing but which control, where: its title says more."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason of the decision, with every subject of which it holds."""

    verdict: Word
    """The decision it leads to."""
    text: str
    places: tuple[str, ...]
    """The subjects, where it holds of more than one; else the text names it."""
    control: str
    """Empty where it is of no control."""
    title: str
    """The control's; the reason's own sentence where there is none, or where that says more."""
    subjects: tuple[str, ...]
    """Every subject."""
    need: Need
    gate: bool

    @property
    def beside(self) -> tuple[str, ...]:
        """The subjects that have to stand beside its title, which names none where it is the control's."""
        return self.places if self.title == self.text else self.subjects

    @property
    def wants(self) -> str:
        """What has to be done about it, in a few words; empty where its sentence says so."""
        return _(_NAMED.get(self.need, ""))


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """The reasons that ask for the same."""

    need: Need
    causes: tuple[Cause, ...]

    @property
    def verdict(self) -> Word:
        """The decision that the first of them leads to."""
        return self.causes[0].verdict

    @property
    def name(self) -> str:
        """What they have in common, as a heading; empty where each says all itself."""
        name = _(_NAMED.get(self.need, ""))
        return name[:1].upper() + name[1:]

    @property
    def todo(self) -> str:
        """What to do about them; empty where each has its own."""
        return _(_REMEDIES.get(self.need, ""))

    @property
    def one_by_one(self) -> bool:
        """Whether each is told on its own before anything else: gates, and what no group says."""
        return self.need in (Need.PLAIN, Need.GATE)


def causes(assessment: Assessment) -> tuple[Cause, ...]:
    """The reasons, those of one control that ask for the same together: a control that fails at a thousand subjects is one line."""
    findings = {finding.id: finding for finding in assessment.findings}
    controls = {control.id: control for control in assessment.controls}
    grouped: dict[tuple[object, ...], list[DecisionReason]] = defaultdict(list)
    for reason in assessment.reasons:
        others = tuple((value.name, value.value) for value in reason.message.values if value.name != "subject")
        grouped[reason.leads_to, reason.code, reason.message.text, others, _need(reason, findings)].append(reason)
    made = []
    for (*_key, need), found in grouped.items():
        first = found[0]
        control = controls.get(first.control or "")
        text, places = _told(found)
        made.append(
            Cause(
                verdict=verdict_word(first.leads_to),
                text=text,
                places=places,
                control=first.control or "",
                title=titled(control.title) if control and first.code in _BARE else text,
                subjects=tuple(reason.subject for reason in found if reason.subject),
                need=Need(str(need)),
                gate=control is not None and control.classed is ControlClass.GATE,
            )
        )
    return tuple(made)


def grouped(found: Iterable[Cause]) -> tuple[CauseGroup, ...]:
    """Every one of these reasons in one group: what says all itself, the gates, then the rest by what it asks for."""
    by_need: dict[Need, list[Cause]] = defaultdict(list)
    for cause in found:
        by_need[Need.GATE if cause.gate else cause.need].append(cause)
    return tuple(CauseGroup(need, tuple(by_need[need])) for need in Need if need in by_need)


def _told(found: list[DecisionReason]) -> tuple[str, tuple[str, ...]]:
    """The sentence, and the subjects where there is more than one: then it says how many, and does not name them."""
    message = found[0].message
    places = tuple(reason.subject for reason in found if reason.subject) if len(found) > 1 else ()
    if not places:
        return shown(message), ()
    many = ngettext("{count} place", "{count} places", len(places)).format(count=len(places))
    values = tuple(value.model_copy(update={"value": many}) if value.name == "subject" else value for value in message.values)
    return shown(message.model_copy(update={"values": values})), places


def _need(reason: DecisionReason, findings: Mapping[str, Finding]) -> Need:
    if reason.code is not ReasonCode.UNDETERMINED:
        return _OF_CODES.get(reason.code, Need.PLAIN)
    unseen = [findings[name] for name in reason.findings if name in findings and findings[name].outcome in UNSEEN]
    return min(map(_of_finding, unseen), key=tuple(Need).index, default=Need.SIGHT)


def _of_finding(finding: Finding) -> Need:
    if finding.check == ATTESTATION:
        return Need.DOCUMENT
    values = {value.name: value.value for value in finding.seen.values}
    need = _said_by(finding.seen.text) or _OF_REASONS.get(values.get("reason", ""))
    if need is Need.FILE and "feed" in values.get("detail", ""):
        return Need.FEEDS
    return need or Need.SIGHT


def _said_by(text: str) -> Need | None:
    return next((need for beginning, need in _OF_SENTENCES.items() if text.startswith(beginning)), None)
