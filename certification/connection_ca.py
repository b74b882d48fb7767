"""The connection CA: the key behind the agencies' client certificates. It signs certificates and lists built here, never bytes.

Its key stands in the trust root in a role of its own. What it signs opens nothing: a gateway lets in only whom two authorities
authorised.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certification.keys import accepted, spki_sha256
from certification.refusals import Code, Refusal
from certification.signers import Passphrase, key_in
from certification.statements import Role
from certification.token_uri import read_token_uri
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said

if TYPE_CHECKING:
    from certification.token_signer import Presence

CaPublicKey = EllipticCurvePublicKey | RSAPublicKey
CaPrivateKey = EllipticCurvePrivateKey | RSAPrivateKey
PEM_LIMIT = 64 * 1024
_NAME_LIMIT = 64


class CaKey(Protocol):
    """The CA's private key, wherever it is kept."""

    @property
    def public(self) -> CaPublicKey:
        """The public half."""

    def unlocked(self, what: str) -> AbstractContextManager[CaPrivateKey]:
        """The key, for the builders of this package alone, after its holder was shown `what` is signed with it."""


@dataclass(frozen=True, slots=True)
class FileCaKey:
    """A CA key from a file."""

    private: CaPrivateKey
    public: CaPublicKey

    @contextmanager
    def unlocked(self, what: str) -> Iterator[CaPrivateKey]:  # noqa: ARG002 - as the protocol has it
        """The key itself: its passphrase was the holder's consent."""
        yield self.private


@dataclass(frozen=True, slots=True)
class ConnectionCa:
    """The CA's own certificate, for the key of the trust root it belongs to."""

    certificate: x509.Certificate
    public: CaPublicKey
    keyid: str

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def ca_key_of(uri: str, passphrase: Passphrase, presence: Presence | None = None) -> CaKey:
    """The CA key that a key URI names, as in file:ca.pem or pkcs11:token=T;object=K?module-path=/usr/lib/x.so."""
    scheme, _, rest = uri.partition(":")
    match scheme:
        case "file" if rest:
            return _from_file(Path(rest), passphrase)
        case "pkcs11" if presence is not None:
            from certification.token_ca_key import TokenCaKey

            return TokenCaKey(read_token_uri(uri), presence)
        case _:
            raise Refusal(Code.SIGNER_UNAVAILABLE, said("{uri}: a CA key is named as file:PATH or pkcs11:...", uri=uri))


def ca_public(key: object) -> CaPublicKey:
    """The key itself where a CA may have it: ECDSA on P-256 or P-384, or RSA of 2048 to 4096 bits."""
    match accepted(key):
        case EllipticCurvePublicKey() | RSAPublicKey() as public:
            return public
        case _:
            raise Refusal(Code.KEY_WEAK, said("a connection CA's key is ECDSA or RSA"))


def digest_for(key: CaPublicKey) -> SHA256 | SHA384:
    """The digest this key signs over."""
    return SHA384() if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP384R1) else SHA256()


def ca_certificate(trust: TrustRoot, key: CaKey, at: datetime) -> ConnectionCa:
    """The CA's own certificate: its name and its time are those of its key in the trust root."""
    known = _known(trust, spki_sha256(key.public), at)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _short(known.known.holder)),
            x509.NameAttribute(NameOID.COMMON_NAME, "Clearance connection CA"),
        ]
    )
    builder = (
        x509.CertificateBuilder(name, name, key.public)
        .serial_number(int(known.known.keyid[:30], 16) + 1)
        .not_valid_before(known.known.valid_from)
        .not_valid_after(known.known.valid_until - timedelta(seconds=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public), critical=False)
    )
    with key.unlocked(said("the CA's own certificate for {name}", name=known.known.holder).shown()) as private:
        certificate = builder.sign(private, digest_for(key.public))
    return ConnectionCa(certificate, key.public, known.known.keyid)


def read_ca(pem: bytes, trust: TrustRoot, at: datetime) -> ConnectionCa:
    """The CA of this certificate, where its key stands in the trust root for that, and nothing in it says otherwise."""
    certificate = read_certificate(pem)
    try:
        public = ca_public(certificate.public_key())
        certificate.verify_directly_issued_by(certificate)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        raise Refusal(Code.CA_DIFFERS, said("not a certificate that a connection CA made for itself")) from None
    known = _known(trust, spki_sha256(public), at)
    until = known.known.valid_until - timedelta(seconds=1)
    times = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    if not constraints.ca or constraints.path_length != 0 or times != (known.known.valid_from, until):
        message = said("the CA's certificate says another time or use than its key has in the trust root")
        raise Refusal(Code.CA_DIFFERS, message)
    return ConnectionCa(certificate, public, known.known.keyid)


def read_certificate(pem: bytes) -> x509.Certificate:
    """The one certificate in this PEM text, which must be written as this program writes it."""
    if len(pem) > PEM_LIMIT:
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, said("not an X.509 certificate in PEM form"))
    try:
        found = x509.load_pem_x509_certificate(pem)
        again = found.public_bytes(Encoding.PEM)
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, said("not an X.509 certificate in PEM form")) from None
    if again != pem:
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, said("more than one X.509 certificate in its one written form"))
    return found


def key_usage(*uses: str) -> x509.KeyUsage:
    """Key usage of these uses and no other."""
    return x509.KeyUsage(
        digital_signature="digital_signature" in uses,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in uses,
        crl_sign="crl_sign" in uses,
        encipher_only=False,
        decipher_only=False,
    )


def _known(trust: TrustRoot, keyid: str, at: datetime) -> TrustedKey:
    key = trust.key(keyid)
    if key.known.role is not Role.CONNECTION_CA:
        message = said(
            "key {key} is for the role {seen}, not {wanted}", key=keyid, seen=key.known.role, wanted=Role.CONNECTION_CA
        )
        raise Refusal(Code.KEY_ROLE, message)
    key.valid(at, at)
    return key


def _short(name: str) -> str:
    if len(name) > _NAME_LIMIT:
        raise Refusal(Code.GATEWAY_NAME, said("{name}: longer than X.509 allows", name=name))
    return name


def _from_file(path: Path, passphrase: Passphrase) -> FileCaKey:
    match key_in(path, passphrase):
        case EllipticCurvePrivateKey() | RSAPrivateKey() as key:
            return FileCaKey(key, ca_public(key.public_key()))
        case _:
            raise Refusal(Code.KEY_WEAK, said("a connection CA's key is ECDSA or RSA"))
