"""The fingerprint: what makes a system this system. Its digest stands on the certificate; its parts tell what drifted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from scanner import branches
from scanner.attestations import Answer, Attestation
from scanner.observations import (
    HostObservation,
    Observation,
    PeerCertificateObservation,
    Sight,
    SshObservation,
    SubjectId,
    Unobserved,
)
from scanner.plan import observable
from scanner.record import PeerText, Record, Sorted
from scanner.targets import AGENCY, Scope


class Part(StrEnum):
    """What a fingerprint is made of."""

    LEVEL = "level"
    HOSTS = "hosts"
    SERVICES = "services"
    HOST_KEYS = "host-keys"
    PEER_KEYS = "peer-keys"
    SOFTWARE = "software"
    DIAGRAM = "diagram"


class Mark(Record):
    """One thing by which the system is known, such as a host's address or an endpoint's key."""

    part: Part
    subject: SubjectId
    name: PeerText
    value: PeerText


class Fingerprint(Record):
    """All marks of a system, as far as they were seen. What a patch or a renewal changes is none (ADR 17)."""

    schema_version: Literal[1] = 1
    marks: Sorted[Mark]


@dataclass(frozen=True, slots=True)
class Identity:
    """A fingerprint, and what of it could not be seen."""

    fingerprint: Fingerprint
    unseen: frozenset[tuple[Part, SubjectId]]
    """Parts of which nobody could look at these subjects: that a mark is not there says nothing."""


Results = Mapping[Sight, Observation | Unobserved]
_KINDS = {Part.HOST_KEYS: "ssh", Part.PEER_KEYS: "peer-certificate", Part.SOFTWARE: "host"}


def identity(scope: Scope, results: Results, answers: Mapping[str, Attestation], diagram: str | None) -> Identity:
    """What makes this system this system; `diagram` is the control whose document is the network diagram."""
    marks = [*_declared(scope)]
    unseen: set[tuple[Part, SubjectId]] = set()
    for subject, (host, service) in scope.subjects().items():
        for part, kind in _KINDS.items():
            if kind in observable(host, service):
                found = _marks(part, subject, results.get(Sight(subject=subject, kind=kind)))
                marks += found or ()
                if found is None:
                    unseen.add((part, subject))
    drawn = _diagram(answers, diagram)
    if drawn is None:
        unseen.add((Part.DIAGRAM, AGENCY))
    else:
        marks.append(drawn)
    return Identity(Fingerprint(marks=tuple(marks)), frozenset(unseen))


def _declared(scope: Scope) -> Iterator[Mark]:
    yield Mark(part=Part.LEVEL, subject=AGENCY, name="level", value=str(scope.system.level))
    for subject, (host, service) in scope.subjects().items():
        if service is not None:
            yield Mark(part=Part.SERVICES, subject=subject, name="speaks", value=service.speaks)
        elif host is not None:
            yield Mark(part=Part.HOSTS, subject=subject, name="address", value=host.address)


def _marks(part: Part, subject: SubjectId, result: Observation | Unobserved | None) -> list[Mark] | None:
    """The marks of one part at one subject; None where nobody could see."""
    pairs: list[tuple[str, str]]
    match part, result:
        case Part.HOST_KEYS, SshObservation(host_keys=tuple() as keys):
            pairs = [(key.type, key.sha256) for key in keys]
        case Part.PEER_KEYS, PeerCertificateObservation(chain=chain):
            pairs = [("public key", chain[0].spki_sha256)]
        case Part.SOFTWARE, HostObservation(os=os, packages=packages) if not isinstance(os, Unobserved) and not isinstance(
            packages, Unobserved
        ):
            pairs = [("operating system", branches.of_system(os)), *branches.of_packages(packages)]
        case _:
            return None
    return [Mark(part=part, subject=subject, name=name, value=value) for name, value in pairs]


def _diagram(answers: Mapping[str, Attestation], control: str | None) -> Mark | None:
    answer = None if control is None else answers.get(control)
    if answer is None or answer.document is None or answer.answer not in (Answer.YES, Answer.PARTLY):
        return None
    return Mark(part=Part.DIAGRAM, subject=AGENCY, name="document", value=answer.document)
