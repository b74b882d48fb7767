"""Three people at their terminals, a pseudo-terminal each: the agency, the inspector and the approver, in Vietnamese and in English."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from examples.ceremony import hold
from tests.lab.processes import interruptible
from tests.lab.province import Lab
from tests.scanner.cli.in_process import clearance

ROOT = Path(__file__).resolve().parents[3]
BASELINE = ROOT / "examples" / "lab-baseline.yaml"
SIGNS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x1b\]8[^\x1b]*\x1b\\")
Answers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Terminal:
    """A person's terminal in a folder."""

    folder: Path
    language: str

    def begun(self, *words: str | Path) -> pexpect.spawn[str]:
        """A command under way."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        environment.pop("NO_COLOR", None)
        return pexpect.spawn(
            sys.executable,
            ["-m", "scanner.cli", "--lang", self.language, *map(str, words)],
            cwd=str(self.folder), env=environment, encoding="utf-8", timeout=90, dimensions=(60, 200),
            preexec_fn=interruptible,
        )  # fmt: skip

    def done(self, *words: str | Path, status: int = 0) -> str:
        """What a command says that asks nothing, without a terminal and a process of its own."""
        found = clearance("--lang", self.language, *map(str, words), folder=self.folder)
        assert found.returncode == status, f"{words}: {found.returncode}\n{found.stderr}"
        return found.stdout + found.stderr

    def typed(self, *words: str | Path, answers: Answers = (), status: int = 0) -> str:
        """What the command showed, once it ended with this status; each question is answered as it comes."""
        child, shown = self.begun(*words), ""
        for question, answer in answers:
            child.expect_exact(question)
            shown += child.before + question
            child.sendline(answer)
        child.expect(pexpect.EOF)
        shown = SIGNS.sub("", shown + child.before)
        child.close()
        assert child.exitstatus == status, f"{words}: {child.exitstatus}\n{shown}"
        return shown


WORDS = {
    "vi": {
        "agency": "Mã cơ quan", "name": "Tên cơ quan", "echelon": "Cấp", "level": "Cấp độ an toàn", "system": "Mã ngắn",
        "address": "không phải địa chỉ IP", "port": "> 65535", "nothing": "Chưa nhập gì (2 lỗi)", "rename": "nay là 'tỉnh Thái Nguyên'",
        "imported": "rồi clearance plan", "plan": "điểm kết nối", "blocks": "không thể cấp giấy chứng nhận", "verdict": "CHƯA ĐỦ",
        "sights": "lượt quan sát", "report": "báo cáo", "kept": "làm tiếp bằng --resume", "sign": "Ký nội dung này?",
        "approved": "đã phê duyệt", "certificate": "giấy chứng nhận", "valid": "HỢP LỆ", "refused": "từ chối", "sealed": "đã niêm phong",
    },
    "en": {
        "agency": "Code of the agency", "name": "Name of the agency", "echelon": "Echelon", "level": "Security level", "system": "Short id",
        "address": "is not an IP address", "port": "> 65535", "nothing": "Nothing imported (2 errors)",
        "rename": "today it is 'tỉnh Thái Nguyên'", "imported": "and clearance plan", "plan": "endpoints",
        "blocks": "blocks a certificate", "verdict": "INCOMPLETE", "sights": "sights", "report": "report", "kept": "go on with --resume",
        "sign": "Sign this?", "approved": "approved", "certificate": "certificate", "valid": "VALID", "refused": "refused",
        "sealed": "sealed",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", ["vi", "en"])
def test_an_agency_goes_from_a_spreadsheet_to_its_verdict(lab: Lab, tmp_path: Path, language: str) -> None:
    says, desk = WORDS[language], Terminal(tmp_path, language)
    asked = [
        (says["agency"], "H98"),
        (says["name"], "UBND tỉnh Mẫu"),
        (says["echelon"], "province"),
        (says["level"], "3"),
        (says["system"], "dvc"),
    ]
    desk.typed("init", answers=asked)
    text = desk.done("init", status=2)
    assert "scope.yaml" in text
    (tmp_path / "list.csv").write_text(_listed("10.15.3.300", "70000"), "utf-8-sig")
    text = desk.typed("inventory", "import", "list.csv", status=2)
    for word in ("B2", says["address"], "D3", says["port"], says["nothing"], says["rename"]):
        assert word in text
    host = lab.good.scope.read_text("utf-8")
    address = re.search(r"127\.\d+\.\d+\.\d+", host)
    assert address is not None
    (tmp_path / "list.csv").write_text(_listed(address[0]), "utf-8-sig")
    assert says["imported"] in desk.done("inventory", "import", "list.csv", "--accept-renames")
    desk.done("permit", "new", "permit.yaml", "--agency", "H98", "--decision", "1/QĐ", "--address", f"{address[0]}/32")
    text = desk.typed("plan", "--baseline", BASELINE)
    for word in (says["plan"], says["blocks"], "web"):
        assert word in text
    words: tuple[str | Path, ...] = (
        "check",
        "--baseline",
        BASELINE,
        "--anchors",
        lab.good.anchors,
        "--ports",
        "443",
        "--rate",
        "normal",
    )
    if language == "vi":
        _interrupted(desk, words, says)
        words = (*words, "--resume")
    text = desk.typed(*words, status=11)
    for word in (says["verdict"], says["report"]):
        assert word in text
    assert len(list((tmp_path / "runs").glob("*.html"))) == 1
    assert "tls-minimum-version" in desk.done("explain", "tls-minimum-version", "--baseline", BASELINE)


def _interrupted(desk: Terminal, words: Sequence[str | Path], says: dict[str, str]) -> None:
    """Ctrl-C once the scan is under way: what was seen is kept, and the person is told how to go on."""
    child = desk.begun(*words)
    child.expect_exact(says["sights"])
    child.kill(signal.SIGINT)
    child.expect_exact(says["kept"])
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def _listed(address: str, port: str = "") -> str:
    mail = f"mail;10.15.3.4;;{port};https\n" if port else ""
    return f"Máy chủ;Địa chỉ;Đơn vị;Cổng;Giao thức\nweb;{address};tỉnh Bắc Kạn;443;https\n{mail}"


@dataclass(frozen=True)
class Office:
    """The folder the inspector and the approvers work in, its trust root, and what the inspection left."""

    folder: Path
    root: Path
    run: Path
    bundle: Path
    request: Path


@pytest.fixture(scope="module")
def office(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An inspection of the well-kept agency, as the inspector types it, in Vietnamese."""
    folder = tmp_path_factory.mktemp("office")
    baseline = folder / BASELINE.name
    shutil.copy(BASELINE, baseline)

    desk, keys, agency = Terminal(folder, "vi"), folder / "keys", lab.good
    root = hold(folder, baseline, lambda *words, expect=0, show=True: desk.done(*words, status=expect))
    desk.done("permit", "sign", agency.permit, "--signer", f"file:{keys}/owner.pem", "--out", "permit.dsse.json")
    text = desk.typed(
        "scan", agency.scope, "--permit", "permit.dsse.json", "--trust", root, "--baseline", baseline, "--anchors", agency.anchors,
        "--ports", "9,443", "--out", "run",
    )  # fmt: skip
    assert "đợt kiểm tra R-" in text
    (folder / "document.txt").write_text("Tài liệu của cuộc diễn tập.\n", "utf-8")
    for control in ("D1", "D18", "D7", "D8"):
        desk.done(
            "attest", "run", control, "--answer", "yes", "--document", "document.txt", "--by", "tran.binh", "--role", "inspector"
        )
    text = desk.typed("evaluate", "run", "--signer", f"file:{keys}/inspector.pem", "--trust", root)
    assert "✓ CHO PHÉP" in text
    text = desk.done("seal", "run", "--signer", f"file:{keys}/scanner.pem", "--out", "good.bundle")
    assert WORDS["vi"]["sealed"] in text
    desk.done(
        "request", "good.bundle", "--kind", "trial", "--csr", agency.client_csr, "--api", "verify", "--purpose", "Dịch vụ công",
        "--signer", f"file:{keys}/agency-good.pem", "--out", "request.dsse.json",
    )  # fmt: skip
    return Office(folder, root, folder / "run", folder / "good.bundle", folder / "request.dsse.json")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_inspector_reads_what_there_is(office: Office, language: str) -> None:
    desk = Terminal(office.folder, language)
    text = desk.done("runs", "show", "run")
    assert {"vi": "✓ cho phép", "en": "✓ authorise"}[language] in text
    assert {"vi": "giữ lại", "en": "stays"}[language] in text
    assert WORDS[language]["report"] in desk.done("report", "run", "--out", f"{language}.html")
    desk.done("diff", "run", "good.bundle")
    text = desk.typed("keys", "new", f"{language}.pem", answers=[(":", "mật khẩu của tôi"), (":", "mật khẩu của tôi")])
    assert "mật khẩu của tôi" not in text
    assert "ENCRYPTED" in (office.folder / f"{language}.pem").read_text()


