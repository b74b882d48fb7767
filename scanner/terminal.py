"""What the command line shows of a verdict and of a scan under way; words and signs always, colour where it is wanted."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from scanner import told
from scanner.i18n import _, ngettext
from scanner.writing import tenths

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from scanner.report_view import View

_COLOURS = {"good": "bold green", "bad": "bold red", "open": "bold yellow", "quiet": "dim"}
_MOST = 6
"""Actions and gaps shown; the report holds all."""
_AT_ONCE = 8
"""By how much sights overlap, roughly, where nobody forecast the run."""
_ENOUGH = 0.1
"""The share of the run that must be over before its own pace says anything of the rest."""
_LONGEST = 1_000
"""Characters of one line that are printed; the report shows more."""


def console(color: str) -> Console:
    """A rich console on stderr that never reads markup out of data."""
    from rich.console import Console

    wanted = {"always": True, "never": False}.get(color)
    no_color = wanted is False or (wanted is None and bool(os.environ.get("NO_COLOR")))
    return Console(
        stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True, force_terminal=wanted or None, no_color=no_color
    )


def verdict(view: View, folder: Path, *, quiet: bool, color: str) -> None:
    """Prints the verdict, what to do first, what was not assessed, and where the files are."""
    out = console(color)
    line = _("{sign} {word}  {agency}  score {passed}/{counted} ({percent} %{cap})  assessed {assessed}/{counted}").format(
        sign=view.verdict.sign,
        word=view.verdict.word,
        agency=view.agency_code,
        passed=view.passed,
        counted=view.counted,
        percent=view.percent,
        cap=_(", capped by a gate") if view.capped else "",
        assessed=view.assessed,
    )
    if quiet:
        _print(out, line, view.verdict.tone)
        return
    _print(out, "")
    _print(out, line, view.verdict.tone)
    _print(out, f"  {view.sentence}")
    _print(
        out,
        f"  {view.agency} · {view.system} · "
        + _("level {level} · {kind} {run}").format(level=view.level, kind=view.kind, run=view.run),
    )
    for reason in view.at_once:
        _print(out, f"  ✗ {reason}", "bad")
    failed = [gate for gate in view.gates if gate.status.tone == "bad"]
    if failed:
        _print(out, "")
        _print(out, _("Gates that deny"), "bad")
        for gate in failed:
            _print(out, f"  {gate.status.sign} {gate.id} {gate.title}")
    _print_actions(out, view)
    _print_gaps(out, view)
    for control, subject, due, who in view.conditions:
        _print(
            out,
            _("  ! condition: {control} at {subject} by {due} ({who})").format(
                control=control, subject=subject, due=due, who=who
            ),
            "open",
        )
    for waiver in view.unmatched_waivers:
        _print(out, _("  ! waiver that covers nothing: {waiver}").format(waiver=waiver), "open")
    _print(out, "")
    _print(out, _("  evidence and assessment: {folder}").format(folder=folder), "quiet")
    _print(out, _("  report:  clearance report {folder}").format(folder=folder), "quiet")


def _print_actions(out: Console, view: View) -> None:
    deciding = [action for action in view.actions if action.decides]
    advice = [action for action in view.actions if not action.decides]
    for heading, sign, tone, actions in (
        (_("Mend first"), "✗", "bad", deciding),
        (_("Advice, which decides nothing"), "i", "quiet", advice),
    ):
        if actions:
            _print(out, "")
            _print(out, heading, tone)
        for action in actions[:_MOST]:
            _print(out, f"  {sign} {action.check} [{action.weight}]: {action.title}", tone)
            places = ", ".join(action.subjects[:4]) + (" …" if len(action.subjects) > 4 else "")
            seen = "; ".join(action.seen[:3]) + (" …" if len(action.seen) > 3 else "")
            _print(out, f"      {places}: {seen}")
            if action.fix:
                _print(out, f"      {action.fix[0]}: {action.fix[1].splitlines()[0]}", "quiet")
        if len(actions) > _MOST:
            _print(out, _("  … and {count} more in the report").format(count=len(actions) - _MOST), tone)


def _print_gaps(out: Console, view: View) -> None:
    if not view.gaps:
        return
    _print(out, "")
    _print(out, _("Not assessed, so not passed: {count}").format(count=view.unseen), "open")
    for gap in view.gaps[:_MOST]:
        _print(out, f"  ? {gap.why}: {', '.join(gap.places[:3])}{' …' if len(gap.places) > 3 else ''}", "open")
    if len(view.gaps) > _MOST:
        _print(out, _("  … and {count} more reasons in the report").format(count=len(view.gaps) - _MOST))


def _print(out: Console, text: str, tone: str | None = None, *, passing: bool = False) -> None:
    from rich.text import Text

    cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… (+{len(text) - _LONGEST})"
    printable = "".join(sign if sign.isprintable() else "�" for sign in cut)
    if not passing:
        told.note(printable)
    out.print(Text(printable, style=_COLOURS.get(tone or "", "")))


class Progress:
    """How far a scan is: a bar with percentage and time left on a terminal, plain lines every tenth or 30 s elsewhere.

    The time left is what was forecast for the rest; the more of the run is over, the more its own pace counts. It is never told as longer
    than the whole forecast before that time is over, and not at all before there is a forecast or enough to go by. What could not be seen is
    counted apart.
    """

    def __init__(
        self,
        expected: Mapping[tuple[str, str], float],
        *,
        quiet: bool,
        color: str,
        forecast: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`expected` are the seconds of each sight by itself, `forecast` those of the whole, many sights at once."""
        self._expected = dict(expected)
        self._open = dict(expected)
        self._total = len(expected)
        self._whole = sum(expected.values()) or 1.0
        self._forecast = forecast
        self._weight = 0.0
        self._done = 0
        self._unseen = 0
        self._clock = clock
        self._began = self._said = clock()
        self._out = None if quiet else console(color)
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._out is not None and self._out.is_terminal and sys.stderr.isatty():
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TextColumn("{task.fields[told]}", markup=False),
                console=self._out,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(_("looking"), total=self._total, told=self._told())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def sighting(self, subject: str, kind: str, unseen: str | None, seconds: float) -> None:
        """Counts one sight taken, and says so where it is time to; `unseen` is the reason where it showed nothing."""
        self._done += 1
        self._weight += self._expected.get((subject, kind), 0.0)
        self._open.pop((subject, kind), None)
        self._unseen += unseen is not None
        if self._out is None:
            return
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, description=f"{subject} {kind}", told=self._told())
            if unseen is not None:
                _print(self._out, f"  ? {subject} {kind}: {_(unseen)}", "open", passing=True)
            return
        took = _("{count} s").format(count=tenths(seconds))
        if unseen is not None:
            _print(self._out, f"  ? {subject} {kind}: {_(unseen)} ({took})", "open", passing=True)
        tenth = self._done * 10 // max(1, self._total) > (self._done - 1) * 10 // max(1, self._total)
        if tenth or self._clock() - self._said >= 30:
            self._said = self._clock()
            percent = self._done * 100 // max(1, self._total)
            _print(self._out, f"  {percent:3d} %  {self._told()}  {subject} {kind} ({took})", passing=True)

    def _told(self) -> str:
        left = self._left()
        if left is None:
            text = _("{done}/{total} sights").format(done=self._done, total=self._total)
        else:
            text = _("{done}/{total} sights · {left} left").format(done=self._done, total=self._total, left=duration(left))
        if self._unseen:
            text += " · " + ngettext("{count} not seen", "{count} not seen", self._unseen).format(count=self._unseen)
        return text

    def _left(self) -> float | None:
        share, elapsed = min(1.0, self._weight / self._whole), self._clock() - self._began
        longest = max(self._open.values(), default=0.0) - elapsed  # a look at many ports outlasts all the rest together
        if share < _ENOUGH:
            return None if self._forecast is None else max(longest, self._forecast * (1 - share))
        whole = self._forecast or self._whole / _AT_ONCE
        by_pace = elapsed * (1 - share) / share
        if elapsed >= whole:  # the forecast was wrong
            return max(longest, by_pace)
        return max(longest, min(whole, (1 - share) * whole * (1 - share) + share * by_pace))


def duration(seconds: float) -> str:
    """A time as a person says it, rounded as estimates are."""
    if seconds < 90:
        return _("{count} s").format(count=max(1, round(seconds)))
    if seconds < 5_400:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=tenths(seconds / 3_600))
