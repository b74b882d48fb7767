"""The key exchange, as far as the server's reply (RFC 4253 section 8): enough for the server to prove its host key, no further."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scanner.observations import KeyAlgorithm, SshHostKey
from scanner.probes.ssh_packets import PacketError, Reader, mpint, string
from scanner.record import escaped

_INIT, _REPLY = 30, 31
_GEX_REQUEST, _GEX_GROUP, _GEX_INIT, _GEX_REPLY = 34, 31, 32, 33
_GEX_SIZES = (1_024, 3_072, 8_192)

_GROUP1 = (
    0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF
)  # fmt: skip
_GROUP14 = (
    0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF
)  # fmt: skip
"""The moduli of RFC 2409 section 6.2 and RFC 3526 section 3; both with generator 2."""

_LARGEST_PRIME = 16_384


class UnprovenError(ValueError):
    """A reply whose signature does not prove the host key it shows."""


Ask = Callable[[bytes], bytes]
"""Sends a payload and returns the payload of the answer."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both sides said before the exchange, all of which the server signs."""

    client_ident: bytes
    server_ident: bytes
    client_kexinit: bytes
    server_kexinit: bytes

    def hashed(self, digest: str, host_key: bytes, exchanged: bytes, secret: int) -> bytes:
        """The exchange hash H."""
        said = (self.client_ident, self.server_ident, self.client_kexinit, self.server_kexinit, host_key)
        return hashlib.new(digest, b"".join(map(string, said)) + exchanged + mpint(secret), usedforsecurity=False).digest()


def proven_key(kex: str, signature: str, transcript: Transcript, ask: Ask) -> SshHostKey:
    """The host key the server proves in this exchange; raises PacketError or UnprovenError where it does not."""
    exchange, digest = METHODS[kex]
    reply, exchanged, secret = exchange(digest, ask)
    host_key, signed = reply
    blob = Reader(signed)
    named, value = blob.string(), blob.string()
    if named.decode("ascii", "replace") != signature:
        raise UnprovenError(f"signed with {escaped(named, limit=60)} where {signature} was agreed")
    facts, verify = _public_key(host_key)
    try:
        verify(signature, value, transcript.hashed(digest, host_key, exchanged, secret))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, KeyError):
        raise UnprovenError("the signature over the key exchange does not verify") from None
    return facts


Reply = tuple[tuple[bytes, bytes], bytes, int]
"""The host key and the signature; the exchanged values as they are hashed; the shared secret."""


def _curve25519(_digest: str, ask: Ask) -> Reply:
    own = X25519PrivateKey.generate()
    public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    host_key, theirs, signed = _replied(ask(bytes([_INIT]) + string(public)), _REPLY)
    if len(theirs) != 32:
        raise PacketError("no Curve25519 point")
    try:
        secret = own.exchange(X25519PublicKey.from_public_bytes(theirs))
    except ValueError:
        raise PacketError("no Curve25519 point") from None
    return (host_key, signed), string(public) + string(theirs), int.from_bytes(secret, "big")


def _ecdh(curve: ec.EllipticCurve) -> Callable[[str, Ask], Reply]:
    def exchange(_digest: str, ask: Ask) -> Reply:
        own = ec.generate_private_key(curve)
        public = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        host_key, theirs, signed = _replied(ask(bytes([_INIT]) + string(public)), _REPLY)
        try:
            secret = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(curve, theirs))
        except ValueError:
            raise PacketError("no point on the agreed curve") from None
        return (host_key, signed), string(public) + string(theirs), int.from_bytes(secret, "big")

    return exchange


def _group(prime: int) -> Callable[[str, Ask], Reply]:
    def exchange(_digest: str, ask: Ask) -> Reply:
        return _diffie_hellman(prime, 2, _INIT, _REPLY, b"", ask)

    return exchange


def chosen_group(wanted: tuple[int, int, int], ask: Ask) -> tuple[bytes, int, int]:
    """The request for a group of at least, preferably and at most so many bits, and the prime and generator the server answers with."""
    sizes = b"".join(size.to_bytes(4, "big") for size in wanted)
    reader = Reader(ask(bytes([_GEX_REQUEST]) + sizes))
    if reader.take(1)[0] != _GEX_GROUP:
        raise PacketError("no group was offered")
    prime, generator = reader.mpint(), reader.mpint()
    if not 256 <= prime.bit_length() <= _LARGEST_PRIME or not 1 < generator < prime:
        raise PacketError("a group that makes no sense")
    return sizes, prime, generator


def _group_exchange(_digest: str, ask: Ask) -> Reply:
    """RFC 4419: the server chooses the group."""
    sizes, prime, generator = chosen_group(_GEX_SIZES, ask)
    return _diffie_hellman(prime, generator, _GEX_INIT, _GEX_REPLY, sizes + mpint(prime) + mpint(generator), ask)


