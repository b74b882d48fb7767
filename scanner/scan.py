"""Scanning: takes each sight of the plan once, side by side but gently, and keeps each observation as soon as it is made."""

from __future__ import annotations

import importlib
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scanner import discovery
from scanner.allowance import Allowance
from scanner.contact import Contact, HostContact
from scanner.faults import InputError
from scanner.i18n import _, filled
from scanner.observations import Observation, Reason, Sight, Sighting, Unobserved
from scanner.order import Order
from scanner.pacing import DISCOVERY, WIDE_DISCOVERERS, WORKERS, Pacing, ports_looked_for, swept
from scanner.pausing import Pause
from scanner.probes import fence
from scanner.probes.looking import Circumstances, Ground, Target, unobserved
from scanner.probes.resolution import UnresolvedError, resolve
from scanner.store import CONTACT, JOURNAL, Run, sighting_path, unwritable

PROBES = {
    "tls": "scanner.probes.tls",
    "upgrade": "scanner.probes.upgrade",
    "peer-certificate": "scanner.probes.peer_certificate",
    "ssh": "scanner.probes.ssh",
    "http": "scanner.probes.http",
    "web-paths": "scanner.probes.web_paths",
    "greeting": "scanner.probes.greeting",
    "ports": "scanner.discovery",
    "host": "scanner.probes.host",
    "datagrams": "scanner.probes.datagrams.host",
    "reply": "scanner.probes.datagrams.service",
    "neighbours": "scanner.probes.neighbours",
}
"""The module whose `look` takes sights of a kind."""

SURVEY_PATIENCE = 10
"""How many times a probe's deadline a survey has, for the many addresses it waits for."""

_GRACE = 5.0
"""Seconds a probe may outlive its own deadline before the scan goes on without it."""

Result = Observation | Unobserved
Look = Callable[[Any, Circumstances], Result]
"""A probe, which is given a Target; or a survey of the agency, which is given the Ground."""
Told = Callable[[Sight, Result, float], None]
Clock = Callable[[], datetime]


class OutsidePermitError(Exception):
    """Something in the scope that the permit does not allow to be touched; nothing was sent."""


def probes() -> Mapping[str, Look]:
    """The probe of each kind; their libraries are loaded here and not before."""
    return {kind: importlib.import_module(module).look for kind, module in PROBES.items()}


def addresses(order: Order, at: datetime) -> dict[str, str | Unobserved]:
    """The address of each host, resolved once; raises OutsidePermitError before anything is sent when one may not be touched.

    A name with several addresses is several machines to an attacker: each must be declared as a host of its own.
    """
    by = _("(permit {decision})").format(decision=order.permit.decision)
    closed = order.permit.closed(at)
    if closed is not None:
        raise OutsidePermitError(f"{filled(closed)} {by}")
    found: dict[str, str | Unobserved] = {}
    for host in order.scope.hosts:
        try:
            known = resolve(host)
        except UnresolvedError as error:
            found[host.id] = unobserved(str(error), Reason.NAME_UNRESOLVED)
            continue
        for address in known:
            outside = order.permit.outside(address)
            if outside is not None:
                named = "" if address == host.address else f" ({host.address})"
                raise OutsidePermitError(_("host {host}: {why}").format(host=host.id + named, why=filled(outside)) + f" {by}")
        several = f"{host.address} has several addresses, declare each as a host of its own: {', '.join(known)}"
        found[host.id] = known[0] if len(known) == 1 else unobserved(several, Reason.NOT_ASKED)
    return found


@dataclass
class _Work:
    """What the workers of one scan share."""

    run: Run
    order: Order
    probes: Mapping[str, Look]
    circumstances: Circumstances
    found: Mapping[str, str | Unobserved]
    told: Told
    journal: sqlite3.Connection
    pacing: Pacing
    places: threading.Semaphore
    """For probes that connect at once, over all hosts."""
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    turns: dict[str, threading.Semaphore] = field(default_factory=dict)
    trouble: list[BaseException] = field(default_factory=list)
    looking: list[threading.Thread] = field(default_factory=list)
    pause: Pause = field(default_factory=Pause)
    taking: set[Sight] = field(default_factory=set)
    """The sights under way."""
    allowed: Allowance = field(default_factory=Allowance)
    left: list[Sight] = field(default_factory=list)
    """The sights for which no time was left."""

    def may_begin(self, sight: Sight) -> bool:
        """Whether there is time for this sight; one for which there is none is left out."""
        if self.allowed.may_begin(sight.subject.partition(":")[0]):
            return True
        self.left.append(sight)
        return False


