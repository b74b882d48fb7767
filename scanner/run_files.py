"""The files of a run: where each lies, and how one is named and told from another."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from scanner.record import Record, Sha256

ORDER = "order.json"
ASSESSMENT = "assessment.json"
MANIFEST = "manifest.json"
CONTACT = "contact.json"
JOURNAL = "journal.sqlite"
BASELINE = "inputs/baseline.yaml"
TAILORING = "inputs/tailoring.yaml"
DEVIATIONS = "inputs/deviations.yaml"
ANCHORS = "inputs/anchors.pem"
CRLS = "inputs/crls.pem"
PERMIT_ENVELOPE = "inputs/permit.dsse.json"
ADVISORIES = "inputs/advisories.json"
SCAN_EVIDENCE = "scan-evidence.dsse.json"
EVALUATION = "evaluation.dsse.json"
SIGNATURES = (SCAN_EVIDENCE, EVALUATION)
"""Envelopes that sign the manifest or the assessment, and so are not in the manifest themselves."""


def is_evidence(path: str) -> bool:
    """Whether a judgement rests on this file beyond what the order names by digest: what was seen, answered, and told by the feeds."""
    return path.startswith(("observations/", "attestations/")) or path == ADVISORIES


PATH = r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*){0,3}$"

FilePath = Annotated[str, StringConstraints(max_length=200, pattern=PATH)]
"""A relative path inside a run folder, with forward slashes and without dot segments."""


class FileDigest(Record):
    """A file by its path and SHA-256."""

    path: FilePath
    sha256: Sha256
