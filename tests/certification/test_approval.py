"""Approvals: two authorities, two people, two keys, apart from inspection and agency; each station works it all out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certification.envelope import Envelope, read_envelope
from certification.grounds import draft_authorisation
from certification.keyring import KnownPerson
from certification.quorum import QUORUM, quorum
from certification.refusals import Code, RefusalKind
from certification.request import Kind
from certification.statements import Role
from certification.trust import TrustRoot
from certification.verify import verify
from scanner.assessment import Assessment, Condition, Decision
from scanner.order import FileDigest
from scanner.store import ASSESSMENT, StoreError
from scanner.targets import Person
from tests.certification.stage import (
    ASKED,
    DRAFTED,
    LATER,
    SEEN,
    Case,
    bundle,
    keyring,
    known,
    order,
    permit,
    refused,
    request,
    restated,
    root,
    signer,
)

ORGANISATIONS = {"kim": "p01", "lan": "Data Centre of P01", "mai": "people's committee of the INVENTED province"}


def wide() -> TrustRoot:
    """A trust root with more approvers than it should have."""
    people = tuple(KnownPerson(id=name, organisation=where, authority="ministry-b") for name, where in ORGANISATIONS.items())
    return root(
        more_people=(*people, KnownPerson(id="quy", organisation="Inspectorate", authority="ministry-b")),
        more_keys=(
            *(known(name, Role.APPROVER, authority="ministry-b") for name in ORGANISATIONS),
            known("an-2", Role.APPROVER, holder="an", authority="ministry-a"),
            known("quy", Role.APPROVER, authority="ministry-b"),
            known("quy-2", Role.INSPECTOR, holder="quy"),
            known("revoked", Role.APPROVER, holder="binh", authority="ministry-b", revoked_at=SEEN + timedelta(days=2)),
            known("old", Role.APPROVER, holder="binh", authority="ministry-b", valid_until=SEEN),
            known("short", Role.APPROVER, holder="binh", authority="ministry-b", valid_until=DRAFTED + timedelta(days=1)),
            known("new", Role.APPROVER, holder="binh", authority="ministry-b", valid_from=LATER),
        ),
    )


def test_two_authorities_sign_the_same_bytes(case: Case) -> None:
    first = case.approve("an")
    both = case.approve("binh", first, DRAFTED + timedelta(days=1))
    assert read_envelope(first).payload == read_envelope(both).payload
    assert {signature.keyid for signature in read_envelope(both).signatures} == {
        signer("an").keyid,
        signer("binh").keyid,
    }


def test_what_is_signed_depends_on_nothing_but_bundle_request_trust_and_instant(case: Case) -> None:
    draft = draft_authorisation(case.bundle, case.request, case.trust, DRAFTED)
    again = draft_authorisation(dict(reversed(case.bundle.items())), case.request, case.trust, DRAFTED.replace(microsecond=5))
    assert draft.written() == again.written()
    other = draft_authorisation(case.bundle, case.request, case.trust, DRAFTED + timedelta(seconds=1))
    assert other.predicate.serial != draft.predicate.serial


def test_every_station_judges_again_before_it_signs(case: Case) -> None:
    mine = Case(case.bundle, trust=case.trust, request=case.request)
    mine.approve("binh", mine.approve("an"))
    assert mine.judge.asked == 2


def test_a_station_that_judges_otherwise_does_not_sign(case: Case) -> None:
    mine = Case(case.bundle, trust=case.trust, request=case.request)
    found = Assessment.read(case.bundle[ASSESSMENT])
    mine.judge.says = found.model_copy(update={"decision": Decision.DENY}).written()
    with refused(Code.RECOMPUTE_DIFFERS):
        mine.approve("an")
    mine.judge.says = found.model_copy(update={"checks": (FileDigest(path="checks/tls.py", sha256="88" * 32),)}).written()
    with refused(Code.CHECKS_DIFFER):
        mine.approve("an")
    mine.judge.says = b"not a record"
    with refused(Code.RECOMPUTE_FAILED):
        mine.approve("an")

    def broken(_: Any) -> bytes:
        raise StoreError("observations/x: holds y")

    with refused(Code.RECOMPUTE_FAILED):
        replace_judge(mine, broken).approve("an")


def replace_judge(case: Case, judge: Any) -> Case:
    """The case with another judge."""
    case.judge = judge
    return case


def test_the_signer_sees_what_is_signed_and_may_say_no(case: Case) -> None:
    shown: list[str] = []

    def no(text: str) -> bool:
        shown.append(text)
        return False

    with refused(Code.NOT_CONFIRMED):
        case.approve("an", confirm=no)
    assert "Ủy ban nhân dân tỉnh Hư Cấu" in shown[0]
    assert "kind: official" in shown[0]
    assert "basis for considering connection" in shown[0]


# --- attack 2: the quorum -------------------------------------------------------------------------


def test_the_quorum_is_two_and_one_approval_is_none(case: Case) -> None:
    assert QUORUM == 2
    with refused(Code.QUORUM_MISSING):
        verify(case.approve("an"), case.trust, DRAFTED)
    with refused(Code.QUORUM_MISSING):
        case.issue(case.approve("an"))


def test_one_key_counts_once_however_often_it_stands_there(case: Case) -> None:
    an = case.trust.key(signer("an").keyid)
    with refused(Code.QUORUM_MISSING):
        quorum((an, an))
    twice = replace(an, known=an.known.model_copy(update={"holder": "x", "authority": "ministry-b"}))
    with refused(Code.QUORUM_MISSING):
        quorum((an, twice))


def test_one_signature_copied_under_a_second_key_id_is_refused(certificate: bytes, case: Case) -> None:
    value = read_envelope(certificate)
    one = next(signature for signature in value.signatures if signature.keyid == signer("an").keyid)
    other = type(one)(signer("binh").keyid, one.signature)
    with refused(Code.SIGNATURE_WRONG):
        verify(
            Envelope(value.payload, (one, other)[:: 1 if one.keyid < other.keyid else -1]).written(),
            case.trust,
            DRAFTED,
        )


def test_two_people_of_one_authority_are_one_authority(certificate: bytes, case: Case) -> None:
    with refused(Code.QUORUM_ONE_AUTHORITY):
        verify(restated(certificate, "an", "chi"), case.trust, DRAFTED)
    with refused(Code.APPROVED_ALREADY):
        case.approve("chi", case.approve("an"))


def test_one_person_with_two_keys_is_one_person(certificate: bytes) -> None:
    with refused(Code.QUORUM_ONE_PERSON):
        verify(restated(certificate, "an", "an-2"), wide(), DRAFTED)
    mine = Case(trust=wide())
    with refused(Code.APPROVED_ALREADY):
        mine.approve("an-2", mine.approve("an"))


def test_a_third_approval_takes_nothing_away(certificate: bytes, case: Case) -> None:
    assert len(verify(restated(certificate, "an", "binh", "chi"), case.trust, DRAFTED).approvals) == 3


# --- attack 8: who may not approve ----------------------------------------------------------------


@pytest.mark.parametrize("name", ORGANISATIONS)
def test_nobody_of_the_agency_or_the_operator_approves(certificate: bytes, name: str) -> None:
    with refused(Code.APPROVER_OF_AGENCY):
        verify(restated(certificate, "an", name), wide(), DRAFTED)
    with refused(Code.APPROVER_OF_AGENCY):
        Case(trust=wide()).approve(name)


def test_no_inspector_of_the_system_approves() -> None:
    inspectors = (Person(person="quy", organisation="Inspectorate"), *permit().inspectors)
    mine = Case(bundle(permit_changes={"inspectors": inspectors}), trust=wide())
    with refused(Code.APPROVER_IS_INSPECTOR):
        mine.approve("quy")
    good = mine.approve("an")
    with refused(Code.APPROVER_IS_INSPECTOR):
        verify(restated(good, "an", "quy"), wide(), DRAFTED)


@pytest.mark.parametrize("name", ["dung", "ha", "P01", "scanner-1"])
def test_keys_of_other_roles_do_not_approve(certificate: bytes, case: Case, name: str) -> None:
    with refused(Code.KEY_ROLE):
        case.approve(name)
    with refused(Code.KEY_ROLE):
        verify(restated(certificate, "an", name), case.trust, DRAFTED)


def test_a_key_outside_the_trust_root_does_not_approve(certificate: bytes, case: Case) -> None:
    with refused(Code.KEY_UNKNOWN):
        case.approve("mallory")
    with refused(Code.KEY_UNKNOWN):
        verify(restated(certificate, "an", "mallory"), case.trust, DRAFTED)


def test_a_revoked_key_counts_until_it_was_revoked_and_never_again(certificate: bytes) -> None:
    made = restated(certificate, "an", "revoked")
    verify(made, wide(), SEEN + timedelta(days=1))
    with refused(Code.KEY_REVOKED):
        verify(made, wide(), SEEN + timedelta(days=2))
    with refused(Code.KEY_REVOKED):
        Case(trust=wide()).approve("revoked", at=LATER)


@pytest.mark.parametrize("name", ["old", "new"])
def test_a_key_counts_only_if_it_was_valid_when_it_signed(certificate: bytes, name: str) -> None:
    with refused(Code.KEY_NOT_VALID):
        verify(restated(certificate, "an", name), wide(), LATER)
    mine = Case(trust=wide())
    with refused(Code.KEY_NOT_VALID):
        mine.approve(name)
    with refused(Code.KEY_NOT_VALID):
        mine.approve("new", mine.approve("an"), LATER)


def test_a_key_that_ended_since_the_draft_does_not_join_it() -> None:
    mine = Case(trust=wide())
    first = mine.approve("an")
    mine.approve("short", first, DRAFTED + timedelta(hours=1))
    with refused(Code.KEY_NOT_VALID):
        mine.approve("short", first, DRAFTED + timedelta(days=1))


# --- what another authority has begun -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"not_after": LATER + timedelta(days=900)}, Code.VALIDITY_TOO_LONG),
        ({"scan_started": SEEN + timedelta(hours=1)}, Code.AUTHORISATION_DIFFERS),
        ({"inspectors": ("nobody",)}, Code.AUTHORISATION_DIFFERS),
        ({"decision": Decision.AUTHORISE_TRIAL}, Code.TRIAL_ONLY),
        ({"kind": Kind.TRIAL, "not_after": LATER}, Code.AUTHORISATION_DIFFERS),
        ({"serial": "CC-1"}, Code.AUTHORISATION_DIFFERS),
        ({"client_key_sha256": ("00" * 32,)}, Code.AUTHORISATION_DIFFERS),
        ({"evaluation_sha256": "00" * 32}, Code.AUTHORISATION_DIFFERS),
    ],
)
def test_nobody_joins_an_authorisation_that_does_not_follow_from_the_evidence(
    case: Case, certificate: bytes, changes: dict[str, Any], code: Code
) -> None:
    with refused(code):
        case.approve("binh", restated(certificate, "an", **changes))


def test_an_approval_begun_for_another_request_is_not_joined(case: Case) -> None:
    first = case.approve("an")
    other = Case(case.bundle, trust=case.trust, request=request(case.bundle, at=ASKED + timedelta(minutes=1)))
    with refused(Code.REQUEST_DIFFERS):
        other.approve("binh", first)


def test_an_approval_is_not_joined_on_old_evidence_or_in_a_closed_time(case: Case) -> None:
    first = case.approve("an")
    with refused(Code.EVIDENCE_OLD):
        case.approve("binh", first, SEEN + timedelta(days=31))
    with refused(Code.NOT_YET_VALID):
        case.approve("binh", first, DRAFTED - timedelta(minutes=1))
    with refused(Code.ROOT_NOT_VALID):
        case.approve("binh", first, SEEN + timedelta(days=501))


def test_an_approval_is_not_joined_once_the_echelon_has_ended(case: Case) -> None:
    ended = tuple(ceiling.model_copy(update={"valid_until": LATER}) for ceiling in keyring().ceilings)
    mine = Case(case.bundle, trust=root(ceilings=ended), request=case.request)
    first = mine.approve("an")
    with refused(Code.ECHELON_UNKNOWN):
        mine.approve("binh", first, LATER)


# --- policy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        (Kind.TRIAL, {"decision": Decision.DENY}, Code.DECISION),
        (Kind.OFFICIAL, {"decision": Decision.DENY}, Code.DECISION),
        (Kind.TRIAL, {"decision": Decision.INCOMPLETE}, Code.DECISION),
        (Kind.OFFICIAL, {"decision": Decision.AUTHORISE_TRIAL}, Code.TRIAL_ONLY),
        (Kind.OFFICIAL, {"observed_from": SEEN, "evidence_until": SEEN}, Code.NOTHING_LEFT),
    ],
)
def test_only_a_decision_that_allows_it_is_approved(kind: Kind, changes: dict[str, Any], code: Code) -> None:
    with refused(code):
        Case(bundle(assessment_changes=changes), kind).approve("an")
    assert code.kind is RefusalKind.POLICY


@pytest.mark.parametrize("level", [1, 2])
def test_no_system_below_level_three_is_approved(level: int) -> None:
    scope = bundle_scope(level)
    with refused(Code.LEVEL_TOO_LOW):
        Case(bundle(order_changes={"scope": scope})).approve("an")


def bundle_scope(level: int) -> Any:
    """The stage's scope at another level."""
    scope = order(b"", permit()).scope
    return scope.model_copy(update={"system": scope.system.model_copy(update={"level": level})})


