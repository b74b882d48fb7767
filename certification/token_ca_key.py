"""A connection CA's key on a PKCS#11 token, in the form that the builders of X.509 certificates and lists sign with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256, sha384
from typing import Any, Never

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from certification.connection_ca import CaPrivateKey, CaPublicKey, ca_public
from certification.keys import spki_sha256
from certification.refusals import Code, Refusal
from certification.token_signer import Presence, consented
from certification.token_uri import TokenUri
from certification.tokens import one_object, public_key_of
from scanner.findings import said


class TokenCaKey:
    """A CA key that never leaves its token; the PIN is asked for once each time it is unlocked, after what is signed was shown."""

    __slots__ = ("_presence", "_uri", "public")

    def __init__(self, uri: TokenUri, presence: Presence) -> None:
        self._uri = uri
        self._presence = presence
        self.public: CaPublicKey = ca_public(public_key_of(uri))

    @contextmanager
    def unlocked(self, what: str) -> Iterator[CaPrivateKey]:
        """The key, as long as the session lasts."""
        from pkcs11 import ObjectClass

        with consented(self._uri, self._presence, spki_sha256(self.public), what + "\n") as session:
            private = one_object(session, self._uri, ObjectClass.PRIVATE_KEY)
            match self.public:
                case ec.EllipticCurvePublicKey():
                    yield _EcKey(self.public, private)
                case rsa.RSAPublicKey():
                    yield _RsaKey(self.public, private)


class _Kept:
    """What every private key can be asked for, and a token never gives."""

    def private_numbers(self) -> Never:
        """Refuses."""
        raise _kept()

    def private_bytes(self, *_: object) -> Never:
        """Refuses."""
        raise _kept()

    def __copy__(self) -> Never:
        raise _kept()

    def __deepcopy__(self, memo: dict[Any, Any]) -> Never:
        raise _kept()


class _EcKey(_Kept, ec.EllipticCurvePrivateKey):
    """What a builder needs of an EC key: to sign. All else the token keeps."""

    def __init__(self, public: ec.EllipticCurvePublicKey, private: Any) -> None:
        self._public, self._private = public, private

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """The signature in DER, over the digest that goes with the curve."""
        from pkcs11 import Mechanism
        from pkcs11.util.ec import encode_ecdsa_signature

        assert isinstance(signature_algorithm, ec.ECDSA)  # noqa: S101 - the builders know no other
        digest = (sha384 if isinstance(self._public.curve, ec.SECP384R1) else sha256)(data).digest()
        return encode_ecdsa_signature(self._private.sign(digest, mechanism=Mechanism.ECDSA))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve."""
        return self._public.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> Never:  # noqa: ARG002
        """Refuses."""
        raise _kept()


class _RsaKey(_Kept, rsa.RSAPrivateKey):
    """What a builder needs of an RSA key: to sign."""

    def __init__(self, public: rsa.RSAPublicKey, private: Any) -> None:
        self._public, self._private = public, private

    def sign(self, data: Any, padding: object, algorithm: object) -> bytes:  # noqa: ARG002 - the builders' choice is the only one
        """The signature by PKCS#1 v1.5 over SHA-256, which every TLS server reads in a certificate."""
        from pkcs11 import Mechanism

        prefix = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo of SHA-256, RFC 8017 section 9.2
        signed: bytes = self._private.sign(prefix + sha256(data).digest(), mechanism=Mechanism.RSA_PKCS)
        return signed

    def public_key(self) -> rsa.RSAPublicKey:
        """The public half."""
        return self._public

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public.key_size

    def decrypt(self, *_: object) -> Never:
        """Refuses."""
        raise _kept()


def _kept() -> Refusal:
    return Refusal(Code.TOKEN_KEY, said("the private key never leaves its token"))
