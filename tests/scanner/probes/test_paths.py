"""A served chain is led to the operator's anchors, and what is wrong with it is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from scanner.observations import ChainFault
from scanner.probes.paths import faults
from tests.scanner.probes.issuing import NOW, Made, authority, intermediate, root

DAY = timedelta(days=1)


def found(*served: x509.Certificate, anchors: tuple[x509.Certificate, ...] | None = None) -> set[ChainFault]:
    return {fault.kind for fault in faults(served, (root(),) if anchors is None else anchors, NOW)}


def test_a_good_chain_has_no_fault() -> None:
    assert found(Made().certificate(), intermediate()) == set()


def test_the_order_in_which_a_chain_is_served_does_not_matter() -> None:
    assert found(Made().certificate(), root(), authority("Lab Stranger"), intermediate()) == set()


def test_a_chain_without_key_identifiers_is_led_by_name_and_signature() -> None:
    old_root = authority("Old Root", key_identifiers=False)
    leaf = Made(issuer="Old Root", key_identifiers=False)
    assert found(leaf.certificate(), anchors=(old_root,)) == set()
    leaf.ends = NOW - DAY / 2
    assert found(leaf.certificate(), anchors=(old_root,)) == {ChainFault.EXPIRED}


def test_a_certificate_that_is_itself_an_anchor_is_trusted() -> None:
    own = Made(issuer="portal").certificate()
    assert found(own, anchors=(own,)) == set()


@pytest.mark.parametrize(
    ("served", "wanted"),
    [
        (lambda: (Made(ends=NOW - DAY / 2).certificate(), intermediate()), {ChainFault.EXPIRED}),
        (lambda: (Made(begins=NOW + DAY).certificate(), intermediate()), {ChainFault.NOT_YET_VALID}),
        (lambda: (Made(issuer="portal").certificate(),), {ChainFault.SELF_SIGNED}),
        (
            lambda: (Made(issuer="portal", ends=NOW - DAY / 2).certificate(),),
            {ChainFault.SELF_SIGNED, ChainFault.EXPIRED},
        ),
        (lambda: (Made(issuer="Other Root").certificate(), authority("Other Root")), {ChainFault.UNKNOWN_ROOT}),
        (
            lambda: (Made(issuer="Other CA").certificate(), authority("Other CA", "Other Root")),
            {ChainFault.UNKNOWN_ROOT},
        ),
        (lambda: (Made().certificate(),), {ChainFault.MISSING_INTERMEDIATE}),
        (
            lambda: (Made(signed_with="forger", key_identifiers=False).certificate(), intermediate()),
            {ChainFault.BAD_SIGNATURE},
        ),
        (
            lambda: (Made(usages=(ExtendedKeyUsageOID.CLIENT_AUTH,)).certificate(), intermediate()),
            {ChainFault.WRONG_USAGE},
        ),
        (
            lambda: (Made(subject="shop", issuer="portal").certificate(), Made().certificate(), intermediate()),
            {ChainFault.WRONG_USAGE},
        ),
        (
            lambda: (
                Made(subject="shop", issuer="clerk").certificate(),
                Made(subject="clerk", issuer="Lab Root").certificate(),
            ),
            {ChainFault.WRONG_USAGE},
        ),
        (
            lambda: (Made(issuer="Too Deep").certificate(), authority("Too Deep", "Lab Intermediate"), intermediate()),
            {ChainFault.WRONG_USAGE},
        ),
        (
            lambda: (
                Made(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),)).certificate(),
                intermediate(),
            ),
            {ChainFault.OTHER},
        ),
        (
            lambda: (Made(more=((key_usage(crl_sign=True), True),)).certificate(), intermediate()),
            {ChainFault.WRONG_USAGE},
        ),
    ],
    ids=[
        "expired",
        "not yet valid",
        "self-signed",
        "self-signed and expired",
        "unknown root, served",
        "unknown root, not served",
        "missing intermediate",
        "bad signature",
        "a client's certificate",
        "issued by a server's certificate",
        "issued by one that is no CA",
        "issued below a path length of zero",
        "an unknown critical extension",
        "a key usage without signatures",
    ],
)
def test_each_fault_has_its_name(served: Callable[[], tuple[x509.Certificate, ...]], wanted: set[ChainFault]) -> None:
    assert found(*served()) == wanted


def key_usage(*, crl_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def test_a_stranger_who_took_an_anchors_name_is_an_unknown_root() -> None:
    impostor = Made(subject="Lab Root", issuer="Lab Root", names=(), ca=True, usages=(), bits=2_048)
    leaf = Made(issuer="Lab Root", signed_with="forger").certificate()
    assert found(leaf, impostor.certificate()) & {ChainFault.UNKNOWN_ROOT, ChainFault.MISSING_INTERMEDIATE}


def test_an_expired_anchor_makes_the_path_expired() -> None:
    old = Made(subject="Tired Root", issuer="Tired Root", names=(), ca=True, usages=(), ends=NOW - DAY / 2).certificate()
    assert found(Made(issuer="Tired Root").certificate(), anchors=(old,)) == {ChainFault.EXPIRED}


def test_a_valid_path_wins_over_a_faulty_one() -> None:
    tired = Made(subject="Lab Intermediate", issuer="Lab Root", names=(), ca=True, usages=(), ends=NOW - DAY / 2)
    assert found(Made().certificate(), tired.certificate(), intermediate()) == set()


def test_name_constraints_hold_for_names() -> None:
    def constrained(permitted: str) -> x509.Certificate:
        constraint = x509.NameConstraints([x509.DNSName(permitted)], None)
        return Made(subject="Lab Root", issuer="Lab Root", names=(), ca=True, usages=(), more=((constraint, True),)).certificate()

    leaf = Made(issuer="Lab Root").certificate()
    assert found(leaf, anchors=(constrained("gov.vn"),)) == set()
    assert found(leaf, anchors=(constrained("example.com"),)) == {ChainFault.WRONG_USAGE}


def test_a_chain_that_goes_in_circles_ends() -> None:
    left, right = authority("Left", "Right"), authority("Right", "Left")
    assert found(Made(issuer="Left").certificate(), left, right) == {ChainFault.UNKNOWN_ROOT}


def test_a_maze_of_cross_signed_authorities_ends() -> None:
    names = [f"CA {number}" for number in range(6)]
    maze = [authority(name, other) for name in names for other in names if name != other]
    assert found(Made(issuer="CA 0").certificate(), *maze) & {ChainFault.UNKNOWN_ROOT, ChainFault.OTHER}
