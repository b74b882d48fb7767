"""DSSE envelopes: one written form and one strict reading, which refuses all that would not be written so."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from certification.keys import Signature
from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import RecordError, canonical_json, parse_json

PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENVELOPE_LIMIT = 32 * 1024 * 1024
SIGNATURES_LIMIT = 16
_SIGNATURE_LIMIT = 1_024
_KEY_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, byte for byte as it was signed, and its signatures in the order of their key ids."""

    payload: bytes
    signatures: tuple[Signature, ...] = ()

    def pae(self) -> bytes:
        """What is really signed: payload type and payload, each with its length (DSSE v1.0, PAE)."""
        return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(self.payload), self.payload)

    def written(self) -> bytes:
        """The envelope's bytes on disk: RFC 8785, so that one envelope has one written form."""
        signatures = [{"keyid": each.keyid, "sig": _encoded(bytes.fromhex(each.signature))} for each in self.signatures]
        return canonical_json({"payload": _encoded(self.payload), "payloadType": PAYLOAD_TYPE, "signatures": signatures})

    def signed_also(self, signature: Signature) -> Envelope:
        """The same payload with one signature more."""
        if any(other.keyid == signature.keyid for other in self.signatures):
            raise Refusal(Code.SIGNATURE_REPEATED, said("key {key} has signed already", key=signature.keyid))
        return Envelope(self.payload, _in_order((*self.signatures, signature)))


def read_envelope(data: bytes) -> Envelope:
    """The envelope in these bytes; its payload is not looked into."""
    try:
        value = parse_json(data, limit=ENVELOPE_LIMIT)
        again = canonical_json(value)
    except (RecordError, ValueError) as error:
        raise _malformed(str(error)) from None
    if again != data:
        raise Refusal(Code.ENVELOPE_NOT_CANONICAL, said("the envelope's bytes are not in canonical form"))
    match value:
        case {"payload": str(payload), "payloadType": str(payload_type), "signatures": list(signatures), **more} if not more:
            if payload_type != PAYLOAD_TYPE:
                raise Refusal(Code.PAYLOAD_TYPE, said("payload type {seen}", seen=payload_type))
            return Envelope(_decoded(payload), _signatures(signatures))
        case _:
            raise _malformed("it needs payload, payloadType and signatures, and nothing else")


def _signatures(values: list[Any]) -> tuple[Signature, ...]:
    if not 1 <= len(values) <= SIGNATURES_LIMIT:
        message = said("{count} signatures; from 1 to {limit} are read", count=len(values), limit=SIGNATURES_LIMIT)
        raise Refusal(Code.SIGNATURE_COUNT, message)
    found = tuple(_signature(value) for value in values)
    keyids = [signature.keyid for signature in found]
    if len(set(keyids)) != len(keyids):
        raise Refusal(Code.SIGNATURE_REPEATED, said("a key id signs twice"))
    if found != _in_order(found):
        raise Refusal(Code.ENVELOPE_NOT_CANONICAL, said("the signatures are not in the order of their key ids"))
    return found


def _signature(value: Any) -> Signature:
    match value:
        case {"keyid": str(keyid), "sig": str(sig), **more} if not more and _KEY_ID.fullmatch(keyid):
            signature = _decoded(sig)
            if not 1 <= len(signature) <= _SIGNATURE_LIMIT:
                raise _malformed("a signature of no plausible length")
            return Signature(keyid, signature.hex())
        case _:
            raise _malformed("a signature needs keyid, a SHA-256, and sig, and nothing else")


def _decoded(text: str) -> bytes:
    """Base64 in its one canonical form: other encodings of the same bytes are refused."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raise _malformed("not base64") from None
    if _encoded(data) != text:
        raise Refusal(Code.ENVELOPE_NOT_CANONICAL, said("base64 that is not in canonical form"))
    return data


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _in_order(signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
    return tuple(sorted(signatures, key=lambda signature: signature.keyid))


def _malformed(why: str) -> Refusal:
    return Refusal(Code.ENVELOPE_MALFORMED, said("not an envelope: {why}", why=why))