def scan(
    run: Run,
    circumstances: Circumstances,
    told: Told,
    found: Mapping[str, str | Unobserved],
    looks: Mapping[str, Look] | None = None,
    *,
    pause: Pause | None = None,
    time_allowed: Allowance | None = None,
) -> tuple[Sight, ...]:
    """Takes every sight of the run's plan that is not yet kept; on Ctrl-C what is kept stays kept and KeyboardInterrupt goes on.

    The sights that no time was allowed for: nothing is kept of them, so that no check passes by them and the run can go on.
    """
    order = run.order
    met = _same_hosts(run, order, found)
    left = [sight for sight in order.plan if sight not in order.skipped and not run.has(sighting_path(sight))]
    with (
        run.journal() as journal,
        fence.raised(fence.Fence(order.permit, circumstances.now, _spent(journal), order.rate)) as guard,
    ):
        pacing = paced(order, circumstances.ports)
        given, places = replace(circumstances, turn=pacing.turn), threading.Semaphore(pacing.at_once)
        work = _Work(run, order, looks or probes(), given, found, told, journal, pacing, places)
        work.pause, work.allowed = pause or work.pause, time_allowed or work.allowed
        for host in order.scope.hosts:
            work.turns[host.id] = threading.Semaphore(order.rate.parallel_per_host)
        workers = [
            *_workers(work, WIDE_DISCOVERERS if pacing.wide else WORKERS, [sight for sight in left if sight.kind == DISCOVERY]),
            *_workers(work, WORKERS, _interleaved([sight for sight in left if sight.kind != DISCOVERY])),
        ]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                while worker.is_alive():
                    worker.join(0.2)
                    work.pause.settle(busy=bool(work.taking))
        finally:
            work.stop.set()
            guard.close()
            patience = time.monotonic() + _GRACE
            for thread in tuple(work.looking):
                thread.join(max(0.0, patience - time.monotonic()))
            with work.lock:
                _keep_spent(journal, guard.spent)
    for trouble in work.trouble[:1]:
        if isinstance(trouble, sqlite3.Error):
            raise unwritable(run.folder / JOURNAL, trouble) from OSError(str(trouble))
        raise trouble
    run.write(CONTACT, _contact(order, met, guard.spent).written())
    return tuple(sorted(work.left, key=lambda sight: (sight.subject, sight.kind)))


def _same_hosts(run: Run, order: Order, found: Mapping[str, str | Unobserved]) -> Mapping[str, str | Unobserved]:
    """The address that each host has in this whole run, which is kept; raises InputError where a run that goes on would meet another machine under a name."""
    if run.has(CONTACT):
        before = {host.host: host.address for host in Contact.read(run.read(CONTACT)).hosts}
        for host, address in found.items():
            was = before.get(host, "")
            if was and not isinstance(address, Unobserved) and address != was:
                text = _("host {host} was {was} when this run began and is {address} now: begin a new run")
                raise InputError(text.format(host=host, was=was, address=address))
        found = {host: before.get(host) or address for host, address in found.items()}
    run.write(CONTACT, _contact(order, found, {}).written())
    return found


def _contact(order: Order, found: Mapping[str, str | Unobserved], spent: Mapping[str, int]) -> Contact:
    hosts = []
    for host, address in found.items():
        where = "" if isinstance(address, Unobserved) else address
        budget = order.rate.connections_per_host
        hosts.append(HostContact(host=host, address=where, connections=spent.get(where, 0), budget=budget))
    return Contact(hosts=tuple(hosts))


def paced(order: Order, ports: str) -> Pacing:
    """How the sights of this order share its rate, with these ports asked for besides the declared ones."""
    taken = [sight for sight in order.plan if sight not in order.skipped]
    asked = {host.id: discovery.counted(host, ports) for host in order.scope.hosts}
    return Pacing(order.rate, ports_looked_for(taken, asked), len(order.scope.hosts), swept(order.permit))


def _interleaved(left: list[Sight]) -> list[Sight]:
    """The sights in an order that goes from host to host, so that no host is met with all its probes at once."""
    by_host: dict[str, list[Sight]] = defaultdict(list)
    for sight in left:
        by_host[sight.subject.partition(":")[0]].append(sight)
    longest = max(map(len, by_host.values()), default=0)
    return [sights[turn] for turn in range(longest) for sights in by_host.values() if turn < len(sights)]


def _workers(work: _Work, most: int, sights: list[Sight]) -> list[threading.Thread]:
    waiting: queue.SimpleQueue[Sight] = queue.SimpleQueue()
    for sight in sights:
        waiting.put(sight)
    return [threading.Thread(target=_labour, args=(work, waiting), daemon=True) for _ in range(min(most, len(sights)))]


