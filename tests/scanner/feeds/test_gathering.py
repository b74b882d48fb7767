"""Gathering: from a loopback server over TLS and from scripted answers; bounded, verified, and never sent elsewhere."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import responses

from scanner.feeds.gathered import RECORD, Gathered, GatheredFile, record_in
from scanner.feeds.gathering import Settings, Source, gather, read_settings
from scanner.feeds.reading import FeedError
from tests.scanner.feeds.editions import kev

ADDRESS = "127.107.0.1"
NAME = "feeds.example.test"
URL = f"https://{NAME}/kev.json"


CHANGED = {
    "/good.json": "Fri, 20 Nov 2026 10:00:00 GMT",
    "/undated.json": "yesterday, or so",
    "/ancient.json": "Wed, 20 Nov 0999 10:00:00 GMT",
}
"""What the vendor says of when a file was changed."""


class Vendor(http.server.BaseHTTPRequestHandler):
    """Serves one good file, and everything that can be wrong with one."""

    protocol_version = "HTTP/1.0"

    server: http.server.HTTPServer

    def do_GET(self) -> None:
        match self.path:
            case path if path in CHANGED:
                self.answer(b'{"a": 1}', {"Last-Modified": CHANGED[path], "Content-Length": "8"})
            case "/kev.json":
                self.answer(json.dumps(kev("2026-11-20")).encode())
            case "/moved.json":
                self.answer(b"", {"Location": "/good.json"}, 302)
            case "/elsewhere.json":
                self.answer(b"", {"Location": f"https://127.107.0.2:{self.server.server_port}/good.json"}, 302)
            case "/plain.json":
                self.answer(b"", {"Location": f"http://{ADDRESS}:{self.server.server_port}/good.json"}, 302)
            case "/loop.json":
                self.answer(b"", {"Location": "/loop.json"}, 302)
            case "/short.json":
                self.answer(b"half", {"Content-Length": "8"})
            case "/empty.json":
                self.answer(b"")
            case "/endless.json":
                self.answer(b"x" * 4_000_000)
            case _:
                self.answer(b"gone", status=404)

    def answer(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # the client has seen enough
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(folder: Path, address: str = ADDRESS) -> Iterator[tuple[str, str]]:
    """The vendor's URL, and the file of the certificate that vouches for this address."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    asked = ["-subj", "/CN=vendor", "-addext", f"subjectAltName=IP:{address}", "-days", "2", "-nodes", "-newkey", "ec"]
    made = ["-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *asked, *made], check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer((ADDRESS, 0), Vendor)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://{ADDRESS}:{server.server_port}", str(certificate)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with serving(tmp_path_factory.mktemp("pki")) as found:
        yield found


def fetched(url: str, folder: Path, ca: str | None = None, **source: int) -> Path:
    (one,) = gather(Settings(ca=ca, feed=(Source(file="kev.json", url=url, **source),)), folder)
    return one.path


@pytest.mark.parametrize(
    ("path", "stated"),
    [
        ("good.json", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("moved.json", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("kev.json", None),  # its server says nothing
        ("undated.json", None),
        ("ancient.json", None),
    ],
)
def test_a_file_is_fetched_whole_and_what_its_server_states_is_recorded_beside_it(
    vendor: tuple[str, str], tmp_path: Path, path: str, stated: datetime | None
) -> None:
    url = f"{vendor[0]}/{path}"
    found = fetched(url, tmp_path / "new", vendor[1])
    digest = hashlib.sha256(found.read_bytes()).hexdigest()
    assert sorted(path.name for path in found.parent.iterdir()) == [RECORD, "kev.json"]
    assert record_in(found.parent) == Gathered(
        files=(GatheredFile(name="kev.json", url=url, sha256=digest, last_modified=stated),)
    )


def test_a_record_tells_of_each_file_as_it_was_fetched_last(vendor: tuple[str, str], tmp_path: Path) -> None:
    good, undated = f"{vendor[0]}/good.json", f"{vendor[0]}/undated.json"
    for name, url in (("a", good), ("b", good), ("a", undated)):
        list(gather(Settings(ca=vendor[1], feed=(Source(file=name, url=url),)), tmp_path))
    record = record_in(tmp_path)
    assert record is not None
    assert [(one.name, one.url, one.last_modified is None) for one in record.files] == [("a", undated, True), ("b", good, False)]


@pytest.mark.parametrize("damage", [b"", b"{}x", b'{"files":[],"schema_version":2}'])
def test_a_folder_with_a_record_that_cannot_be_read_is_not_gathered_into(
    vendor: tuple[str, str], tmp_path: Path, damage: bytes
) -> None:
    (tmp_path / RECORD).write_bytes(damage)
    with pytest.raises(FeedError, match="gather into another folder"):
        fetched(f"{vendor[0]}/good.json", tmp_path, vendor[1])
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(RECORD, damage)]


@pytest.mark.parametrize(
    ("name", "url", "digest", "complaint"),
    [
        ("kev.json", URL, "a" * 64, None),
        ("other.json", URL, "a" * 64, "no record tells where it was fetched from"),
        ("kev.json", f"{URL}.gz", "a" * 64, "which the settings name"),
        ("kev.json", URL, "b" * 64, "its digest differs"),
    ],
)
def test_a_record_speaks_for_one_file_of_one_address(name: str, url: str, digest: str, complaint: str | None) -> None:
    one = GatheredFile(name="kev.json", url=URL, sha256="a" * 64, last_modified=None)
    if complaint is None:
        assert Gathered(files=(one,)).fetched(Path("in") / name, url, digest) == one
        return
    with pytest.raises(FeedError, match=complaint):
        Gathered(files=(one,)).fetched(Path("in") / name, url, digest)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("elsewhere.json", "sends to another address"),
        ("plain.json", "sends to another address"),
        ("loop.json", "more than 3 redirects"),
        ("short.json", "cannot be fetched|8 were announced"),
        ("empty.json", "an empty answer"),
        ("endless.json", "larger than 1000000 bytes"),
        ("nosuch.json", "status 404"),
    ],
)
def test_what_is_not_one_whole_file_of_that_host_is_refused_and_the_old_file_stays(
    vendor: tuple[str, str], tmp_path: Path, path: str, complaint: str
) -> None:
    (tmp_path / "kev.json").write_text("the edition before")
    with pytest.raises(FeedError, match=complaint):
        fetched(f"{vendor[0]}/{path}", tmp_path, vendor[1], limit=1_000_000)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("kev.json", "the edition before")]


