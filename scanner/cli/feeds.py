"""The verbs about feeds: feeds import, status, bundle and gather; and what a scan takes from the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli import feed_bundles
from scanner.cli.console import Console, moment, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.roots import trust_option
from scanner.cli.shipped import BaselineFile
from scanner.faults import InputError
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from scanner.advisories import FeedRef
    from scanner.baseline import FeedAsked
    from scanner.feeds.importing import Imported
    from scanner.order import Feed
    from scanner.store import Run

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
STORE = click.option(
    "--store", type=FILE, default=Path("feeds.sqlite"), show_default=True, envvar="CLEARANCE_FEEDS", help="The feed store."
)
FORM = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")


@click.group()
def feeds() -> None:
    """What vendors say about their packages: imported from files, offline by design."""


@feeds.command("import")
@click.argument("files", nargs=-1, required=True, type=FILE)
@STORE
@trust_option("The trust root that a bundle is verified with.", required=False)
@click.option("--keyring", type=FILE, help="The vendors' keys, as /usr/share/keyrings/debian-archive-keyring.gpg.")
@feed_bundles.DATED
@click.option("--accept-loss", multiple=True, metavar="FEED", help="Take a feed that holds less than the edition before.")
@FORM
@pass_console
def feeds_import(
    console: Console,
    files: tuple[Path, ...],
    store: Path,
    trust: Path | None,
    keyring: Path | None,
    dated: dict[str, datetime],
    accept_loss: tuple[str, ...],
    form: str,
) -> None:
    """Import vendors' files, or one bundle of them, into the store: all of them, or none."""
    from scanner.cli.feed_bundles import unpacked_bundle
    from scanner.feeds.bundle import is_bundle
    from scanner.feeds.importing import Wish, imported

    wish = Wish(now=now(), keyring=keyring, dated=dated, accept_loss=frozenset(accept_loss))
    if not any(is_bundle(file) for file in files):
        _tell(console, imported(files, store, wish), form)
        return
    if len(files) > 1:
        raise InputError(_("a bundle is imported alone"))
    with unpacked_bundle(files[0], trust, wish) as (inside, bundled):
        _tell(console, imported(inside, store, bundled), form)


def _tell(console: Console, found: Sequence[Imported], form: str) -> None:
    from scanner.record import canonical

    if form == "json":
        console.data(canonical([{**one.ref.model_dump(mode="json"), "changed": one.changed} for one in found]) + b"\n")
    for one in found:
        text = ngettext("{name}: {count} record of {day}", "{name}: {count} records of {day}", one.ref.records)
        line = text.format(name=one.ref.name, count=one.ref.records, day=f"{one.ref.generated_at:%Y-%m-%d %H:%M}Z")
        console.say(f"✓ {line}" if one.changed else _("= {line}, as before").format(line=line))
        if one.ref.malformed:
            text = ngettext("{count} record cannot be read", "{count} records cannot be read", one.ref.malformed)
            console.say("  ! " + text.format(count=one.ref.malformed))
            for example in one.examples:
                console.say(f"    {example}")


@feeds.command("status")
@STORE
@click.option(
    "--baseline", type=BaselineFile(), help="The baseline whose limits apply, by id or path; npdb-2026 where none is named."
)
@click.option("--at", metavar="INSTANT", help="The instant as of which ages are counted; now where none is named.")
@FORM
@pass_console
def feeds_status(console: Console, store: Path, baseline: Path | None, at: str | None, form: str) -> None:
    """Show every feed with its age; exit status 11 says that one is absent or older than the baseline allows."""
    from scanner.cli.baselines import loaded
    from scanner.feeds.store import opened
    from scanner.record import canonical

    instant = moment(at)
    asked = loaded(baseline).baseline.feeds
    with opened(store, instant) as found:
        rows = [(ref, found.namespaces(ref.name), _state(ref, asked, instant)) for ref in found.feeds()]
        serial = found.serial
    missing = [feed for feed in asked if feed.kind not in {ref.kind for ref, _, _ in rows}]
    if form == "json":
        data = [
            {**ref.model_dump(mode="json"), "age_days": _age(ref, instant).days, "namespaces": list(names), "state": state}
            for ref, names, state in rows
        ]
        value = {"serial": serial, "feeds": data, "absent": [feed.kind for feed in missing]}
        console.data(canonical(value) + b"\n")
    else:
        for ref, names, state in rows:
            click.echo(_line(ref, names, state, instant))
        for feed in missing:
            click.echo(_("✗ absent   no feed of kind {kind}").format(kind=feed.kind))
    if missing or any(state == "stale" for _, _, state in rows):
        raise click.exceptions.Exit(ExitStatus.INCOMPLETE)


def _line(ref: FeedRef, names: Sequence[str], state: str, at: datetime) -> str:
    sign = {"fresh": "✓", "stale": "✗"}.get(state, "-")
    days = _age(ref, at).days
    age = ngettext("{count} day", "{count} days", days).format(count=days)
    signed = _("signed") if ref.signed else _("unsigned")
    text = f"{sign} {_(state):<8} {ref.name:<40} {ref.kind:<8} {age:>10} {ref.records:>8}  {signed}  {ref.sha256[:16]}"
    return f"{text}  {', '.join(names)}".rstrip()


def _state(ref: FeedRef, asked: Sequence[FeedAsked], at: datetime) -> str:
    limit = next((feed.max_age_days for feed in asked if feed.kind is ref.kind), None)
    if limit is None:
        return "unlimited"
    return "fresh" if _age(ref, at) <= timedelta(days=limit) else "stale"


def _age(ref: FeedRef, at: datetime) -> timedelta:
    return at - ref.generated_at


for _verb in (feed_bundles.gather, feed_bundles.bundle, feed_bundles.approve):
    feeds.add_command(_verb)


def feeds_at(path: Path | None) -> tuple[Feed, ...]:
    """The feeds of the store in this file as an order names them; none where no store is named."""
    from scanner.feeds.store import opened
    from scanner.order import Feed

    if path is None:
        return ()
    with opened(path, now()) as store:
        return tuple(Feed(name=ref.name, kind=ref.kind, sha256=ref.sha256, dated=ref.generated_at) for ref in store.feeds())


def cut(run: Run, path: Path | None) -> None:
    """Cuts the slice out of the store that belongs to what the run saw; refuses a store that is another than was ordered."""
    from scanner.feeds.slicing import cut as cut_slice
    from scanner.feeds.store import opened
    from scanner.namespaces import wanted
    from scanner.observations import HostObservation
    from scanner.store import ADVISORIES, sightings

    if not run.order.feeds:
        return
    if path is None or feeds_at(path) != run.order.feeds:
        raise InputError(
            _("name with --feeds the store that the run was ordered with; this one is another, or was imported into")
        )
    results = [sighting.result for sighting, _ in sightings(run.files()).values()]
    asked = wanted(result for result in results if isinstance(result, HostObservation))
    with opened(path, now()) as store:
        run.write(ADVISORIES, cut_slice(store, asked.packages, asked.products).written())
