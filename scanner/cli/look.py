"""The verbs that look: scan, and check (scan, evaluate and report in one)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner import usual_ports
from scanner.cli.console import Console, bytes_of, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.failing import fail_on_option
from scanner.cli.roots import trust_at, trust_option
from scanner.cli.shipped import NATIONAL, BaselineFile, say_force, say_imitation, say_unfilled, shipped
from scanner.cli.timing import limits_of, taken, tell_timed_out, tell_too_short
from scanner.faults import InputError
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from scanner.observations import Sight
    from scanner.ordering import Inputs
    from scanner.store import Run
    from scanner.targets import Permit

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
PORTS = usual_ports.PORTS
"""What is asked for where nobody narrows it."""
Command = Callable[..., Any]


def given(command: Command) -> Command:
    """The options that say what to look at, on which permit and by which baseline."""
    for option in reversed(
        (
            click.argument("scope", type=FILE, required=False),
            click.option("--permit", type=FILE, help="The permit: YAML for a self-check, signed (DSSE) for an inspection."),
            click.option(
                "--baseline", type=BaselineFile(), help="The baseline to judge by, by id or path; npdb-2026 where none is named."
            ),
            click.option("--tailoring", type=FILE, help="What is demanded beyond the baseline (YAML; docs/tailoring.md)."),
            click.option("--deviations", type=FILE, help="Waivers and remediation plans (YAML)."),
            click.option("--anchors", type=FILE, help="The CA store peers are checked against (PEM)."),
            click.option("--crls", type=FILE, help="The CRLs peers' certificates are looked up in (PEM, one after the other)."),
            trust_option("The trust root that a signed permit is verified with.", required=False),
        )
    ):
        command = option(command)
    return command


def how(command: Command) -> Command:
    """The options that say where to keep what is seen, from where it is looked at, and how gently."""
    for option in reversed(
        (
            click.option(
                "--out", type=FOLDER, help="The run folder to make; one named by the instant in --runs where not given."
            ),
            click.option(
                "--runs", type=FOLDER, default=Path("runs"), show_default=True, help="Where runs without --out are kept."
            ),
            click.option("--zone", default="unnamed", show_default=True, help="The network zone this machine stands in."),
            click.option(
                "--rate",
                "pace",
                type=click.Choice(["gentle", "normal", "fast"]),
                default="normal",
                show_default=True,
                help="At most 5, 100 or 1000 connections a second, and 1, 4 or 16 probes at a host; never beyond the permit.",
            ),
            click.option(
                "--ports",
                default=PORTS,
                help="Ports to try besides the declared ones; else 1-1024 and the usual ones of data stores and administration.",
            ),
            click.option("--timeout", type=click.FloatRange(0.1, 60), default=5.0, show_default=True, help="Seconds per answer."),
            click.option(
                "--deadline",
                type=click.FloatRange(1, 600),
                default=60.0,
                show_default=True,
                help="Seconds per probe; what it waits its turn under the rate comes on top.",
            ),
            click.option(
                "--run-deadline",
                type=click.FloatRange(1, 604_800),
                metavar="SECONDS",
                help="Begin nothing new after so long; what is left shows as not assessed, and --resume takes it.",
            ),
            click.option(
                "--host-deadline",
                type=click.FloatRange(1, 604_800),
                metavar="SECONDS",
                help="Begin nothing new at a host so long after its first sight.",
            ),
            click.option("--feeds", type=FILE, help="The feed store that patches are judged by (clearance feeds import)."),
        )
    ):
        command = option(command)
    return command


def looking(command: Command) -> Command:
    """The options of a scan."""
    for option in (
        click.option("--resume", is_flag=True, help="Go on with the interrupted run in --out."),
        click.option(
            "--skip",
            multiple=True,
            metavar="SUBJECT[=KIND]",
            help="Leave this host, endpoint or sight out; it shows as not assessed.",
        ),
        click.option(
            "--only", multiple=True, metavar="SUBJECT[=KIND]", help="Look at nothing else; all else shows as not assessed."
        ),
    ):
        command = option(command)
    return how(command)


@click.command()
@given
@looking
@pass_console
def scan(console: Console, /, **options: Any) -> None:
    """Look at everything in the scope that the permit allows, and keep what was seen. Judges nothing."""
    run, reached, cut_short = _scanned(console, options)
    if cut_short:
        raise click.exceptions.Exit(ExitStatus.INTERRUPTED)
    if not reached:
        console.say(_("✗ nothing at all could be seen; the reasons are in {folder}").format(folder=run.folder))
        raise click.exceptions.Exit(ExitStatus.NOTHING_REACHED)
    console.say(_("next: clearance evaluate {folder}").format(folder=run.folder))


@click.command()
@given
@looking
@fail_on_option
@click.pass_context
@pass_console
def check(console: Console, context: click.Context, /, *, fail_on: tuple[str, ...], **options: Any) -> None:
    """Scan, evaluate and write the report in one go: what an agency runs on itself."""
    from scanner.cli.judging import evaluate, report

    run, reached, _cut_short = _scanned(console, options)
    context.invoke(report, run=run.folder, evaluate_first=True)
    try:
        context.invoke(evaluate, runs=(run.folder,), fail_on=fail_on)
    except click.exceptions.Exit:
        if reached:
            raise
    console.say(_("✗ nothing at all could be seen; the reasons are in {folder}").format(folder=run.folder))
    raise click.exceptions.Exit(ExitStatus.NOTHING_REACHED)


def inputs_of(options: dict[str, Any]) -> Inputs:
    """What these options name, read and held together; raises InputError at the first that does not fit."""
    from scanner import ordering
    from scanner.registry import load_checks

    if options["scope"] is None:
        raise click.UsageError(_("name the scope file, as in: clearance scan scope.yaml --permit permit.yaml --out run"))
    permit, envelope = permit_of(options)
    baseline = options.get("baseline") or national_baseline()
    data = bytes_of(baseline)
    return ordering.gathered(
        ordering.read_scope(options["scope"]),
        permit,
        envelope,
        (str(baseline), data),
        load_checks(baseline=data),
        tailoring=_named(options.get("tailoring")),
        deviations=_named(options.get("deviations")),
        anchors=_named(options.get("anchors")),
        crls=_named(options.get("crls")),
    )


def permit_of(options: dict[str, Any]) -> tuple[Permit, bytes | None]:
    """The permit these options name, with its envelope where it is signed; a permit for an inspection must be."""
    from scanner import strict_yaml
    from scanner.targets import Permit, RunKind

    if options["permit"] is None:
        raise click.UsageError(_("no permit, no packet: name one with --permit (see `clearance permit new --help`)"))
    if not options["permit"].exists():
        text = _(
            "{path}: there is no permit yet; write one: clearance permit new {path} --agency CODE --decision NUMBER --address RANGE"
        )
        raise InputError(text.format(path=options["permit"]))
    data = bytes_of(options["permit"])
    if (
        data.lstrip()[:1] == b"{" and b'"payloadType"' in data
    ):  # a DSSE envelope; a permit of its own may be JSON, which is YAML too
        return _signed_permit(data, options.get("trust")), data
    permit = strict_yaml.parse(data, str(options["permit"])).as_record(Permit)
    if permit.kind is RunKind.INSPECTION:
        raise InputError(
            _("{path}: a permit for an inspection must be signed (clearance permit sign)").format(path=options["permit"])
        )
    return permit, None


def national_baseline() -> Path:
    """The baseline that is used where none is named."""
    return shipped()[NATIONAL]


def _named(path: Path | None) -> tuple[str, bytes] | None:
    return None if path is None else (str(path), bytes_of(path))


def _signed_permit(envelope: bytes, trust: Path | None) -> Permit:
    from certification.permits import verified_permit

    if trust is None:
        raise click.UsageError(_("a signed permit is verified with a trust root: name it with --trust"))
    return verified_permit(envelope, trust_at(trust), now())


def _scanned(console: Console, options: dict[str, Any]) -> tuple[Run, bool, bool]:
    """The run, whether anything was reached, and whether its time was over before all was looked at."""
    from scanner.choosing import left_out
    from scanner.plan import sights
    from scanner.store import Run

    if options["resume"]:
        if options["skip"] or options["only"]:
            raise click.UsageError(_("what an interrupted run leaves out was ordered when it began: leave --skip and --only out"))
        run = Run.opened(options["out"] or _interrupted(options["runs"]))
        _insist_on_same(run, options)
    else:
        inputs = inputs_of(options)
        planned = sights(inputs.scope, inputs.bound)
        run = created(console, inputs, left_out(planned, only=options["only"], skip=options["skip"]), options)
    cut_short = looked(console, run, options)
    reached = _reached(run)
    console.found(run=run.order.run, folder=str(run.folder), reached=reached, cut_short=cut_short)
    return run, reached, cut_short


def _insist_on_same(run: Run, options: dict[str, Any]) -> None:
    """Returns where all that was typed besides --resume is what the run was ordered with: nothing is passed over in silence."""
    from scanner.ordering import read_scope
    from scanner.record import sha256

    order, context = run.order, click.get_current_context()
    ordered = {
        "baseline": order.baseline,
        "tailoring": order.tailoring,
        "deviations": order.deviations,
        "anchors": order.trust_anchors,
        "crls": order.crls,
    }
    for name in ("scope", "permit", "trust", *ordered):
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            continue  # what the settings name is for the next run
        path: Path = options[name]
        match name:
            case "scope":
                same = read_scope(path) == order.scope
            case "permit":
                same = permit_of(options)[0] == order.permit
            case "trust":
                same = order.permit_envelope is not None and _permit_of_run(run, path) == order.permit
            case _:
                same = sha256(bytes_of(path)) == ordered[name]
        if not same:
            text = _("{path}: the run in {folder} was not ordered with it; leave it out, or begin a new run without --resume")
            raise InputError(text.format(path=path, folder=run.folder))


def _permit_of_run(run: Run, trust: Path) -> Permit:
    """The run's own permit, verified with this trust root."""
    from scanner.store import PERMIT_ENVELOPE

    return _signed_permit(run.read(PERMIT_ENVELOPE), trust)


