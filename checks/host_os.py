"""Checks of the operating system and what is installed on it, as a login shows them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, OsRelease, Package, fact
from scanner.record import Instant, Record
from scanner.specimens import AT, host


class Release(Record):
    """One release by os-release(5), and the instant from which its maker no longer mends it."""

    id: str
    version_id: str
    """Minor versions belong to it: 9 stands for 9.4 as well."""
    until: Instant


class SupportedReleases(Parameters):
    """The releases that are known to be supported; none where the baseline names none."""

    supported: Annotated[tuple[Release, ...], Stricter.NONE] = ()


class RefusedPackages(Parameters):
    """Packages that may not be installed, as patterns in which * stands for any letters."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "telnetd*",
        "inetutils-telnetd",
        "telnet-server",
        "rsh-server",
        "rsh-redone-server",
        "rsh",
        "tftpd",
        "tftpd-hpa",
        "atftpd",
        "tftp-server",
        "nis",
        "ypserv*",
        "talkd",
        "talk-server",
        "finger-server",
        "fingerd",
        "xinetd",
    )


_LISTED = SupportedReleases(
    supported=(
        Release(id="debian", version_id="12", until=datetime(2028, 7, 1, tzinfo=UTC)),
        Release(id="rocky", version_id="9", until=datetime(2032, 6, 1, tzinfo=UTC)),
    )
)


def _os(name: str, version_id: str) -> HostObservation:
    return host(os=OsRelease(id=name, version_id=version_id, pretty_name=f"{name} {version_id}"))


def _until(until: datetime) -> SupportedReleases:
    return SupportedReleases(supported=(Release(id="debian", version_id="12", until=until),))


def _entry(found: OsRelease, parameters: SupportedReleases) -> Release | None:
    return next((release for release in parameters.supported if _is_of(found, release)), None)


def _last_day(host: HostObservation, parameters: SupportedReleases) -> date | None:
    entry = _entry(fact(host.os), parameters)
    # a release whose support ends at midnight is supported on the day before, and not on the day that begins
    return None if entry is None else (entry.until - timedelta.resolution).date()


def _installed(*names: str) -> HostObservation:
    return host(
        packages=tuple(Package(name=name, version="1", architecture="all", source=name, source_version="1") for name in names)
    )


@check(
    "host-os-supported",
    observes=HostObservation,
    parameters=SupportedReleases,
    facts=("os",),
    until=_last_day,
    passes=((host(), _LISTED), (_os("rocky", "9.4"), _LISTED), (host(), _until(AT + timedelta(seconds=1)))),
    fails=(
        (_os("debian", "11"), _LISTED),
        (_os("debian", ""), _LISTED),
        (_os("rocky", "90"), _LISTED),
        (_os("templeos", "12"), _LISTED),
        (host(), _until(AT)),
        host(),
    ),
    fixes={
        "debian": (
            "Upgrade to the next stable release: back up, change the release name in /etc/apt/sources.list, then "
            "apt update && apt full-upgrade"
        ),
        "ubuntu": "do-release-upgrade  (from one LTS release to the next)",
        "rhel": "leapp preupgrade, then leapp upgrade",
        "any": (
            "A system that is not on the list must be replaced, or its maker's support until a date must be shown "
            "and the list amended."
        ),
    },
    retests={
        "any": Retest("cat /etc/os-release", "names a release that its maker still supports"),
    },
)
def supported(host: HostObservation, parameters: SupportedReleases) -> Verdict:
    """The operating system is still supported by its maker.

    Fails where the release's support had ended when it was seen, and where the release is not on the list: it is then
    not known to be supported (TCVN 14423:2026 clause 5.3.2.1b).
    """
    found = fact(host.os)
    entry = _entry(found, parameters)
    if entry is None:
        return Fail(said("{os} is not known to be supported", os=found.pretty_name or f"{found.id} {found.version_id}"))
    seen = said("{os} is supported until {until}", os=found.pretty_name, until=f"{entry.until:%Y-%m-%d}")
    return Pass(seen) if host.seen.observed_at < entry.until else Fail(seen)


def _is_of(found: OsRelease, release: Release) -> bool:
    return found.id == release.id and f"{found.version_id}.".startswith(f"{release.version_id}.")


@check(
    "host-no-cleartext-packages",
    observes=HostObservation,
    parameters=RefusedPackages,
    facts=("packages",),
    passes=(host(), _installed("openssh-server", "telnet", "sysstat")),
    fails=(
        _installed("openssh-server", "telnetd"),
        _installed("inetutils-telnetd"),
        _installed("tftpd-hpa"),
        _installed("ypserv"),
        _installed(),
    ),
    fixes={
        "debian": "apt purge PACKAGE",
        "rhel": "dnf remove PACKAGE",
    },
    retests={
        "debian": Retest("dpkg-query -W PACKAGE", "finds no such package"),
        "rhel": Retest("rpm -q PACKAGE", "finds no such package"),
    },
)
def no_cleartext_packages(host: HostObservation, parameters: RefusedPackages) -> Verdict:
    """No server for an insecure protocol is installed.

    Fails on installed servers that can only work in clear or without authentication, running or not (TCVN 14423:2026
    clause 5.5.2.1c). A list of no packages at all proves nothing and fails.
    """
    names = sorted({package.name for package in fact(host.packages)})
    found = [name for name in names if any(fnmatchcase(name, pattern) for pattern in parameters.refused)]
    if found or not names:
        return Fail(said("has installed {packages}", packages=", ".join(found)) if found else said("lists no installed package"))
    return Pass()
