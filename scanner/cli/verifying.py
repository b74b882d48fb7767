"""The verb verify: what a certificate is, in whichever form it lies before a person, and what its log and its evidence say of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.certify import FILE, TRUST, evidence_in, judge_again, proof_at, proof_of
from scanner.cli.console import Console, bytes_of, head_of, moment, now, pass_console
from scanner.cli.roots import trust_at
from scanner.i18n import _

if TYPE_CHECKING:
    from certification.status import Standing
    from certification.trust import TrustRoot
    from certification.verify import VerifiedCertificate


@click.command()
@click.argument("certificate", type=FILE)
@TRUST
@click.option("--proof", type=FILE, help="The proof that it stands in a log; CERTIFICATE.tlog-proof where it is not given.")
@click.option("--log", "log_file", type=FILE, help="The log itself: proves it, and says whether it is suspended or revoked.")
@click.option("--checkpoint", type=FILE, help="A checkpoint that was kept earlier: the log of --log must begin with it.")
@click.option("--bundle", type=FILE, help="The sealed bundle the certificate rests on.")
@click.option("--recompute", is_flag=True, help="Judge the bundle again and compare, byte for byte.")
@click.option(
    "--ca", "ca_file", type=FILE, help="The connection CA's own certificate, where CERTIFICATE is a client certificate."
)
@click.option("--at", help="As of this instant; now where it is not given.")
@pass_console
def verify(
    console: Console,
    certificate: Path,
    trust: Path,
    proof: Path | None,
    log_file: Path | None,
    checkpoint: Path | None,
    bundle: Path | None,
    recompute: bool,
    ca_file: Path | None,
    at: str | None,
) -> None:
    """Verify a connection certificate offline; every refusal has its own code, and exit status 12, or 13 where it is policy.

    CERTIFICATE is the envelope, its PDF (which is made again and compared, byte for byte), its .tlog-proof, a file with a QR code's text, or, with
    --log and --ca, an X.509 client certificate. Of a QR code alone only its signatures are verified; with --log the certificate that it is of. A
    sealed bundle is verified too; it lets nobody in, and ends with the exit status of its decision.

    Example: clearance verify certificate.pdf --trust trust.dsse.json --log authorisations.log
    """
    from scanner.cli.forms import behind, insist_on_use, is_bundle, is_client, is_exercise, tell_bundle, tell_exercise

    head, instant = head_of(certificate), moment(at)
    _insist_on_log(log_file, checkpoint, proof)
    if is_bundle(head):
        insist_on_use(_("a sealed bundle"), log=log_file, proof=proof, bundle=bundle, ca=ca_file)
        again = judge_again() if recompute else (None, None)
        tell_bundle(console, evidence_in(certificate), trust_at(trust, instant), instant, *again)
        return
    if recompute and bundle is None:
        raise click.UsageError(_("--recompute needs the bundle: name it with --bundle"))
    if not is_client(head):
        insist_on_use(_("what is no client certificate"), ca=ca_file)
    root = trust_at(trust, instant)
    given = behind(console, certificate, head, root, instant, log_file=log_file, ca_file=ca_file, further=(proof, bundle))
    if given is None:
        return
    from certification.verify import verify as verified

    rejudge, code = judge_again() if recompute else (None, None)
    shown, standings = (
        (proof_at(proof or proof_of(given.path)), None)
        if log_file is None
        else _by_log(log_file, given.envelope, root, checkpoint)
    )
    found = verified(
        given.envelope,
        root,
        instant,
        bundle=None if bundle is None else evidence_in(bundle),
        rejudge=rejudge,
        code_digests=code,
        proof=shown,
        standings=standings,
    )
    steps = [step.explanation for step in found.steps]
    if given.compare is not None:
        steps.append(given.compare(found))
    _tell_valid(console, found, steps)
    tell_exercise(console, root, laboratory=found.granted.baseline.laboratory)
    console.found(
        form="certificate",
        **_data_of(found),
        exercise=is_exercise(root, laboratory=found.granted.baseline.laboratory),
        standing_known=log_file is not None,
        evidence="not-looked-at" if bundle is None else "judged-again" if recompute else "compared",
    )
    if log_file is None:
        console.say(_("  ! without --log nobody can tell whether it was suspended or revoked since"))
    elif checkpoint is None:
        console.say(_("  ! without --checkpoint nobody can tell whether the log was longer before"))
    if bundle is None:
        console.say(_("  ! without --bundle the evidence behind it was not looked at"))


def _insist_on_log(log_file: Path | None, checkpoint: Path | None, proof: Path | None) -> None:
    """Returns where what is said of the log can be looked at."""
    from scanner.cli.forms import insist_on_use

    if log_file is not None:
        insist_on_use(_("--log, which proves by itself"), proof=proof)
    elif checkpoint is not None:
        raise click.UsageError(_("--checkpoint is held against the log: name it with --log"))


def _tell_valid(console: Console, found: VerifiedCertificate, steps: list[str]) -> None:
    """Says what was verified, step by step, and what it came to."""
    console.steps(steps)
    granted = found.granted
    console.say(
        _("✓ VALID  {serial}: {kind} connection for {agency}, level {level}, from {begins} until {ends}").format(
            serial=granted.serial,
            kind=_(granted.kind.value),
            agency=granted.agency.code,
            level=granted.system.level,
            begins=f"{granted.not_before:%Y-%m-%d %H:%M} UTC",
            ends=f"{granted.not_after:%Y-%m-%d %H:%M} UTC",
        )
    )
    if found.watch is not None:
        console.say(
            _("  the log was last seen by {witness} on {when}").format(
                witness=found.watch.witness, when=f"{found.watch.at:%Y-%m-%d %H:%M} UTC"
            )
        )


def _data_of(found: VerifiedCertificate) -> dict[str, Any]:
    """The verified certificate as values of JSON, by the names that it has them under."""
    granted = found.granted.model_dump(mode="json")
    return {
        **{name: granted[name] for name in ("serial", "kind", "scope", "not_before", "not_after")},
        "agency": found.granted.agency.code,
        "system": found.granted.system.id,
        "level": found.granted.system.level,
        "payload_sha256": found.payload_sha256,
        "witness": None if found.watch is None else found.watch.witness,
        "witnessed_at": None if found.watch is None else f"{found.watch.at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _by_log(path: Path, certificate: bytes, root: TrustRoot, checkpoint: Path | None) -> tuple[bytes, Mapping[str, Standing]]:
    """The proof from the log itself, audited, and what has become of this certificate and of those it has to do with."""
    from certification.bearing import bearing, words_of
    from certification.checkpoint import read_checkpoint
    from certification.envelope import read_envelope
    from certification.ledger import history, in_time, proven
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.status import replayed

    older = [] if checkpoint is None else [read_checkpoint(bytes_of(checkpoint))]
    with opened(path) as log:
        in_time(log, now())
        audited(log, root, now(), older)
        told = bearing(log, words_of(read_envelope(certificate).payload))
        return proven(log, certificate).written(), replayed(history(told, root))
