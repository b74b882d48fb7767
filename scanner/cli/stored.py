"""Stored runs, as the verbs that compare them read them: a run folder, or a sealed bundle, each with its assessment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.cli.console import files_in
from scanner.faults import InputError
from scanner.i18n import _

if TYPE_CHECKING:
    from scanner.assessment import Assessment
    from scanner.order import Order


@dataclass(frozen=True, slots=True)
class Stored:
    """A judged run whose files are what its manifest says."""

    files: Mapping[str, bytes]
    order: Order
    assessment: Assessment


def stored(path: Path) -> Stored:
    """The judged run in this folder or bundle; no signature is verified here, as `clearance verify` does.

    Raises InputError where it is not judged yet, StoreError where its files are not what its manifest or assessment says.
    """
    from scanner.order import Order
    from scanner.store import ASSESSMENT, ORDER

    if path.is_dir() and (path / ORDER).is_file() and not (path / ASSESSMENT).is_file():
        raise _not_judged(path)
    files = files_of(path)
    return Stored(files, Order.read(files[ORDER]), assessment_in(files, path))


def files_of(path: Path) -> dict[str, bytes]:
    """The files of a run folder or a sealed bundle; raises StoreError where they are not what the manifest says."""
    from scanner.store import MANIFEST, ORDER, Run, StoreError, manifest_of

    if not path.is_file():
        run = Run.opened(path)
        run.insist_on_manifest()
        return run.files()
    files = files_in(path)
    if ORDER not in files or files.get(MANIFEST) != manifest_of(files).written():
        raise StoreError(_("{path}: the bundle's files are not what its manifest says").format(path=path))
    return files


def assessment_in(files: Mapping[str, bytes], where: Path) -> Assessment:
    """The assessment among these files; raises InputError where there is none, StoreError where it rests on other evidence."""
    from scanner.assessment import Assessment
    from scanner.record import sha256
    from scanner.run_files import is_evidence
    from scanner.store import ASSESSMENT, ORDER, StoreError

    if ASSESSMENT not in files:
        raise _not_judged(where)
    assessment = Assessment.read(files[ASSESSMENT])
    held = {path: sha256(data) for path, data in files.items() if is_evidence(path)}
    if assessment.order != sha256(files[ORDER]) or held != {entry.path: entry.sha256 for entry in assessment.evidence}:
        text = _("{run}: the assessment was made from other evidence than lies here; run `clearance evaluate {run}` again")
        raise StoreError(text.format(run=where))
    return assessment


def _not_judged(where: Path) -> InputError:
    return InputError(_("{run}: not judged yet; run `clearance evaluate {run}` first").format(run=where))
