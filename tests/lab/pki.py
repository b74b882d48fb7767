"""The province's certificate authority: sound chains, and each of the ways a chain goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """A server certificate; sound as it stands, with one thing changed for each fault."""

    name: str
    rsa_bits: int = 0
    """An elliptic curve key where 0."""
    lifetime: tuple[timedelta, timedelta] = (timedelta(days=-1), timedelta(days=180))
    """Not before and not after, counted from now."""
    self_signed: bool = False
    with_intermediate: bool = True


EXPIRED = (timedelta(days=-90), timedelta(days=-2))


@dataclass(frozen=True, slots=True)
class Served:
    """The files a server needs: its chain, its own certificate first, and its key."""

    chain: Path
    key: Path


class Authority:
    """A root, an intermediate below it, and what they issue; all made anew in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._root_key, self._intermediate_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self._root = self._authority("Mau Province Root", self._root_key, "Mau Province Root", self._root_key, None)
        self._intermediate = self._authority("Mau Province TLS", self._intermediate_key, "Mau Province Root", self._root_key, 0)
        self.anchors = folder / "root.pem"
        self.anchors.write_bytes(self._root.public_bytes(Encoding.PEM))

    def issue(self, wanted: Wanted, called: str) -> Served:
        """Chain and key under this file name."""
        key: Key = (
            rsa.generate_private_key(65_537, wanted.rsa_bits) if wanted.rsa_bits else ec.generate_private_key(ec.SECP256R1())
        )
        issuer, signer = (wanted.name, key) if wanted.self_signed else ("Mau Province TLS", self._intermediate_key)
        begins, ends = (self._now + offset for offset in wanted.lifetime)
        builder = (
            _started(wanted.name, issuer, key, begins, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(wanted.name)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        chain = builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)
        if wanted.with_intermediate and not wanted.self_signed:
            chain += self._intermediate.public_bytes(Encoding.PEM)
        served = Served(self.folder / f"{called}.chain.pem", self.folder / f"{called}.key.pem")
        served.chain.write_bytes(chain)
        _keep_key(served.key, key)
        return served

    def _authority(self, name: str, key: Key, issuer: str, signer: Key, path_length: int | None) -> x509.Certificate:
        begins, ends = self._now - timedelta(days=100), self._now + timedelta(days=1_000)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        return (
            _started(name, issuer, key, begins, ends)
            .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )


def faults(name: str) -> dict[str, Wanted]:
    """Each way a served chain goes wrong, by the name of the fault."""
    sound = Wanted(name)
    return {
        "expired": replace(sound, lifetime=EXPIRED),
        "wrong-name": replace(sound, name="another.mau.test"),
        "self-signed": replace(sound, self_signed=True),
        "weak-key": replace(sound, rsa_bits=1_024),
        "no-intermediate": replace(sound, with_intermediate=False),
    }


def client(folder: Path, name: str) -> tuple[Path, Path]:
    """The agency's client key and its certificate signing request."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_named(name)).sign(key, hashes.SHA256())
    key_file, csr_file = folder / "client.key.pem", folder / "client.csr.pem"
    _keep_key(key_file, key)
    csr_file.write_bytes(request.public_bytes(Encoding.PEM))
    return key_file, csr_file


def _started(name: str, issuer: str, key: Key, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _keep_key(path: Path, key: Key) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
