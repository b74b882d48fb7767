"""What an endpoint answers over HTTP is copied as it is, whoever answers."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import responses

from scanner.observations import HttpAnswer, HttpObservation, Reason, Unobserved
from scanner.probes.http import look
from scanner.targets import Speaks
from tests.scanner.probes.issuing import Made, kept
from tests.scanner.probes.web_peers import (
    NAME,
    Peer,
    Talk,
    circumstances,
    dripping,
    free_port,
    listening,
    nginx,
    saying,
    silent,
    tls,
)

HERE = "127.41.3.1"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def seen(found: object) -> HttpObservation:
    assert isinstance(found, HttpObservation), found
    return found


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Peer]:
    """nginx that sends clients on from / and shows its version on what is missing."""
    chain, secret = kept(tmp_path, Made())
    port = free_port(HERE)
    certificate = f"ssl_certificate {chain}; ssl_certificate_key {secret};"
    servers = (
        f"server {{ listen {HERE}:{port} ssl default_server; {certificate} return 421; }}\n"
        f"server {{ listen {HERE}:{port} ssl; server_name {NAME}; {certificate} "
        "add_header Strict-Transport-Security 'max-age=31536000' always; location / { return 404; } "
        "location = / { return 301 https://elsewhere.example/$http_user_agent; } }"
    )
    with nginx(tmp_path, HERE, port, servers) as peer:
        yield peer


def test_real_nginx_is_seen_at_its_name_and_its_redirect_is_not_followed(portal: Peer) -> None:
    found = seen(look(portal.target(), circumstances()))
    assert found.tls
    assert found.root.status == 301
    assert found.root.header("location") == "https://elsewhere.example/clearance"
    assert found.root.header("strict-transport-security") == "max-age=31536000"
    assert isinstance(found.missing, HttpAnswer) and found.missing.status == 404
    assert "nginx/" in found.missing.body_start
    assert found.root.url == f"https://{NAME}:{portal.port}/"
    assert found.seen.connections == 2


def test_without_a_name_the_address_is_asked(portal: Peer) -> None:
    found = seen(look(portal.target(name=None), circumstances()))
    assert found.root.status == 421
    assert found.root.url == f"https://{HERE}:{portal.port}/"


def test_an_old_server_is_still_read(tmp_path: Path) -> None:
    chain, secret = kept(tmp_path, Made(subject="old", bits=1_024))
    with listening(HERE, tls(chain, secret, saying(ANSWER), newest=ssl.TLSVersion.TLSv1)) as peer:
        assert seen(look(peer.target(), circumstances())).root.status == 200


def test_plain_http_is_seen_as_plain() -> None:
    with listening(HERE, saying(ANSWER)) as peer:
        found = seen(look(peer.target(speaks=Speaks.HTTP), circumstances()))
    assert not found.tls
    assert (found.root.url, found.root.body_start) == (f"http://{NAME}:{peer.port}/", "hi")
    assert isinstance(found.missing, HttpAnswer)
    assert found.seen.connections == len(peer.taken) == 2


@responses.activate
def test_headers_are_kept_each_line_by_itself_escaped_and_cookies_without_their_value() -> None:
    responses.get(
        "http://192.0.2.1:80/",
        body=b"\x1b[2J<script>" + b"x" * 10_000,
        headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Odd", "tab\there \xe9")],
    )
    found = seen(look(Peer("192.0.2.1", 80).target(speaks=Speaks.HTTP), circumstances()))
    assert {header.value for header in found.root.headers if header.name == "set-cookie"} == {"a=", "b="}
    assert found.root.header("x-odd") == "tab\\x09here \\xe9"
    assert found.root.body_start.startswith("\\x1b[2J<script>xxx") and len(found.root.body_start) < 2_100
    assert found.root.url == f"http://{NAME}/"


@responses.activate
def test_a_missing_path_that_is_not_answered_leaves_the_root_seen() -> None:
    responses.get("http://192.0.2.1:80/", body="hi")
    found = seen(look(Peer("192.0.2.1", 80).target(speaks=Speaks.HTTP), circumstances()))
    assert found.root.status == 200
    assert isinstance(found.missing, Unobserved)


@responses.activate
def test_no_two_looks_ask_for_the_same_missing_path_and_no_cookie_is_carried_on() -> None:
    asked = responses.get(url=re.compile(r"http://192\.0\.2\.1:80/.*"), headers={"Set-Cookie": "a=1"})
    for _ in range(2):
        look(Peer("192.0.2.1", 80).target(speaks=Speaks.HTTP), circumstances())
    paths = [call.request.path_url for call in asked.calls]
    assert len(set(paths)) == 3
    assert all("Cookie" not in call.request.headers for call in asked.calls)
    assert {call.request.headers["User-Agent"] for call in asked.calls} == {"clearance"}


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (silent, Reason.SILENT),
        (saying(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", first=True), Reason.NOT_SPOKEN),
        (saying(b"-ERR unknown command\r\n"), Reason.NOT_SPOKEN),
        (saying(b"\x00\xff rubbish" * 1_000_000), Reason.NOT_SPOKEN),
        (saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), Reason.UNREADABLE),
        (dripping(b"HTTP/1.1 200 OK\r\nX-Slow: yes\r\n"), Reason.TIMED_OUT),
        (lambda wire: wire.close(), Reason.RESET),
    ],
    ids=["silence", "SSH", "redis", "ten megabytes of rubbish", "endless headers", "a slow drip", "a closed door"],
)
def test_who_does_not_speak_http_is_not_seen(talk: Talk, reason: Reason) -> None:
    with listening(HERE, talk) as peer:
        found = look(peer.target(speaks=Speaks.HTTP), circumstances(0.4, 4))
    assert isinstance(found, Unobserved) and found.reason is reason, found
    assert found.detail.isprintable() and len(found.detail) < 400


def test_a_body_that_drips_does_not_lose_the_headers() -> None:
    def talk(wire: ssl.SSLSocket) -> None:
        wire.recv(4_096)
        wire.sendall(b"HTTP/1.1 200 OK\r\nServer: slow\r\nContent-Length: 4000\r\n\r\n")
        dripping(b"x")(wire)

    with listening(HERE, talk) as peer:  # type: ignore[arg-type]
        found = seen(look(peer.target(speaks=Speaks.HTTP), circumstances(0.4, 2)))
    assert found.root.header("server") == "slow"


@pytest.mark.parametrize("talk", [saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), saying(b"SSH-2.0-x\r\n", first=True)])
def test_a_port_declared_as_https_that_speaks_in_clear_is_named(talk: Talk) -> None:
    with listening(HERE, talk) as peer:
        found = look(peer.target(), circumstances(0.5, 4))
    assert isinstance(found, Unobserved) and found.reason is Reason.NOT_SPOKEN


def test_tls_that_holds_something_else_than_http_is_named(tmp_path: Path) -> None:
    with listening(HERE, tls(*kept(tmp_path, Made()), saying(b"220 mail ESMTP\r\n", first=True))) as peer:
        found = look(peer.target(), circumstances(0.5, 4))
    assert isinstance(found, Unobserved) and found.reason is Reason.NOT_SPOKEN


def test_a_silent_tls_port_and_an_empty_one_are_told_apart() -> None:
    with listening(HERE, silent) as peer:
        found = look(peer.target(), circumstances(0.4, 4))
    assert isinstance(found, Unobserved) and found.reason is Reason.SILENT
    found = look(Peer(HERE, free_port(HERE)).target(), circumstances(0.4, 4))
    assert isinstance(found, Unobserved) and found.reason is Reason.REFUSED


def test_proxies_of_the_environment_have_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.41.3.9:9")
    with listening(HERE, saying(ANSWER)) as peer:
        assert seen(look(peer.target(speaks=Speaks.HTTP), circumstances())).root.status == 200
