"""Signatures in a certificate's PDF: added after it was made, each over all that stands before it, and by the approvers who signed the certificate.

They are for people who ask for a signed PDF; the certificate counts without them. A key counts by its fingerprint in the trust root, so no other chain
of certificates is trusted for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from certification.keys import spki_sha256
from certification.paper import SoundPaper, sound_paper
from certification.pdf_additions import insist_on_fields_only
from certification.pdf_reading import reader
from certification.refusals import Code, Refusal
from certification.trust import TrustRoot
from scanner.findings import said


def insist_on_signatures_only(pdf: bytes, trust: TrustRoot, at: datetime) -> tuple[str, ...]:
    """The approvers who signed the PDF, in order; none is well. Refuses a PDF to which anything but their signatures was added."""
    return signed_by(sound_paper(pdf, trust, at))


def signed_by(paper: SoundPaper) -> tuple[str, ...]:
    """The same, of a PDF that was made again and compared already."""
    pdf, approvers = paper.pdf, paper.approvers
    found = _signatures(pdf)
    if not found:
        after = len(pdf) - paper.made
        if after:
            raise Refusal(Code.PDF_CHANGED, said("{count} bytes follow, and no signature is among them", count=after))
        return ()
    with _hostile():
        insist_on_fields_only(pdf, paper.made, len(found))
    people = []
    for number, signature in enumerate(found):
        status = _status(signature)
        whole = number + 1 < len(found) or _covers(signature, pdf)
        if not (status.intact and status.valid and status.docmdp_ok) or not _only_signed(status) or not whole:
            raise Refusal(Code.PDF_CHANGED, said("signature {number} does not cover what follows it", number=number + 1))
        keyid = spki_sha256(_public_key(signature))
        if keyid not in approvers:
            raise Refusal(
                Code.PDF_CHANGED, said("signature {number} is by none of the certificate's approvers", number=number + 1)
            )
        people.append(approvers[keyid])
    if len(set(people)) != len(people):
        raise Refusal(Code.PDF_CHANGED, said("an approver signed twice"))
    return tuple(people)


def _signatures(pdf: bytes) -> list[Any]:
    with _hostile():
        return list(reader(pdf).embedded_signatures)


def _status(signature: Any) -> Any:
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    with _hostile():
        own = signature.signer_cert
        context = ValidationContext(trust_roots=[own], allow_fetching=False, revocation_mode="soft-fail")
        return validate_pdf_signature(signature, signer_validation_context=context)


def _only_signed(status: Any) -> bool:
    from pyhanko.sign.diff_analysis import ModificationLevel

    level = status.modification_level
    return level is None or level.value <= ModificationLevel.FORM_FILLING.value


def _covers(signature: Any, pdf: bytes) -> bool:
    """Whether this signature covers the file to its end, but for itself."""
    ranges = [int(number) for number in signature.byte_range]
    return ranges[0] == 0 and ranges[2] + ranges[3] == len(pdf)


def _public_key(signature: Any) -> Any:
    from cryptography.x509 import load_der_x509_certificate

    with _hostile():
        return load_der_x509_certificate(signature.signer_cert.dump()).public_key()


@contextmanager
def _hostile() -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - whatever the libraries raise on hostile bytes
        raise Refusal(Code.PDF_CHANGED, said("a signature cannot be read")) from None
