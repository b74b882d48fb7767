"""Evidence: a sealed bundle, every signature, digest and tie in it, and what each looks like when it is broken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from certification.authorisation import AuthorisationStatement
from certification.envelope import read_envelope
from certification.evidence import read_evidence
from certification.grounds import draft_authorisation
from certification.keyring import HolderKind, KnownPerson
from certification.permits import draft_permit, sign_permit, verified_permit
from certification.refusals import Code
from certification.sealing import draft_evaluation, draft_scan_evidence, sign_evaluation, sign_scan_evidence
from certification.signers import signed
from certification.statements import Role, read_statement
from scanner.assessment import Assessment, Decision, TailoringRef
from scanner.observations import Reason, Sight, Sighting, Unobserved
from scanner.order import Order
from scanner.record import sha256
from scanner.specimens import VANTAGE
from scanner.store import (
    ASSESSMENT,
    BASELINE,
    EVALUATION,
    MANIFEST,
    ORDER,
    PERMIT_ENVELOPE,
    SCAN_EVIDENCE,
    TAILORING,
    manifest_of,
)
from scanner.targets import Person, RunKind
from tests.certification.stage import (
    ASKED,
    DRAFTED,
    ORDERED,
    SEALED,
    SEEN,
    Case,
    assessment,
    bundle,
    forged,
    known,
    permit,
    refused,
    request,
    root,
    sealed,
    signer,
)

TLS = "observations/tls/web1_443.json"


def test_a_sealed_bundle_is_evidence(case: Case) -> None:
    found = read_evidence(case.bundle, case.trust, DRAFTED)
    assert found.permit.signer.known.holder == "ha"
    assert found.evaluation.signer.known.holder == "dung"
    assert found.seal.statement.predicate.coverage.model_dump() == {
        "planned": 3,
        "seen": 2,
        "unobserved": 1,
        "skipped": 0,
        "interfered": 1,
    }


def test_the_keys_sign_what_the_drafts_say(case: Case) -> None:
    files = {path: data for path, data in case.bundle.items() if path not in (SCAN_EVIDENCE, EVALUATION)}
    files[SCAN_EVIDENCE] = sign_scan_evidence(files, signer("scanner-1"), SEALED)
    files[EVALUATION] = sign_evaluation(files, signer("dung"), case.trust, SEALED)
    assert read_evidence(files, case.trust, DRAFTED).order.run == "R-1"
    with refused(Code.KEY_ROLE):
        sign_evaluation(files, signer("an"), case.trust, SEALED)
    # An order that permits itself more than was signed is evaluated by nobody.
    order = Order.read(files[ORDER])
    wider = order.permit.model_copy(update={"addresses": (*order.permit.addresses, "192.0.2.0/24")})
    files[ORDER] = order.model_copy(update={"permit": wider}).written()
    with refused(Code.PERMIT_DIFFERS):
        sign_evaluation(files, signer("dung"), case.trust, SEALED)


def _without(files: dict[str, bytes], path: str) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name != path}


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda files: _without(files, SCAN_EVIDENCE), Code.EVIDENCE_MISSING),
        (lambda files: _without(files, EVALUATION), Code.EVIDENCE_MISSING),
        (lambda files: _without(files, TLS), Code.EVIDENCE_REMOVED),
        (lambda files: {**files, "notes.txt": b"x"}, Code.EVIDENCE_ADDED),
        (lambda files: {**files, TLS: files[TLS].replace(b"handshake", b"Handshake")}, Code.EVIDENCE_CHANGED),
        (lambda files: {**files, SCAN_EVIDENCE: files[EVALUATION]}, Code.KEY_ROLE),
        (lambda files: {**files, SCAN_EVIDENCE: b"{}"}, Code.ENVELOPE_MALFORMED),
        (lambda files: {**files, EVALUATION: files[SCAN_EVIDENCE]}, Code.KEY_ROLE),
    ],
)
def test_a_bundle_changed_after_it_was_sealed_is_refused(case: Case, break_it: Any, code: Code) -> None:
    with refused(code):
        read_evidence(break_it(dict(case.bundle)), case.trust, DRAFTED)


def _resealed(case: Case, **files: bytes) -> dict[str, bytes]:
    """What a dishonest scanner instance and inspector would sign together."""
    return sealed({**case.bundle, **files})


@pytest.mark.parametrize("path", [ORDER, ASSESSMENT])
def test_a_file_that_is_no_record_is_refused(case: Case, path: str) -> None:
    files = {**case.bundle, path: b'{"a":1,"a":2}'}
    with refused(Code.EVIDENCE_MALFORMED):
        draft_scan_evidence(files, SEALED)


def test_a_seal_over_a_manifest_that_lists_other_files_is_refused(case: Case) -> None:
    files = {**case.bundle, MANIFEST: manifest_of({ORDER: case.bundle[ORDER]}).written()}
    with refused(Code.MANIFEST_DIFFERS):
        draft_scan_evidence(files, SEALED)


def test_a_seal_that_tells_of_another_coverage_is_refused(case: Case) -> None:
    seal = draft_scan_evidence(case.bundle, SEALED)
    coverage = seal.predicate.coverage.model_copy(update={"seen": 3, "unobserved": 0})
    lying = seal.model_copy(update={"predicate": seal.predicate.model_copy(update={"coverage": coverage})})
    with refused(Code.SEAL_DIFFERS):
        read_evidence({**case.bundle, SCAN_EVIDENCE: signed(lying, signer("scanner-1"))}, case.trust, DRAFTED)


def test_inputs_the_order_does_not_name_are_refused(case: Case) -> None:
    for files in ({BASELINE: b"id: easier\n"}, {"inputs/deviations.yaml": b"waivers: []\n"}):
        with refused(Code.INPUT_DIFFERS):
            read_evidence(_resealed(case, **files), case.trust, DRAFTED)


def test_a_tailored_baseline_is_accepted_by_its_parent_and_only_as_the_order_names_it(case: Case) -> None:
    more = b"id: p01\n"
    ref = TailoringRef(id="p01", version="1", by="15/QD-UBND", sha256=sha256(more))
    plain = Assessment.read(case.bundle[ASSESSMENT]).baseline
    tailored = plain.model_copy(update={"tailoring": ref})
    made = bundle(order_changes={"tailoring": ref.sha256}, assessment_changes={"baseline": tailored})
    assert read_evidence(sealed({**made, TAILORING: more}), case.trust, DRAFTED).assessment.baseline == tailored
    for files, code in (
        (made, Code.INPUT_DIFFERS),
        ({**made, TAILORING: b"id: p02\n"}, Code.INPUT_DIFFERS),
        ({**bundle(assessment_changes={"baseline": tailored}), TAILORING: more}, Code.INPUT_DIFFERS),
        ({**bundle(order_changes={"tailoring": ref.sha256}), TAILORING: more}, Code.ASSESSMENT_DIFFERS),
        (bundle(assessment_changes={"baseline": tailored}), Code.ASSESSMENT_DIFFERS),
    ):
        with refused(code):
            read_evidence(sealed(files), case.trust, DRAFTED)
    tailored_case = Case(bundle=sealed({**made, TAILORING: more}))
    granted = read_statement(read_envelope(tailored_case.certificate()).payload, AuthorisationStatement).predicate
    assert granted.baseline == tailored


def test_a_self_check_and_an_unsigned_permit_are_refused(case: Case) -> None:
    with refused(Code.SELF_CHECK):
        read_evidence(bundle(permit_changes={"kind": RunKind.SELF_CHECK}), case.trust, DRAFTED)
    unsigned = _without(bundle(order_changes={"permit_envelope": None}), PERMIT_ENVELOPE)
    with refused(Code.PERMIT_UNSIGNED):
        read_evidence(sealed(unsigned), case.trust, DRAFTED)


def test_a_permit_other_than_the_one_that_was_signed_is_refused(case: Case) -> None:
    wider = permit(addresses=("10.0.0.0/8",))
    with refused(Code.PERMIT_DIFFERS):
        read_evidence(bundle(order_changes={"permit": wider}), case.trust, DRAFTED)


def test_a_permit_is_signed_by_whom_it_names(case: Case) -> None:
    trust = root(more_people=(KnownPerson(id="kim", organisation="X"),), more_keys=(known("kim", Role.OWNER),))
    envelope = sign_permit(permit(), signer("kim"), SEEN)
    with refused(Code.PERMIT_SIGNER):
        verified_permit(envelope, trust, SEEN)
    with refused(Code.KEY_ROLE):
        verified_permit(sign_permit(permit(), signer("an"), SEEN), case.trust, SEEN)
    assert verified_permit(sign_permit(permit(), signer("ha"), SEEN), case.trust, SEEN) == permit()


def test_a_permit_under_a_trust_root_out_of_its_time_is_refused(case: Case) -> None:
    with refused(Code.ROOT_NOT_VALID):
        verified_permit(sign_permit(permit(), signer("ha"), SEEN), case.trust, SEEN + timedelta(days=500))


def test_a_permit_whose_subject_is_another_is_refused(case: Case) -> None:
    payload = draft_permit(permit(), SEEN).written().replace(permit().digest().encode(), b"0" * 64)
    with refused(Code.PAYLOAD_MALFORMED):
        verified_permit(forged(payload, "ha"), case.trust, SEEN)


def test_an_organisation_s_key_may_sign_the_permit_it_grants() -> None:
    trust = root(more_keys=(known("npd-office", Role.OWNER, holder_kind=HolderKind.AGENCY),))
    granted = permit(permitted_by=Person(person="ha", organisation="npd-office"))
    assert verified_permit(sign_permit(granted, signer("npd-office"), SEEN), trust, SEEN) == granted
    with refused(Code.PERMIT_SIGNER):
        verified_permit(sign_permit(permit(), signer("npd-office"), SEEN), trust, SEEN)


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "R-2"},
        {"order": "00" * 32},
        {"agency": "P02"},
        {"echelon": "central"},
        {"system": "other"},
        {"level": 4},
        {"judged_at": SEEN},
        {"kind": RunKind.SELF_CHECK},
        {"evidence": ()},
    ],
)
def test_an_assessment_of_another_story_is_refused(case: Case, changes: dict[str, Any]) -> None:
    with refused(Code.ASSESSMENT_DIFFERS):
        read_evidence(bundle(assessment_changes=changes), case.trust, DRAFTED)


def test_an_evaluation_of_another_assessment_is_refused(case: Case) -> None:
    of = Order.read(case.bundle[ORDER])
    other = {**case.bundle, ASSESSMENT: assessment(of, case.bundle, decision=Decision.DENY).written()}
    evaluation = signed(draft_evaluation(other, "dung", SEALED), signer("dung"))
    with refused(Code.EVALUATION_DIFFERS):
        read_evidence({**case.bundle, EVALUATION: evaluation}, case.trust, DRAFTED)
    own = draft_evaluation(case.bundle, "dung", SEALED)
    lying = own.model_copy(update={"predicate": own.predicate.model_copy(update={"passed": 99})})
    with refused(Code.EVALUATION_DIFFERS):
        read_evidence({**case.bundle, EVALUATION: signed(lying, signer("dung"))}, case.trust, DRAFTED)


def test_only_an_inspector_of_the_permit_evaluates() -> None:
    trust = root(more_people=(KnownPerson(id="kim", organisation="Other"),), more_keys=(known("kim", Role.INSPECTOR),))
    files = sealed(bundle(), inspector="kim")
    with refused(Code.INSPECTOR_NOT_PERMITTED):
        read_evidence(files, trust, DRAFTED)


def test_an_inspector_of_the_agency_or_the_operator_does_not_evaluate() -> None:
    trust = root(
        more_people=(KnownPerson(id="kim", organisation="DATA centre of p01 "),),
        more_keys=(known("kim", Role.INSPECTOR),),
    )
    files = bundle(permit_changes={"inspectors": (Person(person="kim", organisation="Inspectorate"),)})
    with refused(Code.INSPECTOR_NOT_INDEPENDENT):
        read_evidence(sealed(files, inspector="kim"), trust, DRAFTED)
    also = (Person(person="dung", organisation="Inspectorate"), Person(person="em", organisation="P01"))
    with refused(Code.INSPECTOR_NOT_INDEPENDENT):
        read_evidence(bundle(permit_changes={"inspectors": also}), root(), DRAFTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"observed_from": ORDERED - timedelta(hours=1)},
        {"observed_until": SEALED + timedelta(hours=1)},
    ],
)
def test_evidence_from_before_its_order_or_after_its_seal_is_refused(case: Case, changes: dict[str, Any]) -> None:
    with refused(Code.CHRONOLOGY):
        read_evidence(bundle(assessment_changes=changes), case.trust, DRAFTED)


def test_an_evaluation_from_before_the_scan_is_refused(case: Case) -> None:
    with refused(Code.CHRONOLOGY):
        read_evidence(sealed(case.bundle, evaluated_at=ORDERED), case.trust, DRAFTED)


def test_clocks_a_few_minutes_apart_are_no_contradiction(case: Case) -> None:
    files = sealed(case.bundle, evaluated_at=SEEN - timedelta(minutes=4))
    assert read_evidence(files, case.trust, DRAFTED).observed_until == SEEN


def test_nothing_observed_is_no_evidence(case: Case) -> None:
    nothing = {"observed_from": None, "observed_until": None, "evidence_until": None}
    with refused(Code.NOTHING_OBSERVED):
        read_evidence(bundle(assessment_changes=nothing), case.trust, DRAFTED)


# --- attack 5: replay -----------------------------------------------------------------------------


def test_the_scan_of_another_order_under_this_request_is_refused(case: Case) -> None:
    replayed = bundle(order_changes={"nonce": "ef" * 32})
    with refused(Code.ORDER_REPLAYED):
        draft_authorisation(replayed, case.request, case.trust, DRAFTED)


def test_the_scan_of_another_system_under_this_request_is_refused(case: Case) -> None:
    for files in (
        bundle(assessment_changes={"fingerprint": "ef" * 32}),
        _of_other_system(),
    ):
        with refused(Code.OTHER_SYSTEM):
            draft_authorisation(files, case.request, case.trust, DRAFTED)


def _of_other_system() -> dict[str, bytes]:
    scope = Order.read(bundle()[ORDER]).scope
    system = scope.system.model_copy(update={"id": "other"})
    return bundle(order_changes={"scope": scope.model_copy(update={"system": system})})


def test_the_same_run_sealed_with_other_evidence_under_this_request_is_refused(case: Case) -> None:
    sight = Sight(subject="web1:443", kind="http")
    unseen = Sighting(sight=sight, observed_at=SEEN, vantage=VANTAGE, result=Unobserved(reason=Reason.REFUSED))
    path = "observations/http/web1_443.json"
    files = {**case.bundle, path: unseen.written()}
    files[ASSESSMENT] = assessment(Order.read(files[ORDER]), files).written()
    with refused(Code.REQUEST_DIFFERS):
        draft_authorisation(sealed(files), case.request, case.trust, DRAFTED)


@pytest.mark.parametrize("late", [(1, 5), (5, 1)])
def test_a_request_older_than_its_evidence_is_refused(case: Case, late: tuple[int, int]) -> None:
    seal, evaluation = (SEEN + timedelta(hours=hours) for hours in late)
    files = sealed(case.bundle, sealed_at=seal, evaluated_at=evaluation)
    with refused(Code.CHRONOLOGY):
        draft_authorisation(files, request(files, at=ASKED), case.trust, DRAFTED)


def test_a_request_from_the_future_is_refused(case: Case) -> None:
    late = request(case.bundle, at=DRAFTED + timedelta(hours=1))
    with refused(Code.CHRONOLOGY):
        draft_authorisation(case.bundle, late, case.trust, DRAFTED)
