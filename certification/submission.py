"""A submission: the sealed bundle and the agency's request for it in one file, as it travels to the authorities by USB stick.

It is signed by nobody, and proves nothing that the two files in it do not prove themselves; it only keeps them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from certification.envelope import read_envelope
from certification.refusals import Code, Refusal
from certification.request import Kind, RequestPredicate, RequestStatement
from certification.sealing import reading
from certification.statements import read_statement
from scanner.bundle import packed, unpacked
from scanner.findings import said
from scanner.record import Name, Record, Sha256, sha256

ABOUT, BUNDLE, REQUEST = "submission.json", "run.bundle", "request.dsse.json"


class Submission(Record):
    """What is in a submission; nobody's signature stands under it, and everything in it follows from the two files."""

    schema_version: Literal[1] = 1
    agency: Name
    system: Name
    run: Name
    kind: Kind
    bundle_sha256: Sha256
    request_sha256: Sha256


@dataclass(frozen=True, slots=True)
class Submitted:
    """The two files of a submission that belong together. Nobody's signature has been verified."""

    about: Submission
    bundle: bytes
    request: bytes


def is_submission(files: Mapping[str, bytes]) -> bool:
    """Whether these files of a tar are meant as a submission."""
    return ABOUT in files


def submission(bundle: bytes, request: bytes) -> bytes:
    """The one file for this sealed bundle and the request for it; the same bytes for the same two. Refuses a request for another bundle."""
    with reading("the bundle"):
        unpacked(bundle)
    asked = _asked(request)
    about = _about(bundle, request, asked)
    if asked.bundle_sha256 != about.bundle_sha256:
        raise Refusal(Code.REQUEST_DIFFERS, said("the request is for another bundle of run {run}", run=asked.run))
    return packed({ABOUT: about.written(), BUNDLE: bundle, REQUEST: request})


def read_submission(data: bytes) -> Submitted:
    """The two files in this one; refuses any other packing, any other file, and two that do not belong together."""
    with reading("the submission"):
        files = unpacked(data)
    if files.keys() != {ABOUT, BUNDLE, REQUEST}:
        names = ", ".join(sorted(files))[:200]
        raise Refusal(Code.SUBMISSION_MALFORMED, said("it holds {names}, which is no submission", names=names))
    bundle, request = files[BUNDLE], files[REQUEST]
    if submission(bundle, request) != data:
        raise Refusal(Code.SUBMISSION_MALFORMED, said("it says of its files what they do not say"))
    return Submitted(_about(bundle, request, _asked(request)), bundle, request)


def _asked(request: bytes) -> RequestPredicate:
    return read_statement(read_envelope(request).payload, RequestStatement).predicate


def _about(bundle: bytes, request: bytes, asked: RequestPredicate) -> Submission:
    return Submission(
        agency=asked.agency,
        system=asked.system,
        run=asked.run,
        kind=asked.kind,
        bundle_sha256=sha256(bundle),
        request_sha256=sha256(request),
    )
