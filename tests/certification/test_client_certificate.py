"""Client certificates: worked out from the authorisation to the last byte, by a CA of the trust root, in a file or on a token."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.client_certificate import AUTHORISATION_OID, client_certificate, insist_on_certificate, x509_serial
from certification.connection_ca import ca_certificate, ca_key_of, read_ca, read_certificate
from certification.envelope import read_envelope
from certification.refusals import Code
from certification.request import Kind
from certification.revocation_list import Stopped, read_revocation_list, revocation_list
from certification.signers import Signer
from certification.statements import Role, read_statement
from certification.status import State
from scanner.record import sha256
from tests.certification.stage import known, refused, signer
from tests.certification.tokens import P384, ec_key, rsa_key
from tests.gateway.stage import ENDS, ISSUED, NOW, ca_key, certificate, root

PEM = (Encoding.PEM, PrivateFormat.PKCS8)


def granted_in(envelope: bytes) -> tuple[AuthorisationPredicate, str]:
    payload = read_envelope(envelope).payload
    return read_statement(payload, AuthorisationStatement).predicate, sha256(payload)


GRANTED, DIGEST = granted_in(certificate(kind=Kind.TRIAL))
KEY = ca_key()
TRUST = root()
CA = ca_certificate(TRUST, KEY, NOW)


def test_a_client_certificate_says_who_to_what_and_until_when() -> None:
    made = client_certificate(GRANTED, DIGEST, CA, KEY)
    assert made.subject.rfc4514_string() == "OU=echelon-province,OU=kind-trial,O=P01"
    assert made.issuer == CA.certificate.subject
    assert (made.not_valid_before_utc, made.not_valid_after_utc) == (ISSUED, ENDS - timedelta(seconds=1))
    found = made.extensions
    names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:npd:trial:province:P01"]
    usage = found.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    own = found.get_extension_for_oid(AUTHORISATION_OID)
    assert not own.critical
    assert isinstance(own.value, x509.UnrecognizedExtension)
    assert GRANTED.serial.encode() in own.value.value
    assert bytes.fromhex(DIGEST) in own.value.value
    assert sha256(made.public_key().public_bytes(Encoding.DER, _spki())) in GRANTED.client_key_sha256


def test_openssl_verifies_it_as_a_client_s_under_its_ca(tmp_path: Path) -> None:
    made = client_certificate(GRANTED, DIGEST, CA, KEY)
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    (tmp_path / "client.pem").write_bytes(made.public_bytes(Encoding.PEM))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.pem", "client.pem"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["openssl", "asn1parse", "-in", "client.pem"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert AUTHORISATION_OID.dotted_string in shown.stdout


def test_the_same_authorisation_leads_to_the_same_bytes_whenever_it_is_made() -> None:
    one, other = (client_certificate(GRANTED, DIGEST, CA, KEY) for _ in range(2))
    assert one.tbs_certificate_bytes == other.tbs_certificate_bytes
    assert one.serial_number == x509_serial(DIGEST, CA)
    assert x509_serial("00" * 32, CA) != one.serial_number


@pytest.mark.parametrize(
    "change",
    [
        {"subject_name": x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "P02")])},
        {"serial_number": 4_711},
        {"not_valid_after": (ENDS + timedelta(days=1)).replace(tzinfo=None)},
        {"public_key": ec_key().public_key()},
        {"extensions": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_the_ca_chooses_itself_is_refused(change: dict[str, Any]) -> None:
    good = client_certificate(GRANTED, DIGEST, CA, KEY)
    parts: dict[str, Any] = {
        "issuer_name": good.issuer,
        "subject_name": good.subject,
        "public_key": good.public_key(),
        "serial_number": good.serial_number,
        "not_valid_before": good.not_valid_before_utc.replace(tzinfo=None),
        "not_valid_after": good.not_valid_after_utc.replace(tzinfo=None),
        "extensions": list(good.extensions),
    }
    insist_on_certificate(x509.CertificateBuilder(**parts).sign(KEY.private, SHA256()), GRANTED, DIGEST, CA)
    with refused(Code.CLIENT_CERTIFICATE_DIFFERS):
        insist_on_certificate(x509.CertificateBuilder(**{**parts, **change}).sign(KEY.private, SHA256()), GRANTED, DIGEST, CA)


def test_a_ca_of_the_same_names_is_not_the_ca() -> None:
    forger = ca_key("forger")
    theirs = ca_certificate(root(ca=forger), forger, NOW)
    assert theirs.certificate.subject == CA.certificate.subject
    made = client_certificate(GRANTED, DIGEST, theirs, forger)
    with refused(Code.CLIENT_CERTIFICATE_DIFFERS):
        insist_on_certificate(made, GRANTED, DIGEST, CA)
    with refused(Code.KEY_UNKNOWN):
        read_ca(theirs.pem, TRUST, NOW)
    with refused(Code.CA_DIFFERS):
        client_certificate(GRANTED, DIGEST, CA, forger)


def test_only_the_ca_s_own_certificate_is_its_certificate() -> None:
    assert read_ca(CA.pem, TRUST, NOW).certificate == CA.certificate
    with refused(Code.CLIENT_CERTIFICATE_DIFFERS):
        read_ca(CA.pem + CA.pem, TRUST, NOW)
    with refused(Code.CLIENT_CERTIFICATE_DIFFERS):
        read_ca(b"no certificate", TRUST, NOW)
    longer = x509.CertificateBuilder(
        CA.certificate.subject, CA.certificate.subject, KEY.public, 1, NOW - timedelta(days=9), NOW + timedelta(days=9_999)
    ).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)  # fmt: skip
    with refused(Code.CA_DIFFERS):
        read_ca(longer.sign(KEY.private, SHA256()).public_bytes(Encoding.PEM), TRUST, NOW)
    with refused(Code.CA_DIFFERS):
        read_ca(client_certificate(GRANTED, DIGEST, CA, KEY).public_bytes(Encoding.PEM), TRUST, NOW)
    other = root(more_keys=(known("a-ca", Role.SCANNER_INSTANCE),))
    with refused(Code.KEY_ROLE):
        ca_certificate(other, _as_ca(signer("scanner-1")), NOW)


def test_a_name_that_no_configuration_can_hold_makes_no_certificate() -> None:
    for wrong in ("Verify", "x" * 64):
        granted, digest = granted_in(certificate(apis=(wrong,)))
        with refused(Code.GATEWAY_NAME):
            client_certificate(granted, digest, CA, KEY)
    longest = GRANTED.model_copy(update={"agency": GRANTED.agency.model_copy(update={"code": "P" * 64})})
    with refused(Code.GATEWAY_NAME):
        client_certificate(longest, DIGEST, CA, KEY)


def test_a_key_in_a_file_is_ec_or_rsa_and_its_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    for private in (ec_key(), ec_key(P384), rsa_key()):
        path.touch(mode=0o600)
        path.write_bytes(private.private_bytes(*PEM, BestAvailableEncryption(b"words")))
        assert ca_key_of(f"file:{path}", lambda _: "words").public == private.public_key()
        with refused(Code.KEY_UNREADABLE):
            ca_key_of(f"file:{path}", lambda _: "others")
    for wrong in (ed25519.Ed25519PrivateKey.generate(), ec_key(ec.SECP521R1())):
        path.write_bytes(wrong.private_bytes(*PEM, NoEncryption()))
        with refused(Code.KEY_WEAK):
            ca_key_of(f"file:{path}", lambda _: "")
    path.chmod(0o644)
    with refused(Code.KEY_FILE_OPEN):
        ca_key_of(f"file:{path}", lambda _: "")
    with refused(Code.SIGNER_UNAVAILABLE):
        ca_key_of("https://example.vn", lambda _: "")


# --- the list -------------------------------------------------------------------------------------


def test_the_list_says_what_is_on_hold_and_what_is_revoked() -> None:
    stopped = {
        5: Stopped(State.SUSPENDED, NOW),
        6: Stopped(State.REVOKED, NOW),
        7: Stopped(State.SUPERSEDED, NOW),
    }
    until = NOW + timedelta(days=1)
    pem = revocation_list(stopped, CA, KEY.private, NOW, until, 9)
    reasons = {
        entry.serial_number: entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        for entry in x509.load_pem_x509_crl(pem)
    }
    assert reasons == {
        5: x509.ReasonFlags.certificate_hold,
        6: x509.ReasonFlags.privilege_withdrawn,
        7: x509.ReasonFlags.superseded,
    }
    found = read_revocation_list(pem, CA, NOW)
    assert (found.serials, found.next_update) == (frozenset({5, 6, 7}), until)
    for at in (until, NOW - timedelta(minutes=6)):
        with refused(Code.CRL_DIFFERS):
            read_revocation_list(pem, CA, at)
    for broken in (b"", pem[:-40], pem[:200] + b"A" + pem[201:], CA.pem):
        with refused(Code.CRL_DIFFERS):
            read_revocation_list(broken, CA, NOW)
    forger = ca_key("forger")
    theirs = ca_certificate(root(ca=forger), forger, NOW)
    with refused(Code.CRL_DIFFERS):
        read_revocation_list(revocation_list({}, theirs, forger.private, NOW, until, 9), CA, NOW)


def _spki() -> Any:
    from cryptography.hazmat.primitives.serialization import PublicFormat

    return PublicFormat.SubjectPublicKeyInfo


def _as_ca(held: Signer) -> Any:
    class Pretender:
        public = held._public  # type: ignore[attr-defined]

    return Pretender()


def test_one_certificate_in_its_one_form_is_read() -> None:
    made = client_certificate(GRANTED, DIGEST, CA, KEY).public_bytes(Encoding.PEM)
    assert read_certificate(made).public_bytes(Encoding.PEM) == made
    for other in (b"remark\n" + made, made + b"\n", made.replace(b"\n", b"\r\n"), b"x" * 70_000):
        with refused(Code.CLIENT_CERTIFICATE_DIFFERS):
            read_certificate(other)
