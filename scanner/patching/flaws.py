"""Advisories against packages: which fix is missing, since when, and what is left that no upgrade mends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from scanner.advisories import BASE, SOURCE, UNNAMED, Fix, FixStatus
from scanner.observations.base import Unobserved
from scanner.observations.host import HostObservation
from scanner.observations.patches import Flaw, Missing, Remaining, Standing, Unjudged
from scanner.patching.index import Index
from scanner.patching.items import Item
from scanner.versions import IncomparableError, Scheme, compare, latest

_Left = Literal[Standing.NO_FIX_YET, Standing.WILL_NOT_FIX, Standing.UNSUPPORTED, Standing.UNKNOWN]
_Todo = Literal[Standing.UNPATCHED, Standing.IN_MEMORY]
_LEFT: dict[FixStatus, _Left] = {
    FixStatus.NO_FIX_YET: Standing.NO_FIX_YET,
    FixStatus.POSTPONED: Standing.NO_FIX_YET,
    FixStatus.WILL_NOT_FIX: Standing.WILL_NOT_FIX,
    FixStatus.UNSUPPORTED: Standing.UNSUPPORTED,
    FixStatus.UNDETERMINED: Standing.UNKNOWN,
}
_SUBSCRIPTIONS = {"esm-infra": "esm.ubuntu.com", "esm-apps": "esm.ubuntu.com"}
"""The machine from which a host that has the subscription takes the channel's packages."""


