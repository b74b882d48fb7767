"""Certificate signing requests: proof that the agency holds the client key it will connect with (RFC 2986)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.bindings._rust import (
    x509 as reading,  # cryptography.x509 gives out its very functions, and takes as long to load as all else
)
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import sha256

if TYPE_CHECKING:
    from cryptography.x509 import CertificateSigningRequest

_LIMIT = 16 * 1024
_RSA_BITS = 2_048
_RSA_BITS_MOST = 8_192


ClientKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


def proven_key(pem: bytes) -> str:
    """The SHA-256 of the SubjectPublicKeyInfo the request proves possession of; refuses weak keys and unproven ones."""
    return sha256(client_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def client_key(pem: bytes) -> ClientKey:
    """The key the request proves possession of; refuses weak keys and unproven ones."""
    request = _read(pem)
    strong = public_part(pem)
    try:
        digest = request.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        raise Refusal(Code.CSR_WEAK_KEY, said("a client key or digest of an unknown type")) from None
    if not isinstance(strong, Ed25519PublicKey) and not isinstance(digest, SHA256 | SHA384 | SHA512):
        raise Refusal(Code.CSR_WEAK_KEY, said("the request is signed over a weak digest"))
    if not _signed(request):
        raise Refusal(Code.CSR_UNPROVEN, said("the request's own signature does not hold"))
    return strong


def public_part(pem: bytes) -> ClientKey:
    """The key in the request, proven or not; refuses weak keys."""
    try:
        key = _read(pem).public_key()
    except (UnsupportedAlgorithm, ValueError):
        raise Refusal(Code.CSR_WEAK_KEY, said("a client key or digest of an unknown type")) from None
    return _strong(key)


def plain(pem: bytes) -> str:
    """The request alone, in the PEM form this program writes: remarks and other blocks around it are gone."""
    return _read(pem).public_bytes(Encoding.PEM).decode()


@lru_cache(maxsize=16)  # one request is looked at in several places, one after the other
def _read(pem: bytes) -> CertificateSigningRequest:
    if len(pem) > _LIMIT:
        raise Refusal(Code.CSR_MALFORMED, said("{count} bytes; at most {limit} are read", count=len(pem), limit=_LIMIT))
    try:
        return reading.load_pem_x509_csr(pem)
    except _unreadable():
        raise Refusal(Code.CSR_MALFORMED, said("not a certificate signing request in PEM form")) from None


def _unreadable() -> tuple[type[Exception], ...]:
    """What is raised for a request that cannot be read; asked for only where something was raised."""
    from cryptography.x509 import InvalidVersion

    return ValueError, UnsupportedAlgorithm, InvalidVersion


def _signed(request: CertificateSigningRequest) -> bool:
    try:
        return request.is_signature_valid
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        # such as an Ed25519 signature said to be by an RSA key
        return False


def _strong(key: object) -> ClientKey:
    match key:
        case RSAPublicKey() if _RSA_BITS <= key.key_size <= _RSA_BITS_MOST:
            return key
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1 | SECP384R1):
            return key
        case Ed25519PublicKey():
            return key
        case RSAPublicKey() | EllipticCurvePublicKey():
            message = said("a client key of {bits} bits and type {type}", bits=key.key_size, type=type(key).__name__)
        case _:
            message = said("a client key of type {type}", type=type(key).__name__)
    raise Refusal(Code.CSR_WEAK_KEY, message)