@pytest.fixture(scope="module")
def certificate(office: Office) -> Path:
    """The certificate that two approvers and the keeper of the log made, in Vietnamese; proven, and cosigned by the witness."""
    desk, keys = Terminal(office.folder, "vi"), office.folder / "keys"
    common = (office.bundle, "--request", office.request, "--trust", office.root)
    yes = [("Ký nội dung này?", "y")]
    text = desk.typed("approve", *common, "--signer", f"file:{keys}/approver-mps.pem", "--out", "half.json", answers=yes)
    assert "đã phê duyệt" in text
    signer = f"file:{keys}/approver-mic.pem"
    desk.typed("approve", *common, "--signer", signer, "--authorisation", "half.json", "--out", "both.json", answers=yes)
    keeper = f"file:{keys}/log-mps.pem"
    desk.done("log", "init", "log", "--trust", office.root, "--origin", "log.mps.mau.test", "--signer", keeper)
    logged = ("--log", "log", "--log-signer", keeper)
    issue = ("issue", *common, *logged, "--out", "certificate.json")
    assert "từ chối" in desk.done(*issue, "--authorisation", "half.json", status=12)
    assert "giấy chứng nhận" in desk.done(*issue, "--authorisation", "both.json")
    assert "từ chối" in desk.done("verify", "certificate.json", "--trust", office.root, status=12)
    _cosigned(desk, office, "--first")
    desk.done("log", "prove", "log", "certificate.json")
    return office.folder / "certificate.json"


