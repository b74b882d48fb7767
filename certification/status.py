"""The status of every certificate, as it follows from the statements of a log in their order, and from nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.refusals import Code, Refusal
from certification.request import Kind
from certification.request_refusal import RequestRefusalStatement
from certification.spending import Spent
from certification.status_event import Change, StatusEventStatement
from certification.trials import Trials
from scanner.findings import said


class State(StrEnum):
    """What a certificate is at an instant."""

    TRIAL = "trial"
    OFFICIAL = "official"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class Act(StrEnum):
    """What can be done to it."""

    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    SUPERSEDE = "supersede"


ALLOWED: Mapping[State, frozenset[Act]] = {
    State.TRIAL: frozenset({Act.SUSPEND, Act.REVOKE, Act.SUPERSEDE}),
    State.OFFICIAL: frozenset({Act.SUSPEND, Act.REVOKE, Act.SUPERSEDE}),
    State.SUSPENDED: frozenset({Act.RESUME, Act.REVOKE}),
    State.REVOKED: frozenset(),
    State.SUPERSEDED: frozenset(),
    State.EXPIRED: frozenset(),
}
"""What may be done in each state; the last three are final. A suspended certificate is resumed before it is superseded."""

_RESULT = {Act.SUSPEND: State.SUSPENDED, Act.REVOKE: State.REVOKED, Act.SUPERSEDE: State.SUPERSEDED}
ACT = {Change.SUSPENDED: Act.SUSPEND, Change.RESUMED: Act.RESUME, Change.REVOKED: Act.REVOKE}
"""What each change does."""
_ILLEGAL = {
    State.TRIAL: Code.STILL_IN_FORCE,
    State.OFFICIAL: Code.STILL_IN_FORCE,
    State.SUSPENDED: Code.ALREADY_SUSPENDED,
    State.REVOKED: Code.ALREADY_REVOKED,
    State.SUPERSEDED: Code.ALREADY_SUPERSEDED,
    State.EXPIRED: Code.ALREADY_EXPIRED,
}
_UNUSABLE = {
    State.SUSPENDED: Code.SUSPENDED,
    State.REVOKED: Code.REVOKED,
    State.SUPERSEDED: Code.SUPERSEDED,
    State.EXPIRED: Code.EXPIRED,
}
_KEY_HELD: Mapping[State, Code | None] = {
    State.TRIAL: Code.CLIENT_KEY_TAKEN,
    State.OFFICIAL: Code.CLIENT_KEY_TAKEN,
    State.SUSPENDED: Code.CLIENT_KEY_TAKEN,
    State.REVOKED: Code.CLIENT_KEY_REVOKED,
    State.SUPERSEDED: None,
    State.EXPIRED: None,
}
"""Why the client key of a certificate in this state is certified in no other: the one that supersedes it may take it over."""


REMINDERS = (7, 30, 90)
"""Days before its end at which the holder of a certificate is reminded, the nearest first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A certificate, and what has become of it by the last statement about it."""

    certificate: AuthorisationStatement
    state: State
    since: datetime

    @property
    def granted(self) -> AuthorisationPredicate:
        """What the certificate grants."""
        return self.certificate.predicate

    def at(self, instant: datetime) -> State:
        """Its state at an instant, which only the end of its time changes by itself."""
        ended = instant >= self.granted.not_after
        return State.EXPIRED if ended and self.state not in (State.REVOKED, State.SUPERSEDED) else self.state

    def days_left(self, instant: datetime) -> int:
        """Whole days until its end."""
        return (self.granted.not_after - instant).days

    def reminder(self, instant: datetime) -> int | None:
        """The nearest step of the reminders that its days have come down to; None where there is none, or nothing left to end."""
        if self.at(instant) not in (State.TRIAL, State.OFFICIAL, State.SUSPENDED):
            return None
        return next((step for step in REMINDERS if self.days_left(instant) <= step), None)

    def after(self, act: Act, when: datetime) -> Standing:
        """What it is after this act; refuses one that its state does not allow, or that comes before what was done last."""
        state = self.at(when)
        serial = self.granted.serial
        if act not in ALLOWED[state]:
            raise Refusal(_ILLEGAL[state], said("{serial} is {state}: no {act}", serial=serial, state=state, act=act))
        if when < self.since:
            message = said("{serial}: {act} before what was done last", serial=serial, act=act)
            raise Refusal(Code.EVENT_LATE, message)
        return replace(self, state=_RESULT.get(act, _issued(self.granted.kind)), since=when)

    def insist_on_use(self, instant: datetime) -> None:
        """Returns where it may be used at this instant."""
        state = self.at(instant)
        if state in _UNUSABLE:
            message = said(
                "{serial} is {state} since {day} UTC",
                serial=self.granted.serial,
                state=state,
                day=f"{self.since:%Y-%m-%d %H:%M:%S}",
            )
            raise Refusal(_UNUSABLE[state], message)


def replayed(
    statements: Iterable[AuthorisationStatement | StatusEventStatement | RequestRefusalStatement],
) -> dict[str, Standing]:
    """Every certificate's standing after these statements, in their order; refuses a story that cannot be."""
    found: dict[str, Standing] = {}
    refused: set[str] = set()
    spent, trials = Spent(), Trials()
    for statement in statements:
        match statement:
            case AuthorisationStatement(predicate=granted):
                if granted.request_sha256 in refused:
                    message = said("{serial} rests on a request that was refused", serial=granted.serial)
                    raise Refusal(Code.REQUEST_REFUSED, message)
                _issue(found, statement)
                trials.grant(granted)
                spent.spend(granted, lambda serial, at=granted.stated_at: _KEY_HELD[found[serial].at(at)])  # type: ignore[misc]
            case RequestRefusalStatement(predicate=no):
                if no.request_sha256 in spent.requests:
                    raise Refusal(Code.REQUEST_GRANTED, said("a certificate rests on this request already; revoke that"))
                refused.add(no.request_sha256)
            case StatusEventStatement(predicate=told):
                found[told.serial] = standing(found, told.serial).after(ACT[told.state], told.effective)
    return found


