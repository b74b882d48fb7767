"""The certificate on paper: a PDF that shows what was signed, carries it, and can be made again byte for byte to prove that it shows it.

The PDF is derived and grants nothing: its authority is the envelope inside. What is shown follows from that envelope, the keys' holders in the trust
root and the QR token's text; with the same Typst, fonts and template the same bytes come out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from certification.authorisation import AuthorisationStatement
from certification.field_check import belongs
from certification.opening import Opened, opened
from certification.pdf_reading import reader
from certification.qr_token import SIGNED
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.trust import TrustedKey, TrustRoot
from scanner.decision import Counted
from scanner.findings import said
from scanner.record import RecordError, sha256
from scanner.typesetting import MissingPartError, Renderer, renderer, renderer_bytes, typeset

TEMPLATE = "certificate.typ"
ENVELOPE, RENDERER, TOKEN = "certificate.dsse.json", "renderer.json", "qr.txt"
"""What is attached to every certificate's PDF."""
VIETNAM = timezone(timedelta(hours=7))
_ECHELONS = {
    "central": "trung ương / central",
    "province": "tỉnh / province",
    "district": "huyện / district",
    "commune": "xã / commune",
}
_DECISIONS = {"authorise": "cho phép / authorise", "authorise-trial": "chỉ thử nghiệm / authorise-trial"}
_EXERCISE = {
    "vi": "DIỄN TẬP – KHÔNG CÓ GIÁ TRỊ KẾT NỐI",
    "en": "EXERCISE – authorises no connection",
}
"""What stands on a certificate that rests on a baseline made for exercises."""
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
"""The object identifier of the attribute that holds the PDF's digest (RFC 5652 section 11.2)."""
_ATTRIBUTES_LIMIT = 8 * 1024
_LIMIT = 32 * 1024 * 1024


def certificate_pdf(envelope: bytes, token: str, trust: TrustRoot, at: datetime) -> bytes:
    """The PDF of this certificate; refuses an envelope that is none. Raises InputError where Typst or the font is not installed."""
    return _typeset(envelope, opened(envelope, AuthorisationStatement, trust, at), token)


def _typeset(envelope: bytes, found: Opened[AuthorisationStatement], token: str) -> bytes:
    attached = {ENVELOPE: envelope, RENDERER: renderer_bytes(TEMPLATE), TOKEN: token.encode()}
    return typeset(TEMPLATE, _shown(found, token), attached)


@dataclass(frozen=True, slots=True)
class SoundPaper:
    """A PDF that begins exactly as the certificate it carries is made. Made only by `sound_paper`."""

    pdf: bytes
    statement: AuthorisationStatement
    approvers: Mapping[str, str]
    """Who holds each key that signed the certificate, by the key's id."""
    envelope: bytes
    """The certificate it carries."""
    made: int
    """How many bytes at its beginning are exactly the PDF of that certificate."""

    @property
    def serial(self) -> str:
        """The certificate's serial."""
        return self.statement.predicate.serial

    def insist_on_attributes(self, attributes: bytes) -> None:
        """Returns where these bytes are the signed attributes of a CMS signature, as a PDF's are; nothing else that is signed here looks so."""
        if not attributes.startswith(b"\x31") or _MESSAGE_DIGEST not in attributes or len(attributes) > _ATTRIBUTES_LIMIT:
            raise Refusal(Code.PDF_MALFORMED, said("what is to be signed are no attributes of a signature"))

    def rendered(self) -> str:
        """What a person is shown before signing it: the digest of the file, and the whole certificate in it."""
        return said("PDF, SHA-256 {digest}", digest=sha256(self.pdf)).shown() + "\n" + rendered(self.statement)


def sound_paper(pdf: bytes, trust: TrustRoot, at: datetime) -> SoundPaper:
    """The PDF with what it shows, which is exactly what was signed. What follows its beginning is not looked at.

    Refuses one that shows anything else, and one made with another Typst, font or template: that is neither a match nor a forgery.
    """
    files = carried(pdf)
    _made_here(files[RENDERER])
    found = opened(files[ENVELOPE], AuthorisationStatement, trust, at)
    token = files[TOKEN].decode("ascii", "replace")
    belongs(token, found.statement, trust, at)
    again = _typeset(files[ENVELOPE], found, token)
    if not pdf.startswith(again):
        raise Refusal(Code.PDF_DIFFERS, said("made again from what it carries, it is another"))
    approvers = {signer.known.keyid: signer.known.holder for signer in found.signers}
    return SoundPaper(pdf, found.statement, approvers, files[ENVELOPE], len(again))


