"""The verb that looks again at what one finding needs, and at nothing else: what was mended is seen within seconds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.console import Console, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.look import FILE, created, how, looked, permit_of
from scanner.cli.roots import trust_option
from scanner.cli.stored import Stored, stored
from scanner.faults import InputError
from scanner.findings import Finding, Outcome
from scanner.i18n import _, shown

if TYPE_CHECKING:
    from scanner.observations import Sight
    from scanner.ordering import Inputs
    from scanner.store import Run

_STATUSES = {
    Outcome.PASS: ExitStatus.DONE,
    Outcome.NOT_APPLICABLE: ExitStatus.DONE,
    Outcome.FAIL: ExitStatus.NOT_AUTHORISED,
    Outcome.NOT_CHECKED: ExitStatus.INCOMPLETE,
    Outcome.ERROR: ExitStatus.INCOMPLETE,
}


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--finding", "finding_id", required=True, metavar="ID", help="The finding, as in F-3dae1d5d0056; `explain --run` shows it."
)
@click.option("--permit", type=FILE, help="The permit: YAML for a self-check, signed (DSSE) for an inspection.")
@trust_option("The trust root that a signed permit is verified with.", required=False)
@how
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_console
def recheck(console: Console, /, run: Path, finding_id: str, form: str, **options: Any) -> None:
    """Look again at what one finding of a judged run needs, judge that one rule, and show before and after. Never a decision.

    Everything else is skipped, so the new run is incomplete and no certificate can rest on it. Exits 0 where the finding is mended,
    10 where it still fails, 11 where nobody can say.
    Example: clearance recheck run-october --finding F-3dae1d5d0056 --permit permit.yaml --out run-recheck
    """
    from scanner.plan import sights
    from scanner.record import canonical
    from scanner.store import BASELINE

    before = stored(run)
    was = _finding(before, finding_id)
    inputs = _inputs(before, options)
    planned = sights(inputs.scope, inputs.bound)
    sight = _needed(was, planned, inputs.files[BASELINE])
    again = created(console, inputs, [other for other in planned if other != sight], options)
    looked(console, again, options)
    now_is = _judged(again, finding_id)
    if form == "json":
        told = {"run_before": before.order.run, "run_after": again.order.run, "decides": False}
        outcomes = {"before": was.model_dump(mode="json"), "after": now_is.model_dump(mode="json")}
        console.data(canonical({**told, **outcomes}) + b"\n")
    else:
        click.echo(f"{was.control} {was.check} @ {was.subject}")
        click.echo(_("  before: {outcome}  {seen}").format(outcome=_(was.outcome), seen=shown(was.seen)).rstrip())
        click.echo(_("  now:    {outcome}  {seen}").format(outcome=_(now_is.outcome), seen=shown(now_is.seen)).rstrip())
        click.echo(_("This decides nothing: everything else was skipped. A decision needs a whole run: clearance check"))
    raise click.exceptions.Exit(_STATUSES[now_is.outcome])


def _finding(before: Stored, wanted: str) -> Finding:
    found = next((finding for finding in before.assessment.findings if finding.id == wanted), None)
    if found is None:
        text = _("run {run} has no finding {wanted}; `clearance explain CHECK --run RUN` shows the ids")
        raise InputError(text.format(run=before.order.run, wanted=wanted))
    return found


def _needed(finding: Finding, planned: tuple[Sight, ...], baseline: bytes) -> Sight:
    """What must be looked at for this finding; raises InputError where looking tells nothing."""
    from scanner.evaluate import ATTESTATION
    from scanner.observations import Sight
    from scanner.plan import kind_of, looked_at
    from scanner.registry import load_checks

    if finding.check == ATTESTATION:
        text = _("{id} is a person's answer: nothing can be looked at; `clearance attest` answers {control} anew")
        raise InputError(text.format(id=finding.id, control=finding.control))
    check = load_checks(baseline=baseline).get(finding.check)
    if check is None:
        raise InputError(_("no check is called {check} any more: look at the whole again").format(check=finding.check))
    sight = Sight(subject=finding.subject, kind=looked_at(kind_of(check.observes)))
    if sight not in planned:
        text = _("{id} is about {subject}, at which there is nothing to look at: declare the service, and run a whole check")
        raise InputError(text.format(id=finding.id, subject=finding.subject))
    if len(planned) == 1:  # with nothing left to skip, the new run would be a whole one, and a decision could rest on it
        raise InputError(_("the run looks at nothing but this: run a whole `clearance check`"))
    return sight


def _inputs(before: Stored, options: dict[str, Any]) -> Inputs:
    """What the run was ordered with, under the permit given now."""
    from scanner import ordering, store
    from scanner.registry import load_checks

    def given(path: str) -> tuple[str, bytes] | None:
        return (path, before.files[path]) if path in before.files else None

    permit, envelope = permit_of(options)
    return ordering.gathered(
        before.order.scope,
        permit,
        envelope,
        (store.BASELINE, before.files[store.BASELINE]),
        load_checks(baseline=before.files[store.BASELINE]),
        tailoring=given(store.TAILORING),
        deviations=given(store.DEVIATIONS),
        anchors=given(store.ANCHORS),
        crls=given(store.CRLS),
    )


def _judged(again: Run, wanted: str) -> Finding:
    """The one finding, judged in memory: no assessment is written, so that nothing can be sealed or issued on it."""
    from scanner.judge import judge
    from scanner.registry import code_digests, load_checks
    from scanner.store import BASELINE

    checks = load_checks(baseline=again.read(BASELINE))
    assessment = judge(again.files(), checks, code_digests(checks))
    return next(finding for finding in assessment.findings if finding.id == wanted)
