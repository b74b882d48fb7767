"""Countersigning: an approver's signature in the certificate's PDF (PAdES), for people and programs that ask for one. It grants nothing.

Both fields are made before the first signature, which lets only further signatures follow (DocMDP level 2); a second one made any other way would
show as a change. What is signed is a PDF that was made again and compared first.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_pem_x509_certificate

from certification.keys import PublicKey, accepted, spki_sha256
from certification.paper import VIETNAM, SoundPaper, sound_paper
from certification.pdf_additions import BOXES, FIELDS
from certification.pdf_signatures import insist_on_signatures_only, signed_by
from certification.refusals import Code, Refusal
from certification.signers import Signer
from certification.trust import TrustRoot
from scanner.findings import said
from scanner.typesetting import typeset

_DIGESTS = {"ed25519": "sha512", "sha384_ecdsa": "sha384"}
_RESERVED = 24_000
_LONGEST = 512


def countersign(
    pdf: bytes, certificate_pem: bytes, trust: TrustRoot, at: datetime, *, signer: Signer, confirm: Callable[[str], bool]
) -> bytes:
    """The PDF with this approver's signature added; refuses a PDF that shows or holds anything else, and who did not approve it, or signed it before."""
    paper = sound_paper(pdf, trust, at)
    before = signed_by(paper)
    key = trust.key(signer.keyid)
    key.valid(at, at)
    if signer.keyid not in paper.approvers:
        raise Refusal(Code.COUNTERSIGNER, said("{person} did not approve {serial}", person=key.known.holder, serial=paper.serial))
    if key.known.holder in before:
        raise Refusal(Code.APPROVED_ALREADY, said("{person} signed the PDF already", person=key.known.holder))
    own = _certificate(certificate_pem, signer, at)
    if not confirm(paper.rendered()):
        raise Refusal(Code.NOT_CONFIRMED, said("nothing was signed"))
    made = _signed(paper, own, key.known.holder, at, signer, first=not before)
    insist_on_signatures_only(made, trust, at)
    return made


def _certificate(pem: bytes, signer: Signer, at: datetime) -> Certificate:
    try:
        found = load_pem_x509_certificate(pem)
        fits = spki_sha256(accepted(found.public_key())) == signer.keyid
        current = found.not_valid_before_utc <= at < found.not_valid_after_utc
    except Exception:  # noqa: BLE001 - an unreadable certificate fails in many ways
        raise Refusal(Code.COUNTERSIGNER, said("no X.509 certificate in PEM form")) from None
    if not fits or not current:
        raise Refusal(Code.COUNTERSIGNER, said("the X.509 certificate is not that of the signer's key, or not in its time"))
    return found


def _signed(paper: SoundPaper, own: Certificate, name: str, at: datetime, signer: Signer, *, first: bool) -> bytes:
    from asn1crypto import x509 as asn1
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter, append_signature_field
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner
    from pyhanko.sign.signers import Signer as PdfKey

    class Bridge(PdfKey):
        """Our signer in the library's clothes; it signs the attributes of this one PDF."""

        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: ARG002, FBT001, FBT002 - the library's
            return b"\0" * _LONGEST if dry_run else signer.sign_paper(paper, data)

    writer = IncrementalPdfFileWriter(io.BytesIO(paper.pdf), strict=True)
    last = int(writer.root["/Pages"]["/Count"]) - 1
    if first:
        for field, box in zip(FIELDS, BOXES, strict=True):
            append_signature_field(writer, SigFieldSpec(field, on_page=last, box=box))
    mechanism = _mechanism(own.public_key())
    key = Bridge(signing_cert=asn1.Certificate.load(own.public_bytes(Encoding.DER)), signature_mechanism=mechanism)
    metadata = PdfSignatureMetadata(
        field_name=FIELDS[0] if first else FIELDS[1],
        md_algorithm=_DIGESTS.get(mechanism["algorithm"].native, "sha256"),
        name=name,
        subfilter=SigSeedSubFilter.PADES,
        certify=first,
    )
    with tempfile.TemporaryDirectory(prefix="clearance-") as folder:  # the stamp's page is read while the signature is made
        stamp = _stamp(name, at, Path(folder))
        made = PdfSigner(metadata, key, stamp_style=stamp).sign_pdf(writer, existing_fields_only=True, bytes_reserved=_RESERVED)
    return bytes(made.getvalue())


def _mechanism(public: PublicKey | Any) -> Any:
    from asn1crypto.algos import RSASSAPSSParams, SignedDigestAlgorithm

    match public:
        case RSAPublicKey():
            sha256 = {"algorithm": "sha256"}
            pss = RSASSAPSSParams(
                {"hash_algorithm": sha256, "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256}, "salt_length": 32}
            )
            return SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": pss})
        case EllipticCurvePublicKey():
            return SignedDigestAlgorithm({"algorithm": "sha256_ecdsa" if isinstance(public.curve, SECP256R1) else "sha384_ecdsa"})
        case _:
            return SignedDigestAlgorithm({"algorithm": "ed25519"})


def _stamp(name: str, at: datetime, folder: Path) -> Any:
    """Name and time as a page of our own: the library's own stamp breaks Vietnamese letters."""
    from pyhanko.pdf_utils.content import ImportedPdfPage
    from pyhanko.pdf_utils.layout import AxisAlignment, Margins, SimpleBoxLayoutRule
    from pyhanko.stamp import StaticStampStyle

    left, bottom, right, top = BOXES[0]
    when = at.astimezone(VIETNAM).isoformat(timespec="seconds")
    page = folder / "stamp.pdf"
    page.write_bytes(typeset("stamp.typ", {"who": name, "at": when, "width": right - left, "height": top - bottom}))
    drawn = ImportedPdfPage(str(page))  # type: ignore[no-untyped-call]  # the library has no types here
    whole = SimpleBoxLayoutRule(x_align=AxisAlignment.ALIGN_MIN, y_align=AxisAlignment.ALIGN_MIN, margins=Margins(0, 0, 0, 0))
    return StaticStampStyle(background=drawn, background_layout=whole, border_width=0, background_opacity=1)
