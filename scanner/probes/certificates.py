"""One certificate taken apart without opinion, however odd: what cryptography refuses to read is read from its DER."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate

from scanner.observations import CertificateFacts, KeyAlgorithm
from scanner.record import escaped, sha256

NAMES_KEPT = 500
"""Names of one certificate that are recorded; a line of its own says how many more there were."""

_TEXT = 1_000
_SUBJECT, _ISSUER, _KEY = 4, 2, 5
"""Places in a TBSCertificate after its version (RFC 5280 section 4.1)."""
_ODD = (
    ValueError,
    TypeError,
    KeyError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises at certificates that break the rules."""

T = TypeVar("T")


class UnreadableError(ValueError):
    """Bytes that are no certificate at all."""


def loaded(der: bytes) -> Certificate:
    """The certificate in these bytes; raises UnreadableError."""
    try:
        with warnings.catch_warnings():  # serial numbers of zero or less are worth recording, not refusing
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.serial_number, certificate.not_valid_before_utc, certificate.not_valid_after_utc
            return certificate
    except _ODD as error:
        raise UnreadableError(f"not a certificate: {error}") from None


def facts(certificate: Certificate, der: bytes) -> CertificateFacts:
    """What this certificate says."""
    algorithm, bits = _key(certificate)
    return CertificateFacts(
        sha256=sha256(der),
        spki_sha256=sha256(_field(certificate, _KEY)),
        subject=_name(certificate, lambda: certificate.subject, _SUBJECT),
        issuer=_name(certificate, lambda: certificate.issuer, _ISSUER),
        serial=f"{_serial(certificate):x}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=algorithm,
        key_bits=bits,
        signature_hash=_signature_hash(certificate),
        names=_shown(alternative_names(certificate)),
        scts=_scts(certificate),
        must_staple=_must_staple(certificate),
    )


@dataclass(frozen=True, slots=True)
class Names:
    """The subject alternative name: DNS names and addresses."""

    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def alternative_names(certificate: Certificate) -> Names | None:
    """Every DNS name and address of the subject alternative name; None where its extensions cannot be read."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names()
    except _ODD:
        return None
    addresses = tuple(str(address) for address in found.get_values_for_type(x509.IPAddress))
    return Names(tuple(found.get_values_for_type(x509.DNSName)), addresses)


def matches(name: str, names: Names) -> bool:
    """Whether a declared name stands among these names (RFC 9525): a wildcard covers one whole left-most label."""
    try:
        address = str(ip_address(name))
    except ValueError:
        wanted = name.lower()
        parent = wanted.partition(".")[2]
        covering = {wanted, f"*.{parent}"} if parent else {wanted}
        return any(offered.lower() in covering for offered in names.dns)
    return address in names.addresses


def attempted(read: Callable[[], T]) -> T | None:
    """What this reads of a certificate; None where cryptography cannot."""
    try:
        return read()
    except _ODD:
        return None


def _scts(certificate: Certificate) -> int:
    found = attempted(lambda: certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps))
    return len(found.value) if found else 0


def _must_staple(certificate: Certificate) -> bool:
    found = attempted(lambda: certificate.extensions.get_extension_for_class(x509.TLSFeature))
    return found is not None and x509.TLSFeatureType.status_request in found.value


def _serial(certificate: Certificate) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return certificate.serial_number


def _name(certificate: Certificate, read: Callable[[], x509.Name], place: int) -> str:
    name = attempted(lambda: read().rfc4514_string())
    return escaped(_field(certificate, place) if name is None else name, limit=_TEXT)


def _shown(names: Names | None) -> tuple[str, ...]:
    kept = sorted({escaped(name, limit=300) for name in (*names.dns, *names.addresses)}) if names else []
    more = len(kept) - NAMES_KEPT
    return (*kept[:NAMES_KEPT], f"(and {more} more)") if more > 0 else tuple(kept)


def _key(certificate: Certificate) -> tuple[KeyAlgorithm, int]:
    match attempted(certificate.public_key):
        case rsa.RSAPublicKey(key_size=bits):
            return KeyAlgorithm.RSA, bits
        case ec.EllipticCurvePublicKey(key_size=bits):
            return KeyAlgorithm.EC, bits
        case dsa.DSAPublicKey(key_size=bits):
            return KeyAlgorithm.DSA, bits
        case ed25519.Ed25519PublicKey():
            return KeyAlgorithm.ED25519, 256
        case ed448.Ed448PublicKey():
            return KeyAlgorithm.ED448, 456
        case _:
            return KeyAlgorithm.OTHER, 0


def _signature_hash(certificate: Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except _ODD:
        return escaped(certificate.signature_algorithm_oid.dotted_string)
    return algorithm.name if algorithm else "none"


def _field(certificate: Certificate, place: int) -> bytes:
    """One field of the certificate as it stands in the DER, its tag and length included."""
    body = _content(certificate.tbs_certificate_bytes)
    if body[:1] == b"\xa0":
        body = body[_size(body) :]
    for _before in range(place):
        body = body[_size(body) :]
    return body[: _size(body)]


def _content(der: bytes) -> bytes:
    return der[2 + (der[1] & 0x7F if der[1] & 0x80 else 0) : _size(der)]


def _size(der: bytes) -> int:
    """The size of the first element, its tag and length included."""
    if not der[1] & 0x80:
        return 2 + der[1]
    width = der[1] & 0x7F
    return 2 + width + int.from_bytes(der[2 : 2 + width])
