"""The verbs that certify: seal, request, approve, issue and verify, each from the files of the stage before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.clients import client_options, client_with, insist_on_all_or_none
from scanner.cli.console import Console, bundle_of, bytes_of, files_in, keep, moment, now, pass_console
from scanner.cli.roots import trust_at, trust_option
from scanner.cli.signing import show, signer_at, signer_option
from scanner.i18n import _, ngettext

if TYPE_CHECKING:
    from certification.status import Standing
    from certification.trust import TrustRoot
    from certification.verify import VerifiedCertificate

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
    from scanner.store import SCAN_EVIDENCE, Run, packed

    stored(run)  # what is sealed is what was kept and judged, and not what somebody made of it since
    opened = Run.opened(run)
    readers = readers_of(recipients)
    opened.write_manifest()
    opened.write(SCAN_EVIDENCE, sign_scan_evidence(opened.files(), signer_at(signer), now()))
    bundle = packed(opened.files())
    keep(out, sealed_to(bundle, readers) if readers else bundle, mode=0o600)
    console.say(_("✓ sealed: {path}, SHA-256 {digest}").format(path=out, digest=sha256(bundle)))
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

    ask = lambda name: str(click.prompt(_("Passphrase of {name}").format(name=name), hide_input=True, err=True))  # noqa: E731
    data = unsealed(bytes_of(bundle, limit=BUNDLE_LIMIT + OVERHEAD), identity, ask)
    keep(out, data, mode=0o600)
    console.say(_("✓ opened: {path}, SHA-256 {digest}").format(path=out, digest=sha256(data)))


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
    from scanner.cli.papers import keep_token

    root = trust_at(trust)
    confirm = agreed(root, yes=yes)
    rejudge, code = judge_again()
    made = approved(
        files_in(bundle),
        bytes_of(request_file),
        root,
        now(),
        signer=signer_at(signer),
        rejudge=rejudge,
        confirm=confirm,
        code_digests=code,
        authorisation=None if authorisation is None else bytes_of(authorisation),
    )
    keep_token(out, made, authorisation)
    keep(out, made.authorisation)
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
    from scanner.cli.papers import keep_papers, serial_in, token_of

    insist_on_all_or_none()
    rejudge, code = judge_again()
    at, root = now(), trust_at(trust)
    certificate = issued(
        files_in(bundle),
        bytes_of(request_file),
        root,
        at,
        authorisation=bytes_of(authorisation),
        rejudge=rejudge,
        code_digests=code,
    )
    # Logged before it is written: a certificate that exists stands in the log.
    with opened(log_file) as log:
        proof = entered(log, certificate, signer_at(log_signer), root, at)
    keep(proof_of(out), proof.written())
    keep(out, certificate)
    console.found(serial=serial_in(certificate), index=proof.index, log=proof.checkpoint.checkpoint.origin)
    console.say(_("✓ certificate: {path}").format(path=out))
    keep_papers(console, out, certificate, token_of(authorisation), root, at)
    console.say(
        _("✓ entry {index} of {log}; once a witness has cosigned the log, prove it again with `clearance log prove`").format(
            index=proof.index, log=proof.checkpoint.checkpoint.origin
        )
    )
    client_with(console, certificate, root, at)


@click.command()
@click.argument("certificate", type=FILE)
@TRUST
@click.option("--proof", type=FILE, help="The proof that it stands in a log; CERTIFICATE.tlog-proof where it is not given.")
@click.option("--log", "log_file", type=FILE, help="The log itself: proves it, and says whether it is suspended or revoked.")
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
    bundle: Path | None,
    recompute: bool,
    ca_file: Path | None,
    at: str | None,
) -> None:
    """Verify a connection certificate offline; every refusal has its own code and exit status 12.

    CERTIFICATE is the envelope, its PDF (which is made again and compared, byte for byte), its .tlog-proof, a file with a QR code's text, or, with
    --log and --ca, an X.509 client certificate. A sealed bundle is verified too; it lets nobody in, and ends with the exit status of its decision.

    Example: clearance verify certificate.pdf --trust trust.dsse.json --log authorisations.log
    """
    from scanner.cli.forms import head_of, is_bundle, is_client
    from scanner.cli.papers import beside, envelope_in, is_token, tell_token

    head = head_of(certificate)
    if is_bundle(head):
        from scanner.cli.forms import tell_bundle

        instant = moment(at)
        again = judge_again() if recompute else (None, None)
        tell_bundle(console, _files(certificate), trust_at(trust, instant), instant, *again)
        return
    if recompute and bundle is None:
        raise click.UsageError(_("--recompute needs the bundle: name it with --bundle"))
    instant = moment(at)
    rejudge, code = judge_again() if recompute else (None, None)
    certificate = certificate.with_name(certificate.name.removesuffix(".tlog-proof"))
    envelope, root = bytes_of(certificate, limit=PDF_LIMIT), trust_at(trust, instant)
    if is_token(envelope):
        tell_token(console, envelope.decode("ascii", "replace"), root, instant)
        return
    if envelope.startswith(b"%PDF-"):
        envelope = envelope_in(console, envelope, root, instant)
        certificate = beside(certificate)
    insist_on_client = None
    if is_client(head):
        from scanner.cli.forms import behind_client

        envelope, insist_on_client = behind_client(envelope, root, instant, log_file, ca_file)
    from certification.verify import verify as verified

    shown, standings = (proof_at(proof or proof_of(certificate)), None) if log_file is None else _by_log(log_file, envelope, root)
    found = verified(
        envelope,
        root,
        instant,
        bundle=None if bundle is None else _files(bundle),
        rejudge=rejudge,
        code_digests=code,
        proof=shown,
        standings=standings,
    )
    steps = [step.explanation for step in found.steps]
    if insist_on_client is not None:
        insist_on_client(found)
        steps.append(_("the client certificate is the one that follows from it, signed by the connection CA"))
    _tell_valid(console, found, steps)
    console.found(
        form="certificate",
        **_data_of(found),
        standing_known=log_file is not None,
        evidence="not-looked-at" if bundle is None else "judged-again" if recompute else "compared",
    )
    if log_file is None:
        console.say(_("  ! without --log nobody can tell whether it was suspended or revoked since"))
    if bundle is None:
        console.say(_("  ! without --bundle the evidence behind it was not looked at"))


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


def _files(bundle: Path) -> Mapping[str, bytes]:
    """The files of this sealed bundle; refuses what is none."""
    from certification.sealing import reading
    from scanner.bundle import unpacked

    data = bundle_of(bundle)
    with reading(str(bundle)):
        return unpacked(data)


def _by_log(path: Path, certificate: bytes, root: TrustRoot) -> tuple[bytes, Mapping[str, Standing]]:
    """The proof from the log itself, audited, and what has become of this certificate and of those it has to do with."""
    from certification.bearing import bearing, words_of
    from certification.envelope import read_envelope
    from certification.ledger import history, in_time, proven
    from certification.log_audit import audited
    from certification.log_store import opened
    from certification.status import replayed

    with opened(path) as log:
        in_time(log, now())
        audited(log, root, now())
        told = bearing(log, words_of(read_envelope(certificate).payload))
        return proven(log, certificate).written(), replayed(history(told, root))


PDF_LIMIT = 32 * 1024 * 1024


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
    return click.confirm(_("Sign this?"), default=False, err=True)
