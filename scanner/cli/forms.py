"""The forms that `verify` takes: a certificate's envelope, its PDF, its QR code, a client certificate, which names what it rests on, and a sealed bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.certify import PDF_LIMIT
from scanner.cli.console import Console, bytes_of
from scanner.i18n import _

if TYPE_CHECKING:
    from certification.trust import TrustRoot
    from certification.verify import VerifiedCertificate
    from scanner.findings import Message

    Compare = Callable[[VerifiedCertificate], str]
    """Compares what was given with the certificate behind it, and says what that showed."""

_TAR = slice(257, 262)


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
    from scanner.cli.exits import ExitStatus, of

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
        exercise=is_exercise(root, laboratory=told.baseline.laboratory),
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
    tell_exercise(console, root, laboratory=told.baseline.laboratory)
    if at >= evidence.evidence_until:
        console.say(_("  ! too old to rest a certificate on since {until}").format(until=f"{evidence.evidence_until:{form}}"))
    console.say(_("  ! evidence lets nobody in: a connection certificate does"))
    if rejudge is None:
        console.say(_("  ! without --recompute it was not judged again"))
    status = of(told.decision)
    if status is not ExitStatus.DONE:
        raise click.exceptions.Exit(status)


@dataclass(frozen=True, slots=True)
class Given:
    """The certificate that was given, in whichever form."""

    envelope: bytes
    path: Path
    """By which its proof is looked for."""
    compare: Compare | None = None


def behind(
    console: Console,
    path: Path,
    head: bytes,
    root: TrustRoot,
    at: datetime,
    *,
    log_file: Path | None,
    ca_file: Path | None,
    further: tuple[Path | None, Path | None],
) -> Given | None:
    """The certificate's envelope, which is the file itself, or in it, or named by it; None of a QR code alone, of which all is told here.

    `further` are the proof and the bundle, which without a log nobody could look at for a code.
    """
    from scanner.cli.papers import beside, envelope_in, is_token, tell_token

    path = path.with_name(path.name.removesuffix(".tlog-proof"))
    data = bytes_of(path, limit=PDF_LIMIT)
    if is_token(data):
        text = data.decode("ascii", "replace")
        if log_file is not None:
            return Given(*_behind_token(text, root, at, log_file))
        insist_on_use(_("a QR code without --log"), proof=further[0], bundle=further[1])
        tell_token(console, text, root, at)
        return None
    if data.startswith(b"%PDF-"):
        return Given(envelope_in(console, data, root, at), beside(path))
    if is_client(head):
        return Given(*_behind_client(data, root, at, log_file, ca_file))
    return Given(data, path)


def _behind_client(
    pem: bytes, root: TrustRoot, at: datetime, log_file: Path | None, ca_file: Path | None
) -> tuple[bytes, Path, Compare]:
    """The authorisation in the log that this client certificate is for, and what compares the two once that is verified."""
    from certification.client_certificate import insist_on_certificate, x509_serial
    from certification.connection_ca import read_ca, read_certificate
    from scanner.findings import said

    if log_file is None or ca_file is None:
        text = _(
            "a client certificate names its authorisation and does not hold it: name the log with --log and the CA with --ca"
        )
        raise click.UsageError(text)
    certificate, ca = read_certificate(pem), read_ca(bytes_of(ca_file), root, at)

    def compare(found: VerifiedCertificate) -> str:
        insist_on_certificate(certificate, found.granted, found.payload_sha256, ca)
        return _("the client certificate is the one that follows from it, signed by the connection CA")

    none = said("no certificate in the log leads to this client certificate")
    return _logged(log_file, lambda digest: x509_serial(digest, ca) == certificate.serial_number, none), log_file, compare


def _behind_token(text: str, root: TrustRoot, at: datetime, log_file: Path) -> tuple[bytes, Path, Compare]:
    """The authorisation in the log that this QR code's text names, and what compares the two once that is verified."""
    from certification.field_check import belongs
    from certification.qr_token import authorisation_in
    from scanner.findings import said

    digest = authorisation_in(text)

    def compare(found: VerifiedCertificate) -> str:
        belongs(text, found.statement, root, at)
        return _("the QR code is that of this certificate")

    none = said("no certificate in the log is the one that the code names")
    return _logged(log_file, lambda found: found == digest, none), log_file, compare


def _logged(log_file: Path, wanted: Callable[[str], bool], none: Message) -> bytes:
    """The envelope of the authorisation in the log whose payload's SHA-256 is wanted; a Refusal, with `none`, where there is none."""
    from certification.authorisation import AuthorisationStatement
    from certification.envelope import read_envelope
    from certification.log_store import opened
    from certification.refusals import Code, Refusal
    from scanner.record import sha256

    with opened(log_file) as log:
        for entry in log.entries():
            if entry.kind == AuthorisationStatement.kind() and wanted(sha256(read_envelope(entry.envelope).payload)):
                return entry.envelope
    raise Refusal(Code.NOT_IN_LOG, none)


def is_exercise(root: TrustRoot, *, laboratory: bool) -> bool:
    """Whether the trust root is a laboratory's, or the baseline is."""
    from certification.keyring import RootKind

    return laboratory or root.keyring.kind is not RootKind.PRODUCTION


def tell_exercise(console: Console, root: TrustRoot, *, laboratory: bool) -> None:
    """Says where what was verified is an exercise, which is nothing to let anybody in by."""
    if is_exercise(root, laboratory=laboratory):
        console.say(_("  ! an exercise: a laboratory's baseline or trust root lets nobody into the national database"))


def insist_on_use(what: str, **options: object) -> None:
    """Returns where none of these options was given, which would not be looked at; nothing is passed over in silence."""
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        text = _("{options} cannot be used with {what}: nothing would be looked at there; leave it out")
        raise click.UsageError(text.format(options=", ".join(given), what=what))
