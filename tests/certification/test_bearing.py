"""Which entries bear on a statement: by them alone a certificate stands as by the whole log, and what is refused is refused as by the whole log."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from certification.bearing import bearing, words_of, words_of_envelope
from certification.envelope import read_envelope
from certification.ledger import entered, history
from certification.refusals import Code
from certification.signers import signed
from certification.statements import read_statement
from certification.status import State, replayed, standing
from certification.status_event import Change, StatusEventStatement
from tests.certification.stage import refused, signer
from tests.certification.test_gateway_bundle import office
from tests.certification.test_spending import enter, granted
from tests.gateway.stage import ISSUED, NOW, Office, certificate, clock

__all__ = ["office"]


def full_of_stories(office: Office) -> list[str]:
    """Certificates that were suspended, revoked, superseded, ended and renewed twice, and one of whose key another took over."""
    calm = office.issue()
    held, stopped = office.issue(), office.issue()
    office.change(held, Change.SUSPENDED, "an")
    office.change(stopped, Change.REVOKED, "an")
    first = office.issue()
    key = office.issued
    second = certificate(number=91, key=key, supersedes=first.serial, evaluation_sha256="77" * 32)
    enter(office, second)
    third = certificate(
        number=92, supersedes=granted(second).serial, evaluation_sha256="78" * 32, at=clock() - timedelta(minutes=1)
    )
    enter(office, third)
    ended = office.issue(ends=NOW - timedelta(minutes=30))
    heir = certificate(number=93, key=office.issued, at=NOW - timedelta(minutes=20))
    enter(office, heir)
    return [
        calm.serial,
        held.serial,
        stopped.serial,
        first.serial,
        ended.serial,
        *(granted(one).serial for one in (second, third, heir)),
    ]


def test_by_what_bears_on_it_each_certificate_stands_as_by_the_whole_log(office: Office) -> None:
    serials = full_of_stories(office)
    whole = replayed(history(office.log, office.trust))
    assert set(serials) <= set(whole)
    assert {one.at(NOW) for one in whole.values()} >= {
        State.OFFICIAL, State.SUSPENDED, State.REVOKED, State.SUPERSEDED, State.EXPIRED,
    }  # fmt: skip
    for serial in whole:
        part = bearing(office.log, (serial,))
        assert standing(replayed(history(part, office.trust)), serial) == standing(whole, serial)
        assert len(part.positions) < office.log.size


def test_what_bears_on_a_certificate_is_its_own_story_and_that_of_its_kin(office: Office) -> None:
    calm, held, _, first, ended, second, third, heir = full_of_stories(office)

    def told(serial: str) -> set[str]:
        return {entry.serial for entry in bearing(office.log, (serial,)).entries()}

    assert told(calm) == {calm}
    assert told(held) == {held} and len(bearing(office.log, (held,)).positions) == 2
    assert told(first) == told(second) == told(third) == {first, second, third}
    assert told(ended) == told(heir) == {ended, heir}
    assert told("CC-nobody") == set()


def test_the_entries_come_in_their_order_from_a_position_and_about_one_certificate(office: Office) -> None:
    _, held, *_ = full_of_stories(office)
    part = bearing(office.log, (held,))
    positions = [entry.position for entry in part.entries()]
    assert positions == sorted(positions) == list(part.positions)
    assert [entry.position for entry in part.entries(positions[0] + 1)] == positions[1:]
    assert [entry.position for entry in part.entries(0, "CC-other")] == []


@pytest.mark.parametrize(("change", "code"), [(None, Code.CLIENT_KEY_TAKEN), (Change.REVOKED, Code.CLIENT_KEY_REVOKED)])
def test_among_many_others_a_taken_key_is_found(office: Office, change: Change | None, code: Code) -> None:
    full_of_stories(office)
    who = office.issue()
    key = office.issued
    if change is not None:
        office.change(who, change, "an")
    with refused(code):
        enter(office, certificate(number=200, key=key, at=clock() - timedelta(minutes=1)))


def test_a_second_certificate_of_a_serial_and_on_a_request_is_found(office: Office) -> None:
    full_of_stories(office)
    first = office.issue()
    number = office.issued
    full = office.log.size
    with refused(Code.REQUEST_SPENT):
        enter(office, certificate(number=number, at=ISSUED + timedelta(minutes=5)))
    assert standing(replayed(history(office.log, office.trust)), first.serial).state is State.OFFICIAL
    assert office.log.size == full


def test_an_event_about_what_was_never_issued_enters_nothing(office: Office) -> None:
    who = office.issue()
    office.change(who, Change.SUSPENDED, "an")
    event = read_statement(read_envelope(list(office.log.entries())[-1].envelope).payload, StatusEventStatement)
    predicate = event.predicate.model_copy(update={"serial": "CC-nobody"})
    stranger = signed(event.model_copy(update={"predicate": predicate}), signer("an"))
    with refused(Code.SERIAL_UNKNOWN):
        entered(office.log, stranger, signer("a-log"), office.trust, clock())


@pytest.mark.parametrize(
    "envelope",
    [b"", b"{}", b"[]", b"null", b'{"payload": 3}', b'{"payload": "*"}', b"[" * 100_000]
    + [
        json.dumps({"payload": base64.b64encode(payload).decode()}).encode()
        for payload in (b"", b"3", b"{}", b'{"predicate": 3}', b'{"predicate": {"serial": 3}}', b'{"predicate": {"serial": "x", "client_key_sha256": 3}}', b"[" * 100_000)
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_no_words(envelope: bytes) -> None:
    assert words_of_envelope(envelope) == frozenset()


def test_an_entry_without_words_bears_on_everything_so_that_it_is_refused(office: Office) -> None:
    who = office.issue()
    office.log.append(
        b"no statement", b"no envelope", "urn:npd:clearance:status-event/v1", who.serial, f"{clock():%Y-%m-%dT%H:%M:%SZ}"
    )
    for told in (office.log, bearing(office.log, (who.serial,))):
        with refused(Code.ENVELOPE_MALFORMED):
            replayed(history(told, office.trust))


def test_the_words_are_the_serial_the_request_the_keys_and_what_is_superseded(office: Office) -> None:
    envelope = certificate(number=5, supersedes="CC-before")
    told = granted(envelope)
    assert words_of(read_envelope(envelope).payload) == {told.serial, "CC-before", told.request_sha256, *told.client_key_sha256}
