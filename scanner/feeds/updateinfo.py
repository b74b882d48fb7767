"""updateinfo.xml of an rpm repository: advisories with module streams and architectures, read as a stream.

It is about one repository of a release, so on its own it covers none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from scanner.advisories import Advisory
from scanner.feeds import places
from scanner.feeds.builds import Build, Builds, fixes
from scanner.feeds.reading import Row, Tally, cves_in, day, each, instant, severity, title
from scanner.feeds.xml_elements import elements


def advisories(data: bytes, tally: Tally) -> Iterator[Row]:
    """The rows of every <update>."""

    def read(update: Element) -> Iterator[Row]:
        advisory, heading = _text(update, "id"), _text(update, "title")
        issued = day(_date(update, "issued"))
        updated = update.find("updated")
        tally.saw(instant(_date(update, "issued" if updated is None else "updated")))
        yield Advisory(
            id=advisory,
            title=title(heading),
            severity=severity(update.findtext("severity")),
            published=issued,
            cves=cves_in(reference.get("id") for reference in update.iter("reference")),
        )
        yield from fixes(advisory, _builds(update, advisory, heading, tally), issued)

    yield from each(tally, _updates(data), read)


def name_of(data: bytes) -> str:
    """The feed's name by its first collection's, which names release, repository and architecture."""
    for _, update in _updates(data):
        for collection in update.iter("collection"):
            if words := re.findall(r"[A-Za-z0-9]+", collection.get("short", "")):
                return "updateinfo-" + "-".join(words).lower()[:80]
    return "updateinfo"


def _updates(data: bytes) -> Iterator[tuple[str, Element]]:
    return elements(data, "update", "id", "updateinfo")


def _builds(update: Element, advisory: str, heading: str, tally: Tally) -> Builds:
    found: dict[Build, set[str]] = defaultdict(set)
    for collection in update.iter("collection"):
        module = collection.find("module")
        stream = None if module is None else f"{module.get('name')}:{module.get('stream')}"
        for package in collection.iter("package"):
            release, arch = package.get("release", ""), package.get("arch", "")
            namespace = places.of_erratum(advisory, release)
            if namespace is None:
                tally.outside += 1
            elif arch != "src":
                version = f"{package.get('epoch') or '0'}:{package.get('version')}-{release}"
                for named in (stream,) if stream else places.streams_of(f".{release}", heading):
                    found[namespace, package.get("name", ""), version, named].add(arch)
    return found


def _text(update: Element, name: str) -> str:
    found = update.findtext(name)
    if not found:
        raise ValueError(f"no {name}")
    return found


def _date(update: Element, name: str) -> str:
    element = update.find(name)
    if element is None:
        raise ValueError(f"no {name} date")
    return str(element.get("date"))
