"""Certificates are taken apart however odd they are, and names are matched by RFC 9525."""

from __future__ import annotations

import ssl
import subprocess
import warnings
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from scanner.observations import CertificateFacts, ChainFault, KeyAlgorithm
from scanner.probes.certificates import (
    NAMES_KEPT,
    Names,
    UnreadableError,
    alternative_names,
    facts,
    loaded,
    matches,
)
from scanner.probes.paths import faults
from scanner.probes.peer_certificate import anchors_in
from tests.scanner.probes.issuing import NOW, Made, kept


def seen(certificate: x509.Certificate) -> CertificateFacts:
    der = certificate.public_bytes(Encoding.DER)
    return facts(loaded(der), der)


def test_a_good_certificate_says_what_was_put_in() -> None:
    found = seen(Made(subject="small", bits=1_024).certificate())
    assert (found.subject, found.issuer) == ("CN=small", "CN=Lab Intermediate")
    assert (found.key, found.key_bits, found.signature_hash) == (KeyAlgorithm.RSA, 1_024, "sha256")
    assert found.names == ("portal.lab.gov.vn",)
    assert found.not_after == Made().ends


def test_an_elliptic_key_shows_its_size() -> None:
    found = seen(Made().certificate())
    assert (found.key, found.key_bits) == (KeyAlgorithm.EC, 256)


def test_control_characters_and_foreign_letters_in_a_subject_are_kept_escaped() -> None:
    made = Made(subject="\x1b[31mCổng <b>dịch vụ</b>\x00")
    found = seen(made.certificate())
    assert "\\x1b[31mC\\u{1ed5}ng <b>" in found.subject.replace("\\\\<", "<").replace("\\\\>", ">")
    assert found.subject.isascii() and found.subject.isprintable()


def test_a_subject_that_is_not_utf_8_is_kept_as_its_bytes() -> None:
    der = Made(subject="AAAA").certificate().public_bytes(Encoding.DER).replace(b"AAAA", b"A\xff\xfeA")
    found = facts(loaded(der), der)
    assert "A\\xff\\xfeA" in found.subject
    assert found.issuer == "CN=Lab Intermediate"


def test_ten_thousand_names_are_all_matched_and_some_recorded() -> None:
    names = tuple(f"host-{number}.lab.gov.vn" for number in range(10_000))
    certificate = Made(names=names).certificate()
    found = seen(certificate)
    assert len(found.names) == NAMES_KEPT + 1
    assert f"(and {10_000 - NAMES_KEPT} more)" in found.names
    everything = alternative_names(certificate)
    assert everything is not None
    assert all(matches(name, everything) for name in (names[0], names[5_000], names[-1]))
    assert not matches("host-10000.lab.gov.vn", everything)


@pytest.mark.parametrize(
    ("declared", "offered", "wanted"),
    [
        ("portal.gov.vn", "portal.gov.vn", True),
        ("PORTAL.gov.vn", "portal.GOV.vn", True),
        ("portal.gov.vn", "*.gov.vn", True),
        ("a.portal.gov.vn", "*.gov.vn", False),
        ("gov.vn", "*.gov.vn", False),
        ("portal.gov.vn", "*", False),
        ("portal", "*", False),
        ("portal", "*.", False),
        ("portal.gov.vn", "p*.gov.vn", False),
        ("portal.gov.vn", "*.*.vn", False),
        ("portal.gov.vn", "portal.*.vn", False),
        ("portal.gov.vn", "portal.gov.vn.example.com", False),
        ("10.0.0.1", "10.0.0.1", False),
        ("10.0.0.1", "*.0.0.1", False),
    ],
)
def test_names_match_by_rfc_9525(declared: str, offered: str, wanted: bool) -> None:
    assert matches(declared, Names(dns=(offered,))) is wanted


def test_an_address_matches_an_address_only() -> None:
    assert matches("10.0.0.1", Names(addresses=("10.0.0.1",)))
    assert not matches("10.0.0.2", Names(addresses=("10.0.0.1",)))


def test_the_common_name_is_no_name() -> None:
    found = alternative_names(Made(subject="portal.lab.gov.vn", names=()).certificate())
    assert found == Names()
    assert not matches("portal.lab.gov.vn", found)


def issued_by_openssl(folder: Path, *options: str) -> bytes:
    """A self-signed certificate such as cryptography does not make."""
    _, secret = kept(folder, Made(subject="odd"))
    command = [
        "openssl",
        "req",
        "-x509",
        "-new",
        "-key",
        str(secret),
        "-subj",
        "/CN=odd",
        "-outform",
        "DER",
        "-days",
        "30",
    ]
    return subprocess.run([*command, *options], check=True, capture_output=True, timeout=20).stdout


@pytest.mark.parametrize("serial", ["0", "-5"])
def test_a_serial_number_of_zero_or_less_is_recorded(tmp_path: Path, serial: str) -> None:
    der = issued_by_openssl(tmp_path, "-set_serial", serial)
    assert facts(loaded(der), der).serial == serial


def test_a_signature_by_sha_1_is_named_and_never_verified_silently(tmp_path: Path) -> None:
    der = issued_by_openssl(tmp_path, "-sha1")
    certificate = loaded(der)
    assert facts(certificate, der).signature_hash == "sha1"
    assert {fault.kind for fault in faults([certificate], [], NOW + timedelta(days=1))} == {ChainFault.SELF_SIGNED}


def test_an_ed25519_signature_has_no_hash_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "ed.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(secret)], check=True, timeout=20)
    der = issued_by_openssl(tmp_path, "-key", str(secret))
    found = facts(loaded(der), der)
    assert (found.key, found.signature_hash) == (KeyAlgorithm.ED25519, "none")


@given(st.binary(max_size=300))
def test_bytes_that_are_no_certificate_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        loaded(data)


def test_a_name_of_an_unknown_string_type_is_kept_as_its_bytes() -> None:
    der = Made(subject="AAAA").certificate().public_bytes(Encoding.DER).replace(b"\x0c\x04AAAA", b"\x19\x04AAAA")
    assert "\\x19\\x04AAAA" in facts(loaded(der), der).subject
    assert faults([loaded(der)], [], NOW)


@given(at=st.integers(min_value=0, max_value=10_000), byte=st.integers(min_value=0, max_value=255))
def test_a_certificate_with_a_byte_changed_is_read_or_refused_but_crashes_nothing(at: int, byte: int) -> None:
    der = bytearray(_GOOD)
    der[at % len(der)] = byte
    try:
        certificate = loaded(bytes(der))
    except UnreadableError:
        return
    assert facts(certificate, bytes(der)).sha256
    assert isinstance(faults([certificate], [certificate], NOW), tuple)
    names = alternative_names(certificate)
    assert names is None or matches("x.y", names) in (True, False)


_GOOD = Made().certificate().public_bytes(Encoding.DER)


@pytest.mark.parametrize("serial", ["0", "-5"])
def test_a_store_that_holds_such_a_serial_number_is_read_without_a_word(tmp_path: Path, serial: str) -> None:
    pem = ssl.DER_cert_to_PEM_cert(issued_by_openssl(tmp_path, "-set_serial", serial)).encode()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(anchors_in(pem)) == 1
