"""What comes with a certificate: the QR token's text and picture, and the PDF; how each is written, and verified."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.certify import FILE, PDF_LIMIT, SIGNER, TRUST, agreed, proof_of
from scanner.cli.console import Console, bytes_of, insist_on_free, keep, now, pass_console
from scanner.cli.roots import trust_at
from scanner.cli.signing import signer_at
from scanner.faults import InputError
from scanner.i18n import _

if TYPE_CHECKING:
    from datetime import datetime

    from certification.approval import Approved
    from certification.authorisation import AuthorisationStatement
    from certification.qr_token import QrSignature
    from certification.trust import TrustRoot


@click.command()
@click.argument("pdf", type=FILE)
@TRUST
@SIGNER
@click.option(
    "--x509",
    "x509",
    type=FILE,
    required=True,
    help="The X.509 certificate of the signer's key (PEM), as programs that read PDFs want it.",
)
@click.option("--yes", is_flag=True, help="Sign without asking, for rehearsals; a laboratory's trust root only.")
@click.option("--out", type=FILE, required=True)
@pass_console
def countersign(console: Console, /, pdf: Path, trust: Path, signer: str, x509: Path, yes: bool, out: Path) -> None:
    """Add an approver's signature to a certificate's PDF (PAdES); the certificate counts without it."""
    from certification.countersigning import countersign as countersigned

    if out.resolve() != pdf.resolve():
        insist_on_free(out)
    root = trust_at(trust)
    made = countersigned(
        bytes_of(pdf, limit=PDF_LIMIT), bytes_of(x509), root, now(), signer=signer_at(signer), confirm=agreed(root, yes=yes)
    )
    keep(out, made)
    console.say(_("✓ countersigned: {path}").format(path=out))


def serial_in(envelope: bytes) -> str:
    """The serial of the certificate in this envelope, which was verified before."""
    return _statement_in(envelope).predicate.serial


def token_of(authorisation: Path) -> Path:
    """Where the QR token of an authorisation or certificate lies: beside it."""
    return authorisation.with_name(authorisation.name + ".qr.txt")


def begun_token(authorisation: Path | None) -> str | None:
    """The text of the token beside this authorisation, which must say what it says; None where none was begun. Looked at before anything is signed."""
    from certification.field_check import words_of
    from certification.qr_token import POINTER, joined, read_token
    from certification.refusals import Code, Refusal
    from scanner.findings import said

    if authorisation is None:
        return None
    path = token_of(authorisation)
    if not path.is_file():
        raise InputError(_("{path}: is not there; the first approver hands it over with the authorisation").format(path=path))
    text = bytes_of(path).decode("ascii", "replace").strip()
    words = words_of(_statement_in(bytes_of(authorisation)))
    same = text == joined(words, (None,)).text() if text.startswith(POINTER) else read_token(text).words == words
    if not same:
        raise Refusal(Code.QR_DIFFERS, said("the code is that of another certificate than {serial}", serial=words.serial))
    return text


def keep_token(out: Path, made: Approved, begun: str | None) -> None:
    """Writes the token with this approver's signature, and those begun."""
    from certification.qr_token import POINTER, joined, read_token

    signatures: tuple[QrSignature | None, ...] = (made.small,)
    if begun is not None:
        signatures = (None,) if begun.startswith(POINTER) else (*read_token(begun).signatures, made.small)
    keep(token_of(out), joined(made.words, signatures).text().encode() + b"\n")


def own_token(console: Console, authorisation: Path, envelope: bytes, root: TrustRoot, at: datetime) -> str | None:
    """The token beside this authorisation, which is that of the certificate; None where there is none, which is said."""
    from certification.field_check import belongs

    path = token_of(authorisation)
    if not path.is_file():
        console.say(_("  ! {path} is not there, so neither QR code nor PDF is made").format(path=path))
        return None
    text = bytes_of(path).decode("ascii", "replace").strip()
    belongs(text, _statement_in(envelope), root, at)
    return text


