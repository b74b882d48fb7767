"""Public keys: which types are accepted, the one fingerprint by which a key is known, and how a signature is verified with one.

Each type of key has one scheme, so that nothing in a file chooses how it is verified. The tests verify the same signatures with
securesystemslib, which the signers use, as a second opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import sha256

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey

_RSA_BITS, _RSA_BITS_MOST, _RSA_EXPONENT = 2_048, 4_096, 65_537
_PSS = PSS(mgf=MGF1(SHA256()), salt_length=SHA256.digest_size)


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature in hexadecimal, and whose it says it is."""

    keyid: str
    signature: str


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key of an accepted type, read once, with its key id."""

    keyid: str
    public: PublicKey

    @property
    def scheme(self) -> str:
        """How this key's signatures are verified, by the name that TUF and in-toto have for it."""
        match self.public:
            case Ed25519PublicKey():
                return "ed25519"
            case EllipticCurvePublicKey():
                return "ecdsa-sha2-nistp384" if isinstance(self.public.curve, SECP384R1) else "ecdsa-sha2-nistp256"
            case RSAPublicKey():
                return "rsassa-pss-sha256"
            case _:
                assert_never(self.public)


def spki_sha256(key: PublicKey) -> str:
    """The SHA-256 of the key's SubjectPublicKeyInfo: the same for one key however it was written down."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def pem_of(key: PublicKey) -> str:
    """The key in PEM, in the one form this program writes."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def accepted(key: object) -> PublicKey:
    """The key itself where its type is accepted: Ed25519, ECDSA P-256 or P-384, or RSA of 2048 to 4096 bits."""
    match key:
        case Ed25519PublicKey():
            return key
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1 | SECP384R1):
            return key
        case RSAPublicKey() if _RSA_BITS <= key.key_size <= _RSA_BITS_MOST and key.public_numbers().e == _RSA_EXPONENT:
            return key
        case _:
            raise Refusal(
                Code.KEY_WEAK,
                said("a key of another type than Ed25519, ECDSA P-256 or P-384, or RSA of 2048 to 4096 bits with exponent 65537"),
            )


def public_key(pem: str) -> PublicKey:
    """The key in this PEM text, which must be in the form this program writes; says Refusal for any other."""
    try:
        key = accepted(load_pem_public_key(pem.encode()))
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal(Code.KEY_UNREADABLE, said("not a public key in PEM form")) from None
    if pem_of(key) != pem:
        raise Refusal(Code.KEY_UNREADABLE, said("a public key in another form than `keys show` prints"))
    return key


def keyid_of(pem: str) -> str:
    """The key id of a public key in PEM: the SHA-256 of its SubjectPublicKeyInfo."""
    return spki_sha256(public_key(pem))


def verifier(key: PublicKey) -> Verifier:
    """The key in the form that verifies signatures."""
    return Verifier(spki_sha256(key), key)


def verified(key: Verifier, signature: Signature, data: bytes) -> None:
    """Returns where this key made this signature over these bytes, and refuses otherwise.

    ECDSA in DER alone, and with either value of s, as FIPS 186-5 says; RSA by PSS with SHA-256 and a salt of 32 bytes.
    """
    if signature.keyid != key.keyid or not _fits(key.public, signature.signature, data):
        raise Refusal(Code.SIGNATURE_WRONG, said("the signature of key {key} does not fit", key=key.keyid))


def _fits(public: PublicKey, signature: str, data: bytes) -> bool:
    try:
        _verify(public, bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def _verify(public: PublicKey, signature: bytes, data: bytes) -> None:
    """Returns where the signature fits; raises InvalidSignature or ValueError otherwise."""
    match public:
        case Ed25519PublicKey():
            public.verify(signature, data)
        case EllipticCurvePublicKey():
            public.verify(signature, data, ECDSA(SHA384() if isinstance(public.curve, SECP384R1) else SHA256()))
        case RSAPublicKey():
            # A salt of one length: the library would verify one of any, were it let.
            public.verify(signature, data, _PSS, SHA256())
        case _:
            assert_never(public)
