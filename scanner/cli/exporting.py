"""Reports for other programs: a stored judgement, or several, in one of the formats they read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, keep
from scanner.cli.stored import stored
from scanner.i18n import _, speaking

if TYPE_CHECKING:
    from scanner.exports.items import Judged


def write(console: Console, folders: Sequence[Path], form: str, out: Path | None, language: str) -> None:
    """Writes the runs in this format and language: into one file, or stdout for `-`."""
    from scanner.exports import formats

    export = formats()[form]
    if len(folders) > 1 and not export.several:
        raise click.UsageError(_("{form} takes one run in a file; write one after the other").format(form=form))
    if len(folders) > 1 and out is None:
        raise click.UsageError(_("name the file for several runs with --out"))
    with speaking(language):
        data = export.make([judged_at(folder, language) for folder in folders])
    if str(out) == "-":
        console.data(data)
        return
    target = out or folders[0].parent / f"{folders[0].name}.{export.suffix}"
    keep(target, data, mode=0o600)
    console.say(_("✓ report: {path}").format(path=target))


def judged_at(path: Path, language: str) -> Judged:
    """The judged run in this folder or bundle, as the exports take it; raises as `stored` does."""
    from scanner.exports.items import Judged
    from scanner.judge import advisories, derived
    from scanner.observations.patches import PatchesObservation
    from scanner.registry import load_checks
    from scanner.store import BASELINE, sightings

    found = stored(path)
    checks = load_checks(baseline=found.files[BASELINE])
    looked = derived(found.order, sightings(found.files), advisories(found.files, found.order))
    patches = {
        sight.subject: sighting.result
        for sight, (sighting, _digest) in looked.items()
        if isinstance(sighting.result, PatchesObservation)
    }
    return Judged(
        found.assessment,
        found.order,
        titles={check.id: check.title for check in checks.values()},
        fixes={check.id: check.fixes for check in checks.values()},
        patches=patches,
        language=language,
    )
