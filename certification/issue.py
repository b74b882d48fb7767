"""Issue: an authorisation with its quorum becomes the ConnectionCertificate, if everything still holds on the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from certification.approval import for_request, grantable
from certification.recomputing import Rejudge
from certification.trust import TrustRoot
from certification.verify import verify
from scanner.order import FileDigest


def issue(
    bundle: Mapping[str, bytes],
    request: bytes,
    trust: TrustRoot,
    at: datetime,
    *,
    authorisation: bytes,
    rejudge: Rejudge,
    code_digests: Iterable[FileDigest] | None = None,
) -> bytes:
    """The certificate's envelope: the authorisation, verified as any verifier would, on evidence young enough today."""
    verified = verify(authorisation, trust, at, bundle, rejudge, code_digests)
    for_request(verified.granted, request)
    grantable(verified.granted, trust, at)
    return authorisation
