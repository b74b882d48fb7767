"""The verbs that make what travels to a site without a network: feeds gather, bundle and approve; and the way back in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, bytes_of, insist_on_free, moment, now, pass_console
from scanner.cli.roots import trust_option
from scanner.cli.signing import signer_at, signer_option
from scanner.faults import InputError
from scanner.i18n import _, ngettext
from scanner.refused_files import why

if TYPE_CHECKING:
    from scanner.feeds.bundle import BundledFile, DateFrom, FeedManifest
    from scanner.feeds.gathering import Settings
    from scanner.feeds.importing import Imported, Wish

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
DATED = click.option(
    "--dated",
    multiple=True,
    metavar="FILE=INSTANT",
    callback=lambda _context, _parameter, words: dict(map(_dated, words)),
    help="When a file was made whose format holds no date.",
)
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
        if one.file.last_modified is None:
            text = _("  ! its server does not say when it was changed; where no date stands inside, give `feeds bundle` {option}")
            console.say(text.format(option=f"--dated {one.file.name}=INSTANT"))


@click.command()
@click.argument("folder", type=FOLDER)
@SETTINGS
@click.option("--serial", type=click.IntRange(1), required=True, help="Higher than that of every bundle before.")
@click.option("--previous", type=click.IntRange(0), required=True, help="The serial of the bundle before; 0 for the first.")
@click.option("--days", type=click.IntRange(1, 92), default=14, show_default=True, help="How long it may be imported.")
@DATED
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
    dated: dict[str, datetime],
    keyring: Path | None,
    signer: str,
    out: Path,
) -> None:
    """Pack gathered files into a bundle and sign it as their gatherer; every file is read first, as an import would."""
    from certification.feed_bundles import sign_gathering
    from scanner.feeds.bundle import GATHERED, MANIFEST, FeedManifest
    from scanner.feeds.gathering import read_settings

    insist_on_free(out)
    at = now()
    files = _entries(read_settings(bytes_of(settings), str(settings)), folder, dated, keyring, at)
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
@click.option("--yes", is_flag=True, help="Sign without asking, for rehearsals; a laboratory's trust root only.")
@click.option("--out", type=FILE, required=True)
@pass_console
def approve(console: Console, file: Path, trust: Path, keyring: Path | None, signer: str, yes: bool, out: Path) -> None:
    """Let a gathered bundle go to the sites: its files are read anew and shown, and a second person signs."""
    from certification.feed_bundles import approved_bundle, gathered_by
    from scanner.cli.certify import agreed
    from scanner.cli.feed_listing import agreeing, listing
    from scanner.cli.roots import trust_at
    from scanner.cli.signing import show
    from scanner.feeds.bundle import APPROVED, GATHERED, MANIFEST
    from scanner.feeds.importing import Wish

    insist_on_free(out)
    at = now()
    papers, manifest = _papers(file)
    manifest.valid(at)
    root = trust_at(trust)
    confirm = agreed(root, yes=yes)
    gatherer = gathered_by(papers[MANIFEST], papers[GATHERED], manifest.serial, root, at)
    with _unpacked(file, manifest, Wish(now=at, keyring=keyring)) as (inside, wish):
        feeds = agreeing(manifest, _tried(inside, wish))

        def shown(statement: str) -> bool:
            show(listing(manifest, feeds, gatherer, at))
            return confirm(statement)

        approved = approved_bundle(
            papers[MANIFEST], papers[GATHERED], manifest.serial, root, at, signer=signer_at(signer), confirm=shown
        )
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
    """The bundle's files, once the manifest's signatures hold: what does not agree with it is refused as no longer what was signed."""
    from certification.refusals import Code, Refusal
    from scanner.feeds.bundle import unpack
    from scanner.feeds.reading import ForgedFeedError

    dated = {entry.name: entry.generated_at for entry in manifest.files if entry.generated_at is not None}
    with tempfile.TemporaryDirectory() as folder:
        try:
            inside = unpack(file, manifest, Path(folder))
        except ForgedFeedError as error:
            raise Refusal(Code.FEEDS_DIFFER, error.seen) from None
        yield inside, replace(wish, dated=dated, bundle=manifest.serial)


def _papers(file: Path) -> tuple[dict[str, bytes], FeedManifest]:
    from scanner.feeds.bundle import GATHERED, MANIFEST, FeedManifest, papers

    found = papers(file)
    if GATHERED not in found:
        raise InputError(_("{path}: no gatherer has signed it").format(path=file))
    return found, FeedManifest.read(found[MANIFEST])


def _entries(
    settings: Settings, folder: Path, dated: dict[str, datetime], keyring: Path | None, at: datetime
) -> tuple[BundledFile, ...]:
    """An entry for each file that was fetched from where the settings say; what no format and no server dates, its gatherer does."""
    from scanner.feeds.bundle import BundledFile
    from scanner.feeds.containers import digest_of
    from scanner.feeds.gathered import RECORD, record_in
    from scanner.feeds.importing import Wish

    record = record_in(folder)
    if record is None:
        text = _("{path}: no record tells where its files were fetched from ({name}); fetch them with: clearance feeds gather")
        raise InputError(text.format(path=folder, name=RECORD))
    paths = {source.file: folder / source.file for source in settings.feed}
    fetched = {one.file: record.fetched(paths[one.file], one.url, digest_of(paths[one.file])) for one in settings.feed}
    stated = {name: file.last_modified for name, file in fetched.items() if file.last_modified is not None}
    _insist_on_undated(dated, paths, stated)
    found = {one.ref.sha256: one for one in _tried(list(paths.values()), Wish(now=at, keyring=keyring, dated=stated | dated))}
    entries = []
    for name, file in fetched.items():
        one = found.get(file.sha256)
        entries.append(
            BundledFile(
                name=name,
                url=file.url,
                sha256=file.sha256,
                size=paths[name].stat().st_size,
                feed=one.ref.name if one else None,
                generated_at=one.ref.generated_at if one else None,
                date_from=_date_from(name, one, dated) if one else None,
                records=one.ref.records if one else 0,
            )
        )
    return tuple(entries)


def _insist_on_undated(dated: Mapping[str, datetime], paths: Mapping[str, Path], stated: Mapping[str, datetime]) -> None:
    """Refuses a date that a person gives to a file that is not there, or that makes one fresher than its server says it is."""
    for name, instant in dated.items():
        if name not in paths:
            raise InputError(_("--dated {name}: the settings name no such file").format(name=name))
        if name in stated and instant > stated[name]:
            text = _("--dated {name}: its server says that it was last changed at {stated}, and later it cannot have been made")
            raise InputError(text.format(name=name, stated=f"{stated[name]:%Y-%m-%dT%H:%M:%SZ}"))


def _date_from(name: str, one: Imported, dated: Mapping[str, datetime]) -> DateFrom:
    """Who dates this feed; refuses a date that a person gives where one stands inside."""
    from scanner.feeds.bundle import DateFrom

    if not one.dated_inside:
        return DateFrom.GATHERER if name in dated else DateFrom.SERVER
    if name in dated:
        text = _("--dated {name}: a date stands in the file itself, {made}, and that one counts; leave the option out")
        raise InputError(text.format(name=name, made=f"{one.ref.generated_at:%Y-%m-%dT%H:%M:%SZ}"))
    return DateFrom.FILE


def _tried(files: list[Path], wish: Wish) -> tuple[Imported, ...]:
    """The feeds in these files, imported into a store that is thrown away."""
    from scanner.feeds.importing import imported

    with tempfile.TemporaryDirectory() as folder:
        return imported(files, Path(folder) / "feeds.sqlite", wish)


def _write(out: Path, papers: dict[str, bytes], folder: Path, manifest: FeedManifest) -> None:
    from scanner.feeds.bundle import write

    draft = out.with_name(f".{out.name}.new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(draft, papers, folder, manifest)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(_("{path}: {why}; nothing was half-written").format(path=out, why=why(error))) from None


def _dated(text: str) -> tuple[str, datetime]:
    name, sign, instant = text.partition("=")
    if not sign:
        raise InputError(_("{text!r}: say it as FILE=INSTANT").format(text=text))
    return Path(name).name, moment(instant)
