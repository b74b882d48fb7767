"""The plan: which kind of observation each declared subject needs for the rules that apply. Sends nothing, knows no network."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.baseline import BoundBaseline, BoundRule
from scanner.observations import KINDS, Observation, Sight
from scanner.targets import AGENCY, Host, Scope, Service, Speaks

SPOKEN: dict[Speaks, tuple[str, ...]] = {
    Speaks.HTTPS: ("tls", "peer-certificate", "http", "web-paths"),
    Speaks.TLS: ("tls", "peer-certificate"),
    Speaks.HTTP: ("http", "web-paths"),
    Speaks.SSH: ("ssh",),
    **dict.fromkeys((Speaks.DNS, Speaks.NTP, Speaks.SNMP, Speaks.OTHER), ("greeting",)),
    **{speaks: ("upgrade", "tls", "peer-certificate", "greeting") for speaks in Speaks if speaks.upgrades},
}
"""What can be observed of a service over TCP, by what it speaks."""

OVER_UDP = ("reply",)
"""What can be observed of a service over UDP, whatever it speaks."""

OF_A_HOST = ("ports", "host", "datagrams", "patches")
"""What can be observed of a host as a whole."""

DERIVED = {"patches": "host"}
"""Kinds that nobody looks at: the judgement makes them of an observation of another kind and of the run's feeds."""

OF_THE_AGENCY = ("neighbours",)
"""What can be observed of the agency as a whole: the networks the permit names."""


_NAMES = {kind: name for name, kind in KINDS.items()}


def observable(host: Host | None, service: Service | None) -> tuple[str, ...]:
    """The kinds of observation a subject admits."""
    if host is None:
        return OF_THE_AGENCY
    if service is None:
        return OF_A_HOST
    return SPOKEN[service.speaks] if service.transport == "tcp" else OVER_UDP


def kind_of(observes: type[Observation]) -> str:
    """The name of an observation's kind."""
    return _NAMES[observes]


def looked_at(kind: str) -> str:
    """The kind that is looked at to have this one: itself, but for those that are derived."""
    return DERIVED.get(kind, kind)


def sights(scope: Scope, bound: BoundBaseline) -> tuple[Sight, ...]:
    """Each (subject, kind) that a rule at the system's level needs, once, however many rules need it."""
    needed = {looked_at(kind_of(rule.check.observes)) for rule in applicable(bound, scope)}
    found = {
        (subject, kind)
        for subject, (host, service) in scope.subjects().items()
        for kind in observable(host, service)
        if kind in needed
    }
    return tuple(Sight(subject=subject, kind=kind) for subject, kind in sorted(found))


def applicable(bound: BoundBaseline, scope: Scope) -> tuple[BoundRule, ...]:
    """The rules that apply at the system's level."""
    return tuple(rule for rule in bound.rules if scope.system.level in rule.control.levels)


def subjects_of(rule: BoundRule, scope: Scope) -> tuple[str, ...]:
    """The subjects a rule judges; empty where the agency declared none that speaks what the rule is about."""
    kind = kind_of(rule.check.observes)
    return tuple(sorted(subject for subject, (host, service) in scope.subjects().items() if kind in observable(host, service)))


def without_subject(bound: BoundBaseline, scope: Scope) -> frozenset[str]:
    """The controls of which a rule has nothing declared to judge: only a person may say that this is as it should be."""
    return frozenset(rule.control.id for rule in applicable(bound, scope) if not subjects_of(rule, scope))


def unplanned(scope: Scope, planned: Iterable[Sight]) -> tuple[str, ...]:
    """Declared hosts and endpoints at which no rule looks at anything."""
    looked_at = {sight.subject for sight in planned}
    return tuple(sorted(subject for subject in scope.subjects() if subject not in looked_at and subject != AGENCY))
