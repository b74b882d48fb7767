"""Verification: the attack list, one test and one reason code each."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certification.authorisation import WORDING, AuthorisationStatement, serial
from certification.envelope import read_envelope
from certification.evidence_statements import EvaluationStatement, PermitStatement, ScanEvidenceStatement
from certification.feed_bundles import FeedsApprovedStatement, FeedsGatheredStatement
from certification.gateway_bundle import GatewayBundleStatement
from certification.keyring import AcceptedBaseline, KnownAgency, RootKind
from certification.keys import Signature
from certification.opening import opened
from certification.refusals import Code
from certification.request import Kind, RequestStatement
from certification.request_refusal import RequestRefusalStatement
from certification.signers import signed
from certification.statements import Role, Statement, read_statement
from certification.status_event import Change, Reason, draft_event, opened_event
from certification.trust import draft_keyring, read_trust_root
from certification.verify import Step, verify
from scanner.assessment import Assessment, BaselineRef, Condition
from scanner.order import FileDigest
from scanner.record import canonical, sha256
from scanner.store import ASSESSMENT, EVALUATION, PERMIT_ENVELOPE, SCAN_EVIDENCE
from tests.certification.stage import (
    BASELINE_FILE,
    CODE,
    DRAFTED,
    LATER,
    SEEN,
    Case,
    Judge,
    bundle,
    forged,
    keyring,
    known,
    refused,
    restated,
    root,
    root_key,
    signer,
)

TLS = "observations/tls/web1_443.json"


def test_a_good_certificate_passes_every_step(case: Case, certificate: bytes) -> None:
    judge = Judge(case.bundle[ASSESSMENT])
    found = verify(certificate, case.trust, LATER, case.bundle, judge, CODE)
    assert found.steps == tuple(step for step in Step if step not in (Step.LOGGED, Step.STATUS))
    assert judge.asked == 1
    assert found.payload_sha256 == sha256(read_envelope(certificate).payload)
    assert [key.known.authority for key in found.approvals] != []
    assert all(step.explanation for step in Step)


def test_a_gateway_verifies_without_the_evidence(case: Case, certificate: bytes) -> None:
    found = verify(certificate, case.trust, LATER)
    assert Step.EVIDENCE not in found.steps
    assert Step.RECOMPUTED not in found.steps
    assert found.granted.wording == WORDING
    with pytest.raises(TypeError):
        verify(certificate, case.trust, LATER, rejudge=case.judge)


# --- attack 1: a forger's own keys ----------------------------------------------------------------


def test_a_certificate_under_a_forger_s_own_keys_is_refused(case: Case, certificate: bytes) -> None:
    with refused(Code.KEY_UNKNOWN):
        verify(restated(certificate, "m-an", "m-binh"), case.trust, LATER)


def test_a_certificate_under_a_forger_s_own_root_is_refused_by_the_pinned_one(case: Case) -> None:
    mine = draft_keyring(keyring(root_keys=(root_key("m-1"), root_key("m-2"))))
    envelope = forged(mine.written(), "m-1", "m-2")
    with refused(Code.ROOT_NOT_PINNED):
        read_trust_root(envelope, SEEN, pinned=case.trust.sha256)


# --- attack 3: evidence swapped, added, removed ---------------------------------------------------


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda files: {**files, TLS: files[TLS] + b" "}, Code.EVIDENCE_CHANGED),
        (lambda files: {**files, "observations/tls/web2_443.json": files[TLS]}, Code.EVIDENCE_ADDED),
        (lambda files: {path: data for path, data in files.items() if path != TLS}, Code.EVIDENCE_REMOVED),
        (lambda files: {path: data for path, data in files.items() if path != SCAN_EVIDENCE}, Code.EVIDENCE_REMOVED),
        (lambda files: {**files, ASSESSMENT: b"{}"}, Code.EVIDENCE_CHANGED),
    ],
)
def test_evidence_swapped_added_or_removed_after_approval_is_refused(
    case: Case, certificate: bytes, break_it: Any, code: Code
) -> None:
    with refused(code):
        verify(certificate, case.trust, LATER, break_it(dict(case.bundle)))


def test_the_whole_bundle_of_another_run_is_refused(case: Case, certificate: bytes) -> None:
    with refused(Code.EVIDENCE_CHANGED):
        verify(certificate, case.trust, LATER, bundle(order_changes={"nonce": "ef" * 32}))


# --- attack 4: other baselines --------------------------------------------------------------------


def test_a_baseline_the_trust_root_does_not_accept_is_refused(case: Case, certificate: bytes) -> None:
    with refused(Code.BASELINE_NOT_ACCEPTED):
        Case(bundle(assessment_changes={"baseline": _baseline(version="2")}), trust=case.trust).approve("an")
    retired = root(baselines=())
    with refused(Code.BASELINE_NOT_ACCEPTED):
        verify(certificate, retired, LATER)
    changed = root(baselines=(AcceptedBaseline(id="stage", version="1", sha256="00" * 32),))
    with refused(Code.BASELINE_NOT_ACCEPTED):
        verify(certificate, changed, LATER)


def _baseline(**changes: Any) -> BaselineRef:
    good = {"id": "stage", "version": "1", "regime": "stage", "sha256": sha256(BASELINE_FILE), "laboratory": False}
    return BaselineRef(**{**good, **changes})


def test_a_laboratory_baseline_is_refused_by_a_production_root_even_if_it_lists_it() -> None:
    files = bundle(assessment_changes={"baseline": _baseline(laboratory=True)})
    with refused(Code.BASELINE_LABORATORY):
        Case(files).approve("an")
    laboratory = root(kind=RootKind.LABORATORY)
    certificate = Case(files, trust=laboratory).certificate()
    assert verify(certificate, laboratory, LATER).granted.baseline.laboratory
    with refused(Code.BASELINE_LABORATORY):
        verify(certificate, root(), LATER)


def test_the_laboratory_mark_cannot_be_taken_off_a_certificate() -> None:
    files = bundle(assessment_changes={"baseline": _baseline(laboratory=True)})
    certificate = Case(files, trust=root(kind=RootKind.LABORATORY)).certificate()
    with refused(Code.AUTHORISATION_DIFFERS):
        verify(restated(certificate, baseline=_baseline()), root(), LATER, files)


# --- attack 5: old evidence -----------------------------------------------------------------------


def test_a_certificate_drafted_on_old_evidence_is_refused(case: Case, certificate: bytes) -> None:
    old = restated(certificate, scan_started=SEEN - timedelta(days=30))
    with refused(Code.EVIDENCE_OLD):
        verify(old, case.trust, LATER)


# --- attack 7: the clock --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (DRAFTED - timedelta(seconds=1), Code.NOT_YET_VALID),
        (SEEN + timedelta(days=365), Code.EXPIRED),
        (SEEN + timedelta(days=500), Code.ROOT_NOT_VALID),
        (SEEN - timedelta(days=51), Code.ROOT_NOT_VALID),
    ],
)
def test_a_certificate_is_good_only_in_its_time(case: Case, certificate: bytes, at: Any, code: Code) -> None:
    verify(certificate, case.trust, DRAFTED)
    verify(certificate, case.trust, SEEN + timedelta(days=365, seconds=-1))
    with refused(code):
        verify(certificate, case.trust, at)


# --- attack 11: duplicate keys and other second readings ------------------------------------------


def _payload(certificate: bytes, old: str, new: str) -> bytes:
    payload = read_envelope(certificate).payload.decode()
    assert old in payload
    return forged(payload.replace(old, new, 1).encode(), "an", "binh")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"echelon":"province"', '"echelon":"commune","echelon":"province"', Code.PAYLOAD_MALFORMED),
        ('"echelon":"province"', '"echelon": "province"', Code.PAYLOAD_NOT_CANONICAL),
        ('"echelon":"province"', '"\\u0065chelon":"province"', Code.PAYLOAD_NOT_CANONICAL),
        ('"level":3', '"level":3.0', Code.PAYLOAD_MALFORMED),
        ('"level":3', '"level":"3"', Code.PAYLOAD_MALFORMED),
        ('"level":3', '"level":NaN', Code.PAYLOAD_MALFORMED),
        ('"rate":60', '"rate":90071992547409930', Code.PAYLOAD_MALFORMED),
        ('"code":"P01"', '"code":"\u042001"', Code.PAYLOAD_MALFORMED),
        ('"Xác thực hồ sơ"', '"Xa\u0301c thực hồ sơ"', Code.PAYLOAD_MALFORMED),
        ('"Xác thực hồ sơ"', '"Xác \u202e thực"', Code.PAYLOAD_MALFORMED),
        ('"kind":"official"', '"kind":"permanent"', Code.PAYLOAD_MALFORMED),
        ('"not_after":"2027-11-23T01:00:00Z"', '"not_after":"2027-11-23T08:00:00+07:00"', Code.PAYLOAD_NOT_CANONICAL),
        ('"crit":[]', '"crit":[],"more":1', Code.PAYLOAD_MALFORMED),
        ('"crit":[]', '"crit":["geo"],"geo":"vn"', Code.CRITICAL_UNKNOWN),
        ('"crit":[],', "", Code.PAYLOAD_NOT_CANONICAL),
        ('"apis":["verify"]', '"apis":["verify","read"]', Code.PAYLOAD_NOT_CANONICAL),
    ],
)
def test_a_payload_that_can_be_read_in_two_ways_is_refused_though_two_signed_it(
    case: Case, certificate: bytes, old: str, new: str, code: Code
) -> None:
    with refused(code):
        verify(_payload(certificate, old, new), case.trust, LATER)


def test_a_subject_that_stands_twice_is_refused(case: Case, certificate: bytes) -> None:
    value = json.loads(read_envelope(certificate).payload)
    value["subject"].append({**value["subject"][0], "digest": {"sha256": "00" * 32}})
    with refused(Code.PAYLOAD_MALFORMED):
        verify(forged(canonical(value), "an", "binh"), case.trust, LATER)


# --- attack 12: a signature made for something else -----------------------------------------------


@pytest.mark.parametrize("path", [SCAN_EVIDENCE, EVALUATION, PERMIT_ENVELOPE])
def test_no_other_statement_is_a_certificate(case: Case, path: str) -> None:
    with refused(Code.KEY_ROLE):
        verify(case.bundle[path], case.trust, LATER)
    payload = read_envelope(case.bundle[path]).payload
    with refused(Code.PREDICATE_TYPE):
        verify(forged(payload, "an", "binh"), case.trust, LATER)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (PermitStatement, "ha"),
        (ScanEvidenceStatement, "scanner-1"),
        (EvaluationStatement, "dung"),
        (RequestStatement, "P01"),
    ],
)
def test_a_certificate_is_no_other_statement(case: Case, certificate: bytes, kind: type[Statement], name: str) -> None:
    payload = read_envelope(certificate).payload
    with refused(Code.PREDICATE_TYPE):
        opened(forged(payload, name), kind, case.trust, LATER)
    with refused(Code.SIGNATURE_COUNT):
        opened(certificate, kind, case.trust, LATER)


def test_each_statement_has_a_type_and_a_role_of_its_own() -> None:
    kinds = Statement.__subclasses__()
    assert {FeedsGatheredStatement, FeedsApprovedStatement, GatewayBundleStatement, RequestRefusalStatement} <= set(kinds)
    assert len({kind.model_fields["predicate_type"].default for kind in kinds}) == len(kinds) == 11
    # An approver approves, refuses, and changes what was approved; every other role signs one type only.
    others = [kind for kind in kinds if kind.role is not Role.APPROVER]
    assert len({kind.role for kind in others}) == len(others) == len(kinds) - 3


def test_an_approver_s_status_event_is_no_authorisation(case: Case, certificate: bytes) -> None:
    granted = verify(certificate, case.trust, LATER).statement
    event = draft_event(granted, Change.REVOKED, Reason.OTHER, "", "an", LATER)
    with refused(Code.PREDICATE_TYPE):
        verify(signed(event, signer("an"), signer("binh")), case.trust, LATER)
    with refused(Code.PREDICATE_TYPE):
        opened_event(certificate, granted, case.trust, LATER)


def test_a_signature_over_the_payload_alone_is_refused(certificate: bytes) -> None:
    payload = read_envelope(certificate).payload
    private = signer("other-services")._private
    assert isinstance(private, Ed25519PrivateKey)
    bare = private.sign(payload)
    envelope = read_envelope(certificate)
    trust = root(more_keys=(known("other-services", Role.APPROVER, holder="chi", authority="ministry-a"),))
    with refused(Code.SIGNATURE_WRONG):
        verify(envelope.signed_also(Signature(signer("other-services").keyid, bare.hex())).written(), trust, LATER)


# --- recompute ------------------------------------------------------------------------------------


def test_other_checks_are_neither_a_match_nor_a_forgery(case: Case, certificate: bytes) -> None:
    newer = (FileDigest(path="checks/tls.py", sha256="88" * 32),)
    for code in (newer, (), (*CODE, FileDigest(path="checks/new.py", sha256="99" * 32))):
        judge = Judge(case.bundle[ASSESSMENT])
        with refused(Code.CHECKS_DIFFER):
            verify(certificate, case.trust, LATER, case.bundle, judge, code)
        assert judge.asked == 0
    found = Assessment.read(case.bundle[ASSESSMENT]).model_copy(update={"checks": newer})
    with refused(Code.CHECKS_DIFFER):
        verify(certificate, case.trust, LATER, case.bundle, Judge(found.written()))


def test_another_judgement_by_the_same_checks_is_refused(case: Case, certificate: bytes) -> None:
    found = Assessment.read(case.bundle[ASSESSMENT]).model_copy(update={"fingerprint": "00" * 32})
    with refused(Code.RECOMPUTE_DIFFERS):
        verify(certificate, case.trust, LATER, case.bundle, Judge(found.written()), CODE)


def test_what_the_certificate_says_is_what_the_evidence_says(case: Case, certificate: bytes) -> None:
    for changes in (
        {"inspectors": ("nobody",)},
        {"scan_finished": SEEN + timedelta(hours=1)},
        {"evaluation_sha256": "00" * 32},
        {"conditions": _a_condition()},
    ):
        with refused(Code.AUTHORISATION_DIFFERS):
            verify(restated(certificate, **changes), case.trust, LATER, case.bundle)


def _a_condition() -> Any:
    due = SEEN + timedelta(days=365)
    return (Condition(control="C", subject="web1", due=due, waiver=None, owner="x", findings=()),)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": Kind.TRIAL, "not_after": LATER},
        {"client_key_sha256": ("00" * 32,)},
        {"order_nonce": "00" * 32},
        {"supersedes": "CC-0"},
        {"serial": "CC-0"},
        {"not_before": SEEN},
        {"request_sha256": "00" * 32},
        {"wording": WORDING.model_copy(update={"en": "The Ministry certifies this system."})},
    ],
)
def test_a_certificate_grants_what_its_agency_asked_for_in_the_words_of_the_law(
    case: Case, certificate: bytes, changes: dict[str, Any]
) -> None:
    with refused(Code.AUTHORISATION_DIFFERS):
        verify(restated(certificate, **changes), case.trust, DRAFTED)


def test_an_echelon_that_has_ended_closes_its_certificates(certificate: bytes) -> None:
    ended = tuple(ceiling.model_copy(update={"valid_until": LATER}) for ceiling in keyring().ceilings)
    trust = root(ceilings=ended)
    verify(certificate, trust, LATER - timedelta(seconds=1))
    with refused(Code.ECHELON_UNKNOWN):
        verify(certificate, trust, LATER)


def test_a_serial_that_fits_another_request_does_not_hide_it(case: Case, certificate: bytes) -> None:
    other = serial("00" * 32, "ab" * 32, DRAFTED)
    with refused(Code.AUTHORISATION_DIFFERS):
        verify(restated(certificate, request_sha256="00" * 32, serial=other), case.trust, LATER)


def test_a_certificate_stated_before_it_was_asked_for_is_refused(case: Case, certificate: bytes) -> None:
    granted = verify(certificate, case.trust, LATER).granted
    early = serial(granted.request_sha256, granted.order_nonce, SEEN)
    with refused(Code.CHRONOLOGY):
        verify(restated(certificate, stated_at=SEEN, not_before=SEEN, serial=early), case.trust, LATER)


def test_a_wider_scope_than_asked_for_is_refused(case: Case, certificate: bytes) -> None:
    scope = verify(certificate, case.trust, LATER).granted.scope.model_copy(update={"apis": ("read", "verify")})
    with refused(Code.AUTHORISATION_DIFFERS):
        verify(restated(certificate, scope=scope), case.trust, LATER)


def test_a_certificate_without_a_request_by_its_agency_is_refused(case: Case, certificate: bytes) -> None:
    asked = read_envelope(case.request)
    stolen = forged(asked.payload, "scanner-1")
    with refused(Code.KEY_ROLE):
        verify(restated(certificate, request=b64encode(stolen).decode()), case.trust, LATER)


def test_what_is_read_is_what_was_signed(certificate: bytes) -> None:
    payload = read_envelope(certificate).payload
    assert read_statement(payload, AuthorisationStatement).written() == payload


def _agency(echelon: str, begins: int = -400, ends: int | None = None) -> KnownAgency:
    day = timedelta(days=1)
    return KnownAgency(
        code="P01", echelon=echelon, valid_from=SEEN + begins * day, valid_until=None if ends is None else SEEN + ends * day
    )


@pytest.mark.parametrize(
    ("agencies", "code"),
    [
        ((_agency("central"),), Code.ECHELON_DIFFERS),
        ((_agency("central", -400, -30), _agency("commune", -30)), Code.ECHELON_DIFFERS),
        ((_agency("province", -400, -30),), Code.AGENCY_UNKNOWN),
        ((_agency("province", 30),), Code.AGENCY_UNKNOWN),
    ],
    ids=["another echelon", "another since", "no more", "not yet"],
)
def test_an_agency_is_of_the_echelon_that_the_trust_root_says(
    certificate: bytes, agencies: tuple[KnownAgency, ...], code: Code
) -> None:
    """Attack 8: the applicant writes its scope, and so its echelon, itself."""
    with refused(code):
        verify(certificate, root(agencies=agencies), LATER)


def test_a_code_may_have_another_echelon_before_and_after(certificate: bytes) -> None:
    verify(certificate, root(agencies=(_agency("central", -400, -30), _agency("province", -30))), LATER)
