"""Connection requests: what an agency asks for, on which sealed evidence, with proof that it holds the client key."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from certification.csr import plain, proven_key
from certification.keyring import PerMinute
from certification.opening import Opened, opened
from certification.refusals import Code, Refusal
from certification.statements import Predicate, Role, Statement, subjects
from certification.trust import TrustRoot
from scanner.addresses import Network
from scanner.findings import said
from scanner.record import Name, Record, Sha256, Sorted, Text, sha256


class Kind(StrEnum):
    """What sort of connection: a trial one comes first, and is shorter."""

    TRIAL = "trial"
    OFFICIAL = "official"


class Grant(Record):
    """What may be reached, from where, how often and what for."""

    endpoints: Annotated[Sorted[Network], Field(min_length=1)]
    """The address ranges from which the agency connects."""
    apis: Annotated[Sorted[Name], Field(min_length=1)]
    bulk: bool = False
    rate: PerMinute
    """Requests a minute."""
    purpose: Annotated[Text, Field(min_length=1, max_length=1_000)]


class RequestPredicate(Predicate):
    """The request, tied to one sealed bundle and one client key."""

    kind: Kind
    agency: Name
    system: Name
    run: Name
    order_nonce: Sha256
    bundle_sha256: Sha256
    inventory_sha256: Sha256
    """Digest of the declared scope."""
    diagram_sha256: Sha256 | None
    """Digest of the network diagram, where one was handed in."""
    fingerprint: Sha256
    """The system's fingerprint, as assessed."""
    scope: Grant
    csr: Text
    client_key_sha256: Annotated[Sorted[Sha256], Field(min_length=1, max_length=1)]
    supersedes: Name | None
    """Serial of the certificate this one is to follow, as an official one follows a trial."""


class RequestStatement(Statement):
    """An agency asks for a connection."""

    role: ClassVar[Role] = Role.AGENCY
    predicate_type: Literal["urn:npd:clearance:connection-request/v1"] = Field(
        default="urn:npd:clearance:connection-request/v1", alias="predicateType"
    )
    predicate: RequestPredicate


def opened_request(data: bytes, trust: TrustRoot, at: datetime) -> Opened[RequestStatement]:
    """The request in this envelope, signed by its agency, with a client key that is strong and proven."""
    found = opened(data, RequestStatement, trust, at)
    asked = found.statement.predicate
    holder = found.signer.known.holder
    if holder != asked.agency:
        raise Refusal(Code.REQUEST_SIGNER, said("signed by {seen} for {wanted}", seen=holder, wanted=asked.agency))
    csr = asked.csr.encode()
    if plain(csr) != asked.csr or asked.client_key_sha256 != (proven_key(csr),):
        raise Refusal(Code.REQUEST_DIFFERS, said("the client key is not the one of the signing request"))
    if found.statement.subject != subjects({"bundle.tar": asked.bundle_sha256, "client.csr.pem": sha256(csr)}):
        raise Refusal(Code.REQUEST_DIFFERS, said("the request's subjects are not what it asks about"))
    return found
