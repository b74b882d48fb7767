"""The QR token: what a certificate grants, in few words, signed by both approvers in the act in which they sign the authorisation.

A COSE_Sign object (RFC 9052 section 4.1) in CBOR's deterministic form, written in base45. It holds all it needs and no address: whoever reads it
with the trust root knows who may connect to what and until when, without a network, and not whether it was suspended since. An RSA signature does not
fit: then the code holds serial and digest only, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from pydantic import Field, ValidationError

from certification import base45
from certification.keys import PublicKey
from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import Instant, Name, Record, Sha256, Sorted, Text

SIGNED, POINTER = "NPD1:", "NPD0:"
"""How the text of a signed token and of a mere pointer begins."""
_AAD = b"urn:npd:clearance:qr-token/v1"
"""Stands in what is signed and not in the token: a signature for anything else never fits (RFC 9052 section 4.4)."""
_TAG = 98
_EDDSA, _ES256 = -8, -7
_KID = 16
"""How many bytes of a key id are carried."""
_LONGEST = 2_000
_COORDINATE = 32


class QrWords(Record):
    """What stands in the token."""

    serial: Name
    kind: Text
    agency: Name
    system: Name
    echelon: Name
    apis: Sorted[Name]
    not_before: Instant
    not_after: Instant
    authorisation: Sha256
    """Of the authorisation's payload."""
    conditions: Annotated[int, Field(ge=0, le=10_000)]
    laboratory: bool
    """Whether it rests on a baseline made for exercises."""


@dataclass(frozen=True, slots=True)
class QrSignature:
    """One approver's signature in the token."""

    keyid: str
    algorithm: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class QrToken:
    """Words and the signatures over them."""

    words: QrWords
    signatures: tuple[QrSignature, ...]

    def text(self) -> str:
        """The token as it stands in the code; a pointer, where an approver's key has no signature that fits."""
        if not self.signatures:
            return POINTER + base45.encoded(_dumps([self.words.serial, bytes.fromhex(self.words.authorisation)]))
        return SIGNED + base45.encoded(self.written())

    def written(self) -> bytes:
        """The COSE_Sign object."""
        import cbor2

        signers = [[_dumps({1: one.algorithm}), {4: bytes.fromhex(one.keyid)[:_KID]}, one.signature] for one in self.signatures]
        return _dumps(cbor2.CBORTag(_TAG, [b"", {}, payload(self.words), signers]))


def payload(words: QrWords) -> bytes:
    """The words as they are signed: a map from small integers, in CBOR's deterministic form."""
    values = {
        1: words.serial,
        2: words.kind,
        3: words.agency,
        4: words.system,
        5: words.echelon,
        6: list(words.apis),
        7: int(words.not_before.timestamp()),
        8: int(words.not_after.timestamp()),
        9: bytes.fromhex(words.authorisation),
        10: words.conditions,
        11: words.laboratory,
    }
    return _dumps(values)


def signed_bytes(words: QrWords, algorithm: int) -> bytes:
    """What a signer signs: the Sig_structure (RFC 9052 section 4.4)."""
    return _dumps(["Signature", b"", _dumps({1: algorithm}), _AAD, payload(words)])


def algorithm_of(public: PublicKey) -> int | None:
    """COSE's number of the algorithm that this key signs tokens with; None where a signature would be too long."""
    match public:
        case Ed25519PublicKey():
            return _EDDSA
        case EllipticCurvePublicKey() if isinstance(public.curve, SECP256R1):
            return _ES256
        case _:
            return None


def raw(algorithm: int, signature: bytes) -> bytes:
    """The signature as COSE has it: of ECDSA the two numbers, not DER (RFC 9053 section 2.1)."""
    if algorithm != _ES256:
        return signature
    first, second = decode_dss_signature(signature)
    return first.to_bytes(_COORDINATE) + second.to_bytes(_COORDINATE)


def der(algorithm: int, signature: bytes) -> bytes:
    """The signature as the keys verify it."""
    if algorithm != _ES256:
        return signature
    if len(signature) != 2 * _COORDINATE:
        raise _malformed("a signature of another length")
    return encode_dss_signature(int.from_bytes(signature[:_COORDINATE]), int.from_bytes(signature[_COORDINATE:]))


