"""What vendors say about the packages that a host has: made of the host's observation and the run's slice of the feeds, not looked at."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from scanner.advisories import AdvisoryId, CveId, Dated, Severity, Share
from scanner.observations.base import Count, Reason, Seen, Unobserved
from scanner.record import Instant, PeerText, Record, Sorted


class Standing(StrEnum):
    """How a package stands towards what its vendor published."""

    UNPATCHED = "unpatched"
    """A fix is out for exactly this release, stream and channel, and what is installed is older."""
    IN_MEMORY = "in-memory"
    """The fix is on the disk; what runs is older and ends with a restart."""
    NO_FIX_YET = "no-fix-yet"
    """The vendor has none, or none for whoever has no subscription."""
    WILL_NOT_FIX = "will-not-fix"
    UNSUPPORTED = "unsupported"
    """The vendor no longer mends this package in this release."""
    UNKNOWN = "unknown"
    """The vendor has not decided yet."""


class Flaw(Record):
    """One advisory against a package, with all that a deadline is reckoned from."""

    advisory: AdvisoryId
    cves: Sorted[CveId] = ()
    """None for an advisory that names none; it counts all the same."""
    severity: Severity
    """The vendor's rating; where it gives none, that of the highest CVSS base score; else unknown."""
    since: date | None = None
    """The day on which the fix reached this release; None where there is no fix or no day is known."""
    dated: Dated = Dated.VENDOR
    exploited: Sorted[CveId] = ()
    """Those of its CVEs that CISA lists as known to be exploited."""
    exploited_due: date | None = None
    """The earliest day by which CISA demands the fix."""
    epss: Share | None = None
    """The highest probability of exploitation within 30 days; None where no score is known."""


class Missing(Record):
    """One action: a source package (deb, apk) or a package (rpm) that is to be upgraded, or restarted, and what that mends."""

    package: PeerText
    installed: PeerText
    needed: PeerText
    """The newest version that any of the flaws asks for."""
    standing: Literal[Standing.UNPATCHED, Standing.IN_MEMORY]
    flaws: Sorted[Flaw]


class Remaining(Record):
    """A package with flaws that no upgrade mends today."""

    package: PeerText
    installed: PeerText
    standing: Literal[Standing.NO_FIX_YET, Standing.WILL_NOT_FIX, Standing.UNSUPPORTED, Standing.UNKNOWN]
    flaws: Sorted[Flaw]
    note: PeerText = ""


class Update(Record):
    """A package of which the vendor's repositories offer a newer version, whatever for."""

    package: PeerText
    architecture: PeerText
    installed: PeerText
    offered: PeerText
    pocket: PeerText
    """The part of the repository that offers it."""


class Unjudged(Record):
    """A package of which nobody can say whether it lacks a fix, and why."""

    package: PeerText
    version: PeerText
    why: PeerText


class RunningKernel(Record):
    """The kernel that runs, as a package of the vendor, and the newest that is installed."""

    package: PeerText
    running: PeerText
    newest: PeerText
    restart: bool
    """A newer one is installed than the one that runs."""


class Support(Record):
    """Until when the maker supports a release, by one source of support dates."""

    product: PeerText
    cycle: PeerText
    tier: PeerText = ""
    """The longer support this is about; empty for the one that everybody has."""
    ends: date | bool
    """The last day; True: it has ended, on an unknown day; False: it has not, and nobody says when it will."""
    source: PeerText


class PatchesObservation(Record):
    """How each package of a host stands towards its vendor's repositories and advisories, as of the judgement."""

    kind: Literal["patches"] = "patches"
    seen: Seen
    """The login that the package list comes from."""
    as_of: Instant
    """The instant of the judgement: ages and deadlines are reckoned until then."""
    namespaces: Sorted[PeerText]
    """The vendor's release or releases in which the packages were looked up."""
    packages: Count
    """How many packages were looked up."""
    missing: Sorted[Missing] | Unobserved
    remaining: Sorted[Remaining] | Unobserved
    not_affected: Count = 0
    """Advisories of which the vendor says that they do not touch this release."""
    undecided: Sorted[Unjudged]
    """The vendor's own packages that could not be compared with what the vendor says."""
    strangers: Sorted[Unjudged] | Unobserved
    """Packages that are none of the vendor's, or a version that the vendor never offered."""
    updates: Sorted[Update] | Unobserved
    kernel: RunningKernel | Unobserved
    support: Sorted[Support] | Unobserved
    """Of the operating system's release."""
    software: Sorted[Support] = ()
    """Of strangers whose product and branch a source of support dates knows."""

    @property
    def decided(self) -> int | Unobserved:
        """How many packages were looked up, where each that is the vendor's could be compared."""
        if isinstance(self.missing, Unobserved):
            return self.missing
        if not self.undecided:
            return self.packages
        first = self.undecided[0]
        count = len(self.undecided)
        detail = f"{count} {'package' if count == 1 else 'packages'}, among them {first.package} {first.version}: {first.why}"
        return Unobserved(reason=Reason.UNREADABLE, detail=detail)
