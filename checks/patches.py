"""Checks of what a host lacks of its vendors' fixes, by the feeds of the run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from scanner.advisories import Dated, Severity
from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import (
    Flaw,
    Missing,
    PatchesObservation,
    RunningKernel,
    Standing,
    Support,
    Update,
    fact,
)
from scanner.patch_specimens import CVE, ON, flaw, missing, patches, remaining, stranger, support

Days = Annotated[int, Field(ge=0, le=3_650)]
_SHOWN = 5
_UPGRADE = {
    "debian": "apt update && apt upgrade; apt-mark showhold names packages that are held back",
    "rhel": "dnf upgrade --refresh",
    "alpine": "apk upgrade --available",
}


class Deadlines(Parameters):
    """How many days after a fix came out it must be installed; None is whenever the next upgrade comes."""

    critical: Annotated[Days | None, Stricter.LOWER] = 15
    high: Annotated[Days | None, Stricter.LOWER] = 30
    medium: Annotated[Days | None, Stricter.LOWER] = 90
    low: Annotated[Days | None, Stricter.LOWER] = None
    exploited: Annotated[Days, Stricter.LOWER] = 14
    """For flaws that CISA lists as known to be exploited, where the day that CISA demands is not earlier."""
    likely: Annotated[Decimal, Field(ge=0, le=1), Stricter.NONE] = Decimal("0.1")
    """The EPSS score from which a flaw that nobody rated counts as high; below it, as medium. A file writes it in quotes."""


class Tiers(Parameters):
    """Longer supports that count for everybody, since they cost nothing."""

    tiers: Annotated[tuple[str, ...], Stricter.SUBSET] = ("lts",)


class Known(Parameters):
    """Packages of other vendors that somebody answers for, as patterns in which * stands for any letters."""

    packages: Annotated[tuple[str, ...], Stricter.SUBSET] = ()


def _written(score: float) -> Decimal:
    """The score as its source wrote it: the binary fraction nearest to 0.3 lies below 0.3, and would miss that bound."""
    return Decimal(str(score))


def _rated(flaw: Flaw, deadlines: Deadlines) -> Severity:
    if flaw.severity is not Severity.UNKNOWN:
        return flaw.severity
    likely = bool(flaw.exploited) or (flaw.epss is not None and _written(flaw.epss) >= deadlines.likely)
    return Severity.HIGH if likely else Severity.MEDIUM


def _due(flaw: Flaw, deadlines: Deadlines) -> date | None:
    """The last day for the fix; a fix of unknown day was due long ago, and None is never."""
    days = {
        Severity.CRITICAL: deadlines.critical,
        Severity.HIGH: deadlines.high,
        Severity.MEDIUM: deadlines.medium,
    }.get(_rated(flaw, deadlines), deadlines.low)
    allowed = [days for days in (days, deadlines.exploited if flaw.exploited else None) if days is not None]
    if flaw.since is None:
        return date.min if allowed else None
    due = [flaw.since + timedelta(days=days) for days in allowed]
    if flaw.exploited_due is not None and flaw.exploited_due > flaw.since:
        due.append(flaw.exploited_due)
    return min(due, default=None)


def _late(found: PatchesObservation, action: Missing, flaws: Iterable[Flaw], deadlines: Deadlines) -> tuple[int, str] | None:
    """By how many days the oldest of these flaws of an action is overdue, and the action in words; None where none is."""
    on = found.as_of.date()
    due = [day for one in flaws if (day := _due(one, deadlines)) is not None and day < on]
    if not due:
        return None
    cves = {cve for one in action.flaws for cve in one.cves}
    about = [_counted(len(cves), "CVE", "CVEs") if cves else _counted(len(action.flaws), "advisory", "advisories")]
    exploited = {cve for one in action.flaws for cve in one.exploited}
    if exploited:
        about.append(f"{len(exploited)} known exploited")
    known = [day for day in due if day != date.min]
    days = (on - min(known)).days if known else 0
    about.append(f"overdue {_counted(days, 'day', 'days')}" if len(known) == len(due) else "overdue, fixed on an unknown day")
    if any(one.dated is Dated.OBSERVED for one in action.flaws):
        about.append("counted from when the feed was first seen with it")
    return days, f"{action.package} {action.installed} to {action.needed} ({', '.join(about)})"


def _overdue(found: PatchesObservation, standing: Standing, deadlines: Deadlines, *, grave: bool) -> list[str]:
    """The overdue actions in words, the longest overdue first."""
    late = []
    for action in fact(found.missing):
        if action.standing is standing:
            flaws = [one for one in action.flaws if not grave or one.exploited or _rated(one, deadlines) is Severity.CRITICAL]
            late.append(_late(found, action, flaws, deadlines))
    return [words for _, words in sorted((one for one in late if one is not None), key=lambda one: (-one[0], one[1]))]


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


def _few(words: list[str]) -> str:
    more = len(words) - _SHOWN
    return "; ".join(words[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


@check(
    "patches-no-overdue",
    observes=PatchesObservation,
    facts=("missing",),
    to_pass=("decided",),
    parameters=Deadlines,
    passes=(
        patches(),
        patches(missing=(missing(flaw(30)),)),
        patches(missing=(missing(flaw(400, severity=Severity.LOW)),)),
        patches(missing=(missing(flaw(40, severity=Severity.UNKNOWN)),)),
        patches(missing=(missing(flaw(400), standing=Standing.IN_MEMORY),)),
    ),
    fails=(
        patches(missing=(missing(flaw(31)),)),
        patches(missing=(missing(flaw(16, severity=Severity.CRITICAL)),)),
        patches(missing=(missing(flaw(91, severity=Severity.MEDIUM, cves=())),)),
        patches(missing=(missing(flaw(40, severity=Severity.UNKNOWN, epss=0.5)),)),
        patches(missing=(missing(flaw(15, exploited=(CVE,))),)),
        patches(missing=(missing(flaw(4, exploited=(CVE,), exploited_due=ON - timedelta(days=1))),)),
        patches(missing=(missing(flaw(None)),)),
    ),
    fixes=_UPGRADE,
    retests={
        "debian": Retest("apt-get -s upgrade", "names no package to upgrade, and none that is kept back"),
        "rhel": Retest("dnf check-update --refresh", "lists no package"),
        "alpine": Retest("apk version -l '<'", "lists no package"),
    },
)
def no_overdue(found: PatchesObservation, parameters: Deadlines) -> Verdict:
    """No fix is installed later than its severity allows.

    Fails where the vendor has published a fix for exactly this release, stream and channel, what is installed is older, and the
    days allowed have passed since the day the fix came out (TCVN 14423:2026 clause 5.7.2.2). The rating is the vendor's, else by
    the CVSS base score, else high where exploitation is known or likely and medium where not. A fix of unknown day is overdue.
    """
    words = _overdue(found, Standing.UNPATCHED, parameters, grave=False)
    if words:
        return Fail(said("overdue upgrades ({count}): {actions}", count=len(words), actions=_few(words)))
    waiting = sum(action.standing is Standing.UNPATCHED for action in fact(found.missing))
    return Pass(
        said(
            "packages looked up: {packages}; upgrades that wait within their time: {count}",
            packages=found.packages,
            count=waiting,
        )
    )


@check(
    "patches-no-exploited",
    observes=PatchesObservation,
    facts=("missing",),
    to_pass=("decided",),
    parameters=Deadlines,
    passes=(
        patches(),
        patches(missing=(missing(flaw(400)),)),
        patches(missing=(missing(flaw(14, exploited=(CVE,))),)),
        patches(missing=(missing(flaw(15, severity=Severity.CRITICAL)),)),
    ),
    fails=(
        patches(missing=(missing(flaw(15, exploited=(CVE,), severity=Severity.LOW)),)),
        patches(missing=(missing(flaw(16, severity=Severity.CRITICAL)),)),
        patches(missing=(missing(flaw(None, exploited=(CVE,))),)),
        patches(missing=(missing(flaw(2, exploited=(CVE,), exploited_due=ON - timedelta(days=1))),)),
    ),
    fixes=_UPGRADE,
    retests={
        "debian": Retest("apt-get -s upgrade", "names no package to upgrade, and none that is kept back"),
        "rhel": Retest("dnf check-update --refresh", "lists no package"),
        "alpine": Retest("apk version -l '<'", "lists no package"),
    },
)
def no_exploited(found: PatchesObservation, parameters: Deadlines) -> Verdict:
    """No fix for a critical or known-exploited flaw is overdue.

    Fails where the fix of a flaw that is rated critical, or that CISA lists as known to be exploited (KEV), is out and was not
    installed in time (TCVN 14423:2026 clause 5.5.2.1d; CISA BOD 22-01).
    """
    words = _overdue(found, Standing.UNPATCHED, parameters, grave=True)
    if words:
        return Fail(said("overdue upgrades ({count}): {actions}", count=len(words), actions=_few(words)))
    return Pass()


@check(
    "patches-no-exploited-without-fix",
    observes=PatchesObservation,
    facts=("remaining",),
    passes=(patches(), patches(remaining=(remaining(Standing.NO_FIX_YET, flaw(None)),))),
    fails=(
        patches(remaining=(remaining(Standing.NO_FIX_YET, flaw(None, exploited=(CVE,))),)),
        patches(remaining=(remaining(Standing.WILL_NOT_FIX, flaw(None, exploited=(CVE,))),)),
    ),
    fixes={
        "any": "Record for the approver how the flaw is kept from harm until there is a fix: switched off, filtered, isolated."
    },
    retests={
        "any": Retest(
            "systemctl is-active UNIT; ss -Htulpn",
            "prints inactive, or shows that nobody else reaches the program",
        ),
    },
)
def no_exploited_without_fix(found: PatchesObservation, _: Parameters) -> Verdict:
    """No known-exploited flaw is left for which the vendor has no fix.

    Fails where CISA lists a flaw of an installed package as known to be exploited (KEV) and its vendor has no fix for this
    release: no upgrade mends it, so somebody must say what does.
    """
    words = [
        f"{one.package} ({', '.join(sorted({cve for each in one.flaws for cve in each.exploited}))})"
        for one in fact(found.remaining)
        if any(each.exploited for each in one.flaws)
    ]
    return Fail(said("is exploited and has no fix: {packages}", packages=_few(words))) if words else Pass()


def _last_day(found: Iterable[Support], tiers: tuple[str, ...]) -> date:
    """The earliest of the last days that the sources name: `date.max` where none is known, `date.min` where it is past or nobody says."""
    last: dict[tuple[str, str, str], list[date]] = {}
    for one in found:
        if one.tier == "" or one.tier in tiers:
            ends = date.max if one.ends is False else date.min if one.ends is True else one.ends
            last.setdefault((one.product, one.cycle, one.source), []).append(ends)
    return min((max(days) for days in last.values()), default=date.min)


def _supported(found: Iterable[Support], on: date, tiers: tuple[str, ...]) -> tuple[bool, str]:
    """Whether each source says that support goes on, and the earliest of the last days."""
    until = _last_day(found, tiers)
    return until >= on, "an unknown day" if until in (date.min, date.max) else until.isoformat()


def _release_until(found: PatchesObservation, parameters: Tiers) -> date | None:
    return _known(_last_day(fact(found.support), parameters.tiers))


def _packages_until(found: PatchesObservation, parameters: Tiers) -> date | None:
    branches: dict[tuple[str, str], list[Support]] = {}
    for one in found.software:
        branches.setdefault((one.product, one.cycle), []).append(one)
    return _known(min((_last_day(supports, parameters.tiers) for supports in branches.values()), default=date.max))


def _known(day: date) -> date | None:
    return None if day in (date.min, date.max) else day


@check(
    "patches-release-supported",
    observes=PatchesObservation,
    facts=("support",),
    parameters=Tiers,
    until=_release_until,
    passes=(
        patches(),
        patches(support=(support(ON),)),
        patches(support=(support(None),)),
    ),
    fails=(
        patches(support=(support(ON - timedelta(days=1)),)),
        patches(support=(support(None, ends=True),)),
        patches(support=(support(ON - timedelta(days=1)), support(date(2033, 6, 30), tier="elts"))),
        patches(support=(support(date(2030, 1, 1)), support(ON - timedelta(days=1), source="distro-info-debian"))),
        (patches(), Tiers(tiers=())),
    ),
    fixes={
        "debian": "Upgrade to the next stable release",
        "ubuntu": "do-release-upgrade",
        "rhel": "leapp upgrade",
        "any": "Where a longer support was bought, add its tier to the rule's parameters and show the contract.",
    },
    retests={
        "any": Retest("cat /etc/os-release", "names a release that its maker still supports"),
    },
)
def release_supported(found: PatchesObservation, parameters: Tiers) -> Verdict:
    """The release is still supported by the day of the judgement.

    Fails where any source of support dates says that support had ended, counting longer supports only where the parameters name
    them (TCVN 14423:2026 clause 5.3.2.1b). It needs no advisory: a release at its end looks clean, since nobody mends it any more.
    """
    supported, until = _supported(fact(found.support), found.as_of.date(), parameters.tiers)
    seen = said("support ends on {until}", until=until)
    return Pass(seen) if supported else Fail(seen)


@check(
    "patches-packages-supported",
    observes=PatchesObservation,
    facts=("remaining",),
    parameters=Tiers,
    until=_packages_until,
    passes=(
        patches(),
        patches(remaining=(remaining(Standing.WILL_NOT_FIX, flaw(None)),)),
        patches(software=(support(ON, product="postgresql", cycle="15"),)),
    ),
    fails=(
        patches(remaining=(remaining(Standing.UNSUPPORTED, flaw(None, cves=())),)),
        patches(software=(support(ON - timedelta(days=1), product="postgresql", cycle="11"),)),
    ),
    fixes={"any": "Replace the package by one that its vendor still mends, or remove it"},
    retests={
        "any": Retest(
            "apt-cache policy PACKAGE  (Debian, Ubuntu); dnf info PACKAGE  (RHEL)",
            "names as installed a version that its vendor still mends, or none",
        ),
    },
)
def packages_supported(found: PatchesObservation, parameters: Tiers) -> Verdict:
    """No package is installed that its vendor no longer mends.

    Fails where the vendor says of a package that its support has ended in this release, and where the branch of other vendors'
    software is past its end by a source of support dates (TCVN 14423:2026 clause 5.3.2.1b).
    """
    words = [f"{one.package} {one.installed}" for one in fact(found.remaining) if one.standing is Standing.UNSUPPORTED]
    for product, cycle in sorted({(one.product, one.cycle) for one in found.software}):
        supports = [one for one in found.software if (one.product, one.cycle) == (product, cycle)]
        if not _supported(supports, found.as_of.date(), parameters.tiers)[0]:
            words.append(f"{product} {cycle}")
    return Fail(said("is no longer supported: {packages}", packages=_few(words))) if words else Pass()


@check(
    "patches-known-origin",
    observes=PatchesObservation,
    facts=("strangers",),
    to_pass=("decided",),
    parameters=Known,
    passes=(patches(), (patches(strangers=(stranger("agent-core"),)), Known(packages=("agent*",)))),
    fails=(
        patches(strangers=(stranger(),)),
        (patches(strangers=(stranger("agent-core"), stranger("tool"))), Known(packages=("agent*",))),
    ),
    fixes={
        "any": (
            "Take the package from the system's vendor, or remove it; where it must stay, name it in the rule's parameters and "
            "show who follows its advisories."
        ),
    },
    retests={
        "any": Retest(
            "apt list '~o'  (Debian, Ubuntu); dnf list --extras  (RHEL)",
            "lists no package but those the rule names",
        ),
    },
)
def known_origin(found: PatchesObservation, parameters: Known) -> Verdict:
    """Each package is one of the system's vendor, whose advisories were looked up.

    Fails where a package is none of the vendor's or newer than any the vendor offers, and the parameters do not name it: nobody
    then says which fixes it lacks (TCVN 14423:2026 clause 5.3.2.2). An unknown package is never taken for patched.
    """
    words = [
        f"{one.package} {one.version} ({one.why})"
        for one in fact(found.strangers)
        if not any(fnmatchcase(one.package, pattern) for pattern in parameters.packages)
    ]
    return (
        Fail(said("packages that nobody assesses ({count}): {packages}", count=len(words), packages=_few(words)))
        if words
        else Pass()
    )


@check(
    "patches-no-pending-updates",
    observes=PatchesObservation,
    facts=("updates",),
    passes=(patches(),),
    fails=(
        patches(
            updates=(Update(package="bash", architecture="amd64", installed="5.2-2+b8", offered="5.2-2+b13", pocket="bookworm"),)
        ),
    ),
    fixes=_UPGRADE,
    retests={
        "debian": Retest("apt-get -s upgrade", "names no package to upgrade, and none that is kept back"),
        "rhel": Retest("dnf check-update --refresh", "lists no package"),
        "alpine": Retest("apk version -l '<'", "lists no package"),
    },
)
def no_pending_updates(found: PatchesObservation, _: Parameters) -> Verdict:
    """No newer version of any package is offered.

    Fails where the vendor's signed repositories offer a newer version of an installed package, whatever it is for
    (TCVN 14423:2026 clause 5.7.2.2). It does not say that a flaw is left; the advisories do.
    """
    words = [f"{one.package} {one.installed} to {one.offered} ({one.pocket})" for one in fact(found.updates)]
    return Fail(said("updates that wait ({count}): {packages}", count=len(words), packages=_few(words))) if words else Pass()


@check(
    "patches-kernel-restarted",
    observes=PatchesObservation,
    facts=("kernel", "missing"),
    parameters=Deadlines,
    passes=(patches(),),
    fails=(
        patches(kernel=RunningKernel(package="linux", running="6.1.140-1", newest="6.1.159-1", restart=True)),
        patches(
            kernel=RunningKernel(package="linux", running="6.1.140-1", newest="6.1.159-1", restart=True),
            missing=(missing(flaw(40), package="linux", standing=Standing.IN_MEMORY),),
        ),
    ),
    fixes={"any": "systemctl reboot, in a window that is agreed with those who use the host"},
    retests={
        "any": Retest("uname -r", "prints the newest kernel that is installed"),
    },
)
def kernel_restarted(found: PatchesObservation, parameters: Deadlines) -> Verdict:
    """The newest kernel that is installed is the one that runs.

    Fails where a newer one waits for a restart, and says which fixes wait with it (TCVN 14423:2026 clause 5.7.2.2).
    """
    kernel = fact(found.kernel)
    if not kernel.restart:
        return Pass(said("runs {version}", version=kernel.running))
    words = _overdue(found, Standing.IN_MEMORY, parameters, grave=False)
    seen = said(
        "runs {version}, {newest} waits for a restart: {actions}",
        version=kernel.running,
        newest=kernel.newest,
        actions=_few(words) or "-",
    )
    return Fail(seen)
