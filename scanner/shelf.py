"""A folder of runs: how far each one is, and which may be cleared away. One that something signed rests on never may."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from scanner.assessment import Assessment, Decision
from scanner.i18n import _
from scanner.order import Order
from scanner.record import Instant, Name, Record, RecordError
from scanner.refused_files import why
from scanner.store import ASSESSMENT, MANIFEST, ORDER, SIGNATURES, Run, StoreError, sighting_path
from scanner.targets import RunKind

State = Literal["running", "interrupted", "scanned", "judged", "damaged", "unreadable"]
Reason = Literal["signed", "inspection", "running", "damaged", "link", "unreadable", "newest", "young"]


class RunLine(Record):
    """One run of a folder, as it is listed."""

    folder: str
    run: Name | None = None
    kind: RunKind | None = None
    agency: Name | None = None
    ordered_at: Instant | None = None
    state: State
    decision: Decision | None = None
    """Null also where its files are not what the manifest says, or a scan goes on: then none holds."""
    damaged: str | None = None
    """The first file that is not what the manifest says; null where none was found."""
    seen: int = 0
    """Sights that were taken."""
    planned: int = 0
    """Sights of the plan, less those that were left out on purpose."""
    size: int = 0
    """Bytes on disk."""
    kept: Reason | None = None
    """Why it is never cleared away; null where it may be."""


class Runs(Record):
    """The runs of a folder, the newest first."""

    schema_version: Literal[1] = 1
    runs: tuple[RunLine, ...]


def runs_in(folder: Path) -> Runs:
    """Every run in this folder, the newest first; of files that nobody touched since their manifest was written no digest is computed."""
    found = [described(order.parent) for order in folder.glob(f"*/{ORDER}")] if folder.is_dir() else []
    return Runs(runs=tuple(sorted(found, key=lambda line: (line.ordered_at is None, line.ordered_at, line.folder), reverse=True)))


def described(folder: Path, *, thoroughly: bool = False, mine: bool = False) -> RunLine:
    """How far the run in this folder is; a run that cannot be read is one that nobody may clear away by this.

    `thoroughly`: every digest of the manifest is computed anew. `mine`: whoever asks holds the run, so that holding it means no scan.
    """
    size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    run = Run(folder)
    try:
        order = run.order
        decision = Assessment.read(run.read(ASSESSMENT)).decision if run.has(ASSESSMENT) else None
    except (StoreError, RecordError):
        return RunLine(folder=str(folder), state="unreadable", size=size, kept="unreadable")
    skipped = set(order.skipped)
    wanted = [sight for sight in order.plan if sight not in skipped]
    state: State = "judged" if decision else "scanned"
    damage = None
    if not mine and run.is_held:
        state = "running"
    elif not run.has(MANIFEST):
        state = "interrupted"
    elif (damage := run.damage(thoroughly=thoroughly)) is not None:
        state = "damaged"
    return RunLine(
        folder=str(folder),
        run=order.run,
        kind=order.kind,
        agency=order.scope.agency.code,
        ordered_at=order.ordered_at,
        state=state,
        decision=decision if state == "judged" else None,
        damaged=damage,
        seen=sum(run.has(sighting_path(sight)) for sight in wanted),
        planned=len(wanted),
        size=size,
        kept=_kept(run, order, state),
    )


def _kept(run: Run, order: Order, state: State) -> Reason | None:
    """A certificate rests on evidence and an evaluation that were signed in the run; an inspection may yet be.

    Of a damaged run nobody knows any more what rested on it; and what a link leads to is not of this folder.
    """
    if any(run.has(name) for name in SIGNATURES):
        return "signed"
    if order.kind is RunKind.INSPECTION:
        return "inspection"
    if run.folder.is_symlink():
        return "link"
    return "running" if state == "running" else "damaged" if state == "damaged" else None


def prunable(runs: Iterable[RunLine], at: datetime, *, keep: int, days: int) -> tuple[tuple[RunLine, ...], tuple[RunLine, ...]]:
    """The runs that may go and those that stay, each of these with why: the newest `keep`, and those of the last `days`, stay."""
    going: list[RunLine] = []
    staying: list[RunLine] = []
    met = 0
    for line in runs:
        if line.kept is None:
            met += 1
        reason = line.kept or ("newest" if met <= keep else None) or ("young" if _young(line, at, days) else None)
        (going if reason is None else staying).append(line.model_copy(update={"kept": reason}))
    return tuple(going), tuple(staying)


def _young(line: RunLine, at: datetime, days: int) -> bool:
    return line.ordered_at is None or line.ordered_at > at - timedelta(days=days)


def cleared(line: RunLine) -> None:
    """Takes a run's folder away; raises StoreError where it became one that stays, or a scan writes into it now."""
    folder = Path(line.folder)
    run = Run(folder)
    with run.held():
        if described(folder, mine=True).kept is not None:
            raise StoreError(_("{folder}: stays; meanwhile it changed, see: clearance runs show {folder}").format(folder=folder))
        (folder / ORDER).unlink()  # from here on it is no run, should the machine stop half-way
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StoreError(_("{folder}: {why}; take the rest away by hand").format(folder=folder, why=why(error))) from error
