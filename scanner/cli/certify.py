"""The verbs that certify: seal, unseal, approve and issue, each from the files of the stage before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.clients import client_options, client_with, insist_on_all_or_none
from scanner.cli.console import Console, bundle_of, bytes_of, insist_on_free, keep, now, pass_console
from scanner.cli.roots import trust_at, trust_option
from scanner.cli.signing import confirmed, show, signer_at, signer_option
from scanner.faults import InputError
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from certification.trust import TrustRoot
    from scanner.decision import Decision

FILE = click.Path(path_type=Path, dir_okay=False)
BUNDLE = click.argument("bundle", type=FILE)
TRUST = trust_option()
REQUEST = click.option("--request", "request_file", type=FILE, required=True, help="The agency's signed request.")
SIGNER = signer_option("The key that signs, as file:key.pem or pkcs11:token=T;object=K?module-path=/usr/lib/x.so.")
RECIPIENTS = click.option(
    "--to",
    "recipients",
    multiple=True,
    metavar="RECIPIENT|FILE",
    help="Encrypt to this age recipient, or to those in a file; may be repeated.",
)
Command = Callable[..., Any]


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@SIGNER
@RECIPIENTS
@click.option("--out", type=FILE, required=True, help="The bundle to write.")
@pass_console
def seal(console: Console, run: Path, signer: str, recipients: tuple[str, ...], out: Path) -> None:
    """Sign the manifest of a judged run with the scanner's key and pack the run into one file for the road.

    Example: clearance seal run --signer file:scanner.pem --to authorities.txt --out run.bundle.age
    """
    from certification.recipients import sealed_to
    from certification.sealing import sign_scan_evidence
    from scanner.cli.stored import stored
    from scanner.record import sha256
    from scanner.store import EVALUATION, SCAN_EVIDENCE, Run, packed

    insist_on_free(out)
    if out.resolve().is_relative_to(run.resolve()):
        raise InputError(_("{path}: lies in the run that is sealed; name a place outside it").format(path=out))
    kept = stored(run)  # what is sealed is what was kept and judged, and not what somebody made of it since
    opened = Run.opened(run)
    readers = readers_of(recipients)
    opened.write_manifest()
    opened.write(SCAN_EVIDENCE, sign_scan_evidence(opened.files(), signer_at(signer), now()))
    bundle = packed(opened.files())
    keep(out, sealed_to(bundle, readers) if readers else bundle, mode=0o600)
    console.say(_("✓ sealed: {path}, SHA-256 {digest}").format(path=out, digest=sha256(bundle)))
    if not opened.has(EVALUATION):
        console.say(
            _("  ! no inspector signed its evaluation, so no authority takes it: clearance evaluate --signer, then seal again")
        )
    tell_decision(console, kept.assessment.decision)
    if readers:
        console.say(
            ngettext(
                "  encrypted to {count} recipient; the digest is that of the bundle inside",
                "  encrypted to {count} recipients; the digest is that of the bundle inside",
                len(readers),
            ).format(count=len(readers))
        )
    else:
        console.say(_("  confidential: it lists every weakness that was seen; --to encrypts it"))


@click.command()
@BUNDLE
@click.option(
    "--identity", type=FILE, required=True, help="Your age identity: `clearance keys new FILE --algorithm age` makes one."
)
@click.option("--out", type=FILE, required=True, help="The bundle to write, for you only.")
@pass_console
def unseal(console: Console, bundle: Path, identity: Path, out: Path) -> None:
    """Open a bundle that was encrypted to you; whether it is genuine, `verify`, `approve` and the others say as ever.

    Example: clearance unseal run.bundle.age --identity me.age --out run.bundle
    """
    from certification.recipients import unsealed
    from scanner.record import sha256
    from scanner.store import BUNDLE_LIMIT

    insist_on_free(out)
    ask = lambda name: str(click.prompt(_("Passphrase of {name}").format(name=name), hide_input=True, err=True))  # noqa: E731
    data = unsealed(bytes_of(bundle, limit=BUNDLE_LIMIT + OVERHEAD), identity, ask)
    keep(out, data, mode=0o600)
    console.say(_("✓ opened: {path}, SHA-256 {digest}").format(path=out, digest=sha256(data)))


def tell_decision(console: Console, decision: Decision) -> None:
    """Says the decision of a judged run, and where it allows no certificate."""
    from scanner.decision import Decision

    console.say(_("  the decision of its assessment: {decision}").format(decision=_(decision.value)))
    if decision in (Decision.DENY, Decision.INCOMPLETE):
        console.say(_("  ! it allows no certificate"))


OVERHEAD = 16 * 1024 * 1024
"""How much longer than the bundle an encrypted one may be."""


def readers_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The recipients that these words are, or that stand in the files they name."""
    from certification.recipients import read_recipients

    found: list[str] = []
    for word in words:
        text = word if word.startswith("age1") else bytes_of(Path(word)).decode("utf-8", "replace")
        found += read_recipients(text, word)
    return tuple(dict.fromkeys(found))


