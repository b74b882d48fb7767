"""A certificate of the stage with its token and its PDF, made once, and signatures for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from certification.approval import Approved, approved
from certification.countersigning import countersign
from certification.ledger import begun, entered, newest, proven
from certification.log_store import opened
from certification.paper import certificate_pdf
from certification.qr_token import QrToken, joined
from certification.signers import signed
from certification.trust import draft_keyring
from scanner.bundle import packed
from tests.certification.stage import CODE, DRAFTED, LATER, SEEN, Case, keyring, signer

CASE_ = Case()


def act(by: str, begun: bytes | None = None, case: Case = CASE_) -> Approved:
    return approved(
        case.bundle, case.request, case.trust, DRAFTED, signer=signer(by), rejudge=case.judge, code_digests=CODE,
        confirm=lambda _: True, authorisation=begun,
    )  # fmt: skip


@dataclass(frozen=True)
class Made:
    certificate: bytes
    token: QrToken
    pdf: bytes


@pytest.fixture(scope="module")
def made() -> Made:
    first = act("an")
    second = act("binh", first.authorisation)
    token = joined(second.words, [first.small, second.small])
    return Made(second.authorisation, token, certificate_pdf(second.authorisation, token.text(), CASE_.trust, LATER))


def own_certificate(name: str, key_of: str | None = None) -> bytes:
    private = signer(key_of or name)._private
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Nguyễn Thị {name}")])
    builder = x509.CertificateBuilder().subject_name(called).issuer_name(called).public_key(private.public_key()).serial_number(7)
    builder = builder.not_valid_before(SEEN - timedelta(days=9)).not_valid_after(SEEN + timedelta(days=900))
    digest = None if isinstance(private, Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(private, digest).public_bytes(Encoding.PEM)


def countersigned(pdf: bytes, by: str, **more: object) -> bytes:
    certificate = more.pop("certificate", own_certificate(by))
    assert isinstance(certificate, bytes)
    return countersign(pdf, certificate, CASE_.trust, LATER, signer=signer(by), confirm=lambda _: True)


def certified(folder: Path) -> dict[str, str]:
    """The forms of a certificate that stands in a cosigned log, each with its file in this folder."""
    first = act("an")
    second = act("binh", first.authorisation)
    certificate, token = second.authorisation, joined(second.words, [first.small, second.small]).text()
    with opened(folder / "log", "a-log") as log:
        begun(log, signer("a-log"), CASE_.trust, DRAFTED)
        entered(log, certificate, signer("a-log"), CASE_.trust, DRAFTED)
        point = newest(log)
        line = signer("b-witness").cosign(point.checkpoint, "b-witness", DRAFTED)
        log.keep_checkpoint(point.checkpoint.size, point.also(line).written())
        proof = proven(log, certificate)
    files = {
        "root": signed(draft_keyring(keyring()), signer("root-1"), signer("root-2")),
        "c.dsse.json": certificate,
        "c.dsse.json.tlog-proof": proof.written(),
        "c.qr.txt": token.encode() + b"\n",
        "bundle": packed(CASE_.bundle),
    }
    forms = {
        "the envelope": "c.dsse.json",
        "its .tlog-proof": "c.dsse.json.tlog-proof",
        "the text of its QR code": "c.qr.txt",
        "its PDF": "c.pdf",
    }
    files["c.pdf"] = certificate_pdf(certificate, token, CASE_.trust, LATER)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return forms
