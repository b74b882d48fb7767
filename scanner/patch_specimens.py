"""A host whose packages are all as new as their vendor's fixes, to build examples from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from scanner.advisories import Severity
from scanner.observations import (
    Flaw,
    Missing,
    PatchesObservation,
    Remaining,
    RunningKernel,
    Standing,
    Support,
    Unjudged,
)
from scanner.specimens import AT, host

ON = AT.date()
"""The day of the judgement."""
CVE = "CVE-2026-1000"
"""The one that a flaw is about."""


def flaw(days: int | None = 10, **changes: Any) -> Flaw:
    """A flaw of high severity whose fix came out this many days before the judgement; None is a day nobody knows."""
    since = None if days is None else ON - timedelta(days=days)
    good = {"advisory": "DSA-6100-1", "cves": (CVE,), "severity": Severity.HIGH, "since": since}
    return Flaw(**{**good, **changes})


def missing(*flaws: Flaw, **changes: Any) -> Missing:
    """An upgrade of openssl that mends these flaws."""
    good = {"package": "openssl", "installed": "3.0.20-1~deb12u1", "needed": "3.0.22-1~deb12u2"}
    return Missing(**{**good, "standing": Standing.UNPATCHED, "flaws": flaws, **changes})


def remaining(standing: Standing, *flaws: Flaw, **changes: Any) -> Remaining:
    """What is left of a package that no upgrade mends."""
    return Remaining(**{"package": "zlib", "installed": "1:1.2.13", "standing": standing, "flaws": flaws, **changes})


def support(until: date | None, **changes: Any) -> Support:
    """The support of Debian 12 until this day; None is a day that nobody has set yet."""
    ends = until or False
    return Support(**{"product": "debian", "cycle": "12", "ends": ends, "source": "endoflife", **changes})


def stranger(package: str = "agent", **changes: Any) -> Unjudged:
    """A package that is none of the vendor's."""
    return Unjudged(**{"package": package, "version": "1.0", "why": "no list of the vendor's names it", **changes})


def patches(**changes: Any) -> PatchesObservation:
    """A host of Debian 12 with nothing missing."""
    good: dict[str, Any] = {
        "seen": host().seen,
        "as_of": AT,
        "namespaces": ("debian:12",),
        "packages": 300,
        "missing": (),
        "remaining": (),
        "undecided": (),
        "strangers": (),
        "updates": (),
        "kernel": RunningKernel(package="linux", running="6.1.159-1", newest="6.1.159-1", restart=False),
        "support": (support(date(2026, 7, 11)), support(date(2028, 6, 30), tier="lts")),
    }
    return PatchesObservation(**{**good, **changes})
