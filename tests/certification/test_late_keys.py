"""A key that has ended signs nothing more that counts, whatever date it writes: not at approval, not in the log, not before the witness."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certification.ledger import entered
from certification.log_store import SqliteLog
from certification.newcomers import SKEW, rightly_entered
from certification.refusals import Code
from certification.status_event import Change
from certification.trust import TrustRoot
from tests.certification.stage import DRAFTED, LATER, Case, keyring, refused, root, signer
from tests.certification.test_ledger import CERTIFICATE, SERIAL, Desk, another, desk, made
from tests.certification.test_status import change

__all__ = ["desk"]
HOUR = timedelta(hours=1)


def ended(who: str, when: Any) -> TrustRoot:
    """The trust root in which this person's keys end then."""
    keys = tuple(key.model_copy(update={"valid_until": when}) if key.holder == who else key for key in keyring().keys)
    return root(keys=keys)


def test_the_second_approver_does_not_join_a_key_that_has_ended() -> None:
    case = Case()
    half, after = case.approve("an", at=DRAFTED), DRAFTED + HOUR
    case.trust = ended("an", after)
    with refused(Code.KEY_ENDED):
        case.approve("binh", half, at=after)
    case.trust = ended("an", after + HOUR)
    assert case.approve("binh", half, at=after)


@pytest.mark.parametrize("who", ["an", "binh"])
def test_nothing_enters_the_log_by_a_key_that_has_ended(tmp_path: Path, who: str) -> None:
    with made(tmp_path / "log", 0) as log:
        with refused(Code.KEY_ENDED):
            entered(log, CERTIFICATE, signer("a-log"), ended(who, LATER), LATER)
        assert log.size == 0
        proof = entered(log, CERTIFICATE, signer("a-log"), ended(who, LATER + HOUR), LATER)
        assert log.size == 1
        # what stands is proven again, whatever became of the keys since
        assert entered(log, CERTIFICATE, signer("a-log"), ended(who, LATER + HOUR), LATER + HOUR) == proof


def test_a_suspension_outlives_the_key_that_signed_it(tmp_path: Path) -> None:
    with made(tmp_path / "log", 0) as log:
        entered(log, CERTIFICATE, signer("a-log"), root(), DRAFTED)
        change(log, Change.SUSPENDED, serial=SERIAL)
        with refused(Code.ALREADY_SUSPENDED):
            change(log, Change.SUSPENDED, "binh", LATER + 2 * HOUR, trust=ended("an", LATER + HOUR), serial=SERIAL)


def seen(log: SqliteLog, trust: TrustRoot, start: int = 0, since: Any = None, at: Any = LATER) -> None:
    rightly_entered(log, trust, start, since, at)


def test_a_witness_cosigns_no_entry_by_a_key_that_had_ended_when_it_was_entered(tmp_path: Path) -> None:
    with made(tmp_path / "log", 2) as log:
        entered(log, CERTIFICATE, signer("a-log"), root(), LATER)
        seen(log, ended("an", LATER + HOUR))
        with refused(Code.KEY_ENDED):
            seen(log, ended("an", LATER))
        with refused(Code.KEY_ENDED):
            seen(log, ended("an", DRAFTED), 1)


def test_a_witness_cosigns_no_entry_that_says_it_is_older_than_the_last_look(tmp_path: Path) -> None:
    with made(tmp_path / "log", 3) as log:
        seen(log, root(), 3, DRAFTED + HOUR)
        seen(log, root(), 2, DRAFTED + SKEW)
        with refused(Code.ENTRY_BACKDATED):
            seen(log, root(), 2, DRAFTED + SKEW + timedelta(seconds=1))


def test_a_witness_cosigns_no_entry_of_tomorrow(tmp_path: Path) -> None:
    with made(tmp_path / "log", 1) as log:
        seen(log, root(), at=DRAFTED - SKEW)
        with refused(Code.CLOCK_BACKWARDS):
            seen(log, root(), at=DRAFTED - SKEW - timedelta(seconds=1))


def test_at_the_terminal_the_witness_looks_at_what_is_new_alone(desk: Desk) -> None:
    from certification.log_store import opened

    desk.issue()
    desk.good(*desk.cosign())
    with opened(desk.folder / "log") as log:
        # By the log's own machine, past the program: another certificate under a date of before the witness came.
        from certification.envelope import read_envelope
        from certification.ledger import begun

        stranger = another(77)
        payload = read_envelope(stranger).payload
        kind = "urn:npd:clearance:connection-authorisation/v1"
        log.append(payload, stranger, kind, "CC-77", f"{DRAFTED:%Y-%m-%dT%H:%M:%SZ}")
        begun(log, signer("a-log"), root(), LATER)
    desk.refused(Code.ENTRY_BACKDATED, *desk.cosign())
