"""Trust roots: who signed them, and that they do not contradict themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certification.envelope import read_envelope
from certification.keyring import Ceiling, HolderKind, KeyringStatement, KnownAgency, KnownPerson
from certification.keys import keyid_of
from certification.refusals import Code
from certification.signers import signed
from certification.statements import Role, subjects
from certification.trust import draft_keyring, read_trust_root
from scanner.record import sha256
from scanner.targets import BilingualText
from tests.certification.stage import SEEN, forged, keyring, known, refused, root, root_key, signer


def _unchecked(**changes: Any) -> KeyringStatement:
    """A keyring statement that the product itself would not draft."""
    ring = keyring(**changes)
    return KeyringStatement(subject=subjects({"keyring.json": ring.digest()}), predicate=ring)


def test_a_keyring_signed_by_two_root_keys_is_a_trust_root() -> None:
    found = root()
    assert found.key(signer("an").keyid).person == KnownPerson(id="an", organisation="Ministry A", authority="ministry-a")
    assert keyid_of(signer("an").public_pem) == signer("an").keyid


def test_one_root_key_is_not_enough() -> None:
    with refused(Code.ROOT_UNSIGNED):
        read_trust_root(signed(draft_keyring(keyring()), signer("root-1")), SEEN)


def test_the_keyring_may_ask_for_more_than_two() -> None:
    two = signed(draft_keyring(keyring(threshold=3)), signer("root-1"), signer("root-2"))
    with refused(Code.ROOT_UNSIGNED):
        read_trust_root(two, SEEN)
    three = signed(draft_keyring(keyring(threshold=3)), signer("root-1"), signer("root-2"), signer("root-3"))
    assert read_trust_root(three, SEEN).keyring.threshold == 3


@pytest.mark.parametrize("threshold", [-1, 0, 1, 4])
def test_a_threshold_below_two_or_beyond_the_keys_is_refused_whoever_signed(threshold: int) -> None:
    envelope = signed(_unchecked(threshold=threshold), signer("root-1"), signer("root-2"))
    with refused(Code.ROOT_THRESHOLD):
        read_trust_root(envelope, SEEN)


def test_a_signature_by_a_key_that_is_no_root_key_is_refused() -> None:
    with refused(Code.KEY_UNKNOWN):
        read_trust_root(signed(draft_keyring(keyring()), signer("root-1"), signer("an")), SEEN)


def test_an_agency_that_gives_itself_a_role_breaks_the_root_signatures() -> None:
    good = signed(draft_keyring(keyring()), signer("root-1"), signer("root-2"))
    edited = _unchecked(more_keys=(known("mallory", Role.SCANNER_INSTANCE),))
    from certification.envelope import Envelope

    with refused(Code.SIGNATURE_WRONG):
        read_trust_root(Envelope(edited.written(), read_envelope(good).signatures).written(), SEEN)


def test_a_root_of_ones_own_is_refused_where_the_real_one_is_pinned() -> None:
    real = root()
    own = forged(_unchecked(root_keys=(root_key("m-1"), root_key("m-2"))).written(), "m-1", "m-2")
    assert read_trust_root(own, SEEN).sha256 != real.sha256
    with refused(Code.ROOT_NOT_PINNED):
        read_trust_root(own, SEEN, pinned=real.sha256)
    good = signed(draft_keyring(keyring()), signer("root-1"), signer("root-2"))
    assert read_trust_root(good, SEEN, pinned=sha256(read_envelope(good).payload)).keyring == real.keyring


@pytest.mark.parametrize("at", [SEEN - timedelta(days=51), SEEN + timedelta(days=500)])
def test_a_trust_root_is_used_only_in_its_time(at: Any) -> None:
    with refused(Code.ROOT_NOT_VALID):
        root(at)


AGAIN = known("an", Role.INSPECTOR)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"more_keys": (AGAIN,)}, Code.ROOT_KEY_TWICE),
        ({"more_keys": (known("root-1", Role.SCANNER_INSTANCE),)}, Code.ROOT_KEY_TWICE),
        ({"root_keys": (root_key("root-1", "same"), root_key("root-2", "same"))}, Code.ROOT_KEY_TWICE),
        (
            {"more_keys": (known("an", Role.APPROVER, keyid="ab" * 32, holder="chi", authority="ministry-a"),)},
            Code.ROOT_KEY_ID,
        ),
        ({"more_people": (KnownPerson(id="an", organisation="Other"),)}, Code.ROOT_INCONSISTENT),
        ({"more_people": (KnownPerson(id="x", organisation="Other", authority="none"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("x", Role.INSPECTOR),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("an-2", Role.APPROVER, holder="an", authority="ministry-b"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("an-2", Role.APPROVER, holder="an"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("d-2", Role.APPROVER, holder="dung", authority="ministry-b"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("x", Role.OWNER, holder="ha", authority="none"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("x", Role.AGENCY, holder_kind=HolderKind.PERSON, holder="an"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("x", Role.ROOT, holder="an"),)}, Code.ROOT_INCONSISTENT),
        ({"more_keys": (known("P02", Role.AGENCY, valid_until=SEEN - timedelta(days=100)),)}, Code.ROOT_INCONSISTENT),
        ({"max_trial_days": 93}, Code.ROOT_LIMITS),
        ({"max_official_days": 367}, Code.ROOT_LIMITS),
        ({"max_official_days": 0}, Code.ROOT_LIMITS),
    ],
)
def test_a_keyring_that_contradicts_itself_is_refused_whoever_signed_it(changes: dict[str, Any], code: Code) -> None:
    with refused(code):
        draft_keyring(keyring(**changes))
    with refused(code):
        read_trust_root(signed(_unchecked(**changes), signer("root-1"), signer("root-2")), SEEN)


def test_an_authority_stands_once() -> None:
    twice = tuple(
        entry.model_copy(update={"name": BilingualText(vi=str(n), en="")})
        for n, entry in enumerate(keyring().authorities[:1] * 2)
    )
    with refused(Code.ROOT_INCONSISTENT):
        draft_keyring(keyring(authorities=(*twice, keyring().authorities[1])))


def _ceiling(begins: int, ends: int | None) -> Ceiling:
    until = None if ends is None else SEEN + timedelta(days=ends)
    return Ceiling(
        echelon="district",
        apis=("read",),
        bulk=False,
        rate=1,
        valid_from=SEEN + timedelta(days=begins),
        valid_until=until,
    )


def test_an_echelon_has_one_ceiling_at_a_time() -> None:
    with refused(Code.ROOT_INCONSISTENT):
        draft_keyring(keyring(ceilings=(_ceiling(0, None), _ceiling(5, 9))))
    with refused(Code.ROOT_INCONSISTENT):
        draft_keyring(keyring(ceilings=(_ceiling(0, 6), _ceiling(5, 9))))
    draft_keyring(keyring(ceilings=(_ceiling(0, 5), _ceiling(5, None))))


def test_an_abolished_echelon_may_have_nothing() -> None:
    found = root(ceilings=(_ceiling(-10, 5),))
    assert found.ceiling("district", SEEN).rate == 1
    with refused(Code.ECHELON_UNKNOWN):
        found.ceiling("district", SEEN + timedelta(days=5))


def _pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (_pem(rsa.generate_private_key(65_537, 1_024)), Code.KEY_WEAK),
        (_pem(ec.generate_private_key(ec.SECP521R1())), Code.KEY_WEAK),
        ("no key", Code.KEY_UNREADABLE),
        (signer("an").public_pem + "\n", Code.KEY_UNREADABLE),
    ],
)
def test_only_ed25519_and_p256_in_their_one_written_form_are_keys(pem: str, code: Code) -> None:
    with refused(code):
        draft_keyring(keyring(more_keys=(known("x", Role.SCANNER_INSTANCE, public_key=pem),)))


def test_a_keyring_whose_subject_is_another_is_refused() -> None:
    payload = draft_keyring(keyring()).written().replace(keyring().digest().encode(), b"0" * 64)
    with refused(Code.PAYLOAD_MALFORMED):
        read_trust_root(forged(payload, "root-1", "root-2"), SEEN)


def test_an_agency_is_of_one_echelon_at_a_time_and_none_signs_that_is_not_named() -> None:
    day = timedelta(days=1)
    first = KnownAgency(code="P01", echelon="province", valid_from=SEEN, valid_until=SEEN + 9 * day)
    second = KnownAgency(code="P01", echelon="central", valid_from=SEEN + 8 * day)
    with refused(Code.ROOT_INCONSISTENT):
        draft_keyring(keyring(agencies=(first, second)))
    draft_keyring(keyring(agencies=(first.model_copy(update={"valid_until": SEEN + 8 * day}), second)))
    with refused(Code.ROOT_INCONSISTENT):
        draft_keyring(keyring(agencies=()))
