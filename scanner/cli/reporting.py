"""What the report verb writes: for one run its pages, for several runs those of each and an index of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, keep
from scanner.cli.stored import Stored, stored
from scanner.exports import NAMES, formats
from scanner.i18n import _, speaking
from scanner.strict_yaml import InputError

if TYPE_CHECKING:
    from scanner.campaign import Entry
    from scanner.readers import Reader
    from scanner.report import Edition, Page

_CONFIDENTIAL = 0o600
"""A report lists every weakness: only its owner reads it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    forms: tuple[str, ...]
    reader: str | None
    since: Path | None
    language: str
    minutes: bool

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages, the official one first."""
        return ("vi", "en") if self.language == "both" else (self.language,)

    @property
    def whose(self) -> Reader:
        """Whose report; the inspector's, which holds everything, where nobody is named."""
        from scanner.readers import Reader

        return Reader(self.reader) if self.reader else Reader.INSPECTOR


def write(console: Console, runs: Sequence[Path], asked: Asked, out: Path | None) -> None:
    """Writes the reports of these runs, or prints the one of a single run where `out` is a dash."""
    _insist(runs, asked, out)
    for form in asked.forms:
        _written(console, runs, asked, form, out)


def _written(console: Console, runs: Sequence[Path], asked: Asked, form: str, out: Path | None) -> None:
    if len(asked.forms) > 1 and out is not None:
        suffix = formats()[form].suffix if form in NAMES else form
        out = out / f"{_stem(runs[0], asked)}.{suffix}"
    if form in NAMES:
        from scanner.cli import exporting

        exporting.write(console, runs, form, out, asked.languages[0])
        return
    if len(runs) > 1:
        _campaign(console, runs, asked, out or Path())
        return
    run = runs[0]
    target = out if out is not None and str(out) != "-" else run.parent / f"{_stem(run, asked)}.{form}"
    pages = _pages(stored(run), asked, form, target.stem)
    if str(out) == "-":
        console.data(_one(pages))
        return
    for page in reversed(pages):  # the first page last: where it stands, those it links to stand
        path = target if page is pages[0] else target.with_name(page.name)
        keep(path, page.data, mode=_CONFIDENTIAL)
    console.say(_("✓ report: {path}").format(path=target))
    for page in pages[1:]:
        console.say(_("  further file: {path}").format(path=target.with_name(page.name)))


def _stem(run: Path, asked: Asked) -> str:
    return run.name + (f"-{asked.reader}" if asked.reader else "-minutes" if asked.minutes else "")


def _insist(runs: Sequence[Path], asked: Asked, out: Path | None) -> None:
    if asked.minutes and asked.reader:
        raise click.UsageError(_("the minutes have one form for everybody: leave --for out"))
    if asked.since is not None and (asked.reader != "approver" or len(runs) > 1):
        raise click.UsageError(_("--since goes with --for approver and one run; `clearance diff` compares for everybody else"))
    form, *others = asked.forms
    if others:
        if len(runs) > 1 or str(out) == "-":
            raise click.UsageError(
                _("several formats are of one run and go into files: name a folder with --out, or leave it out")
            )
        return
    if form not in ("html", "pdf") and (asked.reader or asked.language == "both"):
        raise click.UsageError(_("{form} is for programs: --for and two languages go with html and pdf").format(form=form))
    if form in NAMES or len(runs) == 1:
        return
    if form != "html":
        text = _("{form} is of one run; html writes several into a folder, and csv, xlsx, jsonl and others into a file")
        raise click.UsageError(text.format(form=form))
    if out is None or str(out) == "-":
        raise click.UsageError(_("the pages of several runs go into a folder: name it with --out FOLDER"))


def _pages(run: Stored, asked: Asked, form: str, stem: str) -> tuple[Page, ...]:
    """The files of one run's report."""
    from scanner import report

    if form == "json":
        return (report.Page(f"{stem}.json", report.as_json(run.assessment)),)
    editions = tuple(_editions(run, asked))
    if form == "pdf":
        from scanner import report_pdf

        data = (
            report_pdf.minutes(editions, run.assessment, run.order)
            if asked.minutes
            else report_pdf.as_pdf(editions, asked.whose, run.assessment)
        )
        return (report.Page(f"{stem}.pdf", data),)
    return report.as_pages(editions, asked.whose, stem)


def _editions(run: Stored, asked: Asked) -> Iterator[Edition]:
    from scanner.changes import compared
    from scanner.cli.judging import view_in
    from scanner.report import Edition

    since = None
    if asked.since is not None:
        before = stored(asked.since)
        one, other = ((each.assessment.agency, each.assessment.system) for each in (before, run))
        if one != other:
            text = _("{path}: of system {one} of {agency}, and the report is of {other} of {whose}")
            raise InputError(text.format(path=asked.since, one=one[1], agency=one[0], other=other[1], whose=other[0]))
        since = compared(before.assessment, run.assessment, (before.order.feeds, run.order.feeds))
    for language in asked.languages:
        with speaking(language):
            yield Edition(language, view_in(run.files, run.order, run.assessment), since)


def _one(pages: Sequence[Page]) -> bytes:
    if len(pages) > 1:
        raise click.UsageError(_("the report is too large for one file: name where it goes with --out FILE"))
    return pages[0].data


def _campaign(console: Console, runs: Sequence[Path], asked: Asked, folder: Path) -> None:
    """One agency after the other, so that no more than one run is held at a time; the index comes last."""
    from scanner.campaign import entry, index

    entries: list[Entry] = []
    taken: set[str] = set()
    for run in runs:
        found = stored(run)
        stem = f"{found.assessment.agency}-{found.assessment.run}"
        if stem in taken:
            raise click.UsageError(_("{run}: run {name} is given twice").format(run=run, name=found.assessment.run))
        taken.add(stem)
        editions = tuple(_editions(found, asked))
        from scanner.report import as_pages

        pages = as_pages(editions, asked.whose, stem)
        for page in reversed(pages):
            keep(folder / page.name, page.data, mode=_CONFIDENTIAL)
        entries.append(entry(found.assessment, pages[0].name))
        console.say(_("✓ report: {path}").format(path=folder / pages[0].name))
    for page in reversed(index(entries, asked.languages)):  # the first page last, as for each run
        keep(folder / page.name, page.data, mode=_CONFIDENTIAL)
    console.say(_("✓ index: {path}").format(path=folder / "index.html"))
