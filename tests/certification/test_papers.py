"""What comes with a certificate: the QR token, the PDF that shows what was signed, and the approvers' signatures in it."""

from __future__ import annotations

import dataclasses
import io
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from certification import paper
from certification.authorisation import AuthorisationStatement
from certification.countersigning import countersign
from certification.envelope import read_envelope
from certification.field_check import field_check
from certification.paper import certificate_pdf, sound_paper
from certification.pdf_additions import BOXES
from certification.pdf_signatures import insist_on_signatures_only
from certification.qr_token import joined, read_token, signed_bytes
from certification.refusals import Code, Refusal
from certification.statements import read_statement
from certification.verify import verify
from scanner.typesetting import Renderer, renderer
from tests.certification.papers import CASE_, Made, act, countersigned, made, own_certificate
from tests.certification.stage import LATER, Case, refused, signer
from tests.certification.test_ledger import Desk, desk

__all__ = ["desk", "made"]


# --- the PDF -------------------------------------------------------------------------------------------------------


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "c.pdf").write_bytes(pdf)
    done = subprocess.run(["pdftotext", "-layout", folder / "c.pdf", "-"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout


def test_the_pdf_shows_what_was_signed_and_is_made_again_byte_for_byte(made: Made, tmp_path: Path) -> None:
    text = text_of(made.pdf, tmp_path)
    granted = verify(made.certificate, CASE_.trust, LATER).granted
    for word in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Ủy ban nhân dân tỉnh Hư Cấu",
        granted.serial,
        "Xác thực hồ sơ",
        "an",
        "binh",
    ):
        assert word in text, word
    assert granted.wording.vi[:60] in " ".join(text.split())
    assert "\N{REPLACEMENT CHARACTER}" not in text
    assert certificate_pdf(made.certificate, made.token.text(), CASE_.trust, LATER) == made.pdf
    assert sound_paper(made.pdf, CASE_.trust, LATER).made == len(made.pdf)
    assert insist_on_signatures_only(made.pdf, CASE_.trust, LATER) == ()


def test_the_code_on_the_page_is_the_token(made: Made, tmp_path: Path) -> None:
    import zxingcpp
    from PIL import Image

    (tmp_path / "c.pdf").write_bytes(made.pdf)
    subprocess.run(["pdftoppm", "-r", "200", "-png", tmp_path / "c.pdf", tmp_path / "page"], check=True, timeout=30)
    found = [code.text for page in sorted(tmp_path.glob("page*.png")) for code in zxingcpp.read_barcodes(Image.open(page))]
    assert found == [made.token.text()]


def test_the_pdf_has_only_our_fonts(made: Made, tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(made.pdf)
    listed = subprocess.run(["pdffonts", tmp_path / "c.pdf"], capture_output=True, text=True, timeout=30, check=True).stdout
    names = [line.split()[0].partition("+")[2] for line in listed.splitlines()[2:]]
    assert names
    assert all(name.startswith("Tinos") for name in names)


@pytest.mark.parametrize("place", [0.02, 0.3, 0.6, 0.98])
def test_a_changed_byte_of_a_pdf_is_refused(made: Made, place: float) -> None:
    at = int(len(made.pdf) * place)
    changed = made.pdf[:at] + bytes([made.pdf[at] ^ 1]) + made.pdf[at + 1 :]
    with pytest.raises(Refusal) as told:
        insist_on_signatures_only(changed, CASE_.trust, LATER)
    assert told.value.code in (Code.PDF_DIFFERS, Code.PDF_MALFORMED, Code.PDF_OTHER_RENDERER)


def test_what_is_appended_is_refused_unless_it_is_a_signature(made: Made) -> None:
    with refused(Code.PDF_CHANGED):
        insist_on_signatures_only(made.pdf + b"%harmless?\n", CASE_.trust, LATER)
    with pytest.raises(Refusal):
        insist_on_signatures_only(overlaid(made.pdf), CASE_.trust, LATER)
    signed = countersigned(made.pdf, "an")
    for changed in (overlaid(signed), signed + b"\n% more\n", attached(signed)):
        with pytest.raises(Refusal) as told:
            insist_on_signatures_only(changed, CASE_.trust, LATER)
        assert told.value.code in (Code.PDF_CHANGED, Code.PDF_MALFORMED)


def overlaid(pdf: bytes) -> bytes:
    """The PDF with a red box painted over its first page, by an incremental update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
    box = writer.add_object(generic.StreamObject(stream_data=b"q 1 0 0 rg 50 500 400 200 re f Q"))
    writer.add_stream_to_page(0, box)  # type: ignore[no-untyped-call]
    buffer = io.BytesIO()
    writer.write(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def attached(pdf: bytes) -> bytes:
    """The PDF with one more file attached."""
    from pyhanko.pdf_utils import embed

    writer = IncrementalPdfFileWriter(io.BytesIO(pdf), strict=False)
    content = embed.EmbeddedFileObject.from_file_data(writer, b"x", mime_type="text/plain")
    embed.embed_file(writer, embed.FileSpec("more.txt", embedded_data=content))
    buffer = io.BytesIO()
    writer.write(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def test_a_page_of_one_certificate_with_another_inside_is_refused(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forger has our template and typesets it himself: his page shows more than the envelope that he attaches grants."""
    true = paper._shown

    def lying(*given: object) -> dict[str, object]:
        words = true(*given)  # type: ignore[arg-type]
        return {**words, "rows": [{**row, "value": row["value"].replace("verify", "verify, read")} for row in words["rows"]]}

    with monkeypatch.context() as patch:
        patch.setattr(paper, "_shown", lying)
        forged = certificate_pdf(made.certificate, made.token.text(), CASE_.trust, LATER)
    assert forged != made.pdf
    with refused(Code.PDF_DIFFERS):
        insist_on_signatures_only(forged, CASE_.trust, LATER)


def test_a_page_with_another_certificate_s_code_is_refused(made: Made) -> None:
    """Both are genuine; the code would send whoever reads it to another agency's rights."""
    first = act("an", case=Case(trust=CASE_.trust))
    words = first.words.model_copy(update={"system": "another"})
    statement = read_statement(read_envelope(made.certificate).payload, AuthorisationStatement)
    token = joined(words, [signer(name).sign_both(statement, words)[1] for name in ("an", "binh")])
    assert field_check(token.text(), CASE_.trust, LATER).words.system == "another"
    forged = certificate_pdf(made.certificate, token.text(), CASE_.trust, LATER)
    with refused(Code.QR_DIFFERS):
        insist_on_signatures_only(forged, CASE_.trust, LATER)
    pointer = joined(made.token.words, [None]).text()
    assert insist_on_signatures_only(certificate_pdf(made.certificate, pointer, CASE_.trust, LATER), CASE_.trust, LATER) == ()


def test_another_renderer_is_neither_a_match_nor_a_forgery(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    here = renderer(paper.TEMPLATE)
    for change in ({"typst": "0.1.0"}, {"fonts": "00" * 32}, {"template": "00" * 32}):
        monkeypatch.setattr("certification.paper.renderer", lambda _, change=change: Renderer(**{**here.model_dump(), **change}))
        with refused(Code.PDF_OTHER_RENDERER):
            insist_on_signatures_only(made.pdf, CASE_.trust, LATER)


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7\n", b"%PDF-1.7\n%%EOF", b"\x00" * 2_000, b"%PDF-" + b"[" * 50_000])
def test_what_is_no_certificates_pdf_is_refused(data: bytes) -> None:
    with refused(Code.PDF_MALFORMED):
        insist_on_signatures_only(data, CASE_.trust, LATER)


# --- signatures in it ----------------------------------------------------------------------------------------------


def test_both_approvers_sign_one_after_the_other(made: Made, tmp_path: Path) -> None:
    one = countersigned(made.pdf, "binh")
    assert insist_on_signatures_only(one, CASE_.trust, LATER) == ("binh",)
    two = countersigned(one, "an")
    assert two.startswith(one)
    assert insist_on_signatures_only(two, CASE_.trust, LATER) == ("binh", "an")
    text = text_of(two, tmp_path)
    assert "2026-11-28T08:00:00+07:00" in text
    assert "Ký bởi / Signed by: binh" in text
    with refused(Code.APPROVED_ALREADY):
        countersigned(two, "an")


def test_only_an_approver_of_this_certificate_signs_with_a_certificate_of_that_key(made: Made) -> None:
    with refused(Code.COUNTERSIGNER):
        countersigned(made.pdf, "chi")
    with refused(Code.COUNTERSIGNER):
        countersigned(made.pdf, "an", certificate=own_certificate("an", "chi"))
    with refused(Code.COUNTERSIGNER):
        countersigned(made.pdf, "an", certificate=b"no certificate")
    with refused(Code.NOT_CONFIRMED):
        countersign(made.pdf, own_certificate("an"), CASE_.trust, LATER, signer=signer("an"), confirm=lambda _: False)
    with pytest.raises(Refusal):
        countersigned(overlaid(made.pdf), "an")


def test_a_stranger_s_signature_in_the_pdf_is_no_approver_s(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    from certification import countersigning

    sound = paper.sound_paper(made.pdf, CASE_.trust, LATER)
    certificate = x509.load_pem_x509_certificate(own_certificate("chi"))
    forged = countersigning._signed(sound, certificate, "an", LATER, signer("chi"), first=True)
    with refused(Code.PDF_CHANGED):
        insist_on_signatures_only(forged, CASE_.trust, LATER)


def paints_the_first_page(writer: IncrementalPdfFileWriter) -> None:
    box = writer.add_object(generic.StreamObject(stream_data=b"q 1 0 0 rg 50 500 400 200 re f Q"))
    writer.add_stream_to_page(0, box)  # type: ignore[no-untyped-call]


def paints_the_last_page(writer: IncrementalPdfFileWriter) -> None:
    box = writer.add_object(generic.StreamObject(stream_data=b"q 1 0 0 rg 50 500 400 200 re f Q"))
    writer.add_stream_to_page(int(writer.root["/Pages"]["/Count"]) - 1, box)  # type: ignore[no-untyped-call]


def opens_an_address(writer: IncrementalPdfFileWriter) -> None:
    words = {pdf_name("/S"): pdf_name("/URI"), pdf_name("/URI"): generic.pdf_string("https://elsewhere.example")}
    writer.root[pdf_name("/OpenAction")] = generic.DictionaryObject(words)  # type: ignore[no-untyped-call]
    writer.update_root()  # type: ignore[no-untyped-call]


def lays_a_note_on_the_page(writer: IncrementalPdfFileWriter) -> None:
    ref, _ = writer.find_page_for_modification(int(writer.root["/Pages"]["/Count"]) - 1)  # type: ignore[no-untyped-call]
    page = ref.get_object()
    note = writer.add_object(generic.DictionaryObject({pdf_name("/Type"): pdf_name("/Annot")}))  # type: ignore[no-untyped-call]
    page[pdf_name("/Annots")] = generic.ArrayObject([note])
    writer.update_container(page)


def changes_the_title(writer: IncrementalPdfFileWriter) -> None:
    writer.set_info(generic.DictionaryObject({pdf_name("/Title"): generic.pdf_string("Official certificate")}))  # type: ignore[no-untyped-call]


def hides_a_page_for_viewers_that_repair(writer: IncrementalPdfFileWriter) -> None:
    writer.add_object(generic.StreamObject(stream_data=b"x\n118 0 obj\n<</Type/Page>>\nendobj\n"))


def covers_the_page(writer: IncrementalPdfFileWriter) -> None:
    """Its field is as large as the page: see the boxes of the test."""


@pytest.mark.parametrize(
    "lie",
    [
        paints_the_first_page, paints_the_last_page, opens_an_address, lays_a_note_on_the_page, changes_the_title, covers_the_page,
        hides_a_page_for_viewers_that_repair,
    ],
)  # fmt: skip
def test_what_one_approver_paints_over_the_page_and_signs_is_refused(
    made: Made, monkeypatch: pytest.MonkeyPatch, lie: Callable[[IncrementalPdfFileWriter], None]
) -> None:
    """The signature is genuine and covers the lie, so nothing was changed after it: only the beginning tells."""
    from pyhanko.sign import fields

    from certification import countersigning

    true, sound = fields.append_signature_field, paper.sound_paper(made.pdf, CASE_.trust, LATER)

    def lying(writer: IncrementalPdfFileWriter, spec: fields.SigFieldSpec) -> None:
        if spec.sig_field_name == "Approver1":
            lie(writer)
        true(writer, spec)

    monkeypatch.setattr(fields, "append_signature_field", lying)
    if lie is covers_the_page:
        monkeypatch.setattr(countersigning, "BOXES", ((0, 0, 595, 842), BOXES[1]))
    own = x509.load_pem_x509_certificate(own_certificate("an"))
    forged = countersigning._signed(sound, own, "an", LATER, signer("an"), first=True)
    with refused(Code.PDF_CHANGED) as told:
        insist_on_signatures_only(forged, CASE_.trust, LATER)
    assert "not only a signature" in str(told.value)


def test_an_overlay_that_stands_before_an_approver_s_signature_is_refused(made: Made) -> None:
    from certification import countersigning

    sound = paper.sound_paper(made.pdf, CASE_.trust, LATER)
    painted = dataclasses.replace(sound, pdf=overlaid(made.pdf))
    own = x509.load_pem_x509_certificate(own_certificate("an"))
    with refused(Code.PDF_CHANGED):
        insist_on_signatures_only(countersigning._signed(painted, own, "an", LATER, signer("an"), first=True), CASE_.trust, LATER)


@pytest.mark.parametrize("rounds", [1, 2])
def test_what_would_become_too_large_when_unpacked_is_refused(made: Made, rounds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from certification import pdf_reading

    bomb = zlib.compress(b" " * (pdf_reading.UNPACKED_LIMIT + 1), 9)
    for _ in range(1, rounds):
        bomb = zlib.compress(bomb, 9)
    filters = generic.ArrayObject([pdf_name("/FlateDecode")] * rounds)
    writer = IncrementalPdfFileWriter(io.BytesIO(made.pdf), strict=False)
    spec = writer.root["/Names"]["/EmbeddedFiles"]["/Names"].raw_get(1).get_object()
    stream = generic.StreamObject({pdf_name("/Filter"): filters}, encoded_data=bomb)
    spec["/EF"][pdf_name("/F")] = writer.add_object(stream)
    writer.update_container(spec)
    buffer = io.BytesIO()
    writer.write(buffer)  # type: ignore[no-untyped-call]
    seen: list[int] = []
    whole = pdf_reading.unpacked

    def counted(data: bytes) -> bytes:
        found = whole(data)
        seen.append(len(found))
        return found

    monkeypatch.setattr(pdf_reading, "unpacked", counted)
    with refused(Code.PDF_MALFORMED):
        paper.carried(buffer.getvalue())
    assert all(size <= pdf_reading.UNPACKED_LIMIT for size in seen)
    with pytest.raises(ValueError, match="too large"):
        whole(zlib.compress(b" " * (pdf_reading.UNPACKED_LIMIT + 1)))


@pytest.mark.parametrize("part", ["typst", "pyhanko.pdf_utils.reader"])
def test_where_a_part_is_not_installed_that_is_said_and_nothing_is_verified(
    made: Made, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setitem(sys.modules, part, None)
    with refused(Code.EXTRA_MISSING):
        insist_on_signatures_only(made.pdf, CASE_.trust, LATER)


def test_only_the_attributes_of_a_signature_are_signed_for_a_pdf(made: Made) -> None:
    sound = paper.sound_paper(made.pdf, CASE_.trust, LATER)
    for other in (read_envelope(made.certificate).pae(), signed_bytes(made.token.words, -8), b"", b"\x31\x00", b"\x31" * 9_000):
        with refused(Code.PDF_MALFORMED):
            signer("an").sign_paper(sound, other)


# --- the verbs -----------------------------------------------------------------------------------------------------


def test_the_verbs_write_papers_and_verify_each_of_them(desk: Desk) -> None:
    for name in ("an", "binh"):
        (desk.folder / f"{name}.crt").write_bytes(own_certificate(name))
    common = ("bundle", "--request", "request", "--trust", "root")
    desk.good("approve", *common, "--signer", "file:an.pem", "--out", "half.json")
    desk.good("approve", *common, "--signer", "file:binh.pem", "--authorisation", "half.json", "--out", "both.json")
    told = desk.good(
        "issue", *common, "--authorisation", "both.json", "--log", "log", "--log-signer", "file:a-log.pem", "--out", "c.dsse.json",
    )  # fmt: skip
    assert "on paper: c.pdf" in told
    assert (desk.folder / "c.dsse.json.qr.svg").read_bytes().startswith(b"<?xml")
    desk.good(*desk.cosign())
    desk.good("log", "prove", "log", "c.dsse.json")
    for file in ("c.dsse.json", "c.dsse.json.tlog-proof", "c.pdf"):
        assert "VALID" in desk.good("verify", file, "--trust", "root"), file
    told = desk.good("verify", "c.dsse.json.qr.txt", "--trust", "root")
    assert "SIGNED" in told
    assert "no code can tell" in told
    told = desk.good("verify", "c.dsse.json.qr.txt", "--trust", "root", "--log", "log", "--bundle", "bundle", "--recompute")
    assert "VALID" in told and "the QR code is that of this certificate" in told and "byte for byte" in told
    for unused in (("--proof", "c.dsse.json.tlog-proof"), ("--bundle", "bundle"), ("--ca", "ca.pem"), ("--checkpoint", "kept")):
        done = desk.run("verify", "c.dsse.json.qr.txt", "--trust", "root", *unused)
        assert done.exit_code == 2 and "VALID" not in done.output, "what would not be looked at is not passed over"
    desk.good("countersign", "c.pdf", "--trust", "root", "--signer", "file:an.pem", "--x509", "an.crt", "--out", "c.pdf")
    desk.good("countersign", "c.pdf", "--trust", "root", "--signer", "file:binh.pem", "--x509", "binh.crt", "--out", "c.pdf")
    assert "byte for byte" in desk.good("verify", "c.pdf", "--trust", "root")
    whole = (desk.folder / "c.pdf").read_bytes()
    (desk.folder / "c.pdf").write_bytes(whole[:-100])
    done = desk.run("verify", "c.pdf", "--trust", "root")
    assert isinstance(done.exception, Refusal)
    (desk.folder / "c.pdf").write_bytes(overlaid(whole))
    done = desk.run("verify", "c.pdf", "--trust", "root")
    assert isinstance(done.exception, Refusal)
    pointer = joined(read_token((desk.folder / "c.dsse.json.qr.txt").read_text()).words, [None]).text()
    (desk.folder / "pointer.txt").write_text(pointer + "\r\n")  # as `issue` writes it, and as other systems do
    assert "qr-pointer" in str(desk.run("verify", "pointer.txt", "--trust", "root").exception)
    assert "VALID" in desk.good("verify", "pointer.txt", "--trust", "root", "--log", "log")
    serial = desk.good("log", "show", "log").split("\t")[3].strip()
    event = ("--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--out")
    desk.good("suspend", serial, *event, "stop", "--signer", "file:an.pem", "--reason", "incident")
    desk.good(*desk.cosign())
    for code in ("c.dsse.json.qr.txt", "pointer.txt"):
        desk.refused(Code.SUSPENDED, "verify", code, "--trust", "root", "--log", "log")
    desk.good("resume", *event, "half", serial, "--signer", "file:an.pem")
    desk.good("resume", *event, "whole", serial, "--signer", "file:binh.pem", "--begun", "half")
    shutil.copy(desk.folder / "both.json", desk.folder / "bare.json")
    told = desk.good(
        "issue", *common, "--authorisation", "bare.json", "--log", "log", "--log-signer", "file:a-log.pem", "--out", "d.dsse.json",
    )  # fmt: skip
    assert "neither QR code nor PDF is made" in told
    assert not (desk.folder / "d.pdf").exists()


def test_verifying_an_envelope_loads_no_part_that_only_papers_need() -> None:
    program = (
        "import sys; from scanner.cli.verifying import verify; import certification.verify, certification.ledger\n"
        "print(sorted({'typst', 'pyhanko', 'segno', 'fontTools', 'pyrage', 'cbor2'} & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
