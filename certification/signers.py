"""Signers: the only code that holds private keys. They sign typed statements; there is no way to sign bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from certification.checkpoint import Checkpoint, NoteAlgorithm, NoteKey, NoteSignature, checked_name, cosignature
from certification.envelope import Envelope
from certification.keys import PrivateKey, PublicKey, Signature, accepted, pem_of, spki_sha256
from certification.qr_token import QrSignature, QrWords, algorithm_of, raw, signed_bytes
from certification.refusals import Code, Refusal
from certification.statements import Statement
from scanner.findings import said

if TYPE_CHECKING:
    from certification.paper import SoundPaper
    from certification.token_signer import Presence

_FILE_LIMIT = 64 * 1024

Passphrase = Callable[[str], str]
"""Asks for the passphrase of the key named to it; never taken from the command line."""


class Signer(Protocol):
    """Something that holds a private key and signs typed statements with it."""

    @property
    def keyid(self) -> str:
        """The SHA-256 of the public key's SubjectPublicKeyInfo."""

    @property
    def public_pem(self) -> str:
        """The public key in PEM."""

    def sign(self, statement: Statement) -> Signature:
        """The signature over the statement's envelope encoding."""

    def sign_both(self, statement: Statement, words: QrWords) -> tuple[Signature, QrSignature | None]:
        """The signatures over a statement and over its QR token, in one act; None where the key's would not fit into a code."""

    def sign_paper(self, paper: SoundPaper, attributes: bytes) -> bytes:
        """The signature over the signed attributes of a signature in this PDF (CMS, RFC 5652 section 5.4)."""

    def sign_checkpoint(self, checkpoint: Checkpoint, name: str) -> NoteSignature:
        """The log's own signature of its checkpoint."""

    def cosign(self, checkpoint: Checkpoint, name: str, at: datetime) -> NoteSignature:
        """A witness's signature of another's checkpoint, with the time in it."""


def signature_over(data: bytes, private: PrivateKey) -> Signature:
    """This key's signature over these bytes, for the signers of this package alone: what they sign is typed."""
    from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # it lists no __all__

    public = private.public_key()
    made = CryptoSigner(private, SSlibKey.from_crypto(public, keyid=spki_sha256(public))).sign(data)
    return Signature(made.keyid, made.signature)


class FileSigner:
    """A signer whose key was read from a file."""

    __slots__ = ("_private", "_public")

    def __init__(self, private: PrivateKey) -> None:
        self._private = private
        self._public = accepted(private.public_key())

    @property
    def keyid(self) -> str:
        """The SHA-256 of the public key's SubjectPublicKeyInfo."""
        return spki_sha256(self._public)

    @property
    def public_pem(self) -> str:
        """The public key in PEM."""
        return pem_of(self._public)

    def sign(self, statement: Statement) -> Signature:
        """The signature over the statement's envelope encoding (DSSE PAE)."""
        return signature_over(Envelope(statement.written()).pae(), self._private)

    def sign_both(self, statement: Statement, words: QrWords) -> tuple[Signature, QrSignature | None]:
        """The signatures over a statement and over its QR token, in one act; None where the key's would not fit into a code."""
        algorithm = algorithm_of(self._public)
        if algorithm is None:
            return self.sign(statement), None
        data = signed_bytes(words, algorithm)
        return self.sign(statement), QrSignature(self.keyid, algorithm, raw(algorithm, self._made(data)))

    def sign_paper(self, paper: SoundPaper, attributes: bytes) -> bytes:
        """The signature over the signed attributes of a signature in this PDF (CMS, RFC 5652 section 5.4)."""
        paper.insist_on_attributes(attributes)
        return self._made(attributes)

    def _made(self, data: bytes) -> bytes:
        match self._private:
            case Ed25519PrivateKey() as edwards:
                return edwards.sign(data)
            case EllipticCurvePrivateKey() as curve:
                return curve.sign(data, ECDSA(SHA256()))

    def sign_checkpoint(self, checkpoint: Checkpoint, name: str) -> NoteSignature:
        """The log's own signature of its checkpoint."""
        private, key = self._edwards(name, NoteAlgorithm.LOG)
        return NoteSignature(name, key.id, private.sign(checkpoint.text()))

    def cosign(self, checkpoint: Checkpoint, name: str, at: datetime) -> NoteSignature:
        """A witness's signature of another's checkpoint, with the time in it."""
        private, key = self._edwards(name, NoteAlgorithm.COSIGNATURE)
        return NoteSignature(name, key.id, cosignature(at, private.sign(checkpoint.at(at))))

    def _edwards(self, name: str, algorithm: NoteAlgorithm) -> tuple[Ed25519PrivateKey, NoteKey]:
        match self._private:
            case Ed25519PrivateKey() as private:
                return private, NoteKey(checked_name(name), algorithm, private.public_key())
            case _:
                raise Refusal(Code.KEY_WEAK, said("a log's or a witness's key must be Ed25519"))


