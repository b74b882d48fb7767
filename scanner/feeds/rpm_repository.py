"""rpm repositories: a signed repomd.xml, and the primary index it vouches for by digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from univers.versions import RpmVersion

from scanner.advisories import Available, Coverage, Layer
from scanner.feeds import places
from scanner.feeds.reading import FeedError, Row, Tally, each
from scanner.feeds.repository import gpgv
from scanner.feeds.xml_elements import elements
from scanner.i18n import _

_REPO = "{http://linux.duke.edu/metadata/repo}"
_COMMON = "{http://linux.duke.edu/metadata/common}"
_RPM = "{http://linux.duke.edu/metadata/rpm}"
_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RpmVouched:
    """What a repository's repomd.xml says, after its signature was verified."""

    pocket: str
    dated: datetime
    digests: dict[str, str]
    """The path of each primary index by its SHA-256, unpacked."""


def is_release(head: bytes) -> bool:
    """Whether this is a repomd.xml."""
    return b"<repomd" in head


def verified(path: Path, keyring: Path | None) -> RpmVouched:
    """The repomd.xml, once gpgv has verified the signature that lies beside it as FILE.asc."""
    pocket = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)-repomd\.xml", path.name)
    if pocket is None:
        raise FeedError(
            _("{path}: which repository is this? call the file after it, as in almalinux-9-baseos-repomd.xml").format(path=path)
        )
    signature = path.with_name(f"{path.name}.asc")
    if not signature.is_file():
        text = _("{path}: its signature is not beside it ({signature}); unsigned it vouches for nothing")
        raise FeedError(text.format(path=path, signature=signature.name))
    with path.open("rb") as file:
        data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise FeedError(_("{path}: larger than {limit} bytes").format(path=path, limit=_LIMIT))
    gpgv([str(signature.absolute()), str(path.absolute())], path, keyring)
    return release(data, pocket[1], str(path))


def release(data: bytes, pocket: str, where: str) -> RpmVouched:
    """The file's own words; its revision is the time at which it was made."""
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException):
        raise FeedError(_("{path}: not XML that is read; fetch it again").format(path=where)) from None
    revision = root.findtext(f"{_REPO}revision", "")
    if not re.fullmatch(r"[0-9]{9,11}", revision):
        raise FeedError(_("{path}: its revision is no time, so nobody can say how old it is").format(path=where))
    digests = {}
    for entry in root.iter(f"{_REPO}data"):
        found = entry.find(f"{_REPO}open-checksum")
        if entry.get("type") == "primary" and found is not None and found.get("type") == "sha256":
            digests[(found.text or "").strip()] = "primary"
    return RpmVouched(pocket, datetime.fromtimestamp(int(revision), UTC), digests)


def packages(data: bytes, vouched: RpmVouched, feed: str, tally: Tally) -> Iterator[Row]:
    """The newest version of each package; modular ones are left out, for the index does not name their streams."""
    tally.saw(vouched.dated)
    newest: dict[tuple[str, str, str], Available] = {}

    def read(package: Element) -> Iterator[Row]:
        found = _available(package, vouched.pocket)
        if found is None:
            tally.outside += 1
            return
        key = (found.namespace, found.package, found.arch)
        if key not in newest or RpmVersion(newest[key].version) < RpmVersion(found.version):
            newest[key] = found
        yield from ()

    yield from each(tally, elements(data, f"{_COMMON}package", f"{_COMMON}name", "primary index"), read)
    yield from newest.values()
    for namespace in sorted({key[0] for key in newest}):
        yield Coverage(namespace=namespace, layer=Layer.REPOSITORY, feed=feed, pocket=vouched.pocket)


def _available(package: Element, pocket: str) -> Available | None:
    version, form = package.find(f"{_COMMON}version"), package.find(f"{_COMMON}format")
    if version is None or form is None:
        raise ValueError("no version or no format")
    release_tag = version.get("rel", "")
    namespace = places.of_rpm(form.findtext(f"{_RPM}vendor", ""), release_tag)
    if namespace is None or ".module" in f".{release_tag}":
        return None
    return Available(
        namespace=namespace,
        pocket=pocket,
        package=package.findtext(f"{_COMMON}name", ""),
        arch=package.findtext(f"{_COMMON}arch", ""),
        version=f"{version.get('epoch') or '0'}:{version.get('ver')}-{release_tag}",
        source=form.findtext(f"{_RPM}sourcerpm", "").rsplit("-", 2)[0],
    )
