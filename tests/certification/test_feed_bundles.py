"""Feed bundles: a gatherer and an approver, two people with two keys, over the same bytes."""

from __future__ import annotations

from typing import Any

import pytest

from certification.feed_bundles import approved_bundle, gathered_by, sign_approval, sign_gathering, verified_bundle
from certification.keyring import KnownPerson
from certification.refusals import Code
from certification.statements import Role
from certification.trust import TrustRoot
from tests.certification.stage import LATER, SEEN, known, refused, root, signer

MANIFEST = b'{"serial":7}'
OTHER = b'{"serial":7,"files":[]}'
PEOPLE = (KnownPerson(id="khoa", organisation="Data Centre"), KnownPerson(id="lan", organisation="Data Centre"))


def trust(**approver: Any) -> TrustRoot:
    """A trust root in which Khoa gathers and Lan approves."""
    keys = (known("khoa", Role.FEED_GATHERER), known("lan", Role.FEED_APPROVER, **approver))
    return root(more_people=PEOPLE, more_keys=keys)


def gathered(manifest: bytes = MANIFEST, serial: int = 7, name: str = "khoa") -> bytes:
    return sign_gathering(manifest, serial, signer(name), SEEN)


def approved(manifest: bytes = MANIFEST, serial: int = 7, name: str = "lan", of: bytes | None = None) -> bytes:
    return sign_approval(manifest, of or gathered(manifest, serial), serial, signer(name), SEEN)


def test_a_bundle_gathered_by_one_and_approved_by_another_is_good() -> None:
    found = gathered()
    verified_bundle(MANIFEST, found, approved(of=found), 7, trust(), LATER)
    assert gathered_by(MANIFEST, found, 7, trust(), LATER) == "khoa"


@pytest.mark.parametrize(("manifest", "serial"), [(OTHER, 7), (MANIFEST, 6)])
def test_what_was_signed_for_another_bundle_is_refused(manifest: bytes, serial: int) -> None:
    found = gathered()
    with refused(Code.FEEDS_DIFFER):
        gathered_by(manifest, found, serial, trust(), SEEN)
    with refused(Code.FEEDS_DIFFER):
        verified_bundle(MANIFEST, found, approved(manifest, serial, of=found), 7, trust(), SEEN)


def test_an_approval_of_what_someone_else_gathered_is_refused() -> None:
    with refused(Code.FEEDS_DIFFER):
        verified_bundle(MANIFEST, gathered(), approved(of=gathered(OTHER)), 7, trust(), SEEN)


def test_two_keys_of_one_person_are_one_person() -> None:
    found = gathered()
    with refused(Code.QUORUM_ONE_PERSON):
        verified_bundle(MANIFEST, found, approved(of=found), 7, trust(holder="khoa"), SEEN)


@pytest.mark.parametrize("name", ["khoa", "an", "dung"])
def test_only_an_approver_of_feeds_approves_them(name: str) -> None:
    found = gathered()
    with refused(Code.KEY_ROLE):
        verified_bundle(MANIFEST, found, approved(name=name, of=found), 7, trust(), SEEN)


def test_the_papers_cannot_take_each_others_place() -> None:
    found = gathered()
    approval = approved(of=found)
    with refused(Code.KEY_ROLE):
        verified_bundle(MANIFEST, approval, approval, 7, trust(), SEEN)
    with refused(Code.KEY_ROLE):
        verified_bundle(MANIFEST, found, found, 7, trust(), SEEN)


def test_a_revoked_key_approves_nothing() -> None:
    found = gathered()
    with refused(Code.KEY_REVOKED):
        verified_bundle(MANIFEST, found, approved(of=found), 7, trust(revoked_at=SEEN), LATER)


def test_the_approver_sees_what_is_signed_and_may_say_no() -> None:
    found, shown = gathered(), list[str]()

    def no(text: str) -> bool:
        shown.append(text)
        return False

    with refused(Code.NOT_CONFIRMED):
        approved_bundle(MANIFEST, found, 7, trust(), SEEN, signer=signer("lan"), confirm=no)
    assert "urn:npd:clearance:feeds-approved/v1" in shown[0]
    made = approved_bundle(MANIFEST, found, 7, trust(), SEEN, signer=signer("lan"), confirm=lambda _text: True)
    verified_bundle(MANIFEST, found, made, 7, trust(), LATER)


@pytest.mark.parametrize(
    ("name", "more", "code"),
    [
        ("khoa", {}, Code.KEY_ROLE),
        ("lan", {"holder": "khoa"}, Code.QUORUM_ONE_PERSON),
        ("lan", {"revoked_at": SEEN}, Code.KEY_REVOKED),
    ],
)
def test_who_may_not_approve_is_not_asked(name: str, more: dict[str, Any], code: Code) -> None:
    def asked(text: str) -> bool:
        raise AssertionError(text)

    with refused(code):
        approved_bundle(MANIFEST, gathered(), 7, trust(**more), LATER, signer=signer(name), confirm=asked)