def carried(pdf: bytes) -> dict[str, bytes]:
    """The files attached to a PDF; refuses what is no PDF, lacks one of them, or has more than those."""
    if len(pdf) > _LIMIT:
        raise Refusal(Code.PDF_MALFORMED, said("larger than {limit} bytes", limit=_LIMIT))
    try:
        names = _names(reader(pdf).root["/Names"]["/EmbeddedFiles"])
        found = {name: bytes(spec["/EF"]["/F"].data) for name, spec in names}
    except Refusal:
        raise
    except Exception:  # noqa: BLE001 - whatever the library raises on hostile bytes
        raise Refusal(Code.PDF_MALFORMED, said("not a PDF with the files of a certificate")) from None
    if len(names) != len(found) or set(found) != {ENVELOPE, RENDERER, TOKEN}:
        raise Refusal(Code.PDF_MALFORMED, said("other files are attached than those of a certificate"))
    return found


def _made_here(written: bytes) -> None:
    """Returns where this machine makes the PDF with the same as it says."""
    try:
        made_with = Renderer.read(written.rstrip(b"\n"))
    except RecordError:
        raise Refusal(Code.PDF_MALFORMED, said("it does not say what it was made with")) from None
    try:
        here = renderer(TEMPLATE)
    except MissingPartError:
        message = said("comparing a PDF needs the extra `pdf` (pip install 'clearance[pdf]') and Debian's fonts-croscore")
        raise Refusal(Code.EXTRA_MISSING, message) from None
    if made_with != here:
        message = said(
            "made with Typst {typst}, fonts {fonts}, template {template}; here is Typst {own}",
            typst=made_with.typst,
            fonts=made_with.fonts[:16],
            template=made_with.template[:16],
            own=here.typst,
        )
        raise Refusal(Code.PDF_OTHER_RENDERER, message)


def _names(node: Any) -> list[tuple[str, Any]]:
    """The pairs of a name tree, however it is split."""
    pairs: list[tuple[str, Any]] = []
    if "/Names" in node:
        flat = list(node["/Names"])
        pairs += [
            (str(name), spec.get_object() if hasattr(spec, "get_object") else spec)
            for name, spec in zip(flat[::2], flat[1::2], strict=True)
        ]
    for kid in node.get("/Kids", ()):
        pairs += _names(kid.get_object() if hasattr(kid, "get_object") else kid)
    return pairs


def _decided(coverage: Counted) -> str:
    return (
        f"tự động (by checks) {coverage.automatically}; một phần (checks and a document) {coverage.partly}; "
        f"bằng tài liệu (by a document alone) {coverage.by_document}"
    )