@dataclass(slots=True)
class _Action:
    """What is to be done to one source package, and why."""

    installed: str
    needed: str
    flaws: dict[str, list[Fix]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Findings:
    """What the advisories say of all that was looked up."""

    missing: list[Missing] = field(default_factory=list)
    remaining: list[Remaining] = field(default_factory=list)
    undecided: list[Unjudged] = field(default_factory=list)
    not_affected: int = 0


def findings(
    index: Index, host: HostObservation, items: Iterable[Item], namespaces: tuple[str, ...], scheme: Scheme, on: date
) -> Findings:
    """What the advisories say as of this day."""
    found = Findings()
    lookup = _Lookup(index, host, namespaces, scheme, on, found)
    for item in items:
        try:
            lookup.take(item)
        except IncomparableError as error:
            found.undecided.append(_unjudged(item, str(error)))
    found.missing = list(lookup.actions())
    found.remaining = list(lookup.left())
    return found


class _Lookup:
    """One pass over a host's packages."""

    def __init__(
        self, index: Index, host: HostObservation, namespaces: tuple[str, ...], scheme: Scheme, on: date, found: Findings
    ) -> None:
        self._index, self._namespaces, self._scheme, self._on, self._found = index, namespaces, scheme, on, found
        sources = host.package_sources
        self._machines = frozenset() if isinstance(sources, Unobserved) else frozenset(source.host for source in sources)
        self._actions: dict[tuple[str, _Todo], _Action] = {}
        self._left: dict[tuple[str, _Left], tuple[Item, dict[str, list[Fix]], list[str]]] = {}

    def take(self, item: Item) -> None:
        """Looks one thing up; raises IncomparableError where its version and the vendor's cannot be compared."""
        if not all(item.name in self._index.asked.get(namespace, ()) for namespace in self._namespaces):
            self._found.undecided.append(_unjudged(item, "the feeds were not asked for a package of this name"))
            return
        fixed: list[Fix] = []
        others: list[Fix] = []
        said = self._said(item)
        for fix in said:
            if self._concerns(fix, item):
                (fixed if fix.fixed is not None and self._receives(fix, item) else others).append(fix)
        named = {fix.advisory for fix in said if fix.module not in (None, UNNAMED)}
        unclear = set()
        for fix in fixed:
            if compare(self._scheme, item.version, str(fix.fixed)) >= 0:
                continue
            # What another feed says with the stream settles what one without it leaves open.
            if item.streams is None or (fix.module == UNNAMED and fix.advisory not in named):
                unclear.add(fix.advisory)
            elif fix.module != UNNAMED:
                self._act(fix, item)
        if unclear:
            names = ", ".join(sorted(unclear)[:3])
            self._found.undecided.append(_unjudged(item, f"nobody says which module stream {names} is about"))
        self._leave(item, fixed, others)

    def _said(self, item: Item) -> list[Fix]:
        """What is said of an item; of an rpm also what is said of its source package, where nothing is said of itself."""
        said = self._index.fixes(self._namespaces, item.name)
        if self._scheme is not Scheme.RPM:
            return said
        own = [fix for fix in said if fix.architectures != (SOURCE,)]
        told = {(fix.advisory, fix.channel) for fix in own if self._concerns(fix, item)}
        of_source = self._index.fixes(self._namespaces, item.action)
        return [
            *own,
            *(fix for fix in of_source if fix.architectures == (SOURCE,) and (fix.advisory, fix.channel) not in told),
        ]

    def _concerns(self, fix: Fix, item: Item) -> bool:
        # A package may be of one architecture today and of none tomorrow: an upgrade goes from each to the other.
        known = {*fix.architectures, *item.architectures}
        if fix.architectures and not item.architectures & set(fix.architectures) and not known & {SOURCE, "noarch"}:
            return False
        if fix.module is None:
            return not item.modular
        return item.modular and (fix.module == UNNAMED or item.streams is None or fix.module in item.streams)

    def _receives(self, fix: Fix, item: Item) -> bool:
        """Whether the host gets fixes by this channel, as its package sources or the package's own version show."""
        if fix.channel == BASE:
            return True
        word = fix.channel.partition("-")[0].lower()
        return word in item.version.lower() or _SUBSCRIPTIONS.get(fix.channel) in self._machines

    def _act(self, fix: Fix, item: Item) -> None:
        on_disk = item.on_disk != item.version and compare(self._scheme, item.on_disk, str(fix.fixed)) >= 0
        key: tuple[str, _Todo] = (item.action, Standing.IN_MEMORY if on_disk else Standing.UNPATCHED)
        action = self._actions.get(key)
        if action is None:
            action = self._actions[key] = _Action(item.version, str(fix.fixed))
        action.needed = latest(self._scheme, action.needed, str(fix.fixed))
        if compare(self._scheme, item.version, action.installed) < 0:
            action.installed = item.version
        action.flaws[fix.advisory].append(fix)

    def _leave(self, item: Item, fixed: list[Fix], others: list[Fix]) -> None:
        """Notes what has no fix, but for what another record about the same package says is fixed."""
        if not others:
            return
        mended = {fix.advisory for fix in fixed} | {cve for fix in fixed for cve in self._index.cves(fix)}
        self._found.not_affected += len({fix.advisory for fix in others if fix.status is FixStatus.NOT_AFFECTED})
        for fix in others:
            if fix.status is FixStatus.NOT_AFFECTED:
                continue
            if self._is_mended(fix, mended) or (fix.status is FixStatus.UNSUPPORTED and fix.since and fix.since > self._on):
                continue
            standing = Standing.NO_FIX_YET if fix.fixed is not None else _LEFT[fix.status]
            note = f"only in the channel {fix.channel}" if fix.fixed is not None else fix.note
            _, fixes, notes = self._left.setdefault((item.action, standing), (item, defaultdict(list), []))
            fixes[fix.advisory].append(fix)
            if note and note not in notes:
                notes.append(note)

    def _is_mended(self, fix: Fix, mended: set[str]) -> bool:
        cves = self._index.cves(fix)
        return fix.advisory in mended or (bool(cves) and mended.issuperset(cves))

    def actions(self) -> Iterator[Missing]:
        """Each action with the flaws it mends."""
        for (package, standing), action in self._actions.items():
            flaws = self._flaws(action.flaws)
            yield Missing(package=package, installed=action.installed, needed=action.needed, standing=standing, flaws=flaws)

    def left(self) -> Iterator[Remaining]:
        """Each package with flaws that no upgrade mends."""
        for (package, standing), (item, fixes, notes) in self._left.items():
            yield Remaining(
                package=package,
                installed=item.version,
                standing=standing,
                flaws=self._flaws(fixes),
                note="; ".join(notes)[:400],
            )

    def _flaws(self, fixes: dict[str, list[Fix]]) -> tuple[Flaw, ...]:
        return tuple(self._index.flaw(said) for said in fixes.values())


def _unjudged(item: Item, why: str) -> Unjudged:
    return Unjudged(package=item.name, version=item.version, why=why)
