"""Checks of where a host takes its packages from, and whether it lately did."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.host_specimens import source
from scanner.observations import HostObservation, fact
from scanner.specimens import AT, host


class Mirrors(Parameters):
    """The machines that packages may be taken from, as patterns."""

    hosts: Annotated[tuple[str, ...], Stricter.SUBSET] = ()


class UpgradeDays(Parameters):
    """How many days ago the last package may have been upgraded."""

    days: Annotated[int, Stricter.LOWER] = 31


_OWN = Mirrors(hosts=("*.example.vn", "10.*"))


@check(
    "host-package-mirror",
    observes=HostObservation,
    facts=("package_sources",),
    parameters=Mirrors,
    passes=((host(), _OWN), (host(package_sources=(source(host=""), source(host="10.0.0.7"))), _OWN)),
    fails=(
        host(),
        (host(package_sources=(source(), source(host="archive.example.org"))), _OWN),
        (host(package_sources=()), _OWN),
    ),
    fixes={
        "debian": "URIs: https://MIRROR.OF.THE.AGENCY/debian in each file of /etc/apt/sources.list.d and in /etc/apt/sources.list",
        "rhel": "baseurl=https://MIRROR.OF.THE.AGENCY/... in each file of /etc/yum.repos.d, and enabled=0 for others",
        "any": "Where the agency's mirror has another name, add it to the rule's parameters.",
    },
    retests={
        "debian": Retest("apt-get indextargets --format '$(REPO_URI)' | sort -u", "names the agency's mirror only"),
        "rhel": Retest("dnf repolist -v | grep -i baseurl", "names the agency's mirror only"),
        "any": Retest("clearance explain host-package-mirror --baseline BASELINE", "shows the rule with that parameter"),
    },
)
def package_mirror(host: HostObservation, parameters: Mirrors) -> Verdict:
    """Packages are taken from the agency's own server.

    Fails where a source that is in force names a machine that the parameters do not (TCVN 14423:2026 clause 5.7.2.2), and where
    no source is named at all. A proxy or a name that leads to the server is not seen.
    """
    sources = fact(host.package_sources)
    strange = {
        place.host for place in sources if place.host and not any(fnmatchcase(place.host, known) for known in parameters.hosts)
    }
    if strange or not sources:
        return Fail(said("takes packages from {hosts}", hosts=", ".join(sorted(strange)) or "-"))
    return Pass()


@check(
    "host-package-signatures",
    observes=HostObservation,
    facts=("package_sources",),
    passes=(host(),),
    fails=(host(package_sources=(source(), source(host="192.0.2.9", signed=False))),),
    fixes={
        "debian": "Take trusted=yes and Trusted: yes out of the file and name the key by signed-by= or Signed-By:",
        "rhel": "gpgcheck=1 and gpgkey= in the file of /etc/yum.repos.d",
    },
    retests={
        "debian": Retest(
            "grep -rniE 'trusted *[=:] *yes' /etc/apt/sources.list /etc/apt/sources.list.d",
            "finds no such line",
        ),
        "rhel": Retest("grep -rniE 'gpgcheck *= *(0|no|false)' /etc/dnf/dnf.conf /etc/yum.repos.d", "finds no such line"),
    },
)
def package_signatures(host: HostObservation, _: Parameters) -> Verdict:
    """Signatures are demanded of packages.

    Fails where apt trusts a source unsigned or dnf does not check signatures (TCVN 14423:2026 clause 5.3.2.2; CIS Debian 12 1.2.1).
    """
    loose = [f"{place.host or '-'} ({place.file})" for place in fact(host.package_sources) if not place.signed]
    return Fail(said("takes unsigned packages from {hosts}", hosts=", ".join(loose))) if loose else Pass()


@check(
    "host-upgraded-lately",
    observes=HostObservation,
    facts=("upgraded",),
    parameters=UpgradeDays,
    passes=(host(), host(upgraded=AT - timedelta(days=31))),
    fails=(host(upgraded=AT - timedelta(days=31, seconds=1)), host(upgraded=None)),
    fixes={
        "debian": "apt update && apt upgrade; apt install unattended-upgrades lets it happen by itself",
        "rhel": "dnf upgrade; dnf install dnf-automatic && systemctl enable --now dnf-automatic.timer",
    },
    retests={
        "debian": Retest("apt-get -s upgrade", "names no package to upgrade, and none that is kept back"),
        "rhel": Retest("dnf check-update --refresh", "lists no package"),
    },
)
def upgraded_lately(host: HostObservation, parameters: UpgradeDays) -> Verdict:
    """A package was lately upgraded.

    Fails where none was installed or upgraded within the days asked (TCVN 14423:2026 clause 5.7.2.2). It shows that patching
    happens, not that nothing is missing.
    """
    at = fact(host.upgraded)
    seen = said("last upgrade: {date}", date=f"{at:%Y-%m-%d}" if at else "-")
    recent = at is not None and host.seen.observed_at - at <= timedelta(days=parameters.days)
    return Pass(seen) if recent else Fail(seen)
