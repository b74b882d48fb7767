"""The verbs that make what travels to a site without a network: feeds gather, bundle and approve; and the way back in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, bytes_of, now, pass_console
from scanner.cli.roots import trust_option
from scanner.cli.signing import signer_at, signer_option
from scanner.faults import InputError
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from scanner.advisories import FeedRef
    from scanner.feeds.bundle import BundledFile, FeedManifest
    from scanner.feeds.gathering import Settings
    from scanner.feeds.importing import Wish

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
SETTINGS = click.option("--settings", type=FILE, required=True, help="Names each file and its address (TOML).")


@click.command()
@SETTINGS
@click.option("--out", type=FOLDER, required=True, help="The folder the files are put in.")
@pass_console
def gather(console: Console, settings: Path, out: Path) -> None:
    """Fetch vendors' files from the addresses in a settings file: the only verb about feeds that uses a network."""
    from scanner.feeds.gathering import gather as fetched
    from scanner.feeds.gathering import read_settings

    for one in fetched(read_settings(bytes_of(settings), str(settings)), out):
        console.say(_("✓ {path}: {size} bytes").format(path=one.path, size=one.size))


@click.command()
@click.argument("folder", type=FOLDER)
@SETTINGS
@click.option("--serial", type=click.IntRange(1), required=True, help="Higher than that of every bundle before.")
@click.option("--previous", type=click.IntRange(0), required=True, help="The serial of the bundle before; 0 for the first.")
@click.option("--days", type=click.IntRange(1, 92), default=14, show_default=True, help="How long it may be imported.")
@click.option("--keyring", type=FILE, help="The vendors' keys, as /usr/share/keyrings/debian-archive-keyring.gpg.")
@signer_option("The gatherer's key, as file:gatherer.pem or pkcs11:...")
@click.option("--out", type=FILE, required=True)
@pass_console
def bundle(
    console: Console,
    folder: Path,
    settings: Path,
    serial: int,
    previous: int,
    days: int,
    keyring: Path | None,
    signer: str,
    out: Path,
) -> None:
    """Pack gathered files into a bundle and sign it as their gatherer; every file is read first, as an import would."""
    from certification.feed_bundles import sign_gathering
    from scanner.feeds.bundle import GATHERED, MANIFEST, FeedManifest
    from scanner.feeds.gathering import read_settings

    at = now()
    files = _entries(read_settings(bytes_of(settings), str(settings)), folder, keyring, at)
    if previous >= serial:
        raise InputError(_("the serial must be higher than that of the bundle before"))
    manifest = FeedManifest(serial=serial, previous=previous, created=at, expires=at + timedelta(days=days), files=files)
    gathered = sign_gathering(manifest.written(), serial, signer_at(signer), at)
    _write(out, {MANIFEST: manifest.written(), GATHERED: gathered}, folder, manifest)
    text = ngettext("✓ {path}: bundle {serial}, {count} file", "✓ {path}: bundle {serial}, {count} files", len(files))
    console.say(text.format(path=out, serial=serial, count=len(files)))
    console.say(_("next, by another person: clearance feeds approve {path}").format(path=out))


@click.command()
@click.argument("file", type=FILE)
@trust_option("The trust root that the gatherer's signature is verified with.")
@click.option("--keyring", type=FILE, help="The vendors' keys.")
@signer_option("The approver's key, as file:approver.pem or pkcs11:...")
@click.option("--out", type=FILE, required=True)
@pass_console
def approve(console: Console, file: Path, trust: Path, keyring: Path | None, signer: str, out: Path) -> None:
    """Let a gathered bundle go to the sites: its files are read anew, and a second person signs."""
    from certification.feed_bundles import gathered_by, sign_approval, verified_bundle
    from scanner.cli.roots import trust_at
    from scanner.feeds.bundle import APPROVED, GATHERED, MANIFEST
    from scanner.feeds.importing import Wish

    at = now()
    papers, manifest = _papers(file)
    root = trust_at(trust)
    gathered_by(papers[MANIFEST], papers[GATHERED], manifest.serial, root, at)
    with _unpacked(file, manifest, Wish(now=at, keyring=keyring)) as (inside, wish):
        _tried(inside, wish)
        approved = sign_approval(papers[MANIFEST], papers[GATHERED], manifest.serial, signer_at(signer), at)
        verified_bundle(papers[MANIFEST], papers[GATHERED], approved, manifest.serial, root, at)
        _write(out, {**papers, APPROVED: approved}, inside[0].parent, manifest)
    console.say(_("✓ {path}: bundle {serial} may go to the sites").format(path=out, serial=manifest.serial))


