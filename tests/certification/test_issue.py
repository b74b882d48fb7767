"""Issue: nothing becomes a certificate that any verifier would refuse, or that is too late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from certification.refusals import Code
from certification.request import Kind
from certification.trust import TrustRoot
from certification.verify import verify
from scanner.assessment import Decision
from scanner.targets import RunKind
from tests.certification.stage import ASKED, DRAFTED, SEEN, Case, bundle, keyring, refused, request, restated, root


def test_a_full_quorum_becomes_the_certificate_unchanged(case: Case) -> None:
    approved = case.approve("binh", case.approve("an"))
    assert case.issue(approved) == approved


def test_issue_judges_again(case: Case) -> None:
    mine = Case(case.bundle, trust=case.trust, request=case.request)
    mine.certificate()
    assert mine.judge.asked == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"decision": Decision.DENY}, Code.DECISION),
        ({"decision": Decision.INCOMPLETE}, Code.DECISION),
        ({"decision": Decision.AUTHORISE_TRIAL}, Code.TRIAL_ONLY),
        ({"not_after": SEEN + timedelta(days=366)}, Code.VALIDITY_TOO_LONG),
        ({"not_after": DRAFTED}, Code.NOTHING_LEFT),
        ({"scan_started": SEEN - timedelta(days=30)}, Code.EVIDENCE_OLD),
    ],
)
def test_what_two_dishonest_approvers_sign_is_not_issued(
    case: Case, certificate: bytes, changes: dict[str, Any], code: Code
) -> None:
    forged = restated(certificate, **changes)
    with refused(code):
        case.issue(forged)
    with refused(code):
        verify(forged, case.trust, DRAFTED)


def test_a_level_below_three_signed_by_two_is_not_issued(case: Case, certificate: bytes) -> None:
    system = verify(certificate, case.trust, DRAFTED).granted.system.model_copy(update={"level": 2})
    with refused(Code.LEVEL_TOO_LOW):
        case.issue(restated(certificate, system=system))


def test_a_self_check_signed_by_two_is_not_issued(case: Case, certificate: bytes) -> None:
    mine = Case(case.bundle, trust=case.trust, request=case.request)
    mine.bundle = bundle(permit_changes={"kind": RunKind.SELF_CHECK})
    for files in (mine.bundle, {**mine.bundle, "inputs/permit.dsse.json": case.bundle["inputs/permit.dsse.json"]}):
        mine.bundle = files
        with pytest.raises(Exception, match=r"evidence-|self-check"):
            mine.issue(certificate)


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (SEEN + timedelta(days=31), Code.EVIDENCE_OLD),
        (DRAFTED - timedelta(seconds=1), Code.NOT_YET_VALID),
        (SEEN + timedelta(days=365), Code.EXPIRED),
    ],
)
def test_nothing_is_issued_too_early_or_too_late(case: Case, certificate: bytes, at: Any, code: Code) -> None:
    with refused(code):
        case.issue(certificate, at)


def test_a_certificate_is_issued_for_the_request_it_names(case: Case, certificate: bytes) -> None:
    mine = Case(case.bundle, trust=case.trust, request=request(case.bundle, at=ASKED + timedelta(minutes=1)))
    with refused(Code.REQUEST_DIFFERS):
        mine.issue(certificate)


def _after(**changes: Any) -> TrustRoot:
    return root(stated_at=SEEN, version=2, **changes)


def test_what_the_echelon_lost_since_the_approval_is_not_issued(case: Case, certificate: bytes) -> None:
    ended = tuple(ceiling.model_copy(update={"valid_until": DRAFTED + timedelta(days=1)}) for ceiling in keyring().ceilings)
    mine = Case(case.bundle, trust=_after(ceilings=ended), request=case.request)
    assert mine.issue(certificate) == certificate
    with refused(Code.ECHELON_UNKNOWN):
        mine.issue(certificate, DRAFTED + timedelta(days=1))


def test_a_trial_certificate_is_superseded_by_an_official_one(case: Case) -> None:
    trial = verify(Case(case.bundle, Kind.TRIAL).certificate(), case.trust, DRAFTED).granted
    mine = Case(case.bundle, request=request(case.bundle, supersedes=trial.serial))
    official = verify(mine.certificate(), mine.trust, DRAFTED).granted
    assert official.supersedes == trial.serial
    assert official.serial != trial.serial
