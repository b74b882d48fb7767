"""The certificate chain an endpoint serves."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from scanner.observations.base import Count, Seen, Unobserved
from scanner.record import Instant, PeerText, Record, Sha256, Sorted


class KeyAlgorithm(StrEnum):
    """Public key algorithms of certificates and SSH host keys."""

    RSA = "RSA"
    DSA = "DSA"
    EC = "EC"
    ED25519 = "Ed25519"
    ED448 = "Ed448"
    OTHER = "other"


class ChainFault(StrEnum):
    """What building a path to the operator's trust anchors found wrong."""

    SELF_SIGNED = "self-signed"
    UNKNOWN_ROOT = "unknown-root"
    MISSING_INTERMEDIATE = "missing-intermediate"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    BAD_SIGNATURE = "bad-signature"
    WRONG_USAGE = "wrong-usage"
    OTHER = "other"


class Trust(Record):
    """Whether the served chain leads to the operator's trust anchors at the time it was seen, names aside."""

    anchors: Sha256
    """Digest of the CA store it was checked against."""
    faults: Sorted[ChainFault]
    """Empty where the path is valid."""
    detail: PeerText = ""


class CertificateFacts(Record):
    """One certificate as served."""

    sha256: Sha256
    spki_sha256: Sha256
    subject: PeerText
    issuer: PeerText
    serial: PeerText
    not_before: Instant
    not_after: Instant
    key: KeyAlgorithm
    key_bits: Count
    signature_hash: PeerText
    """The hash of the signature, as in sha256; `none` where the algorithm has none of its own (Ed25519)."""
    names: Sorted[PeerText]
    """DNS names and addresses of the subject alternative name."""


class PeerCertificateObservation(Record):
    """The certificate chain an endpoint serves."""

    kind: Literal["peer-certificate"] = "peer-certificate"
    seen: Seen
    sni: PeerText
    chain: tuple[CertificateFacts, ...] = Field(min_length=1)
    """As served: the peer's own certificate first."""
    trust: Trust | Unobserved
    name_matches: bool | Unobserved
    """Whether the declared name stands in the peer's certificate (RFC 9525); unobserved where no name is declared."""