@contextmanager
def unpacked_bundle(file: Path, trust: Path | None, wish: Wish) -> Iterator[tuple[list[Path], Wish]]:
    """The bundle's files once both signatures hold, with the dates its manifest states."""
    from certification.feed_bundles import verified_bundle
    from scanner.cli.roots import trust_at
    from scanner.feeds.bundle import APPROVED, GATHERED, MANIFEST

    if trust is None:
        raise click.UsageError(_("a bundle is verified with a trust root: name it with --trust"))
    papers, manifest = _papers(file)
    if APPROVED not in papers:
        raise InputError(_("{path}: gathered, and approved by nobody (clearance feeds approve)").format(path=file))
    verified_bundle(papers[MANIFEST], papers[GATHERED], papers[APPROVED], manifest.serial, trust_at(trust, wish.now), wish.now)
    manifest.valid(wish.now)
    with _unpacked(file, manifest, wish) as found:
        yield found


@contextmanager
def _unpacked(file: Path, manifest: FeedManifest, wish: Wish) -> Iterator[tuple[list[Path], Wish]]:
    from scanner.feeds.bundle import unpack

    dated = {entry.name: entry.generated_at for entry in manifest.files if entry.generated_at is not None}
    with tempfile.TemporaryDirectory() as folder:
        yield unpack(file, manifest, Path(folder)), replace(wish, dated=dated, bundle=manifest.serial)


def _papers(file: Path) -> tuple[dict[str, bytes], FeedManifest]:
    from scanner.feeds.bundle import GATHERED, MANIFEST, FeedManifest, papers

    found = papers(file)
    if GATHERED not in found:
        raise InputError(_("{path}: no gatherer has signed it").format(path=file))
    return found, FeedManifest.read(found[MANIFEST])


def _entries(settings: Settings, folder: Path, keyring: Path | None, at: datetime) -> tuple[BundledFile, ...]:
    """An entry for each file; what its format does not date is dated by the time its server stated, which gathering kept."""
    from scanner.feeds.bundle import BundledFile
    from scanner.feeds.containers import digest_of
    from scanner.feeds.importing import Wish

    paths = {source.file: folder / source.file for source in settings.feed}
    digests = {name: digest_of(path) for name, path in paths.items()}
    stated = {name: datetime.fromtimestamp(int(path.stat().st_mtime), UTC) for name, path in paths.items()}
    refs = {ref.sha256: ref for ref in _tried(list(paths.values()), Wish(now=at, keyring=keyring, dated=stated))}
    entries = []
    for source in settings.feed:
        ref = refs.get(digests[source.file])
        entries.append(
            BundledFile(
                name=source.file,
                url=source.url,
                sha256=digests[source.file],
                size=paths[source.file].stat().st_size,
                feed=ref.name if ref else None,
                generated_at=ref.generated_at if ref else None,
                records=ref.records if ref else 0,
            )
        )
    return tuple(entries)


def _tried(files: list[Path], wish: Wish) -> list[FeedRef]:
    """The feeds in these files, imported into a store that is thrown away."""
    from scanner.feeds.importing import imported

    with tempfile.TemporaryDirectory() as folder:
        return [one.ref for one in imported(files, Path(folder) / "feeds.sqlite", wish)]


def _write(out: Path, papers: dict[str, bytes], folder: Path, manifest: FeedManifest) -> None:
    from scanner.feeds.bundle import write

    draft = out.with_name(f".{out.name}.new")
    try:
        write(draft, papers, folder, manifest)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
