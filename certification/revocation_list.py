"""The revocation list of the connection CA, and the certificates by which a gateway is tried out. The register decides; this is the second wall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certification.connection_ca import CaPrivateKey, ConnectionCa, digest_for, key_usage
from certification.refusals import Code, Refusal
from certification.status import State
from scanner.findings import said

CLOCKS_APART = timedelta(minutes=5)
"""A gateway's clock may be behind the exporter's by this much, and a list outlive its bundle."""

_REASONS = {
    State.SUSPENDED: x509.ReasonFlags.certificate_hold,
    State.REVOKED: x509.ReasonFlags.privilege_withdrawn,
    State.SUPERSEDED: x509.ReasonFlags.superseded,
}
_CRL_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stopped:
    """A certificate that must not connect, and since when."""

    state: State
    since: datetime


@dataclass(frozen=True, slots=True)
class ReadList:
    """A revocation list that its CA signed."""

    serials: frozenset[int]
    next_update: datetime


def revocation_list(
    stopped: Mapping[int, Stopped], ca: ConnectionCa, key: CaPrivateKey, at: datetime, until: datetime, number: int
) -> bytes:
    """The list in PEM: these serial numbers, good until then; what is suspended is on hold, and may come off again."""
    builder = (
        x509.CertificateRevocationListBuilder(ca.certificate.subject)
        .last_update(at - CLOCKS_APART)
        .next_update(until)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
    )
    entries = [
        x509.RevokedCertificateBuilder(serial, each.since, [x509.Extension(x509.CRLReason.oid, False, x509.CRLReason(_REASONS[each.state]))])  # noqa: FBT003
        .build()
        for serial, each in sorted(stopped.items())
    ]  # fmt: skip
    for entry in entries:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, digest_for(ca.public)).public_bytes(Encoding.PEM)


def read_revocation_list(pem: bytes, ca: ConnectionCa, at: datetime) -> ReadList:
    """The list in this PEM text, signed by this CA and good at this instant."""
    if len(pem) > _CRL_LIMIT:
        raise Refusal(Code.CRL_DIFFERS, said("not a revocation list in PEM form"))
    try:
        found = x509.load_pem_x509_crl(pem)
        own = found.issuer == ca.certificate.subject and found.is_signature_valid(ca.public)
        serials = frozenset(entry.serial_number for entry in found)
        first, last = found.last_update_utc, found.next_update_utc
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise Refusal(Code.CRL_DIFFERS, said("not a revocation list in PEM form")) from None
    if not own:
        raise Refusal(Code.CRL_DIFFERS, said("the revocation list is not signed by the connection CA"))
    if last is None or not first <= at < last:
        raise Refusal(Code.CRL_DIFFERS, said("the revocation list is not for this time"))
    return ReadList(serials, last)


def probe_certificate(name: str, ca: ConnectionCa, key: CaPrivateKey, at: datetime, until: datetime) -> tuple[bytes, int]:
    """A certificate that no gateway may let in, with its key, in PEM; and its serial number.

    Its key is no secret: it opens nothing, and a gateway where it does is shut.
    """
    private: EllipticCurvePrivateKey = generate_private_key(SECP256R1())
    serial = x509.random_serial_number()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "clearance"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"probe-{name}"),
        ]
    )
    made = (
        x509.CertificateBuilder(ca.certificate.subject, subject, private.public_key(), serial)
        .not_valid_before(at - CLOCKS_APART)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
        .sign(key, digest_for(ca.public))
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return made.public_bytes(Encoding.PEM) + pem, serial
