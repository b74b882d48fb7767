"""What to do first, by who is to do it and where: each owner's hosts, each host's failures in the order of their weight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scanner.assessment import Assessment, ControlClass, ControlResult
from scanner.attestations import Deviations
from scanner.findings import Finding, Outcome
from scanner.i18n import shown
from scanner.order import Order
from scanner.targets import AGENCY

_CLASSES = tuple(ControlClass)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that fails at one host, wherever on it."""

    number: int
    """Of the action in the list of all actions, from 1."""
    subjects: tuple[str, ...]
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One host, or the agency as a whole, and what is to be mended there."""

    host: str
    address: str
    """Empty for the agency as a whole."""
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who mends it: the owner a plan names, else the unit that operates the system."""

    name: str
    places: tuple[Place, ...]


def owners(assessment: Assessment, order: Order, deviations: Deviations | None, numbers: Mapping[str, int]) -> tuple[Owner, ...]:
    """Everybody who has something to mend under a control that decides; `numbers` are the actions' by their check or control.

    First who has the most weighty failure; a host's tasks in the order of the actions.
    """
    controls = {control.id: control for control in assessment.controls}
    plans = {(plan.control, plan.subject): plan.owner for plan in (deviations.remediations if deviations else ())}
    grouped: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in assessment.findings:
        if finding.outcome is Outcome.FAIL and controls[finding.control].classed.mandatory:
            owner = plans.get((finding.control, finding.subject), order.scope.system.operator)
            grouped[owner][finding.subject.partition(":")[0]].append(finding)
    addresses = {host.id: host.address for host in order.scope.hosts}
    made = []
    for owner, hosts in grouped.items():
        places = [
            (_rank(found, controls), Place(host, addresses.get(host, ""), _tasks(found, numbers)))
            for host, found in hosts.items()
        ]
        places.sort(key=lambda each: (each[0], each[1].host != AGENCY, each[1].host))
        made.append((places[0][0], owner, Owner(owner, tuple(place for _rank_, place in places))))
    return tuple(owner for *_key, owner in sorted(made, key=lambda each: each[:2]))


def _rank(found: Sequence[Finding], controls: Mapping[str, ControlResult]) -> tuple[int, int]:
    """The weightiest class that fails here, then how much fails: the smallest comes first."""
    return min(_CLASSES.index(controls[finding.control].classed) for finding in found), -len(found)


def _tasks(found: Sequence[Finding], numbers: Mapping[str, int]) -> tuple[Task, ...]:
    grouped: dict[int, list[Finding]] = defaultdict(list)
    for finding in found:
        grouped[numbers.get(finding.check) or numbers[finding.control]].append(finding)
    return tuple(
        Task(
            number=number,
            subjects=tuple(sorted({finding.subject for finding in grouped[number]})),
            seen=tuple(sorted({shown(finding.seen) for finding in grouped[number]})),
        )
        for number in sorted(grouped)
    )
