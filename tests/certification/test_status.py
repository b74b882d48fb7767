"""Status: one authority stops, two let go on, and no story that cannot be is ever told by a log."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certification.authorisation import AuthorisationStatement
from certification.envelope import read_envelope
from certification.events import change_status
from certification.ledger import begun, entered, history
from certification.log_audit import audited
from certification.log_store import SqliteLog, opened
from certification.refusals import Code, Refusal
from certification.request import Kind
from certification.signers import signed
from certification.statements import read_statement
from certification.status import ALLOWED, Act, State, replayed, standing
from certification.status_event import Change, Reason, StatusEventStatement, draft_event, opened_event
from certification.verify import Step, verify
from tests.certification.stage import DRAFTED, LATER, SEEN, Case, forged, keyring, refused, restated, root, signer

TRUST = root()
CERTIFICATE = Case(trust=TRUST).certificate()
STATEMENT = read_statement(read_envelope(CERTIFICATE).payload, AuthorisationStatement)
SERIAL = STATEMENT.predicate.serial
END = STATEMENT.predicate.not_after


def change(log: SqliteLog, state: Change, by: str = "an", at: Any = LATER, **more: Any) -> Any:
    return change_status(
        log, more.pop("serial", SERIAL), state, Reason.INCIDENT, "", more.pop("trust", TRUST), at,
        signer=signer(by), log_signer=lambda: signer("a-log"), confirm=more.pop("confirm", lambda _: True), **more,
    )  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Any:
    with opened(tmp_path / "log", "a-log") as made:
        begun(made, signer("a-log"), TRUST, DRAFTED)
        entered(made, CERTIFICATE, signer("a-log"), TRUST, DRAFTED)
        yield made


def state(log: SqliteLog, at: Any = LATER) -> State:
    return standing(replayed(history(log, TRUST)), SERIAL).at(at)


def test_one_authority_suspends_and_two_resume(log: SqliteLog) -> None:
    assert state(log) is State.OFFICIAL
    change(log, Change.SUSPENDED)
    assert state(log) is State.SUSPENDED
    with refused(Code.SUSPENDED):
        verify(CERTIFICATE, TRUST, LATER, standings=replayed(history(log, TRUST)))
    half, proof = change(log, Change.RESUMED, at=LATER + timedelta(hours=1))
    assert proof is None and state(log) is State.SUSPENDED
    change(log, Change.RESUMED, "binh", LATER + timedelta(hours=2), begun=half)
    assert state(log) is State.OFFICIAL
    assert audited(log, TRUST, LATER).checkpoint.size == 3
    assert Step.STATUS in verify(CERTIFICATE, TRUST, LATER, standings=replayed(history(log, TRUST))).steps


@pytest.mark.parametrize("by", ["an", "chi"])
def test_one_authority_alone_never_resumes(log: SqliteLog, by: str) -> None:
    change(log, Change.SUSPENDED)
    half, _ = change(log, Change.RESUMED)
    with pytest.raises(Refusal, match=r"signature-repeated|quorum-one-authority"):
        change(log, Change.RESUMED, by, begun=half)
    with refused(Code.QUORUM_MISSING):
        opened_event(half, STATEMENT, TRUST, LATER)
    assert state(log) is State.SUSPENDED


def test_a_resumption_signed_before_a_later_suspension_does_not_lift_it(log: SqliteLog) -> None:
    change(log, Change.SUSPENDED)
    half, _ = change(log, Change.RESUMED, at=LATER + timedelta(hours=1))
    other, _ = change(log, Change.RESUMED, at=LATER + timedelta(hours=2))
    change(log, Change.RESUMED, "binh", LATER + timedelta(hours=3), begun=other)
    change(log, Change.SUSPENDED, at=LATER + timedelta(hours=4))
    with refused(Code.EVENT_LATE):
        change(log, Change.RESUMED, "binh", LATER + timedelta(hours=5), begun=half)


@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        (None, Change.RESUMED, Code.STILL_IN_FORCE),
        (Change.SUSPENDED, Change.SUSPENDED, Code.ALREADY_SUSPENDED),
        (Change.REVOKED, Change.RESUMED, Code.ALREADY_REVOKED),
        (Change.REVOKED, Change.SUSPENDED, Code.ALREADY_REVOKED),
        (Change.REVOKED, Change.REVOKED, Code.ALREADY_REVOKED),
    ],
)
def test_what_the_state_does_not_allow_is_refused_before_it_is_signed(
    log: SqliteLog, first: Change | None, then: Change, code: Code
) -> None:
    if first is not None:
        change(log, first)
    size = log.size
    with refused(code):
        change(log, then, confirm=lambda _: pytest.fail("asked"))
    assert log.size == size


@pytest.mark.parametrize("effective", [END - timedelta(seconds=1), LATER + timedelta(days=60), LATER - timedelta(seconds=1)])
@pytest.mark.parametrize("state_", [Change.SUSPENDED, Change.RESUMED])
def test_an_event_counts_from_when_it_is_stated_and_never_from_another_instant(effective: datetime, state_: Change) -> None:
    """One signature in advance would bar every later event until then; a resumption in advance would count at once."""
    event = draft_event(STATEMENT, state_, Reason.OTHER, "", "an", LATER)
    moved = event.model_copy(update={"predicate": event.predicate.model_copy(update={"effective": effective})})
    with refused(Code.PAYLOAD_MALFORMED):
        opened_event(forged(moved.written(), "an", "binh"), STATEMENT, TRUST, LATER)


def test_an_expired_one_and_an_unknown_one_are_left_alone(log: SqliteLog) -> None:
    late = root(expires=END + timedelta(days=9))
    assert state(log, END) is State.EXPIRED
    with refused(Code.ALREADY_EXPIRED):
        change(log, Change.SUSPENDED, at=END, trust=late)
    with refused(Code.SERIAL_UNKNOWN):
        change(log, Change.SUSPENDED, serial="CC-0")
    with refused(Code.REVOKED):
        change(log, Change.REVOKED)
        verify(CERTIFICATE, TRUST, LATER, standings=replayed(history(log, TRUST)))
    assert state(log, END) is State.REVOKED


def test_only_approvers_change_a_status_and_only_as_they_confirm(log: SqliteLog) -> None:
    for name in ("dung", "P01", "a-log"):
        with refused(Code.KEY_ROLE):
            change(log, Change.SUSPENDED, name)
    with refused(Code.NOT_CONFIRMED):
        change(log, Change.SUSPENDED, confirm=lambda _: False)
    with refused(Code.CLOCK_BACKWARDS):
        change(log, Change.SUSPENDED, at=DRAFTED - timedelta(seconds=1)) if log.size == 0 else entered(
            log, CERTIFICATE, signer("a-log"), TRUST, DRAFTED - timedelta(seconds=1)
        )
    assert state(log) is State.OFFICIAL


def test_an_event_about_another_certificate_or_in_another_s_name_is_refused(log: SqliteLog) -> None:
    other = read_statement(read_envelope(restated(CERTIFICATE, run="R-2")).payload, AuthorisationStatement)
    for event in (
        draft_event(other, Change.REVOKED, Reason.OTHER, "", "an", LATER),
        draft_event(STATEMENT, Change.REVOKED, Reason.OTHER, "", "binh", LATER),
    ):
        with refused(Code.EVENT_DIFFERS):
            opened_event(signed(event, signer("an")), STATEMENT, TRUST, LATER)
    with refused(Code.CRITICAL_UNKNOWN):
        event = draft_event(STATEMENT, Change.REVOKED, Reason.OTHER, "", "an", LATER)
        payload = event.written().replace(b'"crit":[]', b'"crit":["x"]')
        opened_event(forged(payload, "an"), STATEMENT, TRUST, LATER)


def test_a_suspension_outlives_the_key_that_signed_it(log: SqliteLog) -> None:
    change(log, Change.SUSPENDED, "chi")
    keys = tuple(key.model_copy(update={"revoked_at": LATER}) if key.holder == "chi" else key for key in keyring().keys)
    assert standing(replayed(history(log, root(keys=keys))), SERIAL).state is State.SUSPENDED


# --- trial to official ----------------------------------------------------------------------------


def restatement(**changes: Any) -> AuthorisationStatement:
    return read_statement(read_envelope(restated(CERTIFICATE, **changes)).payload, AuthorisationStatement)


TRIAL = restatement(kind=Kind.TRIAL)
OFFICIAL = restatement(serial="CC-2", supersedes=SERIAL, evaluation_sha256="00" * 32, stated_at=LATER, request_sha256="01" * 32)


def test_an_official_certificate_supersedes_the_trial_on_a_new_evaluation() -> None:
    found = replayed((TRIAL, OFFICIAL))
    assert [one.state for one in found.values()] == [State.SUPERSEDED, State.OFFICIAL]
    with refused(Code.SUPERSEDED):
        found[SERIAL].insist_on_use(LATER)


@pytest.mark.parametrize(
    ("story", "code"),
    [
        ((TRIAL, restatement(serial="CC-2", supersedes=SERIAL, stated_at=LATER)), Code.SUPERSEDES_OTHER),
        ((TRIAL, OFFICIAL, OFFICIAL), Code.SERIAL_TWICE),
        ((OFFICIAL,), Code.SERIAL_UNKNOWN),
        ((TRIAL, OFFICIAL, draft_event(TRIAL, Change.REVOKED, Reason.OTHER, "", "an", LATER)), Code.ALREADY_SUPERSEDED),
        ((TRIAL, draft_event(TRIAL, Change.SUSPENDED, Reason.OTHER, "", "an", LATER), OFFICIAL), Code.ALREADY_SUSPENDED),
    ],
)
def test_a_story_that_cannot_be_is_refused(story: tuple[AuthorisationStatement | StatusEventStatement, ...], code: Code) -> None:
    with refused(code):
        replayed(story)


# --- the table ------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(Act), st.integers(0, 500)), max_size=12))
def test_whatever_is_done_final_states_are_final_and_time_never_runs_back(acts: list[tuple[Act, int]]) -> None:
    now = replayed((TRIAL,))[SERIAL]
    for act, days in acts:
        when = SEEN + timedelta(days=days)
        before = now.at(when)
        allowed = act in ALLOWED[before] and when >= now.since
        try:
            after = now.after(act, when)
        except Refusal:
            assert not allowed
            continue
        assert allowed
        assert before not in (State.REVOKED, State.SUPERSEDED, State.EXPIRED)
        assert after.since == when
        assert (after.state is State.TRIAL) == (act is Act.RESUME)
        now = after
    assert now.at(END) in (State.EXPIRED, State.REVOKED, State.SUPERSEDED)
