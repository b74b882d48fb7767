"""Drift: what makes a system another one than the one a certificate was granted to, with the ground on which it lapses. Pure."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

from scanner.fingerprint import Fingerprint, Identity, Part
from scanner.i18n import N_
from scanner.observations import SubjectId
from scanner.record import PeerText, Record, Sorted


class What(StrEnum):
    """What happened to a mark."""

    ADDED = "added"
    GONE = "gone"
    CHANGED = "changed"
    UNSEEN = "unseen"
    """One of the two times nobody could see it: it may have changed, and it may not."""


class Ground(StrEnum):
    """Why a certificate does not outlive the change."""

    DESIGN_CHANGED = "design-changed"
    EXPANDED = "expanded"
    TECHNOLOGY_CHANGED = "technology-changed"
    LEVEL_CHANGED = "level-changed"
    NOT_SEEN = "not-seen"

    @property
    def clause(self) -> str:
        """Where it stands, or why nothing follows from it yet; a message of the catalogue."""
        return _CLAUSES[self]


_CLAUSES = {
    Ground.DESIGN_CHANGED: N_("the system's design changed: it is inspected again (Circular 46/2022 art. 6(2))"),
    Ground.EXPANDED: N_("the system was expanded: it is assessed again (Decree 331/2026 art. 10.2b-c and 28.3b)"),
    Ground.TECHNOLOGY_CHANGED: N_("its technology changed: it is assessed again (Decree 331/2026 art. 10.2b-c and 28.3b)"),
    Ground.LEVEL_CHANGED: N_("its level was determined anew: it needs a new certificate (Decree 331/2026 art. 25)"),
    Ground.NOT_SEEN: N_("it could not be seen both times: look again before you rely on the certificate"),
}


class Drifted(Record):
    """One thing by which the system was known that is not what it was, or of which nobody can say."""

    part: Part
    subject: SubjectId
    name: PeerText
    what: What
    before: Sorted[PeerText]
    after: Sorted[PeerText]
    ground: Ground

    @property
    def lapses(self) -> bool:
        """Whether a certificate does not outlive this; what was not seen decides nothing."""
        return self.what is not What.UNSEEN


class Drift(Record):
    """All that drifted, by part, subject and name."""

    fingerprint_before: PeerText
    fingerprint_after: PeerText
    drifted: tuple[Drifted, ...]

    @property
    def lapses(self) -> bool:
        """Whether a certificate on the earlier fingerprint must lapse."""
        return any(one.lapses for one in self.drifted)

    @property
    def complete(self) -> bool:
        """Whether all that was seen one time was seen the other time, too; what was seen neither time is told, and no part of either."""
        return all(one.lapses or not (one.before or one.after) for one in self.drifted)


Key = tuple[Part, SubjectId, str]


def drift(before: Identity, after: Identity) -> Drift:
    """What drifted from one look at a system to a later one."""
    old, new = _by_key(before.fingerprint), _by_key(after.fingerprint)
    unseen = before.unseen | after.unseen
    found = [_drifted(key, old.get(key, set()), new.get(key, set()), unseen) for key in {**old, **new}]
    told = {(one.part, one.subject) for one in found if one is not None}
    # of what was seen neither time there is no mark to compare
    blind = [
        Drifted(part=part, subject=subject, name="", what=What.UNSEEN, before=(), after=(), ground=Ground.NOT_SEEN)
        for part, subject in before.unseen & after.unseen
        if (part, subject) not in told
    ]
    parts = tuple(Part)
    drifted = sorted(
        (one for one in (*found, *blind) if one is not None), key=lambda one: (parts.index(one.part), one.subject, one.name)
    )
    return Drift(
        fingerprint_before=before.fingerprint.digest(),
        fingerprint_after=after.fingerprint.digest(),
        drifted=tuple(drifted),
    )


def _by_key(fingerprint: Fingerprint) -> dict[Key, set[str]]:
    found: dict[Key, set[str]] = defaultdict(set)
    for mark in fingerprint.marks:
        found[mark.part, mark.subject, mark.name].add(mark.value)
    return dict(found)


def _drifted(key: Key, was: set[str], now: set[str], unseen: frozenset[tuple[Part, SubjectId]]) -> Drifted | None:
    part, subject, name = key
    if was == now:
        return None
    what = What.CHANGED if was and now else What.UNSEEN if (part, subject) in unseen else What.GONE if was else What.ADDED
    return Drifted(
        part=part,
        subject=subject,
        name=name,
        what=what,
        before=tuple(was),
        after=tuple(now),
        ground=_ground(part, what),
    )


def _ground(part: Part, what: What) -> Ground:
    match part, what:
        case _, What.UNSEEN:
            return Ground.NOT_SEEN
        case Part.LEVEL, _:
            return Ground.LEVEL_CHANGED
        case Part.SOFTWARE, _:
            return Ground.TECHNOLOGY_CHANGED
        case ((Part.HOSTS | Part.SERVICES), What.ADDED):
            return Ground.EXPANDED
        case _:
            return Ground.DESIGN_CHANGED