def _diffie_hellman(prime: int, generator: int, init: int, reply: int, before: bytes, ask: Ask) -> Reply:
    own = secrets.randbits(512) | 1
    public = pow(generator, own, prime)
    reader = Reader(ask(bytes([init]) + mpint(public)))
    if reader.take(1)[0] != reply:
        raise PacketError("no key exchange reply")
    host_key, theirs, signed = reader.string(), reader.mpint(), reader.string()
    if not 1 < theirs < prime - 1:
        raise PacketError("no element of the agreed group")
    return (host_key, signed), before + mpint(public) + mpint(theirs), pow(theirs, own, prime)


def _replied(payload: bytes, expected: int) -> tuple[bytes, bytes, bytes]:
    reader = Reader(payload)
    if reader.take(1)[0] != expected:
        raise PacketError("no key exchange reply")
    return reader.string(), reader.string(), reader.string()


METHODS: dict[str, tuple[Callable[[str, Ask], Reply], str]] = {
    "curve25519-sha256": (_curve25519, "sha256"),
    "curve25519-sha256@libssh.org": (_curve25519, "sha256"),
    "ecdh-sha2-nistp256": (_ecdh(ec.SECP256R1()), "sha256"),
    "ecdh-sha2-nistp384": (_ecdh(ec.SECP384R1()), "sha384"),
    "ecdh-sha2-nistp521": (_ecdh(ec.SECP521R1()), "sha512"),
    "diffie-hellman-group-exchange-sha256": (_group_exchange, "sha256"),
    "diffie-hellman-group14-sha256": (_group(_GROUP14), "sha256"),
    "diffie-hellman-group-exchange-sha1": (_group_exchange, "sha1"),
    "diffie-hellman-group14-sha1": (_group(_GROUP14), "sha1"),
    "diffie-hellman-group1-sha1": (_group(_GROUP1), "sha1"),
}
"""The key exchanges we can take part in, the cheapest for the server first, with their hash."""

Verify = Callable[[str, bytes, bytes], None]
_RSA_HASHES = {"ssh-rsa": hashes.SHA1(), "rsa-sha2-256": hashes.SHA256(), "rsa-sha2-512": hashes.SHA512()}  # noqa: S303 - what old servers sign with
_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    "ecdsa-sha2-nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "ecdsa-sha2-nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "ecdsa-sha2-nistp521": (ec.SECP521R1(), hashes.SHA512()),
}


def _public_key(blob: bytes) -> tuple[SshHostKey, Verify]:
    reader = Reader(blob)
    kind = reader.string().decode("ascii", "backslashreplace")
    try:
        algorithm, bits, verify = _parsed(kind, reader)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PacketError(f"a host key that cannot be read: {error}") from None
    reader.end()
    sha256 = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return SshHostKey(type=escaped(kind, limit=80), algorithm=algorithm, bits=bits, sha256=sha256), verify


def _parsed(kind: str, reader: Reader) -> tuple[KeyAlgorithm, int, Verify]:
    match kind:
        case "ssh-ed25519":
            edwards = ed25519.Ed25519PublicKey.from_public_bytes(reader.string())
            return KeyAlgorithm.ED25519, 256, lambda _kind, signature, data: edwards.verify(signature, data)
        case "ssh-ed448":
            goldilocks = ed448.Ed448PublicKey.from_public_bytes(reader.string())
            return KeyAlgorithm.ED448, 456, lambda _kind, signature, data: goldilocks.verify(signature, data)
        case "ssh-rsa":
            exponent, modulus = reader.mpint(), reader.mpint()
            plain = rsa.RSAPublicNumbers(exponent, modulus).public_key()
            return (
                KeyAlgorithm.RSA,
                modulus.bit_length(),
                lambda named, signature, data: plain.verify(
                    signature.rjust((modulus.bit_length() + 7) // 8, b"\0"), data, padding.PKCS1v15(), _RSA_HASHES[named]
                ),
            )
        case "ssh-dss":
            return _dss(reader)
        case _ if kind in _CURVES:
            return _ecdsa(kind, reader)
    raise PacketError(f"unknown type {escaped(kind, limit=60)}")


def _dss(reader: Reader) -> tuple[KeyAlgorithm, int, Verify]:
    p, q, g, y = (reader.mpint() for _ in range(4))
    key = dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()

    def verify(_kind: str, signature: bytes, data: bytes) -> None:
        if len(signature) != 40:
            raise ValueError("no DSA signature")
        numbers = (int.from_bytes(part, "big") for part in (signature[:20], signature[20:]))
        key.verify(encode_dss_signature(*numbers), data, hashes.SHA1())  # noqa: S303 - RFC 4253 knows no other

    return KeyAlgorithm.DSA, p.bit_length(), verify


def _ecdsa(kind: str, reader: Reader) -> tuple[KeyAlgorithm, int, Verify]:
    curve, digest = _CURVES[kind]
    if reader.string().decode("ascii", "replace") != kind.removeprefix("ecdsa-sha2-"):
        raise PacketError("the curve is not the type's")
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, reader.string())

    def verify(_kind: str, signature: bytes, data: bytes) -> None:
        parts = Reader(signature)
        key.verify(encode_dss_signature(parts.mpint(), parts.mpint()), data, ec.ECDSA(digest))

    return KeyAlgorithm.EC, curve.key_size, verify
