"""The verb that tells whether a system still is the one its certificate was granted to."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.console import Console, bytes_of, files_in, moment, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.roots import trust_at, trust_option
from scanner.faults import InputError
from scanner.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from certification.authorisation import AuthorisationPredicate
    from scanner.drift import Drift, Drifted
    from scanner.order import Order
    from scanner.stated import Stated

FILE = click.Path(path_type=Path, dir_okay=False)
_WHAT = {
    "added": N_("added"),
    "gone": N_("gone"),
    "changed": N_("changed"),
    "unseen": N_("not seen"),
}
_PARTS = {
    "level": N_("Level"),
    "hosts": N_("Hosts"),
    "services": N_("Services"),
    "host-keys": N_("Host keys"),
    "peer-keys": N_("Keys of peer certificates"),
    "software": N_("Software"),
    "diagram": N_("Network diagram"),
}
_NEXT = {
    "suspend": N_("✗ TO BE SUSPENDED  clearance suspend {serial} --reason incident"),
    "revoke": N_("✗ TO BE REVOKED  clearance revoke {serial} --reason evidence-withdrawn"),
    "assess-again": N_("✗ TO BE ASSESSED AGAIN  {serial} does not outlive the change; a successor rests on a new inspection"),
}


@click.command()
@click.argument("certificate", type=FILE)
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@trust_option()
@click.option("--bundle", type=FILE, help="The sealed bundle the certificate rests on: without it only whether anything drifted.")
@click.option("--stated", type=FILE, help="Grounds that no scan can see, as a person states them (docs/changes.md).")
@click.option("--at", help="As of this instant; now where it is not given.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_console
def drift(
    console: Console,
    certificate: Path,
    run: Path,
    trust: Path,
    bundle: Path | None,
    stated: Path | None,
    at: str | None,
    form: str,
) -> None:
    """Say how a system of a later run differs from the one a certificate was granted to, and whether the certificate lapses.

    Exits 0 where nothing drifted, 10 where the certificate lapses or a ground is stated on which it does not stand, 11 where nobody can say, 12 where the certificate does not verify.
    Example: clearance drift good.certificate.dsse.json run-november --trust trust.dsse.json --bundle good.bundle
    """
    from certification.verify import verify
    from scanner.drift import drift as drifted
    from scanner.judge import identified
    from scanner.record import canonical
    from scanner.store import Run

    instant = moment(at)
    evidence = None if bundle is None else files_in(bundle)
    granted = verify(bytes_of(certificate), trust_at(trust, instant), instant, bundle=evidence).granted
    opened = Run.opened(run)
    opened.insist_on_manifest()
    _of_this_system(granted, opened.order)
    said = () if stated is None else _stated(stated, granted, instant)
    now = identified(opened.files())
    if evidence is None:
        status = _by_digest(console, granted, now.fingerprint.digest(), said, form)
        raise click.exceptions.Exit(ExitStatus.NOT_AUTHORISED if said else status)
    found = drifted(identified(evidence), now)
    if form == "json":
        told = {**found.model_dump(mode="json"), "lapses": found.lapses, "stated": _as_data(said)}
        console.data(canonical({**_named(granted, opened.order), **told}) + b"\n")
    else:
        click.echo("\n".join([*_lines(granted, opened.order, found), *_stated_lines(granted, said)]))
    raise click.exceptions.Exit(
        ExitStatus.NOT_AUTHORISED if found.lapses or said else ExitStatus.DONE if found.complete else ExitStatus.INCOMPLETE
    )


def _stated(path: Path, granted: AuthorisationPredicate, instant: datetime) -> tuple[Stated, ...]:
    """What is stated of this certificate; raises InputError for what is stated of another one, or later than this instant."""
    from scanner.stated import Statements
    from scanner.strict_yaml import read_file

    found = read_file(path).as_record(Statements)
    if found.certificate != granted.serial:
        text = _("{path}: is stated of {other}, and the certificate is {serial}")
        raise InputError(text.format(path=path, other=found.certificate, serial=granted.serial))
    late = next((one for one in found.stated if one.stated_at > instant), None)
    if late is not None:
        text = _("{path}: {ground} is stated at {moment}, which is still to come")
        raise InputError(text.format(path=path, ground=late.ground, moment=f"{late.stated_at:%Y-%m-%dT%H:%M:%SZ}"))
    return found.stated


def _as_data(said: tuple[Stated, ...]) -> list[dict[str, Any]]:
    return [{**one.model_dump(mode="json"), "clause": _(one.ground.clause), "follows": one.ground.follows.value} for one in said]


def _stated_lines(granted: AuthorisationPredicate, said: tuple[Stated, ...]) -> Iterator[str]:
    if not said:
        return
    yield ""
    yield _("Stated by people; no scan can see it ({count})").format(count=len(said))
    for one in said:
        yield f"  ! {one.happened:%Y-%m-%d}: {one.reason}  [{one.ground}]"
        yield "    " + _("stated by {by} ({role}) on {date}").format(by=one.by, role=one.role, date=f"{one.stated_at:%Y-%m-%d}")
        yield "    " + _(one.ground.clause)
    yield ""
    for follows in dict.fromkeys(one.ground.follows for one in said):
        yield _(_NEXT[follows]).format(serial=granted.serial)


def _of_this_system(granted: AuthorisationPredicate, order: Order) -> None:
    wanted, seen = (granted.agency.code, granted.system.id), (order.scope.agency.code, order.scope.system.id)
    if wanted != seen:
        text = _("run {run} looked at {seen}, and the certificate is for {wanted}: name a run of that system")
        raise InputError(text.format(run=order.run, seen=" ".join(seen), wanted=" ".join(wanted)))
    if order.ordered_at < granted.scan_finished and order.run != granted.run:
        text = _("run {run} was ordered before the certificate's evidence was complete: name a later one")
        raise InputError(text.format(run=order.run))


def _by_digest(console: Console, granted: AuthorisationPredicate, digest: str, said: tuple[Stated, ...], form: str) -> ExitStatus:
    from scanner.record import canonical

    same = digest == granted.system.fingerprint
    if form == "json":
        told = {"serial": granted.serial, "fingerprint_before": granted.system.fingerprint, "fingerprint_after": digest}
        console.data(canonical({**told, "lapses": None if not same else False, "stated": _as_data(said)}) + b"\n")
        return ExitStatus.DONE if same else ExitStatus.INCOMPLETE
    if same:
        click.echo(_("✓ nothing by which the system is known has drifted"))
    else:
        click.echo(
            _(
                "! the fingerprint differs: the system drifted, or not all of it was seen, or another version made the certificate;"
                " name the evidence with --bundle to see which"
            )
        )
    for line in _stated_lines(granted, said):
        click.echo(line)
    return ExitStatus.DONE if same else ExitStatus.INCOMPLETE


def _named(granted: AuthorisationPredicate, order: Order) -> Mapping[str, Any]:
    return {"serial": granted.serial, "run_before": granted.run, "run_after": order.run, "kind_after": order.kind.value}


def _lines(granted: AuthorisationPredicate, order: Order, found: Drift) -> Iterator[str]:
    yield _("certificate {serial}: {system} of {agency}, seen until {date} in run {run}").format(
        serial=granted.serial,
        system=granted.system.id,
        agency=granted.agency.code,
        date=f"{granted.scan_finished:%Y-%m-%d}",
        run=granted.run,
    )
    yield _("compared with run {run} ({kind}) of {date}").format(
        run=order.run, kind=_(order.kind), date=f"{order.ordered_at:%Y-%m-%d}"
    )
    if found.drifted:
        yield ""
        yield from drifted_lines(found)
    grounds = dict.fromkeys(one.ground for one in found.drifted)
    if grounds:
        yield ""
        yield from (f"{ground}: {_(ground.clause)}" for ground in grounds)
    yield ""
    if found.lapses:
        yield _("✗ LAPSES  the system is not the one {serial} was granted to").format(serial=granted.serial)
    elif found.complete:
        yield _("✓ nothing by which the system is known has drifted")
    else:
        yield _("? nobody can say: what was not seen both times stands above")


def drifted_lines(found: Drift, most: int | None = None) -> Iterator[str]:
    """What drifted, part by part; of each part the first ones where `most` says how many."""
    for part, group in groupby(found.drifted, key=lambda one: one.part):
        drifted = list(group)
        yield f"{_(_PARTS[part])} ({len(drifted)})"
        yield from (_line(one) for one in drifted[:most])
        if most is not None and len(drifted) > most:
            yield "  " + _("... and {count} more: --all shows them").format(count=len(drifted) - most)


def _line(one: Drifted) -> str:
    sign = "!" if one.lapses else "?"
    words = f"  {sign} {one.subject} {one.name}".rstrip() + f": {_(_WHAT[one.what])}"
    if one.before or one.after:
        words += f"  {', '.join(one.before) or '-'} > {', '.join(one.after) or '-'}"
    return f"{words}  [{one.ground}]"