def joined(words: QrWords, signatures: Iterable[QrSignature | None]) -> QrToken:
    """The token of these approvers; a pointer where one of them has no signature that fits."""
    found = tuple(signatures)
    whole = tuple(one for one in found if one is not None)
    return QrToken(words, whole if len(whole) == len(found) else ())


def read_token(text: str) -> QrToken:
    """The token in this text; nothing of it is verified. Refuses every other form, and a pointer, which proves nothing."""
    text = text.strip("\r\n")
    if text.startswith(POINTER):
        raise Refusal(Code.QR_POINTER, said("it holds the digest of {serial} and no signature", serial=_pointed(text)))
    if not text.startswith(SIGNED) or len(text) > _LONGEST:
        raise _malformed("another beginning or length")
    data = _bytes(text.removeprefix(SIGNED))
    value = _loads(data)
    try:
        protected, unprotected, content, signers = value.value
        if value.tag != _TAG or (protected, unprotected) != (b"", {}):
            raise _malformed("headers that are not known")
        found = QrToken(_words(_loads(content)), tuple(_signer(one) for one in signers))
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, OverflowError, ValidationError):
        raise _malformed("not the parts of a token") from None
    if found.written() != data or not found.signatures:
        raise _malformed("not its one written form")
    return found


def authorisation_in(text: str) -> str:
    """The digest of the authorisation that this token or pointer names; nothing of it is verified."""
    text = text.strip("\r\n")
    if not text.startswith(POINTER):
        return read_token(text).words.authorisation
    digest = _parts_of_pointer(text)[1]
    if not isinstance(digest, bytes):
        raise _malformed("not the parts of a pointer")
    return digest.hex()


def _words(value: Any) -> QrWords:
    if not isinstance(value, dict) or set(value) != set(range(1, 12)) or not isinstance(value[6], list):
        raise _malformed("other words than are known")
    if not isinstance(value[7], int) or not isinstance(value[8], int):
        raise _malformed("a date of another form")
    return QrWords(
        serial=value[1],
        kind=value[2],
        agency=value[3],
        system=value[4],
        echelon=value[5],
        apis=tuple(value[6]),
        not_before=datetime.fromtimestamp(value[7], UTC),
        not_after=datetime.fromtimestamp(value[8], UTC),
        authorisation=bytes(value[9]).hex() if isinstance(value[9], bytes) else "",
        conditions=value[10],
        laboratory=value[11],
    )


def _signer(value: Any) -> QrSignature:
    protected, unprotected, signature = value
    algorithm, kid = _loads(protected)[1], unprotected[4]
    if algorithm not in (_EDDSA, _ES256) or len(kid) != _KID or not isinstance(signature, bytes):
        raise _malformed("a signer of another form")
    return QrSignature(bytes(kid).hex(), algorithm, signature)


def _pointed(text: str) -> str:
    serial = _parts_of_pointer(text)[0]
    if not isinstance(serial, str):
        raise _malformed("not the parts of a pointer")
    return serial


def _parts_of_pointer(text: str) -> Sequence[Any]:
    value = _loads(_bytes(text.removeprefix(POINTER)))
    if not isinstance(value, Sequence) or len(value) != 2:
        raise _malformed("not the parts of a pointer")
    return value


def _bytes(text: str) -> bytes:
    try:
        return base45.decoded(text)
    except ValueError:
        raise _malformed("not base45") from None


def _dumps(value: Any) -> bytes:
    import cbor2

    return cbor2.dumps(value, canonical=True)


def _loads(data: Any) -> Any:
    import cbor2

    if not isinstance(data, bytes):
        raise _malformed("not bytes where bytes are wanted")
    try:
        return cbor2.loads(data)
    except Exception:  # noqa: BLE001 - whatever the library raises on hostile bytes
        raise _malformed("not CBOR") from None


def _malformed(why: str) -> Refusal:
    return Refusal(Code.QR_MALFORMED, said("not the token of a QR code: {why}", why=why))