def signer_of(uri: str, passphrase: Passphrase, presence: Presence | None = None) -> Signer:
    """The signer a key URI names, as in file:inspector.pem or pkcs11:token=T;object=K?module-path=/usr/lib/x.so.

    `passphrase` is asked only for an encrypted key file; `presence` is how a token's holder sees what is signed and is
    asked for the PIN, and without one no token signs.
    """
    scheme, _, rest = uri.partition(":")
    match scheme:
        case "file" if rest:
            return FileSigner(_private_key(Path(rest), passphrase))
        case "pkcs11" if presence is not None:
            from certification.token_signer import TokenSigner
            from certification.token_uri import read_token_uri

            return TokenSigner(read_token_uri(uri), presence)
        case "pkcs11":
            raise Refusal(Code.SIGNER_UNAVAILABLE, said("nobody can be asked for a PIN here; use file:PATH"))
        case _:
            raise Refusal(Code.SIGNER_UNAVAILABLE, said("{uri}: a signer is named as file:PATH or pkcs11:...", uri=uri))


def signed(statement: Statement, *signers: Signer) -> bytes:
    """The envelope of this statement, signed by each of these."""
    envelope = Envelope(statement.written())
    for signer in signers:
        envelope = envelope.signed_also(signer.sign(statement))
    return envelope.written()


def new_key(path: Path, algorithm: str, passphrase: str | None = None) -> PublicKey:
    """The public half of a new private key, which is written to this path for its owner only; overwrites nothing."""
    private: PrivateKey
    match algorithm:
        case "ed25519":
            private = Ed25519PrivateKey.generate()
        case "ecdsa-p256":
            private = generate_ec(SECP256R1())
        case _:
            raise Refusal(Code.KEY_WEAK, said("{algorithm}: new keys are ed25519 or ecdsa-p256", algorithm=algorithm))
    protection = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    write_secret(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection))
    return private.public_key()


def write_secret(path: Path, data: bytes) -> None:
    """Writes a new file that its owner alone can read; overwrites nothing."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Refusal(Code.KEY_EXISTS, said("{path} exists; a key is never overwritten", path=str(path))) from None
    except OSError as error:
        raise _unreadable(path, error.strerror or "cannot be written") from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _private_key(path: Path, passphrase: Passphrase) -> PrivateKey:
    match key_in(path, passphrase):
        case Ed25519PrivateKey() as edwards:
            return edwards
        case EllipticCurvePrivateKey() as curve if isinstance(curve.curve, SECP256R1):
            return curve
        case _:
            raise Refusal(Code.KEY_WEAK, said("{path}: neither Ed25519 nor ECDSA P-256", path=str(path)))


def key_in(path: Path, passphrase: Passphrase) -> PrivateKeyTypes:
    """The private key in a PEM file that its owner alone can read, of whatever kind; for the code that holds private keys."""
    data = own_file(path)
    password = passphrase(path.name).encode() if b"ENCRYPTED" in data else None
    try:
        return load_pem_private_key(data, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own words are left out: they could quote the input.
        raise _unreadable(path, "no private key in PEM form, or another passphrase") from None


def own_file(path: Path) -> bytes:
    """A key file's bytes, where its owner alone can read it."""
    try:
        # Not to block: a pipe where a key should be would otherwise be waited on for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise _unreadable(path, "not a plain file")
            if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                message = said(
                    "{path} is open to others (mode {mode}); run chmod 600 on it",
                    path=str(path),
                    mode=f"{facts.st_mode & 0o777:o}",
                )
                raise Refusal(Code.KEY_FILE_OPEN, message)
            data = file.read(_FILE_LIMIT + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or "cannot be read") from None
    if len(data) > _FILE_LIMIT:
        raise _unreadable(path, "larger than any key")
    return data


def _unreadable(path: Path, why: str) -> Refusal:
    return Refusal(Code.KEY_UNREADABLE, said("{path}: {why}", path=str(path), why=why))
