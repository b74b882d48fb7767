"""What a run's own evidence shows that nobody looked at: ports a host listens on, and services that speak what was not declared. Pure.

The agency declares what there is, and the order says which ports are tried; neither may decide what is judged. Where evidence shows
more, the rules that it concerns are not checked there (DESIGN invariant 1: silence never passes).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scanner.observations import GreetingObservation, HostObservation, PortsObservation, Sight, Sighting, Unobserved
from scanner.plan import SPOKEN, observable
from scanner.targets import Scope, Speaks

_SEALED = SPOKEN[Speaks.TLS]
_SPOKEN_BY = {**{str(speaks): speaks for speaks in Speaks}, "postgresql": Speaks.POSTGRES, "xmpp": Speaks.XMPP_CLIENT}
"""What a service is to be declared as, by the protocol its greeting showed."""
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Overlooked:
    """What was overlooked in one run."""

    ports: Mapping[str, tuple[int, ...]]
    """Of a host: the TCP ports on which it listens by its own list, and which were not tried from outside."""
    subjects: Mapping[str, tuple[str, ...]]
    """Of a kind of observation: the endpoints that were seen to speak what it looks at, and are not declared so."""


def overlooked(scope: Scope, sightings: Mapping[Sight, tuple[Sighting, str]]) -> Overlooked:
    """What these sightings show beyond what is declared in the scope and was asked for."""
    ports = {host.id: found for host in scope.hosts if (found := _unasked(host.id, sightings))}
    admitted = {subject: set(observable(host, service)) for subject, (host, service) in scope.subjects().items() if host}
    subjects: dict[str, set[str]] = defaultdict(set)
    for sight, (sighting, _digest) in sightings.items():
        for subject, kinds in _shown(sight, sighting, scope):
            for kind in set(kinds) - admitted.get(subject, set()):
                subjects[kind].add(subject)
    return Overlooked(ports, {kind: tuple(sorted(found)) for kind, found in subjects.items()})


def _unasked(host: str, sightings: Mapping[Sight, tuple[Sighting, str]]) -> tuple[int, ...]:
    seen, tried = (sightings.get(Sight(subject=host, kind=kind)) for kind in ("host", "ports"))
    if seen is None or tried is None:
        return ()
    of_host, of_ports = seen[0].result, tried[0].result
    if not isinstance(of_host, HostObservation) or isinstance(of_host.listening, Unobserved):
        return ()
    if not isinstance(of_ports, PortsObservation):
        return ()
    listening = {port.port for port in of_host.listening if port.transport == "tcp"}
    return tuple(sorted(port for port in listening if not _covers(of_ports.asked, port)))


def _covers(asked: str, port: int) -> bool:
    """Whether the ports in nmap's notation hold this one; what is not understood holds none."""
    found = (_RANGE.fullmatch(part) for part in asked.split(","))
    return any(int(match[1]) <= port <= int(match[2] or match[1]) for match in found if match)


def _shown(sight: Sight, sighting: Sighting, scope: Scope) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Endpoints, and the kinds of observation that what was seen of them calls for."""
    match sighting.result:
        case GreetingObservation(protocol=protocol, encrypted=encrypted):
            if encrypted:
                yield sight.subject, _SEALED
            if protocol in _SPOKEN_BY:
                yield sight.subject, SPOKEN[_SPOKEN_BY[protocol]]
        case PortsObservation() as found:
            declared = scope.subjects()
            for port in found.open:
                subject = f"{sight.subject}:{port.port}"  # as targets.endpoint has it, over TCP
                if port.tls and port.transport == "tcp" and (subject in declared or port.port in found.undeclared):
                    yield subject, _SEALED