def lived(statement: AuthorisationStatement, events: Iterable[StatusEventStatement]) -> Standing:
    """The standing of this one certificate after the events about it, in their order, whatever it superseded; refuses a story that cannot be."""
    found = _begun(statement)
    for event in events:
        found = found.after(ACT[event.predicate.state], event.predicate.effective)
    return found


def standing(found: Mapping[str, Standing], serial: str) -> Standing:
    """The standing of the certificate with this serial; refuses one that was never logged."""
    if serial not in found:
        raise Refusal(Code.SERIAL_UNKNOWN, said("no certificate {serial} stands in the log", serial=serial))
    return found[serial]


def _issue(found: dict[str, Standing], statement: AuthorisationStatement) -> None:
    granted = statement.predicate
    if granted.serial in found:
        raise Refusal(Code.SERIAL_TWICE, said("{serial} stands in the log already", serial=granted.serial))
    if granted.supersedes is not None:
        old = standing(found, granted.supersedes)
        before = old.granted
        same = (before.agency.code, before.system.id) == (granted.agency.code, granted.system.id)
        if not same or before.evaluation_sha256 == granted.evaluation_sha256:
            message = said("{new} needs a new evaluation of the system of {old}", new=granted.serial, old=before.serial)
            raise Refusal(Code.SUPERSEDES_OTHER, message)
        found[before.serial] = old.after(Act.SUPERSEDE, granted.stated_at)
    found[granted.serial] = _begun(statement)


def _begun(statement: AuthorisationStatement) -> Standing:
    return Standing(statement, _issued(statement.predicate.kind), statement.predicate.stated_at)


def _issued(kind: Kind) -> State:
    return State.TRIAL if kind is Kind.TRIAL else State.OFFICIAL
