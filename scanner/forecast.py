"""What a scan will take before it is made: connections and time at each host, credentials, and what cannot be assessed.

Pure: from the plan, the rate, and how long such sights took before. An estimate for people; nothing rests on it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from scanner.assessment import ControlClass
from scanner.baseline import BoundBaseline
from scanner.observations import Sight
from scanner.pacing import COST, DISCOVERY, Pacing, ports_looked_for, swept
from scanner.plan import applicable, kind_of, sights, subjects_of, unplanned
from scanner.record import Name, Record, Text
from scanner.targets import AGENCY, Permit, Rate, Scope


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

    why: Literal["no-login", "no-feeds", "no-anchors", "no-crls", "unplanned", "document", "over-budget"]
    subjects: tuple[str, ...]
    controls: tuple[Name, ...]
    blocks: bool
    """Whether a mandatory control is among them: the decision is then incomplete."""


class TooShort(Record):
    """A limit of time within which something cannot end; its sights would then show as not assessed."""

    option: Literal["--deadline", "--run-deadline", "--host-deadline"]
    allowed: float
    needed: int
    """Seconds, about."""
    where: tuple[str, ...]
    """The hosts, or the kinds of sight for the deadline of one; nothing where it is the run as a whole."""


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
    seconds_if_silent: int
    """About as many where no port that is looked for answers, as behind a firewall that drops: each is then asked twice."""
    measured: bool
    """Whether earlier runs were there to estimate by."""
    credentials: tuple[str, ...]
    """The accounts that are needed, each with how its key is found; never the key."""
    blocked: tuple[Blocked, ...]
    refusals: tuple[Text, ...]
    """Why a scan now would be refused, where it would."""
    too_short: tuple[TooShort, ...]
    """What a person allowed less time than it takes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The seconds a person allows; None without a limit."""

    probe: float | None = None
    run: float | None = None
    host: float | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What a forecast rests on besides scope and baseline."""

    permit: Permit
    rate: Rate
    ports: Mapping[str, int]
    """How many TCP ports are asked for at each host."""
    feeds: bool
    anchors: bool
    """Whether there is a CA store to check certificates against."""
    crls: bool
    """Whether there are CRLs to look certificates up in."""
    history: Mapping[str, float]
    """Seconds that sights of a kind took in earlier runs."""
    refusals: tuple[str, ...] = ()
    limits: Limits = Limits()


def forecast(scope: Scope, bound: BoundBaseline, given: Given) -> Forecast:
    """The forecast of a scan of this scope by this baseline."""
    planned = sights(scope, bound)
    rules = applicable(bound, scope)
    pacing = Pacing(given.rate, ports_looked_for(planned, given.ports), len(scope.hosts), swept(given.permit))
    hosts = tuple(_hosts(scope, planned, given, pacing))
    times = times_of(planned, pacing, given.history)
    return Forecast(
        baseline=bound.baseline.id,
        endpoints=sum(len(host.services) for host in scope.hosts),
        checks=len({rule.check.id for rule in rules}),
        rules=len(rules),
        sights=planned,
        hosts=hosts,
        connections=sum(map(pacing.connections, planned)),
        seconds=times.seconds,
        seconds_if_silent=times_of(planned, pacing, given.history, silent=True).seconds,
        measured=bool(given.history),
        credentials=tuple(_credentials(scope)),
        blocked=tuple(_blocked(scope, bound, planned, hosts, given)),
        refusals=given.refusals,
        too_short=too_short(planned, times, given.limits),
    )


@dataclass(frozen=True, slots=True)
class Times:
    """What a scan takes, in seconds, about."""

    seconds: int
    by_host: Mapping[str, float]


def seconds_of(sight: Sight, pacing: Pacing, history: Mapping[str, float], *, silent: bool = False) -> float:
    """How long this sight is expected to take: as such sights took before, and never less than the rate allows.

    A look at many ports follows from the rate alone, whatever the pace of earlier ones.
    """
    usual = COST.get(sight.kind, (1, 1.0))[1]
    spent = pacing.spent(sight, silent=silent)
    if sight.kind == DISCOVERY and sight.subject in pacing.wide:
        return spent + usual
    return max(history.get(sight.kind, usual), spent)


def times_of(planned: Iterable[Sight], pacing: Pacing, history: Mapping[str, float], *, silent: bool = False) -> Times:
    """What these sights take together: as long as the slowest host, as their connections, or as nmap, which asks one host at a time."""
    by_host, nmap, rest, connections = dict[str, float](), 0.0, 0.0, 0
    for sight in planned:
        host, seconds = sight.subject.partition(":")[0], seconds_of(sight, pacing, history, silent=silent)
        wide = sight.kind == DISCOVERY and sight.subject in pacing.wide
        alone = wide or host == AGENCY
        by_host[host] = by_host.get(host, 0.0) + seconds / (1 if alone else pacing.rate.parallel_per_host)
        nmap += seconds if wide else 0.0
        rest += 0.0 if alone else seconds
        connections += 0 if wide else pacing.connections(sight)
    slowest = max(by_host.values(), default=0.0)
    return Times(max(1, round(max(slowest, nmap, rest / pacing.at_once, connections / pacing.kept))), by_host)


def too_short(planned: Iterable[Sight], times: Times, limits: Limits) -> tuple[TooShort, ...]:
    """The limits within which these sights cannot end. What a sight waits under the rate is never part of its own deadline."""
    found = []
    if limits.probe is not None:
        long = {sight.kind: COST.get(sight.kind, (1, 1.0))[1] for sight in planned if sight.subject != AGENCY}
        kinds = {kind: seconds for kind, seconds in long.items() if seconds > limits.probe}
        found.append(("--deadline", limits.probe, max(kinds.values(), default=0.0), kinds))
    if limits.run is not None:
        found.append(("--run-deadline", limits.run, times.seconds if times.seconds > limits.run else 0.0, {}))
    if limits.host is not None:
        hosts = {host: seconds for host, seconds in times.by_host.items() if host != AGENCY and seconds > limits.host}
        found.append(("--host-deadline", limits.host, max(hosts.values(), default=0.0), hosts))
    return tuple(
        TooShort.model_validate(
            {"option": option, "allowed": allowed, "needed": math.ceil(needed), "where": tuple(sorted(where))}
        )
        for option, allowed, needed, where in found
        if needed
    )


def _hosts(scope: Scope, planned: Iterable[Sight], given: Given, pacing: Pacing) -> Iterable[HostForecast]:
    by_host: dict[str, list[Sight]] = defaultdict(list)
    for sight in planned:
        by_host[sight.subject.partition(":")[0]].append(sight)
    for host in scope.hosts:
        found = by_host[host.id]
        yield HostForecast(
            host=host.id,
            address=host.address,
            sights=len(found),
            connections=sum(map(pacing.connections, found)),
            budget=given.rate.connections_per_host,
            login=None if host.login is None else f"{host.login.user}@{host.address}",
        )


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
    met: dict[str, tuple[set[str], set[str]]] = {why: (set(), set()) for why in ("no-login", "no-feeds", "no-anchors", "no-crls")}
    for rule in applicable(bound, scope):
        kind, subjects = kind_of(rule.check.observes), set(subjects_of(rule, scope))
        for why, there in (
            ("no-login", subjects & without if kind in ("host", "patches") else set()),
            ("no-feeds", subjects if kind == "patches" and not given.feeds else set()),
            ("no-anchors", subjects if "trust" in rule.check.facts and not given.anchors else set()),
            ("no-crls", subjects if "revocation" in rule.check.facts and not given.crls else set()),
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