def created(console: Console, inputs: Inputs, skip: Iterable[Sight], options: dict[str, Any]) -> Run:
    """A new run folder with the order for these inputs; raises OutsidePermitError where something in it may not be touched."""
    from scanner import scan as scanning
    from scanner.cli.feeds import feeds_at
    from scanner.ordering import ordered
    from scanner.registry import code_digests, load_checks
    from scanner.store import BASELINE, Run
    from scanner.targets import Pace

    code = code_digests(load_checks(baseline=inputs.files[BASELINE]))
    feeds = feeds_at(options["feeds"])
    order = ordered(
        inputs, now(), zone=options["zone"], tool=tool(), code=code, skip=skip, feeds=feeds, pace=Pace(options["pace"])
    )
    scanning.addresses(order, now())
    say_imitation(console, inputs.bound.ref())
    say_force(console, inputs.bound.baseline, order.judged_at)
    say_unfilled(console, inputs.permit)
    folder = options["out"] or options["runs"] / order.run
    return Run.create(folder, order, inputs.files)


def looked(console: Console, run: Run, options: dict[str, Any]) -> bool:
    """Takes every sight of the run that is neither skipped nor kept yet, and writes the manifest; whether the time allowed left any out."""
    from scanner import scan as scanning
    from scanner.allowance import Allowance
    from scanner.cli.feeds import cut
    from scanner.cli.trail import worked_on
    from scanner.probes.looking import Circumstances
    from scanner.store import ANCHORS, CRLS

    worked_on(run.folder)
    order = run.order
    found = scanning.addresses(order, now())
    ports = port_list(options["ports"])
    circumstances = Circumstances(
        vantage=order.vantage,
        now=now,
        timeout=options["timeout"],
        deadline=options["deadline"],
        trust_anchors=run.folder / ANCHORS if order.trust_anchors else None,
        crls=run.folder / CRLS if order.crls else None,
        ports=ports,
    )
    allowed = Allowance(options["run_deadline"], options["host_deadline"])
    with run.held():
        run.reopen()
        left = _told_scan(console, run, circumstances, found, allowed, limits_of(options))
        cut(run, options["feeds"])
        run.write_manifest()
    if left:
        text = ngettext(
            "! the time allowed is over: {count} sight was not taken and shows as not assessed; go on with: clearance scan --resume --out {run}",
            "! the time allowed is over: {count} sights were not taken and show as not assessed; go on with: clearance scan --resume --out {run}",
            len(left),
        )
        console.say(text.format(count=len(left), run=run.folder))
    return bool(left)