def _cosigned(desk: Terminal, office: Office, *first: str) -> None:
    signer = f"file:{office.folder}/keys/witness-mic.pem"
    desk.done("log", "cosign", "log", "--trust", office.root, "--signer", signer, "--state", "witness.json", *first)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_anyone_verifies_and_one_authority_suspends(office: Office, certificate: Path, language: str) -> None:
    says, desk = WORDS[language], Terminal(office.folder, language)
    text = desk.typed("verify", certificate, "--trust", office.root, "--bundle", office.bundle, "--recompute")
    assert says["valid"] in text
    serial = desk.done("log", "show", "log").split("\t")[3].strip()
    suspend = (
        "suspend", serial, "--log", "log", "--log-signer", f"file:{office.folder}/keys/log-mps.pem", "--trust", office.root, "--signer",
        f"file:{office.folder}/keys/approver-mic.pem", "--reason", "incident", "--out", "suspension.json",
    )  # fmt: skip
    if language == "vi":
        desk.typed(*suspend, answers=[(says["sign"], "n")], status=13)
        assert not (office.folder / "suspension.json").exists()
        return
    desk.typed(*suspend, answers=[(says["sign"], "y")])
    _cosigned(desk, office)
    assert says["refused"] in desk.done("verify", certificate, "--trust", office.root, "--log", "log", status=12)
