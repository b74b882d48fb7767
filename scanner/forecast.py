"""What a scan will take before it is made: connections and time at each host, credentials, and what cannot be assessed.

Pure: from the plan, the rate, and how long such sights took before. An estimate for people; nothing rests on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from scanner.assessment import ControlClass
from scanner.baseline import BoundBaseline
from scanner.observations import Sight
from scanner.plan import applicable, kind_of, sights, subjects_of, unplanned
from scanner.record import Name, Record, Text
from scanner.targets import AGENCY, Permit, Rate, Scope

AT_ONCE = 32
"""Sights under way at once over all hosts, as the scan takes them."""
_SWEPT = 1_024
"""Addresses that are looked at for undeclared hosts, at most."""

_COST: Mapping[str, tuple[int, float]] = {
    "tls": (60, 1.0),
    "upgrade": (3, 0.5),
    "peer-certificate": (3, 0.2),
    "ssh": (3, 0.4),
    "http": (2, 0.2),
    "web-paths": (22, 0.5),
    "greeting": (3, 4.0),
    "host": (1, 3.0),
    "datagrams": (16, 1.0),
    "reply": (2, 1.0),
    "ports": (10, 8.0),
    "neighbours": (0, 10.0),
}
"""Connections and seconds of a sight, as counted by the fence against the lab's servers; ports and neighbours cost more by their numbers."""


class HostForecast(Record):
    """What one host will be met with."""

    host: Name
    address: str
    sights: int
    connections: int
    """About as many; the permit's budget is the limit."""
    budget: int
    login: str | None
    """The account that is logged in to, as user@address; null where there is none."""


class Blocked(Record):
    """Why something cannot be assessed, where, and which controls stay undetermined by it."""

    why: Literal["no-login", "no-feeds", "unplanned", "document", "over-budget"]
    subjects: tuple[str, ...]
    controls: tuple[Name, ...]
    blocks: bool
    """Whether a mandatory control is among them: the decision is then incomplete."""


class Forecast(Record):
    """The plan of a scan, and what it will take."""

    schema_version: Literal[1] = 1
    baseline: Name
    endpoints: int
    checks: int
    rules: int
    sights: tuple[Sight, ...]
    hosts: tuple[HostForecast, ...]
    connections: int
    seconds: int
    """About as many, at the rate in force; from earlier runs where there are any."""
    measured: bool
    """Whether earlier runs were there to estimate by."""
    credentials: tuple[str, ...]
    """The accounts that are needed, each with how its key is found; never the key."""
    blocked: tuple[Blocked, ...]
    refusals: tuple[Text, ...]
    """Why a scan now would be refused, where it would."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a forecast rests on besides scope and baseline."""

    permit: Permit
    rate: Rate
    ports: int
    feeds: bool
    history: Mapping[str, float]
    """Seconds that sights of a kind took in earlier runs."""
    refusals: tuple[str, ...] = ()


def forecast(scope: Scope, bound: BoundBaseline, given: Given) -> Forecast:
    """The forecast of a scan of this scope by this baseline."""
    planned = sights(scope, bound)
    rules = applicable(bound, scope)
    hosts = tuple(_hosts(scope, planned, given))
    total = sum(host.connections for host in hosts) + _swept(planned, given.permit)
    return Forecast(
        baseline=bound.baseline.id,
        endpoints=sum(len(host.services) for host in scope.hosts),
        checks=len({rule.check.id for rule in rules}),
        rules=len(rules),
        sights=planned,
        hosts=hosts,
        connections=total,
        seconds=_seconds(planned, total, given),
        measured=bool(given.history),
        credentials=tuple(_credentials(scope)),
        blocked=tuple(_blocked(scope, bound, planned, hosts, given)),
        refusals=given.refusals,
    )


def seconds_of(kind: str, history: Mapping[str, float]) -> float:
    """How long a sight of this kind is expected to take."""
    return history.get(kind, _COST.get(kind, (1, 1.0))[1])


def _hosts(scope: Scope, planned: Iterable[Sight], given: Given) -> Iterable[HostForecast]:
    by_host: dict[str, list[Sight]] = defaultdict(list)
    for sight in planned:
        by_host[sight.subject.partition(":")[0]].append(sight)
    for host in scope.hosts:
        found = by_host[host.id]
        yield HostForecast(
            host=host.id,
            address=host.address,
            sights=len(found),
            connections=sum(_connections(sight.kind, given.ports) for sight in found),
            budget=given.rate.connections_per_host,
            login=None if host.login is None else f"{host.login.user}@{host.address}",
        )


def _connections(kind: str, ports: int) -> int:
    return _COST.get(kind, (1, 1.0))[0] + (2 * ports if kind == "ports" else 0)


def _swept(planned: Iterable[Sight], permit: Permit) -> int:
    if not any(sight.kind == "neighbours" for sight in planned):
        return 0
    return min(_SWEPT, sum(ip_network(network).num_addresses for network in permit.addresses))


def _seconds(planned: Iterable[Sight], connections: int, given: Given) -> int:
    by_host: dict[str, float] = defaultdict(float)
    for sight in planned:
        by_host[sight.subject.partition(":")[0]] += seconds_of(sight.kind, given.history)
    slowest = max(by_host.values(), default=0.0) / given.rate.parallel_per_host
    side_by_side = sum(by_host.values()) / AT_ONCE
    return max(1, round(max(slowest, side_by_side, connections / given.rate.connections_per_second)))


def _credentials(scope: Scope) -> Iterable[str]:
    for host in scope.hosts:
        login = host.login
        for account in (login, login.via if login else None):
            if account is not None:
                where = getattr(account, "address", host.address)
                yield f"{account.user}@{where}:{account.port} " + (f"({account.key})" if account.key else "(SSH agent)")


def _blocked(
    scope: Scope, bound: BoundBaseline, planned: Iterable[Sight], hosts: Iterable[HostForecast], given: Given
) -> Iterable[Blocked]:
    weights = {control.id: control.classed for control in bound.controls(scope.system.level)}
    without = {host.id for host in scope.hosts if host.login is None}
    met: dict[str, tuple[set[str], set[str]]] = {"no-login": (set(), set()), "no-feeds": (set(), set())}
    for rule in applicable(bound, scope):
        kind, subjects = kind_of(rule.check.observes), set(subjects_of(rule, scope))
        for why, there in (
            ("no-login", subjects & without if kind in ("host", "patches") else set()),
            ("no-feeds", subjects if kind == "patches" and not given.feeds else set()),
        ):
            if there:
                met[why][0].update(there)
                met[why][1].add(rule.control.id)
    for why, (subjects, controls) in met.items():
        if subjects:
            yield _one(why, subjects, controls, weights)
    nowhere = unplanned(scope, planned)
    if nowhere:
        yield _one("unplanned", nowhere, (), weights, blocks=True)
    beyond = [host.host for host in hosts if host.connections > host.budget]
    if beyond:
        yield _one("over-budget", beyond, (), weights, blocks=True)
    documents = [control.id for control in bound.controls(scope.system.level) if control.attestation]
    if documents:
        yield _one("document", (AGENCY,), documents, weights)


def _one(
    why: str, subjects: Iterable[str], controls: Iterable[str], weights: Mapping[str, ControlClass], *, blocks: bool = False
) -> Blocked:
    named = tuple(sorted(controls))
    mandatory = any(weights.get(control) is not ControlClass.ADVISORY for control in named)
    return Blocked.model_validate(
        {"why": why, "subjects": tuple(sorted(subjects)), "controls": named, "blocks": blocks or mandatory}
    )
