"""One request, one certificate; one client key, one certificate that can still let anybody in."""

from __future__ import annotations

from datetime import timedelta

import pytest

from certification import exporting, merkle
from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.checkpoint import Checkpoint, SignedCheckpoint
from certification.envelope import read_envelope
from certification.ledger import entered, history
from certification.refusals import Code
from certification.statements import read_statement
from certification.status import State, replayed, standing
from certification.status_event import Change
from tests.certification.stage import refused, signer
from tests.certification.test_gateway_bundle import office, read
from tests.gateway.stage import ISSUED, NOW, Office, certificate, client, clock

__all__ = ["office"]


def enter(office: Office, envelope: bytes) -> None:
    entered(office.log, envelope, signer("a-log"), office.trust, clock())


def granted(envelope: bytes) -> AuthorisationPredicate:
    return read_statement(read_envelope(envelope).payload, AuthorisationStatement).predicate


def again(number: int) -> bytes:
    """A second certificate on the request of this number, stated later."""
    return certificate(number=number, at=ISSUED + timedelta(minutes=5))


def test_a_request_leads_to_one_certificate_whatever_became_of_it(office: Office) -> None:
    first = office.issue()
    second = again(office.issued)
    assert granted(first.certificate).request_sha256 == granted(second).request_sha256
    size = office.log.size
    with refused(Code.REQUEST_SPENT):
        enter(office, second)
    office.change(first, Change.REVOKED, "an")
    with refused(Code.REQUEST_SPENT):
        enter(office, second)
    assert office.log.size == size + 1


@pytest.mark.parametrize(("change", "code"), [
    (None, Code.CLIENT_KEY_TAKEN), (Change.SUSPENDED, Code.CLIENT_KEY_TAKEN), (Change.REVOKED, Code.CLIENT_KEY_REVOKED),
])  # fmt: skip
def test_a_key_that_is_held_or_was_revoked_is_not_certified_again(office: Office, change: Change | None, code: Code) -> None:
    who = office.issue()
    key = office.issued
    if change is not None:
        office.change(who, change, "an")
    with refused(code):
        enter(office, certificate(number=90, key=key, at=clock() - timedelta(minutes=1)))
    enter(office, certificate(number=90, at=clock() - timedelta(minutes=1)))


def test_the_successor_takes_the_key_over_and_so_does_what_comes_after_the_end(office: Office) -> None:
    who = office.issue()
    key = office.issued
    new = certificate(number=91, key=key, supersedes=who.serial, evaluation_sha256="77" * 32)
    enter(office, new)
    ended = office.issue(ends=NOW - timedelta(minutes=30))
    enter(office, certificate(number=92, key=office.issued, at=NOW - timedelta(minutes=20)))
    found = replayed(history(office.log, office.trust))
    assert standing(found, who.serial).state is State.SUPERSEDED
    assert standing(found, granted(new).serial).at(NOW) is State.OFFICIAL
    assert standing(found, ended.serial).at(NOW) is State.EXPIRED


def logged(office: Office, envelope: bytes) -> None:
    """Enters what this program would not, as the machine of a log could."""
    who = client(envelope, office.ca, office.key)
    payload = read_envelope(envelope).payload
    office.log.append(payload, envelope, AuthorisationStatement.kind(), who.serial, f"{clock():%Y-%m-%dT%H:%M:%SZ}")
    point = Checkpoint("a-log", office.log.size, merkle.root(office.log, office.log.size))
    signed = SignedCheckpoint(point, (signer("a-log").sign_checkpoint(point, "a-log"),))
    office.log.keep_checkpoint(point.size, signed.written())
    office.clients[who.serial] = who


def test_a_log_that_holds_two_is_neither_replayed_nor_exported(office: Office) -> None:
    office.issue()
    logged(office, again(office.issued))
    with refused(Code.REQUEST_SPENT):
        replayed(history(office.log, office.trust))
    with refused(Code.REQUEST_SPENT):
        office.export()


@pytest.mark.parametrize(("number", "code"), [(3, Code.REQUEST_SPENT), (95, Code.CLIENT_KEY_TAKEN)])
def test_a_register_that_lets_one_key_in_twice_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch, number: int, code: Code
) -> None:
    office.issue()
    assert office.issued == 3
    monkeypatch.setattr(exporting, "_sharing", lambda _seen: set())
    logged(office, certificate(number=number, key=3, at=ISSUED + timedelta(minutes=5)))
    with refused(code):
        read(office, office.export())
