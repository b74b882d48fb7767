"""The published paths are asked for at real nginx in good and bad keeping, and at servers that answer everything alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import web_paths as judged
from scanner.check import Parameters
from scanner.findings import Fail, Pass
from scanner.observations import Reason, Unobserved, WebPathsObservation
from scanner.probes.web import Answered
from scanner.probes.web_paths import QUESTIONS, _path, _security_txt, look
from scanner.targets import Speaks
from tests.scanner.probes.web_peers import Peer, circumstances, free_port, listening, nginx, saying, silent

HERE = "127.104.1.1"
SECRET = "DB_PASSWORD=hunter2"


def seen(found: object) -> WebPathsObservation:
    assert isinstance(found, WebPathsObservation), found
    return found


@contextmanager
def site(folder: Path, locations: str, files: dict[str, str] | None = None) -> Iterator[Peer]:
    """A real nginx in clear that serves these files and locations."""
    root = folder / "www"
    for name, text in ({"index.html": "<p>portal"} | (files or {})).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for below in (folder, *(each for each in (root, *root.rglob("*")) if each.is_dir())):
        below.chmod(0o755)
    port = free_port(HERE)
    server = f"server {{ listen {HERE}:{port}; root {root}; {locations} location / {{ try_files $uri $uri/ =404; }} }}"
    with nginx(folder, HERE, port, server) as peer:
        yield peer


def looked(peer: Peer, timeout: float = 2.0, deadline: float = 30.0) -> WebPathsObservation:
    return seen(look(peer.target(speaks=Speaks.HTTP), circumstances(timeout, deadline)))


def recognised(found: WebPathsObservation) -> dict[str, str]:
    return {each.path: each.recognised for each in found.paths if each.recognised}


def test_a_well_kept_server_shows_nothing(tmp_path: Path) -> None:
    with site(tmp_path, "") as peer:
        found = looked(peer)
    assert recognised(found) == {}
    assert found.surfaces == ()
    assert {each.path for each in found.paths} == set(QUESTIONS)
    assert (found.impossible, found.trace, found.unanswered) == (404, False, ())
    assert found.seen.connections == len(QUESTIONS) + 3


def test_forgotten_files_and_listings_are_recognised_and_their_contents_are_not_kept(tmp_path: Path) -> None:
    files = {
        ".git/HEAD": "ref: refs/heads/main\n",
        ".env": f"# production\n{SECRET}\n",
        "backup.sql": "-- dump\nCREATE TABLE citizen (id int);\n",
        "uploads/cccd.jpg": "x",
    }
    with site(tmp_path, "location /uploads/ { autoindex on; }", files) as peer:
        found = looked(peer)
    assert recognised(found) == {
        "/.git/HEAD": "Git repository",
        "/.env": "environment file",
        "/backup.sql": "database dump",
        "/uploads/": "directory listing",
    }
    kept = json.dumps(found.model_dump(mode="json"))
    assert not any(words in kept for words in ("hunter2", "citizen", "refs/heads", "cccd"))
    assert isinstance(judged.no_forgotten_files(found, Parameters()), Fail)
    assert isinstance(judged.no_administration(found, Parameters()), Pass)


def test_administration_is_recognised_behind_a_login_and_without_one(tmp_path: Path) -> None:
    locations = """
      location = /nginx_status { stub_status; }
      location = /manager/html { add_header WWW-Authenticate 'Basic realm="Tomcat Manager Application"' always; return 401; }
      location = /admin/login/ { default_type text/html; return 200 "<title>Log in | Django administration</title>"; }
      location = /administrator/ { default_type text/html; return 200 "<form><input type=password></form>"; }
    """
    with site(tmp_path, locations) as peer:
        found = looked(peer)
    assert recognised(found) == {
        "/nginx_status": "nginx status",
        "/manager/html": "Tomcat Manager",
        "/admin/login/": "Django administration",
        "/administrator/": "login form",
    }
    verdict = judged.no_administration(found, Parameters())
    assert isinstance(verdict, Fail) and "/manager/html (Tomcat Manager)" in verdict.seen.shown()


def test_a_server_that_answers_everything_with_one_page_shows_no_administration(tmp_path: Path) -> None:
    page = (
        'location / { default_type text/html; return 200 "<title>Portal</title><input type=password> $request_uri $request_id"; }'
    )
    port = free_port(HERE)
    with nginx(tmp_path, HERE, port, f"server {{ listen {HERE}:{port}; {page} }}") as peer:
        found = looked(peer)
    assert recognised(found) == {}
    assert found.surfaces == ()


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_firewall_that_refuses_everything_leaves_it_unobserved(tmp_path: Path, status: int) -> None:
    port = free_port(HERE)
    with nginx(tmp_path, HERE, port, f"server {{ listen {HERE}:{port}; return {status}; }}") as peer:
        found = looked(peer)
    assert isinstance(found.surfaces, Unobserved) and found.surfaces.reason is Reason.BLOCKED


def test_a_server_that_stops_answering_in_the_middle_leaves_the_rest_unobserved() -> None:
    left = [4]

    def tired(wire: object) -> None:
        left[0] -= 1
        talk = saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") if left[0] >= 0 else silent
        talk(wire)  # type: ignore[arg-type]  # a socket, as every talk is given

    with listening(HERE, tired) as peer:
        found = looked(peer, timeout=0.2, deadline=2.0)
    assert found.unanswered
    assert isinstance(found.surfaces, Unobserved)
    assert isinstance(found.security_txt, Unobserved)


def test_what_was_recognised_stands_whatever_was_not_answered(tmp_path: Path) -> None:
    with site(tmp_path, "location = /.env { return 444; }", {".git/HEAD": "ref: refs/heads/main\n"}) as peer:
        found = looked(peer)
    assert found.unanswered == ("/.env",)
    assert isinstance(judged.no_forgotten_files(found, Parameters()), Fail)


def test_security_txt_is_read_and_judged_by_its_date(tmp_path: Path) -> None:
    lines = "Contact: mailto:csirt@example.vn\nExpires: 2099-01-01T00:00:00Z\nPolicy: https://example.vn/\x1b[31m\n"
    with site(tmp_path, "default_type text/plain;", {".well-known/security.txt": lines}) as peer:
        found = looked(peer)
    assert not isinstance(found.security_txt, Unobserved)
    assert found.security_txt.lines[:2] == ("Contact: mailto:csirt@example.vn", "Expires: 2099-01-01T00:00:00Z")
    assert found.security_txt.lines[2].endswith("\\x1b[31m")
    assert isinstance(judged.security_txt(found.model_copy(update={"tls": True}), Parameters()), Pass)
    assert isinstance(judged.security_txt(found, Parameters()), Fail)


def test_trace_that_is_executed_is_seen() -> None:
    def echoing(wire: object) -> None:
        request = wire.recv(4_096)  # type: ignore[attr-defined]  # a socket
        head = b"HTTP/1.1 200 OK\r\nContent-Type: message/http\r\nContent-Length: %d\r\n\r\n" % len(request)
        wire.sendall(head + request)  # type: ignore[attr-defined]  # as above

    with listening(HERE, echoing) as peer:
        assert looked(peer).trace is True


@given(st.sampled_from(sorted(QUESTIONS)), st.integers(100, 599), st.binary(max_size=300), st.binary(max_size=300))
def test_any_answer_is_recognised_or_not(path: str, status: int, body: bytes, other: bytes) -> None:
    answer, impossible = Answered("u", status, (), body), Answered("u", 404, (), other)
    assert _path(path, answer, impossible).status == status
    _security_txt(answer)


def test_the_paths_are_published() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "web-paths.md").read_text("utf-8")
    for path in QUESTIONS:
        assert f"`{path}`" in text, path