def keep_papers(console: Console, out: Path, envelope: bytes, text: str, root: TrustRoot, at: datetime) -> None:
    """Writes the token, its picture and the PDF beside a certificate; says what is left out, and why."""
    keep(token_of(out), text.encode() + b"\n")
    try:
        keep(picture_of(out), _picture(text))
        from certification.paper import certificate_pdf
        from scanner.typesetting import MissingPartError

        pdf = certificate_pdf(envelope, text, root, at)
    except (ImportError, MissingPartError) as error:
        console.say(_("  ! no PDF: {why}").format(why=error))
        return
    keep(pdf_of(out), pdf)
    console.say(_("✓ on paper: {path}").format(path=pdf_of(out)))


def picture_of(certificate: Path) -> Path:
    """Where the QR code of a certificate lies as a picture: beside it."""
    return certificate.with_name(certificate.name + ".qr.svg")


def papers_of(certificate: Path) -> tuple[Path, ...]:
    """What is written beside a certificate besides its proof: the token, its picture and the PDF."""
    return token_of(certificate), picture_of(certificate), pdf_of(certificate)


def pdf_of(certificate: Path) -> Path:
    """Where the PDF of a certificate lies: beside it."""
    return certificate.with_name(certificate.name.removesuffix(".json").removesuffix(".dsse") + ".pdf")


def beside(pdf: Path) -> Path:
    """The certificate whose proof lies beside this PDF, by the names that `issue` gives; the usual one where there is no proof."""
    names = [pdf.with_suffix(suffix) for suffix in (".dsse.json", ".json")]
    return next((name for name in names if proof_of(name).is_file()), names[0])


def tell_token(console: Console, text: str, root: TrustRoot, at: datetime) -> None:
    """Verifies a QR token and says what it grants."""
    from certification.field_check import field_check
    from scanner.cli.forms import is_exercise, tell_exercise

    seen = field_check(text, root, at)
    words = seen.words
    told = words.model_dump(mode="json", exclude={"authorisation", "conditions", "laboratory"}) | {
        "exercise": is_exercise(root, laboratory=words.laboratory)
    }
    console.found(form="token", **told, approvers=sorted(signer.known.holder for signer in seen.signers))
    console.steps((_("the token has its one written form"), _("two authorities' approvers signed it"), _("it is in its time")))
    console.say(
        _("✓ SIGNED  {serial}: {kind} connection for {agency}, system {system}, to {apis}, until {ends}").format(
            serial=words.serial,
            kind=_(words.kind),
            agency=words.agency,
            system=words.system,
            apis=", ".join(words.apis),
            ends=f"{words.not_after:%Y-%m-%d %H:%M} UTC",
        )
    )
    console.say(_("  by {people}").format(people=", ".join(sorted(signer.known.holder for signer in seen.signers))))
    tell_exercise(console, root, laboratory=words.laboratory)
    console.say(_("  ! compare agency and system with those before you: a code can be copied"))
    console.say(_("  ! whether it stands in the log, or was suspended or revoked since, no code can tell"))


def envelope_in(console: Console, pdf: bytes, root: TrustRoot, at: datetime) -> bytes:
    """The certificate a PDF carries, where the PDF shows exactly that and nothing but signatures was added to it."""
    from certification.paper import sound_paper
    from certification.pdf_signatures import signed_by

    paper = sound_paper(pdf, root, at)
    signed_by(paper)
    console.say(_("  ✓ made again from what it carries, the PDF is the same byte for byte"))
    return paper.envelope


def is_token(data: bytes) -> bool:
    """Whether these bytes are meant as a QR token's text."""
    return data.lstrip()[:4] in (b"NPD1", b"NPD0")


def _statement_in(envelope: bytes) -> AuthorisationStatement:
    from certification.authorisation import AuthorisationStatement
    from certification.envelope import read_envelope
    from certification.statements import read_statement

    return read_statement(read_envelope(envelope).payload, AuthorisationStatement)


def _picture(text: str) -> bytes:
    import segno

    buffer = io.BytesIO()
    code = segno.make_qr(text, error="m", mode="alphanumeric", boost_error=False)
    code.save(buffer, kind="svg", scale=4, xmldecl=True, light="#fff")
    return buffer.getvalue()
