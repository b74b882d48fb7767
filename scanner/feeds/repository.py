"""Debian's and Ubuntu's repositories: a signed InRelease, and the indexes it vouches for by digest."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from scanner.advisories import Available, Coverage, Layer
from scanner.feeds.reading import FeedError, ForgedFeedError, Row, Tally, each, stanzas
from scanner.findings import said
from scanner.i18n import _
from scanner.refused_files import why

_GPGV_SECONDS = 30
_LIMIT = 16 * 1024 * 1024
_VENDORS = {"Debian": "debian", "Ubuntu": "ubuntu"}
_ENTRY = re.compile(r" ([0-9a-f]{64}) +([0-9]+) (\S+)")


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a repository's release file says, after its signature was verified."""

    namespace: str
    pocket: str
    dated: datetime
    digests: dict[str, str]
    """The path of each index by its SHA-256."""


def is_release(head: bytes) -> bool:
    """Whether this is an InRelease file."""
    return head.startswith(b"-----BEGIN PGP SIGNED MESSAGE-----") and b"\nOrigin: " in head


def verified(path: Path, keyring: Path | None) -> Vouched:
    """The release file, once gpgv has verified it with this keyring; what is read is what was signed."""
    if path.stat().st_size > _LIMIT:
        raise FeedError(_("{path}: larger than {limit} bytes").format(path=path, limit=_LIMIT))
    signed = gpgv(["--output", "-", str(path.absolute())], path, keyring)
    return release(signed.decode("utf-8", "replace"), str(path))


def gpgv(words: Sequence[str], path: Path, keyring: Path | None) -> bytes:
    """What gpgv wrote, once it has verified a signature with this keyring."""
    if keyring is None:
        text = _("{path}: name the vendor's keyring with --keyring; an unverified release file vouches for nothing")
        raise FeedError(text.format(path=path))
    try:
        keyring.open("rb").close()
    except OSError as error:
        raise FeedError(f"{keyring}: {why(error)}") from None
    command = ["gpgv", "--keyring", str(keyring.absolute()), *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GPGV_SECONDS, check=False)
    except FileNotFoundError:
        raise FeedError(_("{path}: gpgv is not here; install the package gpgv").format(path=path)) from None
    except OSError as error:
        raise FeedError(_("{path}: gpgv cannot be run: {why}").format(path=path, why=why(error))) from None
    except subprocess.TimeoutExpired:
        raise FeedError(_("{path}: gpgv did not end in {count} seconds").format(path=path, count=_GPGV_SECONDS)) from None
    if done.returncode != 0:
        seen = said(
            "{path}: its signature does not verify with {keyring}; fetch it again, or name another keyring",
            path=str(path),
            keyring=str(keyring),
        )
        raise ForgedFeedError(seen)
    return done.stdout


def release(text: str, where: str) -> Vouched:
    """The release file's own words."""
    fields: dict[str, str] = dict(re.findall(r"^([A-Za-z-]+): (.*)$", text, re.MULTILINE))
    vendor = _VENDORS.get(fields.get("Origin", ""))
    if vendor is None or "Date" not in fields:
        raise FeedError(_("{path}: neither Debian's nor Ubuntu's; no other repository is read").format(path=where))
    version = re.match(r"[0-9]+\.[0-9]+|[0-9]+", fields.get("Version", ""))
    if version is None:
        raise FeedError(_("{path}: names no release by its number").format(path=where))
    number = version[0].partition(".")[0] if vendor == "debian" else version[0]
    pocket = fields["Codename"] if vendor == "debian" else fields["Suite"]
    sums = text.partition("\nSHA256:\n")[2]
    digests = {digest: name for digest, _size, name in _ENTRY.findall(sums)}
    return Vouched(f"{vendor}:{number}", pocket, parsedate_to_datetime(fields["Date"]).astimezone(UTC), digests)


def packages(text: str, vouched: Vouched, feed: str, tally: Tally) -> Iterator[Row]:
    """The newest version of each binary package in an index, which lists each but once."""
    tally.saw(vouched.dated)

    def read(stanza: str) -> Iterator[Row]:
        fields: dict[str, str] = dict(re.findall(r"^(Package|Version|Architecture|Source): (.*)$", stanza, re.MULTILINE))
        yield Available(
            namespace=vouched.namespace,
            pocket=vouched.pocket,
            package=fields["Package"],
            arch=fields["Architecture"],
            version=fields["Version"],
            source=fields.get("Source", fields["Package"]).partition(" ")[0],
        )

    yield from each(tally, stanzas(text), read)
    yield Coverage(namespace=vouched.namespace, layer=Layer.REPOSITORY, feed=feed, pocket=vouched.pocket)


def feed_of(vouched: Vouched, index: str) -> str:
    """The feed's name: pocket, component and architecture, as in debian-bookworm-security-main-amd64."""
    parts = [part for part in index.split("/")[:-1] if part]
    words = [vouched.namespace.partition(":")[0], vouched.pocket, *(part.removeprefix("binary-") for part in parts)]
    return "-".join(words)
