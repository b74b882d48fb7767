"""A system is let in on trial twice within a year, and officially without one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from certification.authorisation import AuthorisationStatement
from certification.bearing import bearing, words_of
from certification.envelope import read_envelope
from certification.ledger import history
from certification.refusals import Code
from certification.request import Kind
from certification.statements import read_statement
from certification.status import State, replayed, standing
from certification.status_event import Change
from tests.certification.stage import refused
from tests.certification.test_gateway_bundle import office
from tests.certification.test_spending import enter, granted, logged
from tests.gateway.stage import ISSUED, Office, certificate

__all__ = ["office"]
FRESH = 200
"""A number that no other certificate of the office has."""


def trial(number: int, **changes: Any) -> bytes:
    return certificate(kind=Kind.TRIAL, number=FRESH + number, at=ISSUED + timedelta(minutes=number), **changes)


def statement(number: int, **changes: Any) -> AuthorisationStatement:
    return read_statement(read_envelope(certificate(number=FRESH + number, **changes)).payload, AuthorisationStatement)


def dated(one: AuthorisationStatement, days: int) -> AuthorisationStatement:
    """The same, stated so many days later."""
    told = one.predicate.model_copy(update={"stated_at": one.predicate.stated_at + timedelta(days=days)})
    return one.model_copy(update={"predicate": told})


@pytest.mark.parametrize("fate", [None, Change.SUSPENDED, Change.REVOKED])
def test_a_third_trial_is_not_entered_whatever_became_of_the_others(office: Office, fate: Change | None) -> None:
    first = office.issue(kind=Kind.TRIAL)
    enter(office, trial(1))
    if fate is not None:
        office.change(first, fate, "an")
    size = office.log.size
    for third in (trial(2), trial(3, supersedes=granted(trial(1)).serial, evaluation_sha256="77" * 32)):
        with refused(Code.TRIALS_SPENT):
            enter(office, third)
    assert office.log.size == size
    enter(office, certificate(number=FRESH + 4, at=ISSUED + timedelta(minutes=9)))


def test_a_second_trial_may_follow_the_first_and_an_official_one_the_second(office: Office) -> None:
    first = office.issue(kind=Kind.TRIAL)
    second = trial(1, supersedes=first.serial, evaluation_sha256="77" * 32)
    enter(office, second)
    official = certificate(
        number=FRESH + 2, supersedes=granted(second).serial, evaluation_sha256="78" * 32, at=ISSUED + timedelta(minutes=9)
    )
    enter(office, official)
    found = replayed(history(office.log, office.trust))
    assert standing(found, granted(second).serial).state is State.SUPERSEDED
    assert standing(found, granted(official).serial).state is State.OFFICIAL


def test_an_official_certificate_needs_no_trial_before_it(office: Office) -> None:
    who = office.issue()
    assert standing(replayed(history(office.log, office.trust)), who.serial).state is State.OFFICIAL


@pytest.mark.parametrize(("days", "allowed"), [(0, False), (365, False), (366, True), (-365, False), (-366, True)])
def test_a_trial_a_year_later_is_one_of_another_year(days: int, allowed: bool) -> None:
    story = (statement(1, kind=Kind.TRIAL), statement(2, kind=Kind.TRIAL), dated(statement(3, kind=Kind.TRIAL), days))
    if allowed:
        assert len(replayed(story)) == 3
        return
    with refused(Code.TRIALS_SPENT):
        replayed(story)


def test_systems_and_agencies_have_trials_of_their_own_however_their_names_are_written() -> None:
    mine = [statement(number, kind=Kind.TRIAL) for number in (1, 2)]
    third = statement(3, kind=Kind.TRIAL)
    system = third.predicate.system

    def called(name: str) -> AuthorisationStatement:
        told = third.predicate.model_copy(update={"system": system.model_copy(update={"id": name})})
        return third.model_copy(update={"predicate": told})

    assert len(replayed((*mine, called(f"{system.id}-2")))) == 3
    assert len(replayed((*mine, statement(4, kind=Kind.TRIAL, echelon="commune")))) == 3
    with refused(Code.TRIALS_SPENT):
        replayed((*mine, called(system.id.swapcase())))


def test_the_trials_of_a_system_bear_on_each_other_and_on_nothing_else(office: Office) -> None:
    official, first = office.issue(), office.issue(kind=Kind.TRIAL)
    second = trial(1)
    enter(office, second)
    told = {entry.serial for entry in bearing(office.log, (first.serial,)).entries()}
    assert told == {first.serial, granted(second).serial}
    assert {entry.serial for entry in bearing(office.log, (official.serial,)).entries()} == {official.serial}
    assert words_of(b'{"predicate": {"serial": "A", "kind": "trial", "agency": "P01", "system": {"id": 1}}}') == frozenset()


def test_a_log_that_holds_a_third_is_refused_by_whoever_reads_it(office: Office) -> None:
    for number in (1, 2):
        enter(office, trial(number))
    logged(office, trial(3))
    with refused(Code.TRIALS_SPENT):
        replayed(history(office.log, office.trust))
    with refused(Code.TRIALS_SPENT):
        office.export()
    with refused(Code.TRIALS_SPENT):
        replayed(history(bearing(office.log, (granted(trial(1)).serial,)), office.trust))
