"""The verbs by which people answer what no scanner can see: attest, one control or a questionnaire of many, and questionnaire."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, bytes_of, keep, moment, now, pass_console
from scanner.faults import InputError
from scanner.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scanner.attestations import Attestation
    from scanner.baseline import BoundBaseline
    from scanner.store import Run

RUN = click.argument("run", type=click.Path(path_type=Path, file_okay=False))
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@RUN
@click.argument("control", required=False)
@click.option("--questionnaire", type=FILE, help="Answer many controls at once, from a questionnaire (.yaml or .xlsx).")
@click.option("--answer", type=click.Choice(["yes", "partly", "no", "not-applicable"]))
@click.option("--document", type=FILE, help="The document; its digest is kept, the file itself is never read for meaning.")
@click.option("--by", help="Who answers.")
@click.option("--role", help="In which office.")
@click.option("--dated", help="The document's date, as 2026-11-23T08:00:00+07:00; now where it is not given.")
@click.option("--reason", help="Mandatory for partly, no and not-applicable.")
@pass_console
def attest(
    console: Console,
    run: Path,
    control: str | None,
    questionnaire: Path | None,
    answer: str | None,
    document: Path | None,
    by: str | None,
    role: str | None,
    dated: str | None,
    reason: str | None,
) -> None:
    """Answer what no scanner can see, with the document that shows it: one CONTROL, or many by a questionnaire.

    Of a questionnaire either every answer is taken or none: each fault is told with its line or cell (exit status 2).

    Examples: clearance attest run D1 --answer yes --document d1.pdf --by tran.thi.b --role "Head of IT"

    clearance attest run --questionnaire questionnaire.xlsx
    """
    from scanner.store import Run

    opened = Run.opened(run)
    opened.insist_on_manifest()
    single = (control, answer, document, by, role, dated, reason)
    if questionnaire is not None:
        if any(given is not None for given in single):
            raise click.UsageError(_("a questionnaire holds all answers itself: give --questionnaire alone"))
        _attest_many(console, opened, questionnaire)
        return
    if control is None or answer is None or by is None or role is None:
        raise click.UsageError(_("give a CONTROL with --answer, --by and --role, or a --questionnaire"))
    found = _one(opened, control, answer, by, role, document=document, dated=dated, reason=reason or "")
    _write(opened, [found])
    console.say(_("✓ {control}: {answer}, by {by}").format(control=control, answer=answer, by=by))


@click.command()
@RUN
@click.option("--format", "form", type=click.Choice(["yaml", "xlsx"]), help="As the name of --out ends, where it is not given.")
@click.option("--out", type=FILE, required=True, help="Where to write it; - for stdout. No file is overwritten.")
@pass_console
def questionnaire(console: Console, run: Path, form: str | None, out: Path) -> None:
    """Write the questionnaire of a run's level: every control that asks people, with the answers the run has so far.

    Those ask for a document, or, where no declared service is what they are about, whether they apply.

    Fill it in, put the documents beside it, and take it in with `clearance attest RUN --questionnaire FILE`.

    Example: clearance questionnaire run --out questionnaire.xlsx
    """
    from scanner.plan import without_subject
    from scanner.questionnaire import sheet
    from scanner.store import Run, attestations

    opened = Run.opened(run)
    opened.insist_on_manifest()
    held = {control: answer for control, (answer, _digest) in attestations(opened.files()).items()}
    bound, scope = _bound(opened), opened.order.scope
    made = sheet(bound, scope.system.level, held, without_subject(bound, scope))
    if form is None:
        form = _form_of(out)
    if str(out) != "-" and out.exists():
        text = _(
            "{path}: is there already, and may hold answers; name another file, or take the answers in first: clearance attest {run}"
        )
        raise InputError(text.format(path=out, run=f"{run} --questionnaire {out}"))
    from scanner import questionnaire_xlsx, questionnaire_yaml

    data = questionnaire_xlsx.write(made) if form == "xlsx" else questionnaire_yaml.write(made)
    if str(out) == "-":
        console.data(data)
        return
    keep(out, data, mode=0o600)
    answered = sum(bool(row["answer"]) for row in made.rows)
    text = _("✓ {path}: {count} controls ask for a document or whether they apply, {answered} are answered")
    console.say(text.format(path=out, count=len(made.rows), answered=answered))


def _form_of(path: Path) -> str:
    form = {".yaml": "yaml", ".yml": "yaml", ".xlsx": "xlsx"}.get(path.suffix.lower())
    if form is None:
        raise InputError(_("{path}: a questionnaire's name ends in .yaml or .xlsx").format(path=path))
    return form


def _attest_many(console: Console, run: Run, file: Path) -> None:
    from scanner import questionnaire_xlsx, questionnaire_yaml
    from scanner.documents import digest_beside
    from scanner.plan import without_subject
    from scanner.questionnaire_answers import answers_of
    from scanner.store import attestations

    reading = questionnaire_xlsx.read if _form_of(file) == "xlsx" else questionnaire_yaml.read
    filled = reading(bytes_of(file), str(file))
    held = {control: answer for control, (answer, _digest) in attestations(run.files()).items()}
    bound, scope = _bound(run), run.order.scope
    absent = without_subject(bound, scope)
    found = answers_of(filled, bound, scope.system.level, held, lambda path: digest_beside(file, path), now(), absent=absent)
    _write(run, found.changed)
    for answer in found.changed:
        console.say(_("✓ {control}: {answer}, by {by}").format(control=answer.control, answer=answer.answer, by=answer.by))
    text = _("{path}: {changed} answers taken, {unchanged} unchanged, {open} left open")
    counts = {"changed": len(found.changed), "unchanged": len(found.unchanged), "open": len(found.open)}
    console.say(text.format(path=file, **counts))
    if kept := [control for control in found.open if control in held]:
        console.say(_("! left open here, and answered in the run, which stands: {controls}").format(controls=", ".join(kept)))


def _one(
    run: Run, control: str, answer: str, by: str, role: str, *, document: Path | None, dated: str | None, reason: str
) -> Attestation:
    from pydantic import ValidationError

    from scanner.attestations import Answer, Attestation
    from scanner.documents import digest_of
    from scanner.plan import without_subject
    from scanner.questionnaire_answers import idle
    from scanner.record import explained

    bound, scope = _bound(run), run.order.scope
    known = {found.id: found for found in bound.controls(scope.system.level)}
    if control not in known:
        raise InputError(_unknown(control, known))
    if (complaint := idle(known[control], Answer(answer), without_subject(bound, scope))) is not None:
        raise InputError(complaint)
    try:
        return Attestation(
            control=control,
            answer=Answer(answer),
            document=None if document is None else digest_of(document),
            document_name="" if document is None else unicodedata.normalize("NFC", document.name),
            dated=moment(dated),
            reason=unicodedata.normalize("NFC", reason),
            by=by,
            role=unicodedata.normalize("NFC", role),
            answered_at=now(),
        )
    except ValidationError as error:
        raise InputError(explained(error)) from None


def _unknown(control: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(control[:120].upper(), known, n=4, cutoff=0.3)
    told = _("the baseline has no control {control} at this level").format(control=control)
    hint = (
        _("did you mean {near}?").format(near=", ".join(near))
        if near
        else _("clearance questionnaire lists those that ask people")
    )
    return f"{told}; {hint}"


def _write(run: Run, answers: Iterable[Attestation]) -> None:
    """Keeps the answers and the manifest; where one cannot be written, what was there before is there again."""
    from scanner.store import StoreError

    replaced: list[tuple[str, bytes | None]] = []
    try:
        for answer in answers:
            path = f"attestations/{answer.control}.json"
            before = run.read(path) if run.has(path) else None
            run.write(path, answer.written())
            replaced.append((path, before))
        run.write_manifest()
    except StoreError:
        for path, before in replaced:
            if before is None:
                (run.folder / path).unlink()
            else:
                run.write(path, before)
        raise


def _bound(run: Run) -> BoundBaseline:
    from scanner.judge import bound_of
    from scanner.registry import load_checks
    from scanner.store import BASELINE

    return bound_of(run.files(), run.order, load_checks(baseline=run.read(BASELINE)))
