"""The slice of the feeds, turned so that what it says of one package is found at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from scanner.advisories import Advisories, Available, Cve, Fix, Layer, Release, Severity
from scanner.observations.patches import Flaw

_CVSS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))
"""The lowest CVSS base score of each rating (CVSS 3.1 section 5)."""


class Index:
    """What a slice says, by namespace and package."""

    def __init__(self, slice_: Advisories) -> None:
        self.advised = frozenset(one.namespace for one in slice_.covered if one.layer is Layer.ADVISORIES)
        """Namespaces of which some feed tells all advisories."""
        self.offered = frozenset(one.namespace for one in slice_.covered if one.layer is Layer.REPOSITORY)
        """Namespaces of which some feed tells the versions that are offered."""
        self.asked = {one.namespace: frozenset(one.packages) for one in slice_.asked}
        self._fixes: dict[tuple[str, str], list[Fix]] = defaultdict(list)
        for fix in slice_.fixes:
            self._fixes[fix.namespace, fix.package].append(fix)
        self._available: dict[tuple[str, str], list[Available]] = defaultdict(list)
        for offer in slice_.available:
            self._available[offer.namespace, offer.package].append(offer)
        self._advisories = {advisory.id: advisory for advisory in slice_.advisories}
        self._cves = {cve.id: cve for cve in slice_.cves}
        self._releases: dict[str, list[Release]] = defaultdict(list)
        for release in slice_.releases:
            self._releases[release.product].append(release)

    def fixes(self, namespaces: Iterable[str], package: str) -> list[Fix]:
        """Everything that is said of a package in these namespaces."""
        return [fix for namespace in namespaces for fix in self._fixes.get((namespace, package), ())]

    def available(self, namespaces: Iterable[str], package: str) -> list[Available]:
        """Every version that is offered of a package in these namespaces."""
        return [offer for namespace in namespaces for offer in self._available.get((namespace, package), ())]

    def releases(self, product: str) -> list[Release]:
        """Every release that is known of a product."""
        return self._releases.get(product, [])

    def cves(self, fix: Fix) -> tuple[str, ...]:
        """The CVEs of the advisory that a fix is about; none where it names none."""
        advisory = self._advisories.get(fix.advisory)
        return () if advisory is None else advisory.cves

    def flaw(self, fixes: list[Fix]) -> Flaw:
        """The flaw that one advisory is about, by what it says of a package; its clock starts with the earliest fix."""
        first = min(fixes, key=lambda fix: (fix.since is None, fix.since or date.max, fix.dated))
        advisory = self._advisories.get(first.advisory)
        known = [self._cves[cve] for cve in self.cves(first) if cve in self._cves]
        rated = Severity.UNKNOWN if advisory is None else advisory.severity
        return Flaw(
            advisory=first.advisory,
            cves=self.cves(first),
            severity=rated if rated is not Severity.UNKNOWN else _by_score(known),
            since=first.since,
            dated=first.dated,
            exploited=tuple(cve.id for cve in known if cve.kev_added is not None),
            exploited_due=min((cve.kev_due for cve in known if cve.kev_due is not None), default=None),
            epss=max((cve.epss for cve in known if cve.epss is not None), default=None),
        )


def _by_score(cves: list[Cve]) -> Severity:
    score = max((cve.cvss for cve in cves if cve.cvss is not None), default=None)
    if score is None:
        return Severity.UNKNOWN
    return next((rating for lowest, rating in _CVSS if score >= lowest), Severity.NEGLIGIBLE)
