"""Connection requests: what an agency asks for, on which sealed evidence, with proof that it holds the client key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from certification.csr import plain, proven_key
from certification.keyring import PerMinute
from certification.refusals import Code, Refusal
from certification.sealing import assessment_of, order_of
from certification.statements import Predicate, Role, Statement, subjects
from scanner.findings import said
from scanner.order import Order
from scanner.record import Name, Record, Sha256, Sorted, Text, sha256
from scanner.store import packed
from scanner.targets import Network, RunKind

DEFAULT_RATE = 60


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


def draft_request(  # noqa: PLR0913 - what every request needs; the rest goes by name
    bundle: Mapping[str, bytes],
    csr_pem: bytes,
    kind: Kind,
    apis: tuple[str, ...],
    purpose: str,
    at: datetime,
    *,
    rate: int = DEFAULT_RATE,
    bulk: bool = False,
    endpoints: tuple[str, ...] = (),
    supersedes: str | None = None,
    diagram: bytes | None = None,
) -> RequestStatement:
    """The request for this sealed bundle; without `endpoints`, for the addresses that were declared and inspected."""
    order, assessment = order_of(bundle), assessment_of(bundle)
    if order.kind is RunKind.SELF_CHECK:
        raise Refusal(Code.SELF_CHECK, said("run {run} is a self-check", run=order.run))
    key, digest = proven_key(csr_pem), sha256(packed(bundle))
    csr = plain(csr_pem)
    scope = Grant(endpoints=endpoints or declared_endpoints(order), apis=tuple(apis), bulk=bulk, rate=rate, purpose=purpose)
    inspected(scope, order)
    return RequestStatement(
        subject=subjects({"bundle.tar": digest, "client.csr.pem": sha256(csr.encode())}),
        predicate=RequestPredicate(
            stated_at=at,
            kind=kind,
            agency=order.scope.agency.code,
            system=order.scope.system.id,
            run=order.run,
            order_nonce=order.nonce,
            bundle_sha256=digest,
            inventory_sha256=order.scope.digest(),
            diagram_sha256=None if diagram is None else sha256(diagram),
            fingerprint=assessment.fingerprint,
            scope=scope,
            csr=csr,
            client_key_sha256=(key,),
            supersedes=supersedes,
        ),
    )


def declared_endpoints(order: Order) -> tuple[str, ...]:
    """The declared hosts' addresses; the permit's ranges where a host is declared by name."""
    try:
        return tuple(str(ip_network(ip_address(host.address))) for host in order.scope.hosts)
    except ValueError:
        return tuple(order.permit.addresses)


def inspected(scope: Grant, order: Order) -> None:
    """Returns where every address asked for lies inside what was permitted to be inspected."""
    permitted = [ip_network(network) for network in order.permit.addresses]
    for endpoint in scope.endpoints:
        wanted = ip_network(endpoint)
        if not any(
            wanted.version == network.version and wanted.network_address in network and wanted.broadcast_address in network
            for network in permitted
        ):
            raise Refusal(Code.OUTSIDE_PERMIT, said("{endpoint} lies outside what was inspected", endpoint=endpoint))
