"""The verbs by which an application travels: submit, at the agency, and receive, at an authority."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.certify import BUNDLE, FILE, OVERHEAD, RECIPIENTS, evidence_of, readers_of, tell_decision
from scanner.cli.console import Console, bundle_of, bytes_of, insist_on_free, keep, moment, pass_console
from scanner.cli.roots import trust_at, trust_option
from scanner.faults import InputError, StoreError
from scanner.i18n import _
from scanner.refused_files import why

if TYPE_CHECKING:
    from certification.submission import Submission

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@BUNDLE
@click.option("--request", "request_file", type=FILE, required=True, help="The agency's signed request for this bundle.")
@RECIPIENTS
@click.option("--out", type=FILE, required=True, help="The file to write, as on a USB stick; nothing is overwritten.")
@pass_console
def submit(console: Console, bundle: Path, request_file: Path, recipients: tuple[str, ...], out: Path) -> None:
    """Put a sealed bundle and the request for it into one file for the authorities, and read it back to see that it arrived.

    Example: clearance submit run.bundle --request request.dsse.json --to authorities.txt --out /media/usb/H15.submission.age
    """
    from certification.recipients import sealed_to
    from certification.sealing import assessment_of
    from certification.submission import read_submission, submission
    from scanner.record import sha256

    insist_on_free(out)
    readers, sealed = readers_of(recipients), bundle_of(bundle)
    decision = assessment_of(evidence_of(sealed, str(bundle))).decision
    made = submission(sealed, bytes_of(request_file))
    about = read_submission(made).about  # what nobody could receive is not written
    written = sealed_to(made, readers) if readers else made
    keep(out, written, mode=0o600)
    if sha256(bytes_of(out, limit=len(written) + 1)) != sha256(written):
        out.unlink(missing_ok=True)
        raise StoreError(_("{path}: what was read back is not what was written; the medium may be broken").format(path=out))
    console.say(_("✓ submission: {path}, written and read back").format(path=out))
    _tell(console, about, verified=False)
    tell_decision(console, decision)
    if not readers:
        console.say(_("  confidential: it lists every weakness that was seen; --to encrypts it"))


@click.command()
@click.argument("submission", type=FILE)
@trust_option("The trust root by which seal, evaluation, permit and request are verified.", required=False)
@click.option("--out", type=FOLDER, required=True, help="The folder to make for the two files.")
@pass_console
def receive(console: Console, submission: Path, trust: Path | None, out: Path) -> None:
    """Take a submission apart into its sealed bundle and its request, which must belong together; with --trust, verify both.

    An encrypted one is opened first: clearance unseal. Example: clearance receive H15.submission --trust trust.dsse.json --out H15
    """
    from certification.grounds import read_grounds
    from certification.sealing import assessment_of, reading
    from certification.submission import BUNDLE as BUNDLE_NAME
    from certification.submission import REQUEST, read_submission
    from scanner.bundle import unpacked

    if out.exists() or out.is_symlink():
        raise InputError(_("{path}: is there already, and nothing is overwritten").format(path=out))
    found = read_submission(bundle_of(submission, spare=OVERHEAD))
    with reading(BUNDLE_NAME):
        files = unpacked(found.bundle)
    if trust is not None:
        at = moment(None)
        read_grounds(files, found.request, trust_at(trust, at), at)
    decision = assessment_of(files).decision
    _kept(out, {BUNDLE_NAME: found.bundle, REQUEST: found.request})
    console.say(_("✓ received: {path}").format(path=out))
    _tell(console, found.about, verified=trust is not None)
    if trust is None:
        console.say(_("  ! nothing was verified but that the two belong together: name the trust root with --trust"))
    else:
        console.say(_("  ✓ seal, permit, evaluation and request are signed by whom they must be, and rest on each other"))
    tell_decision(console, decision)
    console.say(
        _(
            "next: clearance report {bundle} --for approver, then clearance approve {bundle} --request {request} --trust TRUST --signer URI --out authorisation.dsse.json"
        ).format(bundle=out / BUNDLE_NAME, request=out / REQUEST)
    )


def _tell(console: Console, about: Submission, *, verified: bool) -> None:
    """Says what was submitted, with the digests as they are read out on the telephone."""
    from certification.relied import grouped

    console.found(**about.model_dump(mode="json"), verified=verified)
    console.say(
        _("  {agency}, system {system}, run {run}: a {kind} connection is asked for").format(
            agency=about.agency, system=about.system, run=about.run, kind=_(about.kind.value)
        )
    )
    console.say(_("  bundle   SHA-256 {digest}").format(digest=grouped(about.bundle_sha256)))
    console.say(_("  request  SHA-256 {digest}").format(digest=grouped(about.request_sha256)))


def _kept(folder: Path, files: dict[str, bytes]) -> None:
    """Makes the folder with these files, or nothing at all."""
    made: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        for name, data in files.items():
            with os.fdopen(os.open(made / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        made.rename(folder)
    except OSError as error:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        raise StoreError(_("{path}: {why}; nothing was half-written").format(path=folder, why=why(error))) from error
