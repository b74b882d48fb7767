"""Advisories in OSV form: AlmaLinux, Rocky Linux, Ubuntu (USN and CVE records) and Debian."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scanner.advisories import Advisory, Coverage, Fix, FixStatus, Layer, Severity
from scanner.feeds import places
from scanner.feeds.reading import Row, Tally, cves_in, day, each, instant, json_of, severity, title

_NAMES = (
    (re.compile(r"AL[SBE]A-"), "almalinux-osv"),
    (re.compile(r"R[LX][SBE]A-"), "rocky-osv"),
    (re.compile(r"UBUNTU-CVE-|USN-|LSN-"), "ubuntu-osv"),
    (re.compile(r"D[SLT]+A-|DEBIAN-CVE-"), "debian-osv"),
)
_UBUNTU_CVE = re.compile(r"UBUNTU-(CVE-)")


def is_osv(value: object) -> bool:
    """Whether this is a record in OSV form."""
    return isinstance(value, dict) and "id" in value and "affected" in value and "modified" in value


def name_of(value: Mapping[str, Any]) -> str | None:
    """The feed's name by its first record; None where its vendor is not assessed."""
    return next((name for prefix, name in _NAMES if prefix.match(str(value["id"]))), None)


def advisories(records: Iterator[tuple[str, bytes]], feed: str, tally: Tally, *, whole: bool) -> Iterator[Row]:
    """The rows of all records, other vendors' and withdrawn ones counted and left out; a record alone covers nothing."""
    namespaces: set[str] = set()

    def read(data: bytes) -> Iterator[Row]:
        value = json_of(data, feed)
        tally.saw(instant(value["modified"]))
        if "withdrawn" in value:
            tally.outside += 1
            return
        fixes = list(_fixes(value, tally))
        if not fixes:
            return
        yield _advisory(value)
        for fix in fixes:
            namespaces.add(fix.namespace)
            yield fix

    yield from each(tally, records, read)
    for namespace in sorted(namespaces) if whole else ():
        yield Coverage(namespace=namespace, layer=Layer.ADVISORIES, feed=feed)


def _advisory(value: Mapping[str, Any]) -> Advisory:
    heading = value.get("summary") or value.get("details", "")
    named = (value["id"], *value.get("related", ()), *value.get("upstream", ()), *value.get("aliases", ()))
    return Advisory(
        id=value["id"],
        title=title(heading),
        severity=_severity(value, heading),
        published=day(value["published"]) if "published" in value else None,
        cves=cves_in(_UBUNTU_CVE.sub(r"\1", name) for name in named),
    )


def _severity(value: Mapping[str, Any], heading: str) -> Severity:
    own = next((entry["score"] for entry in value.get("severity", ()) if entry.get("type") == "Ubuntu"), None)
    return severity(own if own is not None else heading.partition(":")[0])


def _fixes(value: Mapping[str, Any], tally: Tally) -> Iterator[Fix]:
    for entry in value["affected"]:
        package = entry["package"]
        place = places.of_osv(package["ecosystem"], package.get("purl", "").partition("distro=")[2])
        if place is None:
            tally.outside += 1
            continue
        namespace, channel = place
        try:
            found = [fix for fixed in _fixed(entry) for fix in _by_stream(value, package["name"], namespace, channel, fixed)]
        except (ValueError, LookupError, TypeError) as error:
            tally.spoiled(f"{value['id']} {package['name']}", error)
            yield _unreadable(value["id"], package["name"], namespace, channel)
        else:
            yield from found


def _unreadable(advisory: str, package: str, namespace: str, channel: str) -> Fix:
    """What is left of an entry whose version cannot be read: the package is named, so that it does not look clean."""
    return Fix(
        namespace=namespace,
        package=package,
        advisory=advisory,
        channel=channel,
        status=FixStatus.UNDETERMINED,
        note="the feed's entry cannot be read",
    )


def _fixed(entry: Mapping[str, Any]) -> Iterator[str | None]:
    """The version that ends each affected range, or None for a range without an end."""
    for span in entry.get("ranges", ()):
        ends = [event["fixed"] for event in span["events"] if "fixed" in event]
        yield from ends or [None]


def _by_stream(value: Mapping[str, Any], package: str, namespace: str, channel: str, fixed: str | None) -> Iterator[Fix]:
    # A CVE record's own date is the day the CVE became known; only an advisory's is the day of the fix.
    stated = value.get("published") if not value["id"].startswith(("UBUNTU-CVE-", "CVE-", "DEBIAN-CVE-")) else None
    for stream in places.streams_of(fixed or "", value.get("summary", "")):
        yield Fix(
            namespace=namespace,
            package=package,
            advisory=value["id"],
            module=stream,
            channel=channel,
            status=FixStatus.FIXED if fixed else FixStatus.NO_FIX_YET,
            fixed=fixed,
            since=day(stated) if stated and fixed else None,
        )