def _shown(found: Opened[AuthorisationStatement], token: str) -> dict[str, Any]:
    granted = found.statement.predicate
    kinds = {"trial": ("Kết nối thử nghiệm", "Trial connection"), "official": ("Kết nối chính thức", "Official connection")}
    tailoring = granted.baseline.tailoring
    baseline = f"{granted.baseline.id} {granted.baseline.version}" + (
        f" + {tailoring.id} {tailoring.version}" if tailoring else ""
    )
    rows = [
        ("Cơ quan", "Agency", f"{granted.agency.name.vi} ({granted.agency.code})"),
        ("Cơ quan (tiếng Anh)", "Agency (in English)", granted.agency.name.en),
        ("Cấp", "Echelon", _ECHELONS.get(granted.agency.echelon, granted.agency.echelon)),
        ("Hệ thống, cấp độ", "System, level", f"{granted.system.id}, {granted.system.level}"),
        ("Đơn vị vận hành", "Operator", granted.system.operator),
        ("Loại kết nối", "Kind of connection", " / ".join(kinds[granted.kind.value])),
        ("Giao diện được phép", "Interfaces", ", ".join(granted.scope.apis)),
        ("Từ địa chỉ", "From addresses", ", ".join(map(str, granted.scope.endpoints))),
        (
            "Giới hạn",
            "Limit",
            f"{granted.scope.rate} / phút (minute)" + ("; khối lượng lớn (bulk)" if granted.scope.bulk else ""),
        ),
        ("Mục đích", "Purpose", granted.scope.purpose),
        ("Hiệu lực từ", "Valid from", _moment(granted.not_before)),
        ("Hiệu lực đến (không bao gồm)", "Valid until (exclusive)", _moment(granted.not_after)),
        ("Quyết định", "Decision", _DECISIONS.get(granted.decision.value, granted.decision.value)),
        ("Bộ tiêu chí", "Baseline", baseline),
        ("Cách đánh giá các tiêu chí", "How its controls were decided", _decided(granted.coverage)),
        ("Thời gian kiểm tra", "Inspected", f"{_moment(granted.scan_started)} – {_moment(granted.scan_finished)}"),
        ("Người kiểm tra", "Inspectors", ", ".join(granted.inspectors)),
        ("Thay thế giấy số", "Supersedes", granted.supersedes or "–"),
    ]
    digests = [
        ("Mã băm giấy chứng nhận (SHA-256)", "Certificate SHA-256", sha256(found.statement.written())),
        ("Mã băm bộ tiêu chí", "Baseline SHA-256", granted.baseline.sha256),
        ("Mã băm bản thẩm định", "Evaluation SHA-256", granted.evaluation_sha256),
        ("Vân tay hệ thống", "System fingerprint", granted.system.fingerprint),
    ]
    day = granted.stated_at.astimezone(VIETNAM)
    return {
        "title": f"Clearance {granted.serial}",
        "issuers": [str(signer.known.authority) for signer in found.signers],
        "date": {"year": day.year, "month": day.month, "day": day.day},
        "issued": {"vi": f"Ngày {day.day} tháng {day.month} năm {day.year}"},
        "authorities": [{"vi": str(signer.known.authority)} for signer in found.signers],
        "serial": granted.serial,
        "heading": {
            "vi": "Giấy xác nhận kết quả kiểm tra kết nối",
            "en": "Certificate of inspection for connection",
        },
        "exercise": _EXERCISE if granted.baseline.laboratory else None,
        "wording": granted.wording.model_dump(),
        "attachment": "Dữ liệu máy đọc được của giấy / Machine-readable certificate",
        "rows": [
            *({"name": {"vi": vi, "en": en}, "value": value, "hash": False} for vi, en, value in rows),
            *({"name": {"vi": vi, "en": en}, "value": value, "hash": True} for vi, en, value in digests),
        ],
        "conditions_heading": {"vi": "Điều kiện", "en": "Conditions"},
        "no_conditions": {"vi": "Không có.", "en": "None."},
        "condition_columns": [
            {"vi": "Tiêu chí", "en": "Control"},
            {"vi": "Đối tượng", "en": "Subject"},
            {"vi": "Thời hạn", "en": "Due"},
            {"vi": "Ngoại lệ / người thực hiện", "en": "Waiver / owner"},
        ],
        "conditions": [
            {"control": each.control, "subject": each.subject, "due": _moment(each.due), "by": each.waiver or each.owner or "–"}
            for each in granted.conditions
        ],
        "qr": _matrix(token),
        "qr_note": _qr_note(token),
        "signatures": [_block(signer) for signer in found.signers],
        "foot": {
            "vi": "Bản này được suy ra từ tệp đính kèm certificate.dsse.json; hiệu lực thuộc về tệp đó và nhật ký cấp. "
            "Kiểm tra: clearance verify.",
            "en": "This page follows from the attached certificate.dsse.json, which alone counts, with its place in the log. "
            "Check it with: clearance verify.",
        },
    }


def _block(signer: TrustedKey) -> dict[str, Any]:
    authority = str(signer.known.authority)
    return {"authority": authority, "person": signer.known.holder, "key": signer.known.keyid}


def _qr_note(token: str) -> dict[str, str]:
    if token.startswith(SIGNED):
        return {
            "vi": "Mã QR chứa nội dung chính và chữ ký của cả hai cơ quan; không chứa địa chỉ trang nào. Hãy so sánh cơ quan và hệ thống.",
            "en": "The code holds the main words and both authorities' signatures, and no address. Compare agency and system.",
        }
    return {
        "vi": "Mã QR chỉ chứa số và mã băm, vì chữ ký RSA không vừa: hãy kiểm tra tệp đính kèm.",
        "en": "The code holds serial and digest only, since an RSA signature does not fit: verify the attached file.",
    }


def _matrix(token: str) -> list[list[list[int]]]:
    """The dark runs of each line of the QR code, as place and length."""
    import segno

    code = segno.make_qr(token, error="m", mode="alphanumeric", boost_error=False)
    return [_runs(line) for line in code.matrix]


def _runs(line: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for place, dark in enumerate(line):
        if dark and found and sum(found[-1]) == place:
            found[-1][1] += 1
        elif dark:
            found.append([place, 1])
    return found


def _moment(instant: datetime) -> str:
    """ISO 8601 in Viet Nam's time, as a signature's time is shown (Circular 01/2019/TT-BNV)."""
    return instant.astimezone(VIETNAM).isoformat(timespec="seconds")
