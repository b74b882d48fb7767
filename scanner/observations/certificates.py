"""The certificate chain an endpoint serves."""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import Literal

from pydantic import Field

from scanner.observations.base import Count, Reason, Seen, Unobserved
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


class Revocation(Record):
    """Whether the operator's CRLs list the peer's certificate or an intermediate of its chain."""

    crls: Sha256
    """Digest of the CRLs it was looked up in."""
    revoked: bool
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
    scts: Count = 0
    """Embedded signed certificate timestamps (RFC 6962 section 3.3)."""
    must_staple: bool = False
    """Whether it demands that an OCSP response comes with it (RFC 7633)."""


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
    revocation: Revocation | Unobserved = Unobserved(reason=Reason.NOT_GIVEN, detail="no CRL was given")
    """Looked up in the operator's CRLs only: no responder and no distribution point is ever asked."""
    stapled: bool | Unobserved = Unobserved(reason=Reason.NOT_ASKED)
    """Whether an OCSP response for this very certificate came with it in the handshake (RFC 6066 section 8)."""

    @property
    def in_order(self) -> bool:
        """Whether each certificate is followed by its issuer's and by no other (RFC 5246 section 7.4.2)."""
        return all(subject.issuer == issuer.subject for subject, issuer in pairwise(self.chain))