def _labour(work: _Work, waiting: queue.SimpleQueue[Sight]) -> None:
    while not work.stop.is_set():
        work.pause.wait(work.stop)
        try:
            sight = waiting.get_nowait()
        except queue.Empty:
            return
        if not work.may_begin(sight):
            continue
        try:
            work.taking.add(sight)
            _take(work, sight)
        except Exception as error:  # noqa: BLE001 - a worker that dies must stop the scan, not leave sights out
            work.trouble.append(error)
            work.stop.set()
        finally:
            work.taking.discard(sight)


def _take(work: _Work, sight: Sight) -> None:
    host, service = work.order.scope.subjects()[sight.subject]
    address = work.found[host.id] if host is not None else None
    given, began = work.circumstances, time.monotonic()
    if host is None:
        ground, given = _ground(work), _with_turns(work, sight, given.deadline * SURVEY_PATIENCE)
        result = ground if isinstance(ground, Unobserved) else _bounded(work, sight, ground, given, given.deadline)
    elif isinstance(address, str):
        with work.turns[host.id], nullcontext() if sight.subject in work.pacing.wide and sight.kind == DISCOVERY else work.places:
            began = time.monotonic()
            if work.stop.is_set() or not work.may_begin(sight):  # it may have waited long for its turn
                return
            target = Target(subject=sight.subject, host=host, service=service, address=address)
            given = _with_turns(work, sight, given.deadline)
            if sight.kind == DISCOVERY:  # it adds the turns by itself, for it learns on the way how many connections it takes
                result = _bounded(work, sight, target, work.circumstances, _discovering(work, given.deadline))
            else:
                result = _bounded(work, sight, target, given, given.deadline)
    else:
        result = address or unobserved("its name was not resolved", Reason.NAME_UNRESOLVED)
    if work.stop.is_set():
        return  # the run was interrupted: what this probe met may be the interruption itself, so it is taken again
    seconds = time.monotonic() - began
    at = result.seen.observed_at if not isinstance(result, Unobserved) else work.circumstances.now()
    sighting = Sighting(sight=sight, observed_at=at, vantage=work.circumstances.vantage, result=result)
    with work.lock:
        work.run.write_sighting(sighting)
        work.journal.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?)",
            (f"{at:%Y-%m-%dT%H:%M:%SZ}", sight.subject, sight.kind, result.kind, round(seconds, 3)),
        )
        work.told(sight, result, seconds)


def _with_turns(work: _Work, sight: Sight, deadline: float) -> Circumstances:
    """The circumstances of this sight: its deadline, and as long as its connections wait for their turns under the rate."""
    return replace(work.circumstances, deadline=deadline + work.pacing.patience(sight))


def _discovering(work: _Work, deadline: float) -> float:
    """Seconds until the scan goes on without a discovery: another may hold nmap's half of the rate for as long as its own lasts."""
    others = [work.pacing.patience(Sight(subject=host, kind=DISCOVERY)) for host in work.pacing.wide]
    return deadline + work.circumstances.deadline + max(others, default=0.0)


def _ground(work: _Work) -> Ground | Unobserved:
    known = [address for address in work.found.values() if isinstance(address, str)]
    if len(known) < len(work.found):
        return unobserved("a declared host has no address, so what is undeclared cannot be told", Reason.NAME_UNRESOLVED)
    return Ground(networks=work.order.permit.addresses, declared=tuple(known))


def _bounded(work: _Work, sight: Sight, what: Target | Ground, given: Circumstances, deadline: float) -> Result:
    """What the probe saw; a probe that raises or outlives its deadline saw nothing."""
    probe = work.probes[sight.kind]
    answer: queue.SimpleQueue[Result] = queue.SimpleQueue()

    def look() -> None:
        try:
            found = probe(what, given)
            answer.put(found if isinstance(found, Result) else unobserved("the probe returned no observation", Reason.CRASHED))
        except BaseException as error:  # noqa: BLE001 - a crashed probe is an outcome the reader sees, whatever it raised
            answer.put(unobserved(f"{type(error).__name__} in the probe", Reason.CRASHED))

    thread = threading.Thread(target=look, daemon=True, name=f"probe {sight.subject}")
    thread.start()
    work.looking.append(thread)
    try:
        found = answer.get(timeout=deadline + _GRACE)
    except queue.Empty:
        return unobserved(f"no answer within {deadline:.0f} s", Reason.TIMED_OUT)
    work.looking.remove(thread)
    return found


def _spent(journal: sqlite3.Connection) -> dict[str, int]:
    journal.execute("CREATE TABLE IF NOT EXISTS spent (address TEXT PRIMARY KEY, connections INTEGER)")
    return dict(journal.execute("SELECT address, connections FROM spent"))


def _keep_spent(journal: sqlite3.Connection, spent: Mapping[str, int]) -> None:
    journal.executemany("INSERT OR REPLACE INTO spent VALUES (?, ?)", sorted(spent.items()))