def test_trial_may_follow_from_both_decisions() -> None:
    for decision in (Decision.AUTHORISE, Decision.AUTHORISE_TRIAL):
        mine = Case(bundle(assessment_changes={"decision": decision}), Kind.TRIAL)
        granted = verify(mine.certificate(), mine.trust, LATER).granted
        assert (granted.kind, granted.not_after) == (Kind.TRIAL, DRAFTED + timedelta(days=92))


def _condition(days: int) -> Condition:
    due = SEEN + timedelta(days=days)
    return Condition(control="C1", subject="web1", due=due, waiver="W-1", owner=None, findings=())


def test_the_certificate_ends_with_the_earliest_of_term_evidence_and_condition() -> None:
    for changes, wanted in (
        ({}, SEEN + timedelta(days=365)),
        ({"evidence_until": SEEN + timedelta(days=900)}, DRAFTED + timedelta(days=366)),
        ({"conditions": (_condition(40), _condition(20))}, SEEN + timedelta(days=20)),
    ):
        mine = Case(bundle(assessment_changes=changes))
        assert draft_authorisation(mine.bundle, mine.request, mine.trust, DRAFTED).predicate.not_after == wanted
    overdue = Case(bundle(assessment_changes={"conditions": (_condition(0),)}))
    with refused(Code.NOTHING_LEFT):
        overdue.approve("an")


@pytest.mark.parametrize(
    "changes",
    [{"apis": ("verify", "write")}, {"rate": 101}, {"bulk": True}],
)
def test_nothing_above_the_echelon_s_ceiling_is_approved(case: Case, changes: dict[str, Any]) -> None:
    mine = Case(case.bundle, trust=case.trust, request=request(case.bundle, **changes))
    with refused(Code.ABOVE_CEILING):
        mine.approve("an")


def test_evidence_of_more_than_thirty_days_is_not_approved(case: Case) -> None:
    case.approve("an", at=SEEN + timedelta(days=30))
    with refused(Code.EVIDENCE_OLD):
        case.approve("an", at=SEEN + timedelta(days=30, seconds=1))


def test_the_judge_sees_the_bundle_and_cannot_change_it(case: Case) -> None:
    mine = Case(case.bundle, trust=case.trust, request=case.request)

    def meddler(files: Any) -> bytes:
        with pytest.raises(TypeError):
            files["x"] = b""
        return case.bundle[ASSESSMENT]

    assert replace_judge(mine, meddler).approve("an")
