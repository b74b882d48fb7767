"""`clearance recheck` against a real server: only what the finding needs is looked at, and nothing can be decided on it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scanner.assessment import Assessment
from scanner.order import Order
from scanner.store import ASSESSMENT, ORDER
from tests.printed import printed
from tests.scanner import permits
from tests.scanner.test_changes import clearance
from tests.scanner.test_rejudging import ALL, law

HERE = "127.46.7.1"
LAW = law(
    "law",
    ("REDIRECT", "gate", "http-redirects-to-https", "{}", ALL),
    ("PATHS", "major", "web-no-administration", "{}", ALL),
    ("D1", "major", "document", "", ALL),
)


class Web:
    """A web server that redirects to HTTPS, or does not; and remembers what it was asked for."""

    def __init__(self) -> None:
        self.redirects = False
        self.asked: list[str] = []
        web = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked.append(self.path)
                self.send_response(301 if web.redirects else 200)
                if web.redirects:
                    self.send_header("Location", "https://dvc.example.vn/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET  # noqa: N815 - the library's name

            def log_message(self, *_words: object) -> None:
                """Keeps quiet."""

        self.server = ThreadingHTTPServer((HERE, 0), Answer)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    found = Web()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def desk(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judged run of that server, in which it does not redirect."""
    folder = tmp_path_factory.mktemp("recheck")
    (folder / "law.yaml").write_bytes(LAW)
    (folder / "permit.yaml").write_bytes(permits.permit(f"{HERE}/32").written())
    (folder / "elsewhere.yaml").write_bytes(permits.permit("127.46.8.0/24").written())
    name = "{vi: Thử, en: Test}"
    (folder / "scope.yaml").write_text(
        f"agency: {{code: H46, name: {name}, echelon: province}}\nsystem: {{id: S, name: {name}, level: 3, operator: IT}}\n"
        f"hosts: [{{id: web, address: {HERE}, services: [{{port: {web.port}, speaks: http, name: dvc.example.vn}}]}}]\n",
        "utf-8",
    )
    scanned = clearance(
        "scan", folder / "scope.yaml", "--permit", folder / "permit.yaml", "--baseline", folder / "law.yaml",
        "--out", folder / "run", "--ports", str(web.port),
    )  # fmt: skip
    assert scanned.returncode == 0, scanned.stderr
    assert clearance("evaluate", folder / "run").returncode == 10
    return folder


def id_of(desk: Path, check: str) -> str:
    assessment = Assessment.read((desk / "run" / ASSESSMENT).read_bytes())
    return next(finding.id for finding in assessment.findings if finding.check == check)


def test_a_mended_finding_is_seen_to_be_mended_by_one_sight_alone(desk: Path, web: Web) -> None:
    finding = id_of(desk, "http-redirects-to-https")
    before = (desk / "run" / ASSESSMENT).read_bytes()
    words = ("recheck", desk / "run", "--finding", finding, "--permit", desk / "permit.yaml")
    done = clearance(*words, "--out", desk / "still")
    assert done.returncode == 10, done.stderr
    web.redirects, web.asked = True, []
    done = clearance(*words, "--out", desk / "mended")
    assert done.returncode == 0, done.stderr
    assert f"REDIRECT http-redirects-to-https @ web:{web.port}" in done.stdout
    assert "before: fail" in done.stdout
    assert "now:    pass" in done.stdout
    assert "decides nothing" in done.stdout
    kept = sorted(path.relative_to(desk / "mended").as_posix() for path in (desk / "mended").rglob("observations/*/*"))
    assert kept == [f"observations/http/web_{web.port}.json"]
    assert 1 <= len(web.asked) <= 3  # the other probe of this server would ask for dozens of paths
    assert (desk / "run" / ASSESSMENT).read_bytes() == before
    told = printed("recheck", clearance(*words, "--out", desk / "told", "--format", "json").stdout)
    assert (told["decides"], told["before"]["outcome"], told["after"]["outcome"]) == (False, "fail", "pass")
    assert told["before"]["id"] == told["after"]["id"] == finding


def test_nothing_can_be_sealed_or_decided_on_what_was_rechecked(desk: Path, web: Web) -> None:
    web.redirects = True
    finding = id_of(desk, "http-redirects-to-https")
    done = clearance("recheck", desk / "run", "--finding", finding, "--permit", desk / "permit.yaml", "--out", desk / "part")
    assert done.returncode == 0, done.stderr
    assert not (desk / "part" / ASSESSMENT).exists()
    sealed = clearance("seal", desk / "part", "--signer", "file:none.pem", "--out", desk / "never.bundle")
    assert (sealed.returncode, "not judged yet" in sealed.stderr) == (2, True), sealed.stderr
    order = Order.read((desk / "part" / ORDER).read_bytes())
    assert set(order.plan) - set(order.skipped) == {sight for sight in order.plan if sight.kind == "http"}
    assert clearance("evaluate", desk / "part").returncode == 11
    assessment = Assessment.read((desk / "part" / ASSESSMENT).read_bytes())
    assert assessment.decision == "incomplete"
    assert {"control-undetermined", "inventory-not-covered"} <= {reason.code.value for reason in assessment.reasons}


def test_a_server_that_is_gone_is_not_checked(desk: Path, web: Web, tmp_path: Path) -> None:
    finding = id_of(desk, "http-redirects-to-https")
    web.server.shutdown()
    web.server.server_close()
    done = clearance("recheck", desk / "run", "--finding", finding, "--permit", desk / "permit.yaml", "--out", tmp_path / "gone")
    assert (done.returncode, "now:    notchecked" in done.stdout) == (11, True), done.stdout + done.stderr


def test_what_cannot_be_looked_at_again_is_refused_before_any_packet(desk: Path, tmp_path: Path) -> None:
    redirect, paper = id_of(desk, "http-redirects-to-https"), id_of(desk, "attestation")
    permit = ("--permit", desk / "permit.yaml")
    for words, status, complaint in (
        (("--finding", redirect), 2, "no permit, no packet"),
        (("--finding", redirect, "--permit", desk / "elsewhere.yaml"), 13, "outside the permitted addresses"),
        (("--finding", "F-000000000000", *permit), 2, "shows the ids"),
        (("--finding", paper, *permit), 2, "clearance attest"),
    ):
        done = clearance("recheck", desk / "run", *words, "--out", tmp_path / "never")
        assert (done.returncode, complaint in done.stderr) == (status, True), done.stderr
        assert not (tmp_path / "never").exists()
