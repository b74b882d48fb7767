"""The greeting probe against real redis, nginx and sshd, against recorded words of servers that cannot be had here, and hostile ones."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.observations import GreetingObservation, Reason, Unobserved
from scanner.ordering import read_scope
from scanner.probes import greeting, protocols
from scanner.probes.looking import Target
from scanner.targets import Service, Speaks
from tests.lab.province import Lab, LabAgency
from tests.scanner.probes.talkers import Talk, circumstances, talking, target

HERE = "127.45.0.1"


def look(port: int, **changes: object) -> GreetingObservation | Unobserved:
    return greeting.look(target(HERE, port, Speaks.OTHER), circumstances(**changes))


def at(agency: LabAgency, pick: Callable[[Service], bool]) -> GreetingObservation:
    host, service = next((host, service) for host in read_scope(agency.scope).hosts for service in host.services if pick(service))
    result = greeting.look(Target(f"{host.id}:{service.port}", host, service, host.address), circumstances())
    assert isinstance(result, GreetingObservation), result
    return result


def test_a_redis_without_a_password_answers_a_stranger_and_one_with_a_password_does_not(lab: Lab) -> None:
    def is_redis(service: Service) -> bool:
        return 6_379 <= service.port < 6_400

    assert at(lab.bad, is_redis).answers_unauthenticated is True
    kept = at(lab.good, is_redis)
    assert kept.protocol == "redis"
    assert kept.answers_unauthenticated is False
    assert kept.said.startswith("-NOAUTH")
    assert kept.seen.connections <= greeting.BUDGET


def test_a_telnet_server_is_known_by_its_negotiation_and_its_prompt(lab: Lab) -> None:
    found = at(lab.bad, lambda service: service.speaks is Speaks.OTHER and service.port < 6_000)
    assert found.protocol == "telnet"
    assert found.encrypted is False
    assert found.spoken_in_clear == "telnet"
    assert found.answers_unauthenticated is False


def test_a_web_server_is_http_in_clear_and_tls_where_it_speaks_tls(lab: Lab) -> None:
    clear = at(lab.good, lambda service: service.speaks is Speaks.HTTP)
    assert (clear.protocol, clear.encrypted) == ("http", False)
    assert isinstance(clear.answers_unauthenticated, Unobserved)
    secure = at(lab.good, lambda service: service.speaks is Speaks.HTTPS)
    assert (secure.protocol, secure.encrypted) == ("tls", True)
    assert secure.spoken_in_clear is None


def test_an_ssh_server_is_known_by_its_banner(lab: Lab) -> None:
    assert at(lab.good, lambda service: service.speaks is Speaks.SSH).protocol == "ssh"


def _says(said: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        peer.sendall(said)
        with suppress(OSError):
            while peer.recv(4_096):
                pass

    return talk


def _answers(answers: dict[bytes, bytes]) -> Talk:
    """A server that waits, and answers a question that begins with one of these bytes; hangs up on any other."""

    def talk(peer: socket.socket) -> None:
        while said := peer.recv(4_096):
            found = next((answer for question, answer in answers.items() if said.startswith(question)), None)
            if found is None:
                return
            peer.sendall(found)

    return talk


_MYSQL = b"\x4a\x00\x00\x00\x0a5.7.44-log\x00" + bytes(60)


@pytest.mark.parametrize(
    ("said", "protocol", "strangers"),
    [
        (b"220 (vsFTPd 3.0.3)\r\n", "ftp", False),
        (b"220 ProFTPD Server (Debian)\r\n", "ftp", False),
        (b"220 mail.mau.test ESMTP Postfix\r\n", "smtp", False),
        (b"+OK Dovecot ready.\r\n", "pop3", False),
        (b"* OK [CAPABILITY IMAP4rev1] ready.\r\n", "imap", False),
        (b"* PREAUTH welcome\r\n", "imap", True),
        (_MYSQL, "mysql", False),
        (b"\x45\x00\x00\x00\xff\x6a\x04Host '10.0.0.1' is not allowed to connect", "mysql", False),
        (b"@RSYNCD: 31.0\n", "rsync", None),
        (b"\r\nUser Access Verification\r\n\r\nUsername: ", "telnet", False),
        (b"mystery service 1.0\r\n", "unknown", None),
        (b"\x1b]0;owned\x07\xff\xfe<script>alert(1)</script>\r\n", "unknown", None),
    ],
)
def test_a_server_that_speaks_first_is_known_by_its_words(said: bytes, protocol: str, strangers: bool | None) -> None:
    with talking(HERE, _says(said)) as (port, met):
        found = look(port)
        assert len(met) == 1
    assert isinstance(found, GreetingObservation), found
    assert found.protocol == protocol
    assert found.said.isascii()
    assert found.said.isprintable()
    assert found.answers_unauthenticated is strangers or (
        strangers is None and isinstance(found.answers_unauthenticated, Unobserved)
    )


def _mongo(listing: bytes) -> Talk:
    def reply(request: int, document: bytes) -> bytes:
        body = struct.pack("<IB", 0, 0) + struct.pack("<i", len(document) + 5) + document + b"\0"
        return struct.pack("<iiii", len(body) + 16, 7, request, 2_013) + body

    def talk(peer: socket.socket) -> None:
        while said := peer.recv(4_096):
            if said[12:16] != struct.pack("<i", 2_013):
                return
            request = struct.unpack("<i", said[4:8])[0]
            peer.sendall(reply(request, b"\x01ok\0" + struct.pack("<d", 1.0) if request == 1 else listing))

    return talk


_YES, _NO = b"\x01ok\0" + struct.pack("<d", 1.0), b"\x01ok\0" + struct.pack("<d", 0.0) + b"\x10code\0" + struct.pack("<i", 13)
_ELASTIC = b'HTTP/1.0 200 OK\r\n\r\n{"cluster_name" : "mau", "version" : {"lucene_version" : "9.4"}}'


@pytest.mark.parametrize(
    ("talk", "protocol", "strangers"),
    [
        (_answers({b"PING": b"+PONG\r\n"}), "redis", True),
        (_answers({b"PING": b"-DENIED Redis is running in protected mode\r\n"}), "redis", False),
        (_answers({b"PING": b"ERROR\r\n", b"version": b"VERSION 1.6.18\r\n"}), "memcached", True),
        (_answers({b"PING": b"HTTP/1.0 400 Bad\r\n\r\n", b"GET /": _ELASTIC}), "elasticsearch", True),
        (_answers({b"GET /": b'HTTP/1.0 401 No\r\n\r\n{"error":{"type":"security_exception"}}'}), "elasticsearch", False),
        (_answers({b"\0\0\0\x08": b"N"}), "postgresql", None),
        (_answers({b"\0\0\0\x08": b"S"}), "postgresql", None),
        (_mongo(_YES), "mongodb", True),
        (_mongo(_NO), "mongodb", False),
        (_answers({b"GET /": b"what is this?\n"}), "unknown", None),
    ],
)
def test_a_server_that_waits_is_known_by_its_answer(talk: Talk, protocol: str, strangers: bool | None) -> None:
    with talking(HERE, talk) as (port, met):
        found = look(port, timeout=0.5)
        assert len(met) <= greeting.BUDGET
    assert isinstance(found, GreetingObservation), found
    assert found.protocol == protocol
    assert found.answers_unauthenticated is strangers or (
        strangers is None and isinstance(found.answers_unauthenticated, Unobserved)
    )


@pytest.mark.parametrize(("types", "strangers"), [(b"\x02\x01\x02", True), (b"\x01\x02", False)])
def test_a_vnc_server_without_a_password_lets_strangers_in(types: bytes, strangers: bool) -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"RFB 003.008\n")
        if peer.recv(12) == b"RFB 003.008\n":
            peer.sendall(types)
            peer.recv(1)

    with talking(HERE, talk) as (port, _):
        found = look(port)
    assert isinstance(found, GreetingObservation)
    assert (found.protocol, found.answers_unauthenticated) == ("vnc", strangers)


def test_a_server_that_never_says_a_word_is_silent() -> None:
    with talking(HERE, _answers({b"": b""})) as (port, met):
        result = look(port, timeout=0.2)
        assert len(met) == greeting.BUDGET
    assert isinstance(result, Unobserved)
    assert result.reason is Reason.SILENT


def test_a_server_that_hangs_up_on_everything_is_silent() -> None:
    with talking(HERE, _answers({})) as (port, _):
        result = look(port, timeout=0.2)
    assert isinstance(result, Unobserved)


def test_a_banner_of_ten_megabytes_is_cut() -> None:
    with talking(HERE, _says(b"A" * 10_000_000)) as (port, _):
        found = look(port)
    assert isinstance(found, GreetingObservation)
    assert len(found.said) < 5_000
    assert found.protocol == "unknown"


def test_a_server_that_drips_forever_is_left_at_the_deadline() -> None:
    def talk(peer: socket.socket) -> None:
        with suppress(OSError):
            while True:
                peer.sendall(b"A")
                peer.settimeout(0.1)
                with suppress(TimeoutError):
                    if not peer.recv(1):
                        return

    with talking(HERE, talk) as (port, _):
        found = look(port, deadline=1.0)
    assert isinstance(found, GreetingObservation | Unobserved)


def test_a_closed_port_is_refused() -> None:
    with socket.create_server((HERE, 0)) as server:
        port = int(server.getsockname()[1])
    result = look(port)
    assert isinstance(result, Unobserved)
    assert result.reason is Reason.REFUSED


@given(st.binary(max_size=300))
def test_any_bytes_are_recognised_or_not_and_never_a_crash(said: bytes) -> None:
    protocols.greeted(said)
    protocols.pinged(said)
    protocols.http_store(said)
    protocols.postgresql(said)
    protocols.tls(said)
    protocols.vnc_strangers(said, said[:7])
    assert protocols.mongo_answer(said, 1) in (None, True, False)
