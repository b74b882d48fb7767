"""Certificates: the boundaries of validity and size, and which certificates of a chain count."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import peer_certificate as checks
from scanner.findings import Fail, NotApplicable, Pass
from scanner.observations import KeyAlgorithm
from scanner.specimens import AT, certificate, peer_certificate


@pytest.mark.parametrize(
    ("left", "days", "passes"),
    [
        (timedelta(days=30), 30, True),
        (timedelta(days=30, seconds=1), 30, True),
        (timedelta(days=29, hours=23, minutes=59, seconds=59), 30, False),
        (timedelta(0), 0, True),
        (timedelta(seconds=-1), 0, False),
        (timedelta(days=-400), 0, False),
    ],
)
def test_exactly_the_days_asked_for_are_enough(left: timedelta, days: int, passes: bool) -> None:
    verdict = checks.expiry(peer_certificate(leaf={"not_after": AT + left}), checks.DaysLeft(days=days))
    assert isinstance(verdict, Pass if passes else Fail)


@pytest.mark.parametrize(("begins", "passes"), [(timedelta(0), True), (timedelta(seconds=1), False)])
def test_a_certificate_is_valid_from_its_first_instant(begins: timedelta, passes: bool) -> None:
    verdict = checks.expiry(peer_certificate(leaf={"not_before": AT + begins}), checks.DaysLeft())
    assert isinstance(verdict, Pass if passes else Fail)


def test_what_expired_is_said_with_its_date() -> None:
    verdict = checks.expiry(peer_certificate(leaf={"not_after": AT - timedelta(days=1)}), checks.DaysLeft())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == "expired on 2026-11-22 01:00 UTC"


@pytest.mark.parametrize(
    ("key", "bits", "passes"),
    [
        (KeyAlgorithm.RSA, 2_047, False),
        (KeyAlgorithm.RSA, 2_048, True),
        (KeyAlgorithm.DSA, 1_024, False),
        (KeyAlgorithm.EC, 255, False),
        (KeyAlgorithm.EC, 256, True),
        (KeyAlgorithm.EC, 521, True),
        (KeyAlgorithm.ED25519, 0, True),
        (KeyAlgorithm.ED448, 0, True),
    ],
)
def test_keys_are_large_enough_from_the_size_asked_for(key: KeyAlgorithm, bits: int, passes: bool) -> None:
    verdict = checks.key_size(peer_certificate(leaf={"key": key, "key_bits": bits}), checks.KeySizes())
    assert isinstance(verdict, Pass if passes else Fail)


@given(
    st.sampled_from([KeyAlgorithm.RSA, KeyAlgorithm.DSA, KeyAlgorithm.EC]),
    st.integers(min_value=2_048, max_value=1_000_000),
)
def test_a_larger_key_never_fails(key: KeyAlgorithm, bits: int) -> None:
    assert isinstance(checks.key_size(peer_certificate(leaf={"key": key, "key_bits": bits}), checks.KeySizes()), Pass)


def test_a_key_of_an_unknown_algorithm_neither_fails_nor_passes() -> None:
    verdict = checks.key_size(peer_certificate(leaf={"key": KeyAlgorithm.OTHER, "key_bits": 0}), checks.KeySizes())
    assert isinstance(verdict, NotApplicable)


@pytest.mark.parametrize(
    ("hash_name", "passes"),
    [
        ("sha256", True),
        ("sha384", True),
        ("none", True),
        ("a-hash-of-tomorrow", True),
        ("sha1", False),
        ("SHA1", False),
        ("md5", False),
        ("md5-sha1", False),
    ],
)
def test_a_signature_fails_only_with_a_refused_hash(hash_name: str, passes: bool) -> None:
    verdict = checks.signature(peer_certificate(leaf={"signature_hash": hash_name}), checks.RefusedHashes())
    assert isinstance(verdict, Pass if passes else Fail)


def test_a_self_signed_peer_is_judged_like_any_other() -> None:
    own = {"subject": "CN=a", "issuer": "CN=a", "signature_hash": "sha1", "key": KeyAlgorithm.RSA, "key_bits": 1_024}
    assert isinstance(checks.signature(peer_certificate(leaf=own), checks.RefusedHashes()), Fail)
    assert isinstance(checks.key_size(peer_certificate(leaf=own), checks.KeySizes()), Fail)
    ended = peer_certificate(leaf=own | {"not_after": AT - timedelta(days=1)})
    assert isinstance(checks.expiry(ended, checks.DaysLeft()), Fail)


def test_a_weak_intermediate_counts_and_a_weak_root_does_not() -> None:
    weak = {"key": KeyAlgorithm.RSA, "key_bits": 1_024, "signature_hash": "md5", "subject": "CN=Specimen CA"}
    root = peer_certificate(chain=(certificate(), certificate(**weak, issuer="CN=Specimen CA")))
    intermediate = peer_certificate(chain=(certificate(), certificate(**weak, issuer="CN=Specimen Root")))
    assert isinstance(checks.key_size(root, checks.KeySizes()), Pass)
    assert isinstance(checks.signature(root, checks.RefusedHashes()), Pass)
    assert isinstance(checks.key_size(intermediate, checks.KeySizes()), Fail)
    assert isinstance(checks.signature(intermediate, checks.RefusedHashes()), Fail)