def _told_scan(console: Console, run: Run, circumstances: Any, found: Any, allowed: Any, limits: Any) -> tuple[Sight, ...]:
    from scanner import scan as scanning
    from scanner.forecast import seconds_of, times_of, too_short
    from scanner.history import seconds_by_kind
    from scanner.observations import Unobserved
    from scanner.pausing import pausable
    from scanner.store import sighting_path
    from scanner.terminal import Progress

    order = run.order
    left = [sight for sight in order.plan if sight not in order.skipped and not run.has(sighting_path(sight))]
    console.say(
        _("run {run}: {count} sights at {hosts} hosts, permit {decision} until {ends}").format(
            run=order.run,
            count=len(left),
            hosts=len(order.scope.hosts),
            decision=order.permit.decision,
            ends=f"{order.permit.window.ends:%Y-%m-%d %H:%M} UTC",
        )
    )
    history, pacing = seconds_by_kind(run.folder.parent, without=run.folder), scanning.paced(order, circumstances.ports)
    expected = {(sight.subject, sight.kind): seconds_of(sight, pacing, history) for sight in left}
    times, silent = times_of(left, pacing, history), times_of(left, pacing, history, silent=True)
    console.say(
        _("  at most {rate} connections a second: about {time}").format(
            rate=order.rate.connections_per_second, time=taken(times.seconds, silent.seconds)
        )
    )
    tell_too_short(console, too_short(left, times, limits))
    with (
        Progress(expected, quiet=console.quiet, color=console.color, forecast=float(times.seconds)) as progress,
        pausable(
            lambda: console.say(_("pausing: no new sight begins; `fg` goes on, Ctrl-C ends and keeps what was seen"))
        ) as pause,
    ):
        untaken = scanning.scan(
            run,
            circumstances,
            lambda sight, result, seconds: progress.sighting(
                sight.subject, sight.kind, result.reason if isinstance(result, Unobserved) else None, seconds
            ),
            found,
            pause=pause,
            time_allowed=allowed,
        )
    tell_timed_out(console, run, left, circumstances.deadline)
    return untaken


def _interrupted(runs: Path) -> Path:
    """The newest run in this folder whose scan was not finished; raises InputError where there is none."""
    from scanner.store import MANIFEST, ORDER

    found = [order.parent for order in runs.glob(f"*/{ORDER}") if not (order.parent / MANIFEST).exists()]
    if not found:
        raise InputError(_("{folder}: no interrupted run in here; name one with --out").format(folder=runs))
    return max(found, key=lambda run: ((run / ORDER).stat().st_mtime, run.name))


def _reached(run: Run) -> bool:
    from scanner.observations import answers
    from scanner.store import sightings
    from scanner.targets import AGENCY

    seen = [sighting for sighting, _digest in sightings(run.files()).values() if sighting.sight.subject != AGENCY]
    return any(answers(sighting.result) for sighting in seen)


def port_list(text: str) -> str:
    """The ports as nmap writes them; raises InputError where they are anything else."""
    import re

    if not re.fullmatch(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?){0,200}", text):
        raise InputError(_("--ports {text!r}: write ports and ranges, as in 1-1024,8443").format(text=text))
    return text


def tool() -> str:
    """The program's name and version, as orders record it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"clearance {version('clearance')}"
    except PackageNotFoundError:
        return "clearance (not installed)"
