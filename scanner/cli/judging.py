"""The verbs that judge: evaluate and report, each from the files of the stage before it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, now, pass_console
from scanner.cli.failing import exit_status, fail_on_option
from scanner.cli.leaves import ask
from scanner.cli.listed import Listed
from scanner.cli.roots import trust_option
from scanner.cli.shipped import BaselineFile, imitates
from scanner.cli.signing import signer_at, signer_option
from scanner.cli.stored import stored
from scanner.exports import NAMES
from scanner.i18n import _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scanner.assessment import Assessment
    from scanner.order import Order
    from scanner.report_view import View
    from scanner.store import Run

RUN = click.argument("run", type=click.Path(path_type=Path, file_okay=False))
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("runs", metavar="RUN", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@signer_option("The inspector's key, as file:inspector.pem or pkcs11:...: signs the evaluation.", required=False)
@trust_option("The trust root the inspector's key stands in.", required=False)
@click.option("--under", type=BaselineFile(), help="Say what another baseline would do to these runs, and change none of them.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: docs/schemas/evaluate.schema.json: how it ended, or what --under tells.",
)
@fail_on_option
@pass_console
def evaluate(
    console: Console,
    runs: tuple[Path, ...],
    signer: str | None = None,
    trust: Path | None = None,
    under: Path | None = None,
    form: str = "text",
    fail_on: tuple[str, ...] = (),
) -> None:
    """Judge a run by its baseline: writes assessment.json, shows the verdict, exits by the decision.

    Example: clearance evaluate --under npdb-2026 runs/*, which tells what that law would do to stored runs, and writes nothing
    """
    from scanner import terminal
    from scanner.store import Run

    if under is not None:
        from scanner.cli.rejudging import tell

        if signer is not None:
            raise click.UsageError(_("what another baseline would do is no evaluation, and is not signed: leave --signer out"))
        if fail_on:
            raise click.UsageError(_("--fail-on goes with the judgement of a run by its own baseline: leave it or --under out"))
        raise click.exceptions.Exit(tell(console, under, runs, form))
    if len(runs) > 1:
        raise click.UsageError(_("one run is evaluated at a time; several are compared with --under BASELINE"))
    if form == "json":
        ask("evaluate")
    opened = Run.opened(runs[0])
    assessment = judged(opened)
    names = {"run", "agency", "system", "level", "decision", "tally", "baseline", "judged_at", "evidence_until"}
    if signer is not None:
        _sign_evaluation(console, opened, signer, trust)
    console.found(folder=str(opened.folder), **assessment.model_dump(mode="json", include=names))
    terminal.verdict(view_of(opened, assessment), opened.folder, quiet=console.quiet, color=console.color)
    raise click.exceptions.Exit(exit_status(console, assessment, fail_on))


@click.command()
@click.argument("runs", metavar="RUN", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "forms",
    type=Listed(["html", "pdf", "json", *NAMES]),
    help="One, or several with commas, each into a file of its own; html where not given.",
)
@click.option(
    "--for",
    "reader",
    type=click.Choice(["agency", "inspector", "approver"]),
    help="Whose report: what to mend, everything, or one page.",
)
@click.option("--since", type=click.Path(path_type=Path), help="An earlier run or bundle: says what changed since.")
@click.option("--lang", type=click.Choice(["vi", "en", "both"]), help="Language of the report, or both in one file.")
@click.option("--minutes", is_flag=True, help="The formal minutes as PDF, in the form of Decree 30/2020, for signing by hand.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where to write it; beside the run folder where not given, - for stdout; a folder for several runs or formats.",
)
@pass_console
def report(
    console: Console,
    runs: tuple[Path, ...] = (),
    forms: tuple[str, ...] | None = None,
    reader: str | None = None,
    since: Path | None = None,
    lang: str | None = None,
    out: Path | None = None,
    *,
    minutes: bool = False,
    run: Path | None = None,
    evaluate_first: bool = False,
) -> None:
    """Write the report of a judged run, for people or for other programs; never looks again.

    Example: clearance report run-november --for approver --since run-october --format pdf --lang both
    """
    from scanner.cli import reporting
    from scanner.store import Run

    folders = (run,) if run is not None else runs
    if evaluate_first:
        judged(Run.opened(folders[0]))
    if minutes and forms not in (None, ("pdf",)):
        raise click.UsageError(_("the minutes are a PDF: leave --format out"))
    asked = reporting.Asked(
        forms=("pdf",) if minutes else forms or ("html",),
        reader=reader,
        since=since,
        language=lang or console.language,
        minutes=minutes,
    )
    reporting.write(console, folders, asked, out)


def judged(run: Run) -> Assessment:
    """The run's assessment, judged now by the checks of this installation and written into the run."""
    from scanner.judge import judge
    from scanner.registry import code_digests, load_checks
    from scanner.store import ASSESSMENT, BASELINE, EVALUATION, SCAN_EVIDENCE

    run.insist_on_manifest()
    checks = load_checks(baseline=run.read(BASELINE))
    assessment = judge(run.files(), checks, code_digests(checks))
    data = assessment.written()
    if not run.has(ASSESSMENT) or run.read(ASSESSMENT) != data:
        for signature in (EVALUATION, SCAN_EVIDENCE):
            (run.folder / signature).unlink(missing_ok=True)  # they signed another assessment
        run.write(ASSESSMENT, data)
    run.write_manifest()
    return assessment


def assessment_of(run: Run) -> Assessment:
    """The stored assessment of a run; raises InputError where it is not judged yet, StoreError where its evidence is another."""
    return stored(run.folder).assessment


def view_of(run: Run, assessment: Assessment) -> View:
    """What every output shows of a judged run."""
    return view_in(run.files(), run.order, assessment)


def view_in(files: Mapping[str, bytes], order: Order, assessment: Assessment) -> View:
    """What every output shows of the judged run of these files."""
    from scanner.baseline import read_baseline
    from scanner.contact import Contact
    from scanner.judge import deviations_of
    from scanner.registry import load_checks
    from scanner.report_view import view
    from scanner.store import BASELINE, CONTACT, sightings

    checks = load_checks(baseline=files[BASELINE])
    return view(
        assessment,
        order,
        sightings(files),
        contact=Contact.read(files[CONTACT]) if CONTACT in files else None,
        deviations=deviations_of(files, order),
        fixes={check.id: check.fixes for check in checks.values()},
        titles={check.id: check.title for check in checks.values()},
        retests={
            check.id: {product: retest for product in check.fixes if (retest := check.retest(product)) is not None}
            for check in checks.values()
        },
        headings={heading.id: heading.title for heading in read_baseline(files[BASELINE], BASELINE).headings},
        imitated=imitates(assessment.baseline),
    )


def _sign_evaluation(console: Console, run: Run, signer: str, trust: Path | None) -> None:
    from certification.sealing import sign_evaluation
    from scanner.cli.roots import trust_at
    from scanner.store import EVALUATION

    if trust is None:
        raise click.UsageError(_("--signer needs the trust root the inspector's key stands in: name it with --trust"))
    run.write(EVALUATION, sign_evaluation(run.files(), signer_at(signer), trust_at(trust), now()))
    console.say(_("✓ evaluation signed: {path}").format(path=run.folder / EVALUATION))
