"""A small certificate authority for tests: good by default, one thing changed at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.scanner.probes.web_peers import NAME

NOW = datetime.now(UTC).replace(microsecond=0)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def key(name: str, bits: int = 0) -> Key:
    """The key of this name, the same within a run; RSA where bits are asked for."""
    return _key(name, bits)


@cache
def _key(name: str, bits: int) -> Key:
    return rsa.generate_private_key(65_537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


@dataclass
class Made:
    """What to put in a certificate; a good TLS server's as it stands."""

    subject: str = "portal"
    issuer: str = "Lab Intermediate"
    names: tuple[str, ...] = (NAME,)
    begins: datetime = NOW - timedelta(days=1)
    ends: datetime = NOW + timedelta(days=90)
    ca: bool = False
    path_length: int | None = None
    bits: int = 0
    signed_with: str = ""
    key_identifiers: bool = True
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH,)
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def certificate(self) -> x509.Certificate:
        """The certificate itself."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(called(self.subject))
            .issuer_name(called(self.issuer))
            .public_key(key(self.subject, self.bits).public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.begins)
            .not_valid_after(self.ends)
            .add_extension(x509.BasicConstraints(ca=self.ca, path_length=self.path_length), critical=True)
        )
        if self.names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in self.names]), critical=False
            )
        if self.usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.usages), critical=False)
        signer = key(self.signed_with or self.issuer)
        if self.key_identifiers:
            own = x509.SubjectKeyIdentifier.from_public_key(key(self.subject, self.bits).public_key())
            above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
            builder = builder.add_extension(own, critical=False).add_extension(above, critical=False)
        for extension, critical in self.more:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(signer, hashes.SHA256())


def called(name: str) -> x509.Name:
    """A name of this common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def authority(name: str, issuer: str = "", *, path_length: int | None = None, key_identifiers: bool = True) -> x509.Certificate:
    """A CA's certificate, its own issuer unless another is named."""
    made = Made(subject=name, issuer=issuer or name, names=(), ca=True, path_length=path_length, usages=())
    made.key_identifiers = key_identifiers
    made.ends = NOW + timedelta(days=900)
    return made.certificate()


@cache
def root() -> x509.Certificate:
    """The lab's root."""
    return authority("Lab Root")


@cache
def intermediate() -> x509.Certificate:
    """The lab's intermediate."""
    return authority("Lab Intermediate", "Lab Root", path_length=0)


def pem(*certificates: x509.Certificate) -> bytes:
    """These certificates one after the other."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def kept(folder: Path, made: Made, *above: x509.Certificate) -> tuple[Path, Path]:
    """The chain and the key as files."""
    chain, secret = folder / f"{made.subject}.chain.pem", folder / f"{made.subject}.key.pem"
    chain.write_bytes(pem(made.certificate(), *above))
    secret.write_bytes(key(made.subject, made.bits).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, secret
