"""What `verify` takes besides a certificate's own forms: a sealed bundle, which authorises nothing, and a client certificate, which names what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.console import Console, bytes_of
from scanner.i18n import _

if TYPE_CHECKING:
    from certification.trust import TrustRoot
    from certification.verify import VerifiedCertificate

    Compare = Callable[[VerifiedCertificate], None]

_TAR = slice(257, 262)
HEAD = 512


def head_of(path: Path) -> bytes:
    """The first bytes of a file, by which its form is told; none where it cannot be read, which whoever reads it will say."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def is_bundle(head: bytes) -> bool:
    """Whether a file that begins so is meant as a sealed bundle, encrypted or not."""
    return head[_TAR] == b"ustar" or head.startswith(b"age-encryption.org/v1\n")


def is_client(head: bytes) -> bool:
    """Whether a file that begins so is meant as an X.509 certificate in PEM."""
    return head.lstrip().startswith(b"-----BEGIN CERTIFICATE-----")


def tell_bundle(
    console: Console,
    files: Mapping[str, bytes],
    root: TrustRoot,
    at: datetime,
    rejudge: Callable[[Mapping[str, bytes]], bytes] | None,
    code: tuple[Any, ...] | None,
) -> None:
    """Verifies a sealed bundle and says what it is evidence of; ends with the exit status of its decision, for it lets nobody in."""
    from certification.evidence import read_evidence
    from certification.recomputing import recomputed
    from certification.refusals import Code, Refusal
    from certification.submission import is_submission
    from scanner.cli.exits import ExitStatus, of
    from scanner.findings import said

    if is_submission(files):
        raise Refusal(
            Code.SUBMISSION_MALFORMED, said("a submission holds a bundle and is none: take it apart with `clearance receive`")
        )
    evidence = read_evidence(files, root, at)
    steps = [
        _("a scanner instance of the trust root sealed exactly these files"),
        _("every input is the one that the order names, and the permit was signed by the owner of the system's data"),
        _("an independent inspector whom the permit names signed the assessment of exactly this evidence"),
        _("what was seen was seen after the permit and the order, and before the seal"),
    ]
    if rejudge is not None:
        recomputed(files, rejudge, code)
        steps.append(_("judging the evidence again gives the same assessment, byte for byte"))
    console.steps(steps)
    told, form = evidence.assessment, "%Y-%m-%d %H:%M UTC"
    console.found(
        form="bundle",
        **told.model_dump(
            mode="json", include={"run", "agency", "system", "level", "decision", "observed_until", "evidence_until"}
        ),
        too_old=at >= evidence.evidence_until,
        judged_again=rejudge is not None,
    )
    console.say(
        _("✓ GENUINE  run {run}: system {system} of {agency}, level {level}, decision {decision}, seen until {seen}").format(
            run=told.run,
            system=told.system,
            agency=told.agency,
            level=told.level,
            decision=_(told.decision.value),
            seen=f"{evidence.observed_until:{form}}",
        )
    )
    if at >= evidence.evidence_until:
        console.say(_("  ! too old to rest a certificate on since {until}").format(until=f"{evidence.evidence_until:{form}}"))
    console.say(_("  ! evidence lets nobody in: a connection certificate does"))
    if rejudge is None:
        console.say(_("  ! without --recompute it was not judged again"))
    status = of(told.decision)
    if status is not ExitStatus.DONE:
        raise click.exceptions.Exit(status)


def behind_client(
    pem: bytes, root: TrustRoot, at: datetime, log_file: Path | None, ca_file: Path | None
) -> tuple[bytes, Compare]:
    """The authorisation in the log that this client certificate is for, and what compares the two once that is verified."""
    from certification.authorisation import AuthorisationStatement
    from certification.client_certificate import insist_on_certificate, x509_serial
    from certification.connection_ca import read_ca, read_certificate
    from certification.envelope import read_envelope
    from certification.log_store import opened
    from certification.refusals import Code, Refusal
    from scanner.findings import said
    from scanner.record import sha256

    if log_file is None or ca_file is None:
        text = _(
            "a client certificate names its authorisation and does not hold it: name the log with --log and the CA with --ca"
        )
        raise click.UsageError(text)
    certificate, ca = read_certificate(pem), read_ca(bytes_of(ca_file), root, at)
    with opened(log_file) as log:
        for entry in log.entries():
            if entry.kind != AuthorisationStatement.kind():
                continue
            if x509_serial(sha256(read_envelope(entry.envelope).payload), ca) == certificate.serial_number:
                return entry.envelope, lambda found: insist_on_certificate(certificate, found.granted, found.payload_sha256, ca)
    raise Refusal(Code.NOT_IN_LOG, said("no certificate in the log leads to this client certificate"))
