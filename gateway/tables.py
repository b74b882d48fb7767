"""The tables both proxies decide by, worked out from a register: who by fingerprint, until when, from where, to what, how often. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from certification.register import Admitted, Register
from gateway.fault import GatewayError
from scanner.findings import said

SEPARATOR = "|"
PAIRS_LIMIT = 2_000_000
"""More pairs of certificate and network than this no proxy should be given."""
_CELL = re.compile(r"[A-Za-z0-9:][A-Za-z0-9._:/|-]{0,299}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
Net = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a serial belongs to, as the service behind the gateway is told."""

    agency: str
    echelon: str
    kind: str
    bulk: str


@dataclass(frozen=True, slots=True)
class Tables:
    """What a proxy looks up; every word in it is safe to write into a configuration."""

    state: str
    """The name of the state: the bundle's number and the beginning of its digest."""
    expires: int
    """When the bundle ends, in seconds since 1970."""
    sha1: Mapping[str, str]
    sha256: Mapping[str, str]
    until: Mapping[str, int]
    holders: Mapping[str, Holder]
    scopes: frozenset[str]
    """serial|kind|interface, and the same with |bulk behind it where bulk is granted."""
    networks: Mapping[str, str]
    """Each network by a short name; an address belongs to the smallest that holds it."""
    sources: frozenset[str]
    """serial|network, for each network that lies within what the certificate may connect from."""
    rates: Mapping[str, int]


def tables(register: Register) -> Tables:
    """The tables of this register."""
    admitted = register.admitted
    for each in admitted:
        granted = each.granted
        for name in (each.serial, granted.agency.code, granted.agency.echelon, *granted.scope.apis):
            word(name)
    names, sources = _sources(admitted)
    found = Tables(
        state=f"{register.predicate.sequence}-{register.sha256[:12]}",
        expires=int(register.predicate.expires.timestamp()),
        sha1={each.sha1: each.serial for each in admitted},
        sha256={each.sha256: each.serial for each in admitted},
        until={each.serial: int(each.granted.not_after.timestamp()) for each in admitted},
        holders={each.serial: _holder(each) for each in admitted},
        scopes=frozenset(scope for each in admitted for scope in _scopes(each)),
        networks=names,
        sources=sources,
        rates={each.serial: each.granted.scope.rate for each in admitted},
    )
    if len(found.sha1) != len(admitted) or len(found.until) != len(admitted):
        raise GatewayError(said("two certificates of the register have one fingerprint or serial"))
    return found


def word(text: str) -> str:
    """The name itself, where it holds nothing that parts words: two names joined can never read as a third."""
    if not _WORD.fullmatch(text):
        raise GatewayError(said("{word} cannot stand in a gateway's configuration", word=text))
    return text


def cell(text: str) -> str:
    """The word itself, where it can stand in a configuration as it is: the last gate before a file is written."""
    if not _CELL.fullmatch(text):
        raise GatewayError(said("{word} cannot stand in a gateway's configuration", word=text))
    return text


def _holder(each: Admitted) -> Holder:
    granted = each.granted
    return Holder(granted.agency.code, granted.agency.echelon, granted.kind.value, "yes" if granted.scope.bulk else "no")


def _scopes(each: Admitted) -> Iterable[str]:
    granted = each.granted
    for api in granted.scope.apis:
        scope = SEPARATOR.join((each.serial, granted.kind.value, api))
        yield scope
        if granted.scope.bulk:
            yield f"{scope}{SEPARATOR}bulk"


def _sources(admitted: Iterable[Admitted]) -> tuple[dict[str, str], frozenset[str]]:
    """Names for all networks, and who may connect from which. A proxy knows an address by the smallest of these networks."""
    wanted = {each.serial: {ip_network(endpoint) for endpoint in each.granted.scope.endpoints} for each in admitted}
    every = sorted({net for nets in wanted.values() for net in nets}, key=lambda net: (net.version, net))
    names = {net: f"n{number}" for number, net in enumerate(every)}
    inside: dict[Net, list[Net]] = {net: [] for net in every}
    lengths = {version: sorted({net.prefixlen for net in every if net.version == version}) for version in (4, 6)}
    for net in every:
        for length in lengths[net.version]:
            if length > net.prefixlen:
                break
            around = net.supernet(new_prefix=length)
            if around in inside:
                inside[around].append(net)
    pairs: set[str] = set()
    for serial, nets in wanted.items():
        pairs.update(f"{serial}{SEPARATOR}{names[inner]}" for net in nets for inner in inside[net])
        if len(pairs) > PAIRS_LIMIT:
            raise GatewayError(said("more than {limit} pairs of certificate and network", limit=PAIRS_LIMIT))
    return {str(net): name for net, name in names.items()}, frozenset(pairs)
