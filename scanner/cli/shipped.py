"""The baselines that are shipped: found by their ids, told from others of the same name, and said to be in force or not before anything is looked at."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.i18n import _, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from click.shell_completion import CompletionItem

    from scanner.assessment import BaselineRef
    from scanner.baseline import Baseline
    from scanner.cli.console import Console
    from scanner.targets import Permit

NATIONAL = "npdb-2026"
"""The baseline that is used where none is named."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def shipped() -> Mapping[str, Path]:
    """The file of each shipped baseline by its id, which is the file's name."""
    import checks

    folder = Path(checks.__file__).parent / "baselines"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


class BaselineFile(click.Path):
    """What `--baseline` takes: the id of a shipped baseline, or a path.

    A bare word that is an id means the shipped one, whatever lies in this folder; a file of that name is written ./word.
    """

    name = "baseline"

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The file's path; fails where a bare word is neither an id nor a file."""
        known = shipped()
        if isinstance(value, str) and value in known:
            return known[value]
        if isinstance(value, str) and _BARE.fullmatch(value) and not Path(value).exists():
            text = _("no baseline is called {word}; name a file, or one of those that are shipped: {known}")
            self.fail(text.format(word=value, known=", ".join(known)), param, ctx)
        return super().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """The ids of shipped baselines that begin so, and files: bash shows those only where no id does."""
        from click.shell_completion import CompletionItem

        return [
            *super().shell_complete(ctx, param, incomplete),
            *(CompletionItem(known) for known in shipped() if known.startswith(incomplete)),
        ]


def say_force(console: Console, baseline: Baseline, at: datetime) -> None:
    """Warns where the baseline is not in force at this instant, since every decision under it would be incomplete.

    In a transition the date of the document that shows the level's approval decides; it is attested later, so it is asked for here.
    """
    from scanner import regimes

    late = baseline.effective.transition
    message = regimes.objection(baseline, at, None)
    if message is None:
        return
    if late is not None and regimes.objection(baseline, at, late.approved_before - timedelta(seconds=1)) is None:
        text = _("! baseline {baseline} ended; it decides only where the document of {control} is dated before {before}")
        console.say(text.format(baseline=baseline.id, control=late.shown_by, before=regimes.written(late.approved_before)))
        return
    console.say(_("! {objection}: the decision would be incomplete").format(objection=shown(message)))


def imitates(baseline: BaselineRef) -> bool:
    """Whether this baseline bears the id and version of one that is shipped, and is another: a reader would take it for that one."""
    from scanner.baseline import read_baseline
    from scanner.record import sha256

    path = shipped().get(baseline.id)
    if path is None:
        return False
    data = path.read_bytes()
    return sha256(data) != baseline.sha256 and read_baseline(data, path.name).version == baseline.version


def say_imitation(console: Console, baseline: BaselineRef) -> None:
    """Warns where the baseline would be taken for a shipped one that it is not."""
    if imitates(baseline):
        text = _(
            "! {baseline} {version}: not the shipped {baseline}: its content differs; give your own baseline an id of its own"
        )
        console.say(text.format(baseline=baseline.id, version=baseline.version))


def say_unfilled(console: Console, permit: Permit) -> None:
    """Says so where the permit still names nobody: what it allows, nobody has allowed."""
    if permit.unfilled:
        console.say(_("! the permit names nobody yet: fill in who permits and who inspects"))
