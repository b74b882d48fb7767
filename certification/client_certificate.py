"""The agency's X.509 client certificate: worked out from its authorisation to the last byte, so that its CA has nothing to choose.

Every gateway works it out again and compares. A CA that may choose bytes could make two certificates of one fingerprint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from certification.authorisation import AuthorisationPredicate
from certification.connection_ca import CaKey, CaPrivateKey, CaPublicKey, ConnectionCa, digest_for, key_usage
from certification.csr import ClientKey, public_part
from certification.envelope import read_envelope
from certification.keys import spki_sha256
from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import RecordError, parse_json, sha256

AUTHORISATION_OID = ObjectIdentifier("2.25.217368110290113340573437186216417180521")
"""The extension that names the authorisation, for auditors. Not critical: a proxy would refuse what it does not know."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def client_certificate(granted: AuthorisationPredicate, payload_sha256: str, ca: ConnectionCa, key: CaKey) -> x509.Certificate:
    """The client certificate for the key whose possession the agency's request proves; refuses another CA's key."""
    if spki_sha256(key.public) != ca.keyid:
        raise Refusal(Code.CA_DIFFERS, said("the CA's certificate is for another key"))
    builder = _builder(granted, payload_sha256, ca)
    shown = said("a client certificate for {agency} under {serial}", agency=granted.agency.code, serial=granted.serial)
    with key.unlocked(shown.shown()) as private:
        made = builder.sign(private, digest_for(key.public))
    insist_on_certificate(made, granted, payload_sha256, ca)
    return made


def insist_on_certificate(
    certificate: x509.Certificate, granted: AuthorisationPredicate, payload_sha256: str, ca: ConnectionCa
) -> None:
    """Returns where this is the one certificate that follows from the authorisation, signed by this CA."""
    wanted = _builder(granted, payload_sha256, ca).sign(_stand_in(ca.public), digest_for(ca.public))
    if certificate.tbs_certificate_bytes != wanted.tbs_certificate_bytes:
        message = said("the client certificate is not the one that follows from {serial}", serial=granted.serial)
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, message)
    try:
        certificate.verify_directly_issued_by(ca.certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        message = said("the client certificate of {serial} is not signed by the connection CA", serial=granted.serial)
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, message) from None


def x509_serial(payload_sha256: str, ca: ConnectionCa) -> int:
    """The serial number of the client certificate for this authorisation by this CA: 126 bits, never zero."""
    digest = sha256(f"clearance client certificate\n{ca.keyid}\n{payload_sha256}".encode())
    return int(digest[:32], 16) >> 2 | 1 << 126


def plain_names(granted: AuthorisationPredicate) -> None:
    """Returns where every name is one that a proxy's configuration and a certificate can hold as it stands."""
    _insist(_CODE, (granted.serial, granted.agency.code))
    _insist(_PLAIN, (granted.agency.echelon, *granted.scope.apis))


def _insist(form: re.Pattern[str], names: Iterable[str]) -> None:
    for name in names:
        if not form.fullmatch(name):
            message = said("{name} cannot stand at a gateway: at most 63 letters, digits, dots and dashes", name=name)
            raise Refusal(Code.GATEWAY_NAME, message)


def _builder(granted: AuthorisationPredicate, payload_sha256: str, ca: ConnectionCa) -> x509.CertificateBuilder:
    plain_names(granted)
    agency, kind = granted.agency, granted.kind.value
    key = _asked_with(granted)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, agency.code),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"kind-{kind}"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"echelon-{agency.echelon}"),
        ]
    )
    name = x509.UniformResourceIdentifier(f"urn:npd:{kind}:{agency.echelon}:{agency.code}")
    identifier = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder(ca.certificate.subject, subject, key)
        .serial_number(x509_serial(payload_sha256, ca))
        .not_valid_before(granted.not_before)
        .not_valid_after(granted.not_after - timedelta(seconds=1))  # there the last second counts as valid, here it does not
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .add_extension(x509.UnrecognizedExtension(AUTHORISATION_OID, _told(granted, payload_sha256)), critical=False)
    )


def _asked_with(granted: AuthorisationPredicate) -> ClientKey:
    """The key in the request; who asked, and that it is proven, was verified with the authorisation that carries it."""
    try:
        request = parse_json(read_envelope(granted.request_envelope()).payload)
        key = public_part(str(request["predicate"]["csr"]).encode())
    except (RecordError, KeyError, TypeError):
        raise Refusal(Code.REQUEST_DIFFERS, said("the authorisation carries no request")) from None
    if granted.client_key_sha256 != (sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),):
        raise Refusal(Code.REQUEST_DIFFERS, said("the client key is not the one of the signing request"))
    return key


def _told(granted: AuthorisationPredicate, payload_sha256: str) -> bytes:
    """Serial, digest and baseline in DER: SEQUENCE { UTF8String, OCTET STRING, UTF8String }."""
    baseline = f"{granted.baseline.id} {granted.baseline.version}"
    parts = ((0x0C, granted.serial.encode()), (0x04, bytes.fromhex(payload_sha256)), (0x0C, baseline.encode()[:200]))
    return _der(0x30, b"".join(_der(tag, value) for tag, value in parts))


def _der(tag: int, value: bytes) -> bytes:
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x82, *size.to_bytes(2)]) if size > 0xFF else bytes([0x81, size])
    return bytes([tag]) + length + value


def _stand_in(public: CaPublicKey) -> CaPrivateKey:
    """A key of the CA's type, whose signatures are thrown away: what is signed does not depend on who signs it."""
    return _throwaway(public.curve.name) if isinstance(public, EllipticCurvePublicKey) else _throwaway("rsa")


@cache
def _throwaway(kind: str) -> CaPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1

    if kind == "rsa":
        return generate_rsa(65_537, 2_048)
    return generate_private_key(SECP384R1() if kind == SECP384R1.name else SECP256R1())
