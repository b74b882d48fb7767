"""Drafting a request: what an agency asks for on a sealed bundle, within what was inspected."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_network

from certification.csr import plain, proven_key
from certification.refusals import Code, Refusal
from certification.request import Grant, Kind, RequestPredicate, RequestStatement
from certification.sealing import assessment_of, file_of, order_of, reading
from certification.statements import subjects
from scanner.bundle import packed
from scanner.contact import Contact
from scanner.findings import said
from scanner.observations import answers
from scanner.order import Order
from scanner.record import sha256
from scanner.store import CONTACT, sightings
from scanner.targets import RunKind

DEFAULT_RATE = 60


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
    """The request for this sealed bundle; without `endpoints`, for the addresses of the hosts that were inspected."""
    order, assessment = order_of(bundle), assessment_of(bundle)
    if order.kind is RunKind.SELF_CHECK:
        raise Refusal(Code.SELF_CHECK, said("run {run} is a self-check", run=order.run))
    key, digest = proven_key(csr_pem), sha256(packed(bundle))
    csr = plain(csr_pem)
    scope = Grant(endpoints=endpoints or inspected_addresses(bundle), apis=tuple(apis), bulk=bulk, rate=rate, purpose=purpose)
    inspected(scope, order, bundle)
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


def inspected_addresses(bundle: Mapping[str, bytes]) -> tuple[str, ...]:
    """The addresses of the hosts at which something was seen in this run, each as a network of one; by the scanner's own account of whom it met."""
    with reading("observations"):
        seen = {sight.subject.partition(":")[0] for sight, (sighting, _) in sightings(bundle).items() if answers(sighting.result)}
    with reading(CONTACT):
        met = Contact.read(file_of(bundle, CONTACT)).hosts
    return tuple(sorted({str(ip_network(host.address)) for host in met if host.address and host.host in seen}))


def inspected(scope: Grant, order: Order, bundle: Mapping[str, bytes]) -> None:
    """Returns where every address asked for was permitted to be inspected, and was: one machine's certificate lets no neighbour in."""
    permitted = [ip_network(network) for network in order.permit.addresses]
    addresses = {ip_network(address).network_address for address in inspected_addresses(bundle)}
    for endpoint in scope.endpoints:
        wanted = ip_network(endpoint)
        if not any(
            wanted.version == network.version and wanted.network_address in network and wanted.broadcast_address in network
            for network in permitted
        ):
            raise Refusal(
                Code.OUTSIDE_PERMIT, said("{endpoint} lies outside what was permitted to be inspected", endpoint=endpoint)
            )
        if wanted.num_addresses > len(addresses) or any(address not in addresses for address in wanted):
            raise Refusal(Code.NOT_INSPECTED, said("{endpoint}: not every address in it was inspected", endpoint=endpoint))
