"""What a run's own evidence shows that nobody looked at: ports nobody asked for, and services that speak what was not declared. Pure.

The agency declares what there is, and the order says which ports are tried; neither may decide what is judged. Where evidence shows
more, or too little was asked for to say that there is no more, the rules that it concerns are not checked there (DESIGN invariant 1:
silence never passes).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from scanner.observations import GreetingObservation, HostObservation, OpenPort, PortsObservation, Sight, Sighting, Weakness
from scanner.plan import SPOKEN, observable
from scanner.targets import Host, Scope, Speaks
from scanner.usual_ports import PORTS

_SEALED = SPOKEN[Speaks.TLS]
_SPOKEN_BY = {**{str(speaks): speaks for speaks in Speaks}, "postgresql": Speaks.POSTGRES, "xmpp": Speaks.XMPP_CLIENT}
"""What a service is to be declared as, by the protocol its greeting showed."""
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")

Sightings = Mapping[Sight, tuple[Sighting, str]]


@dataclass(frozen=True, slots=True)
class Unasked:
    """TCP ports of one host that nobody asked for, so that nothing passes there by those that were."""

    ports: tuple[int, ...]
    listed: bool
    """The host itself lists that it listens on them; else some are of those that always have to be asked for."""


@dataclass(frozen=True, slots=True)
class Overlooked:
    """What was overlooked in one run."""

    ports: Mapping[str, Unasked]
    """By host."""
    subjects: Mapping[str, tuple[str, ...]]
    """Of a kind of observation: the endpoints that were seen to speak what it looks at, and are not declared so."""


def overlooked(scope: Scope, sightings: Sightings, *, exercise: bool) -> Overlooked:
    """What these sightings show, or leave unsaid, beyond what is declared in the scope and was asked for."""
    ports = {host.id: found for host in scope.hosts if (found := _unasked(host.id, sightings, exercise=exercise))}
    admitted = {subject: set(observable(host, service)) for subject, (host, service) in scope.subjects().items() if host}
    hosts = {host.id: host for host in scope.hosts}
    subjects: dict[str, set[str]] = defaultdict(set)
    for sight, (sighting, _digest) in sightings.items():
        for subject, kinds in _shown(sight, sighting, hosts.get(sight.subject), admitted):
            for kind in set(kinds) - admitted.get(subject, set()):
                subjects[kind].add(subject)
    return Overlooked(ports, {kind: tuple(sorted(found)) for kind, found in subjects.items()})


def _unasked(host: str, sightings: Sightings, *, exercise: bool) -> Unasked | None:
    """A host's own list of sockets only adds: what is forwarded at its address, or listens in a container, stands in no such list.

    In an exercise it does instead of the usual ports, where it holds those that are open: an exercise is held on loopback addresses, at each of
    which every program of the one machine answers that listens on all.
    """
    tried = sightings.get(Sight(subject=host, kind="ports"))
    if tried is None or not isinstance(tried[0].result, PortsObservation):
        return None  # nothing was seen of its ports, so nothing passes there
    asked = tuple(_ranges(tried[0].result.asked))
    listed = _listed(host, sightings)
    untried = _outside(asked, listed)
    shown = {port.port for port in tried[0].result.open if port.transport == "tcp"}
    vouched = exercise and bool(listed) and shown <= listed
    usual = () if vouched else _outside(asked, (port for among in _ranges(PORTS) for port in among))
    if usual:
        return Unasked(tuple(sorted({*usual, *untried})), listed=False)
    return Unasked(untried, listed=True) if untried else None


def _listed(host: str, sightings: Sightings) -> frozenset[int]:
    """The TCP ports on which the host listens by its own list; none where nobody has seen the list."""
    seen = sightings.get(Sight(subject=host, kind="host"))
    found = seen[0].result.listening if seen is not None and isinstance(seen[0].result, HostObservation) else None
    return frozenset(port.port for port in found if port.transport == "tcp") if isinstance(found, tuple) else frozenset()


def _outside(asked: tuple[range, ...], ports: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(port for port in ports if not any(port in among for among in asked)))


def _ranges(ports: str) -> Iterator[range]:
    """The ports in nmap's notation; what is not understood holds none."""
    found = (_RANGE.fullmatch(part) for part in ports.split(","))
    return (range(int(match[1]), int(match[2] or match[1]) + 1) for match in found if match)


def _shown(
    sight: Sight, sighting: Sighting, host: Host | None, admitted: Mapping[str, set[str]]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Endpoints, and the kinds of observation that what was seen of them calls for."""
    match sighting.result:
        case GreetingObservation(protocol=protocol, encrypted=encrypted):
            if encrypted:
                yield sight.subject, _SEALED
            if protocol in _SPOKEN_BY:
                yield sight.subject, SPOKEN[_SPOKEN_BY[protocol]]
        case PortsObservation() as found:
            login = host.login.port if host is not None and host.login is not None else None
            for port in found.open:
                subject = f"{sight.subject}:{port.port}"  # as targets.endpoint has it, over TCP
                if port.transport == "tcp" and (subject in admitted or port.port in found.undeclared or port.port == login):
                    yield subject, _called_for(port)


def _called_for(port: OpenPort) -> tuple[str, ...]:
    """What an open port calls for; nmap's names are guesses, and leave everything unclear that only an answer shows."""
    speaks = None if set(port.unclear) == set(Weakness) else _SPOKEN_BY.get(port.service)
    if port.tls:  # what else speaks inside TLS from the first byte is declared as TLS
        return SPOKEN[Speaks.HTTPS] if speaks in (Speaks.HTTP, Speaks.HTTPS) else _SEALED
    return SPOKEN[speaks] if speaks is not None else ()
