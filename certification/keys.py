"""Public keys: which types are accepted, and the one fingerprint by which a key is known."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey  # type: ignore[attr-defined] # it lists no __all__

from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import sha256

__all__ = [
    "CryptoSigner",
    "PrivateKey",
    "PublicKey",
    "SSlibKey",
    "Signature",
    "accepted",
    "keyid_of",
    "pem_of",
    "public_key",
    "spki_sha256",
    "verified",
    "verifier",
]

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey = Ed25519PublicKey | EllipticCurvePublicKey


def spki_sha256(key: PublicKey) -> str:
    """The SHA-256 of the key's SubjectPublicKeyInfo: the same for one key however it was written down."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def pem_of(key: PublicKey) -> str:
    """The key in PEM, in the one form this program writes."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def accepted(key: object) -> PublicKey:
    """The key itself where its type is accepted: Ed25519 or ECDSA P-256."""
    match key:
        case Ed25519PublicKey():
            return key
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key
        case _:
            raise Refusal(Code.KEY_WEAK, said("a key of another type than Ed25519 or ECDSA P-256"))


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


def verifier(key: PublicKey) -> SSlibKey:
    """The key in the form that verifies signatures."""
    return SSlibKey.from_crypto(key, keyid=spki_sha256(key))


def verified(key: SSlibKey, signature: Signature, data: bytes) -> None:
    """Returns where this key made this signature over these bytes, and refuses otherwise."""
    try:
        key.verify_signature(signature, data)
    except UnverifiedSignatureError:
        raise Refusal(Code.SIGNATURE_WRONG, said("the signature of key {key} does not fit", key=key.keyid)) from None