@click.command()
@BUNDLE
@REQUEST
@TRUST
@SIGNER
@click.option("--authorisation", type=FILE, help="The authorisation the other authority has signed already.")
@click.option("--yes", is_flag=True, help="Sign without asking, for rehearsals; a laboratory's trust root only.")
@click.option("--out", type=FILE, required=True)
@pass_console
def approve(
    console: Console, bundle: Path, request_file: Path, trust: Path, signer: str, authorisation: Path | None, yes: bool, out: Path
) -> None:
    """Judge the sealed evidence again, see what is signed, and approve it for one authority."""
    from certification.approval import approved
    from scanner.cli.papers import begun_token, keep_token, token_of

    insist_on_free(out, further=authorisation)
    insist_on_free(token_of(out), further=None if authorisation is None else token_of(authorisation))
    token = begun_token(authorisation)
    root = trust_at(trust)
    confirm = agreed(root, yes=yes)
    rejudge, code = judge_again()
    made = approved(
        evidence_in(bundle),
        bytes_of(request_file),
        root,
        now(),
        signer=signer_at(signer),
        rejudge=rejudge,
        confirm=confirm,
        code_digests=code,
        authorisation=None if authorisation is None else bytes_of(authorisation),
    )
    keep_token(out, made, token)
    keep(out, made.authorisation)
    if authorisation is None:
        console.say(_("✓ approved for one authority, the other one's approval is wanted too: {path}").format(path=out))
        console.say(_("  hand over with it {token}").format(token=token_of(out)))
    else:
        console.say(_("✓ approved: {path}").format(path=out))


@click.command()
@BUNDLE
@REQUEST
@TRUST
@click.option("--authorisation", type=FILE, required=True, help="The authorisation both authorities have signed.")
@click.option("--log", "log_file", type=FILE, required=True, help="The log it is entered in; `clearance log init` makes one.")
@click.option("--log-signer", required=True, metavar="URI", help="The log's key, as file:log.pem.")
@click.option("--out", type=FILE, required=True, help="The certificate to write.")
@client_options
@pass_console
def issue(
    console: Console,
    bundle: Path,
    request_file: Path,
    trust: Path,
    authorisation: Path,
    log_file: Path,
    log_signer: str,
    out: Path,
) -> None:
    """Issue the connection certificate, where both authorities approved and the decision allows it, and enter it in the log."""
    from certification.issue import issue as issued
    from certification.ledger import entered
    from certification.log_store import opened
    from scanner.cli.papers import keep_papers, own_token, papers_of, serial_in

    insist_on_all_or_none()
    for path in (out, proof_of(out), *papers_of(out)):
        insist_on_free(path)
    rejudge, code = judge_again()
    at, root = now(), trust_at(trust)
    certificate = issued(
        evidence_in(bundle),
        bytes_of(request_file),
        root,
        at,
        authorisation=bytes_of(authorisation),
        rejudge=rejudge,
        code_digests=code,
    )
    token = own_token(console, authorisation, certificate, root, at)
    # Logged before it is written: a certificate that exists stands in the log.
    with opened(log_file) as log:
        proof = entered(log, certificate, signer_at(log_signer), root, at)
    keep(proof_of(out), proof.written())
    keep(out, certificate)
    console.found(serial=serial_in(certificate), index=proof.index, log=proof.checkpoint.checkpoint.origin)
    console.say(_("✓ certificate: {path}").format(path=out))
    if token is not None:
        keep_papers(console, out, certificate, token, root, at)
    console.say(
        _("✓ entry {index} of {log}; once a witness has cosigned the log, prove it again with `clearance log prove`").format(
            index=proof.index, log=proof.checkpoint.checkpoint.origin
        )
    )
    client_with(console, certificate, root, at)


PDF_LIMIT = 32 * 1024 * 1024


def evidence_in(bundle: Path) -> Mapping[str, bytes]:
    """The files of this sealed bundle; refuses what is none, and a submission, which only holds one."""
    return evidence_of(bundle_of(bundle), str(bundle))


def evidence_of(data: bytes, where: str) -> Mapping[str, bytes]:
    """The files of the sealed bundle in these bytes, as `evidence_in` has them; `where` it lies is told."""
    from certification.refusals import Code, Refusal
    from certification.sealing import reading
    from certification.submission import is_submission
    from scanner.bundle import unpacked
    from scanner.findings import said

    with reading(where):
        files = unpacked(data)
    if is_submission(files):
        text = said("{path} is a submission, which holds a bundle: take it apart with `clearance receive`", path=where)
        raise Refusal(Code.SUBMISSION_MALFORMED, text)
    return files


def proof_of(certificate: Path) -> Path:
    """Where the proof of a certificate lies: beside it."""
    return certificate.with_name(certificate.name + ".tlog-proof")


def proof_at(path: Path) -> bytes:
    """The proof in this file; a certificate without one is refused, not verified by half."""
    from certification.refusals import Code, Refusal
    from scanner.findings import said

    if not path.is_file():
        raise Refusal(Code.NOT_IN_LOG, said("{path} is not there; name the proof with --proof", path=str(path)))
    return bytes_of(path)


def judge_again() -> tuple[Callable[[Mapping[str, bytes]], bytes], tuple[Any, ...]]:
    """The function that judges a bundle again with this installation's checks, and the digests of that code."""
    from scanner.judge import judge
    from scanner.registry import code_digests, load_checks

    checks = load_checks()
    code = code_digests(checks)
    return (lambda files: judge(files, checks, code).written()), code


def agreed(root: TrustRoot, *, yes: bool) -> Callable[[str], bool]:
    """What shows a person what will be signed and asks; with `yes` it only shows, which a laboratory alone allows."""
    from certification.keyring import RootKind

    if yes and root.keyring.kind is not RootKind.LABORATORY:
        raise click.UsageError(_("--yes works under a laboratory's trust root only; read what you sign and confirm it"))
    return _shown if yes else _confirmed


def _shown(text: str) -> bool:
    show(text)
    return True


def _confirmed(text: str) -> bool:
    show(text)
    return confirmed(_("Sign this?"), default=False, err=True)