def test_a_server_whose_certificate_does_not_verify_is_not_read(vendor: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="certificate does not verify"):
        fetched(f"{vendor[0]}/good.json", tmp_path)


def test_a_server_under_another_name_is_not_read(tmp_path: Path) -> None:
    with serving(tmp_path, address="127.107.0.9") as (url, ca), pytest.raises(FeedError, match="does not verify"):
        fetched(f"{url}/good.json", tmp_path, ca)


def test_a_closed_port_is_an_error_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="cannot be fetched"):
        fetched(f"https://{ADDRESS}:1/kev.json", tmp_path)


@responses.activate
def test_no_credentials_are_sent_even_where_the_operator_has_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {NAME} login a password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setitem(os.environ, "NETRC", str(netrc))
    responses.get(URL, body=b"{}")
    fetched(URL, tmp_path / "out")
    assert "Authorization" not in responses.calls[0].request.headers


@responses.activate
@pytest.mark.parametrize("error", [requests.ConnectTimeout(), requests.ReadTimeout(), requests.exceptions.ChunkedEncodingError()])
def test_every_failure_of_the_network_is_told(tmp_path: Path, error: Exception) -> None:
    responses.get(URL, body=error)
    with pytest.raises(FeedError, match="cannot be fetched"):
        fetched(URL, tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("feed = 1", "feed"),
        ("", "feed"),
        ("not toml", "not TOML"),
        ('[[feed]]\nfile = "../up"\nurl = "https://a/b"', "file"),
        ('[[feed]]\nfile = "a"\nurl = "http://a/b"', "url"),
        ('[[feed]]\nfile = "a"\nurl = "file:///etc/passwd"', "url"),
        ('[[feed]]\nfile = "a"\nurl = "https://a/b"\nlimt = 1', "limt"),
        ('[[feed]]\nfile = "a"\nurl = "https://a/b"\n[[feed]]\nfile = "a"\nurl = "https://a/c"', "twice"),
        ('[[feed]]\nfile = "gathered.json"\nurl = "https://a/b"', "may be called gathered.json"),
        ('[[feed]]\nfile = "manifest.json"\nurl = "https://a/b"', "may be called manifest.json"),
    ],
)
def test_settings_are_read_strictly(text: str, complaint: str) -> None:
    with pytest.raises(FeedError, match=complaint):
        read_settings(text.encode(), "feeds.toml")
