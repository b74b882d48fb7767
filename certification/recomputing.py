"""Recomputing: the judgement, made again from the evidence; it must come out the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from certification.refusals import Code, Refusal
from certification.sealing import assessment_of, file_of
from scanner.assessment import Assessment
from scanner.faults import StoreError
from scanner.findings import said
from scanner.record import RecordError, sha256
from scanner.run_files import ASSESSMENT, FileDigest

Rejudge = Callable[[Mapping[str, bytes]], bytes]
"""Judges the files of a run with the checks of this installation: the bytes of the assessment."""


def recomputed(files: Mapping[str, bytes], rejudge: Rejudge, code_digests: Iterable[FileDigest] | None = None) -> None:
    """Returns where judging again gives the very assessment; other checks are their own refusal, not a forgery."""
    assessment = assessment_of(files)
    if code_digests is not None:
        _same_checks(assessment, code_digests)
    try:
        again = rejudge(MappingProxyType(dict(files)))
        other = Assessment.read(again)
    except (RecordError, StoreError) as error:
        raise Refusal(Code.RECOMPUTE_FAILED, said("judging again failed: {why}", why=str(error))) from None
    _same_checks(assessment, other.checks)
    if again != file_of(files, ASSESSMENT):
        message = said(
            "judged again it is {seen} (SHA-256 {digest}), and was {wanted}",
            seen=other.decision,
            digest=sha256(again),
            wanted=assessment.decision,
        )
        raise Refusal(Code.RECOMPUTE_DIFFERS, message)


def _same_checks(assessment: Assessment, code: Iterable[FileDigest]) -> None:
    then, now = ({file.path: file.sha256 for file in files} for files in (assessment.checks, code))
    for path in sorted(then.keys() | now.keys()):
        if then.get(path) != now.get(path):
            raise Refusal(Code.CHECKS_DIFFER, said("{path} is not what it was when this was judged", path=path))
