"""The greeting probe against the lab's redis, nginx, sshd and telnet, and against words recorded of servers that cannot be had here."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import pytest

from scanner.observations import GreetingObservation, Unobserved
from scanner.ordering import read_scope
from scanner.probes import greeting
from scanner.probes.looking import Target
from scanner.targets import Service, Speaks
from tests.lab.province import Lab, LabAgency
from tests.scanner.probes.talkers import Talk, circumstances, talking, target

HERE = "127.45.0.1"


def look(port: int, **changes: object) -> GreetingObservation:
    found = greeting.look(target(HERE, port, Speaks.OTHER), circumstances(**changes))
    assert isinstance(found, GreetingObservation), found
    return found


def at(agency: LabAgency, pick: Callable[[Service], bool]) -> GreetingObservation:
    host, service = next((host, service) for host in read_scope(agency.scope).hosts for service in host.services if pick(service))
    result = greeting.look(Target(f"{host.id}:{service.port}", host, service, host.address), circumstances(timeout=0.5))
    assert isinstance(result, GreetingObservation), result
    return result


def shows(found: GreetingObservation, strangers: bool | None) -> bool:
    """Whether what is seen about strangers is this; None stands for what could not be seen."""
    seen = found.answers_unauthenticated
    return isinstance(seen, Unobserved) if strangers is None else seen is strangers


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


def test_a_web_server_is_http_in_clear_and_http_inside_tls(lab: Lab) -> None:
    clear = at(lab.good, lambda service: service.speaks is Speaks.HTTP)
    assert (clear.protocol, clear.encrypted) == ("http", False)
    assert isinstance(clear.answers_unauthenticated, Unobserved)
    secure = at(lab.good, lambda service: service.speaks is Speaks.HTTPS)
    assert (secure.protocol, secure.encrypted) == ("http", True)
    assert secure.spoken_in_clear is None


def test_a_web_server_of_old_tls_is_heard_too(lab: Lab) -> None:
    assert at(lab.bad, lambda service: service.speaks is Speaks.HTTPS).encrypted is True


def test_an_ssh_server_is_known_by_its_banner(lab: Lab) -> None:
    assert at(lab.good, lambda service: service.speaks is Speaks.SSH).protocol == "ssh"


def says(said: bytes) -> Talk:
    def talk(peer: socket.socket) -> None:
        peer.sendall(said)
        with suppress(OSError):
            while peer.recv(4_096):
                pass

    return talk


def answers(known: dict[bytes, bytes], greets: bytes = b"") -> Talk:
    """A server that answers a question that begins with one of these bytes; hangs up on any other."""

    def talk(peer: socket.socket) -> None:
        peer.sendall(greets)
        while said := peer.recv(4_096):
            found = next((answer for question, answer in known.items() if said.startswith(question)), None)
            if found is None:
                return
            peer.sendall(found)

    return talk


MYSQL = b"\x4a\x00\x00\x00\x0a5.7.44-log\x00" + bytes(60)


@pytest.mark.parametrize(
    ("said", "protocol", "strangers"),
    [
        (b"220 (vsFTPd 3.0.3)\r\n", "ftp", False),
        (b"220---------- Welcome to Pure-FTPd [privsep] ----------\r\n220 You are user 1 of 50.\r\n", "ftp", False),
        (b"220-All use is logged.\r\n220 Department FTP server ready.\r\n", "ftp", False),
        (b"220 mail.mau.test ESMTP Postfix\r\n", "smtp", False),
        (b"220-mail.mau.test greets you\r\n220 ESMTP ready\r\n", "smtp", False),
        (b"+OK Dovecot ready.\r\n", "pop3", False),
        (b"* OK [CAPABILITY IMAP4rev1] ready.\r\n", "imap", False),
        (b"* PREAUTH welcome\r\n", "imap", True),
        (b'"IMPLEMENTATION" "Dovecot Pigeonhole"\r\nOK "ready"\r\n', "sieve", False),
        (b"200 news.mau.test InterNetNews NNRP server ready\r\n", "nntp", None),
        (b":irc.mau.test NOTICE * :*** Looking up your hostname\r\n", "irc", None),
        (MYSQL, "mysql", False),
        (b"\x45\x00\x00\x00\xff\x6a\x04Host '10.0.0.1' is not allowed to connect", "mysql", False),
        (b"@RSYNCD: 31.0\n", "rsync", None),
        (b"\r\nUser Access Verification\r\n\r\nUsername: ", "telnet", False),
        (b"\x1b[2J\x1b[HSwitch\r\nlogin: \x1b[0m", "telnet", False),
        (b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n", "redis", False),
        (b"-ERR max number of clients reached\r\n", "redis", None),
        (b"mystery service 1.0\r\n", "unknown", None),
    ],
)
def test_a_server_that_speaks_first_is_known_by_its_words(said: bytes, protocol: str, strangers: bool | None) -> None:
    with talking(HERE, says(said)) as (port, met):
        found = look(port, timeout=0.3)
        assert len(met) == found.seen.connections == 1
    assert found.protocol == protocol
    assert shows(found, strangers)


@pytest.mark.parametrize(
    ("known", "protocol"),
    [
        ({b"FEAT": b"211-Features:\r\n UTF8\r\n211 End\r\n"}, "ftp"),
        ({b"FEAT": b"530 Please login with USER and PASS.\r\n"}, "ftp"),
        ({b"FEAT": b"502 5.5.2 Command not recognized\r\n", b"EHLO": b"250-mail\r\n250 SIZE\r\n"}, "smtp"),
        ({b"FEAT": b"500 What?\r\n", b"EHLO": b"500 What?\r\n"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_a_server_that_hides_its_name_behind_220_is_asked_which_it_is(known: dict[bytes, bytes], protocol: str) -> None:
    with talking(HERE, answers(known, greets=b"220 Welcome\r\n")) as (port, met):
        found = look(port, timeout=0.5)
        assert len(met) == 1
    assert found.protocol == protocol
    assert shows(found, None if protocol == "unknown" else False)


def test_a_telnet_server_that_negotiates_at_length_is_followed_to_its_prompt() -> None:
    def talk(peer: socket.socket) -> None:
        for proposal, refusal in (
            (b"\xff\xfd\x18\xff\xfd\x20", b"\xff\xfc\x18\xff\xfc\x20"),
            (b"\xff\xfb\x03\xff\xfb\x01", b"\xff\xfe\x03\xff\xfe\x01"),
        ):
            peer.sendall(proposal)
            if peer.recv(64) != refusal:
                return
        peer.sendall(b"\r\nlogin: \xff\xf9")
        assert peer.recv(64) == b""  # nothing is typed at the prompt

    with talking(HERE, talk) as (port, _):
        found = look(port)
    assert (found.protocol, found.answers_unauthenticated) == ("telnet", False)


def mongo(listing: bytes) -> Talk:
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


def refusing(code: int) -> bytes:
    return b"\x01ok\0" + struct.pack("<d", 0.0) + b"\x10code\0" + struct.pack("<i", code)


LISTED = b"\x04databases\0" + struct.pack("<i", 9_000) + b"\x030\0" + b"x" * 9_000 + b"\0\x01ok\0" + struct.pack("<d", 1.0)
ELASTIC = b'HTTP/1.0 200 OK\r\n\r\n{"cluster_name" : "mau", "version" : {"lucene_version" : "9.4"}}'
COUCH = b'HTTP/1.0 200 OK\r\n\r\n{"couchdb":"Welcome","version":"3.3.3"}'
REFUSED_PING = b"-ERR unknown command 'PING', with args beginning with: \r\n"


@pytest.mark.parametrize(
    ("talk", "protocol", "strangers"),
    [
        (answers({b"PING": b"+PONG\r\n"}), "redis", True),
        (answers({b"PING": b"-NOAUTH Authentication required.\r\n"}), "redis", False),
        (answers({b"PING": b"-ERR operation not permitted\r\n"}), "redis", False),
        (answers({b"PING": REFUSED_PING, b"INFO": b"$40\r\n# Server\r\nredis_version:7.0.15"}), "redis", True),
        (answers({b"PING": REFUSED_PING, b"INFO": b"-NOAUTH Authentication required.\r\n"}), "redis", False),
        (answers({b"PING": REFUSED_PING, b"INFO": REFUSED_PING}), "redis", None),
        (answers({b"PING": REFUSED_PING}), "redis", None),
        (answers({b"PING": b"-ERR what?\r\n"}), "unknown", None),
        (answers({b"PING": b"ERROR\r\n", b"version": b"VERSION 1.6.18\r\n"}), "memcached", True),
        (answers({b"PING": b"CLIENT_ERROR unauthenticated\r\n"}), "memcached", False),
        (answers({b"PING": b"ERROR\r\n", b"version": b"ERROR\r\n"}), "unknown", None),
        (answers({b"PING": b"HTTP/1.0 400 Bad\r\n\r\n", b"GET /": ELASTIC}), "elasticsearch", True),
        (answers({b"GET /": b'HTTP/1.0 401 No\r\n\r\n{"error":{"type":"security_exception"}}'}), "elasticsearch", False),
        (answers({b"GET /": b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n"}), "http", False),
        (answers({b"GET / ": COUCH, b"GET /_all_dbs": b'HTTP/1.0 200 OK\r\n\r\n["people"]'}), "couchdb", True),
        (answers({b"GET / ": COUCH, b"GET /_all_dbs": b"HTTP/1.0 401 Unauthorized\r\n\r\n"}), "couchdb", False),
        (answers({b"GET / ": COUCH}), "couchdb", None),
        (answers({b"\0\0\0\x08": b"N"}), "postgresql", None),
        (answers({b"\0\0\0\x08": b"S"}), "postgresql", None),
        (mongo(LISTED), "mongodb", True),
        (mongo(refusing(13)), "mongodb", False),
        (mongo(refusing(13_435)), "mongodb", None),
        (answers({b"\x16\x03": b"AMQP\0\0\x09\x01"}), "amqp", None),
        (answers({b"PING": b"finger: PING: no such user.\r\n"}), "finger", True),
        (answers({b"PING": b"HTTP/1.0 400 Bad\r\n\r\n"}), "http", None),
        (answers({b"GET /": b"what is this?\n"}), "unknown", None),
    ],
)
def test_a_server_that_waits_is_known_by_its_answer(talk: Talk, protocol: str, strangers: bool | None) -> None:
    with talking(HERE, talk) as (port, met):
        found = look(port, timeout=0.3)
        assert len(met) == found.seen.connections <= greeting.BUDGET
    assert found.protocol == protocol
    assert found.encrypted is False
    assert shows(found, strangers)


@pytest.mark.parametrize(
    ("version", "answered", "types", "strangers"),
    [
        (b"RFB 003.008\n", b"RFB 003.008\n", b"\x02\x01\x02", True),
        (b"RFB 003.008\n", b"RFB 003.008\n", b"\x01\x02", False),
        (b"RFB 003.008\n", b"RFB 003.008\n", b"\x01\x13", None),
        (b"RFB 003.008\n", b"RFB 003.008\n", b"\x00\x00\x00\x00\x04busy", None),
        (b"RFB 005.000\n", b"RFB 003.008\n", b"\x01\x02", False),
        (b"RFB 003.003\n", b"RFB 003.003\n", b"\x00\x00\x00\x01", True),
        (b"RFB 003.003\n", b"RFB 003.003\n", b"\x00\x00\x00\x02", False),
        (b"RFB 003.003\n", b"RFB 003.003\n", b"\x00\x00\x00\x00", None),
    ],
)
def test_a_vnc_server_without_a_password_lets_strangers_in(
    version: bytes, answered: bytes, types: bytes, strangers: bool | None
) -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(version)
        if peer.recv(64) == answered:
            peer.sendall(types)
            assert peer.recv(1) == b""  # no security type is chosen

    with talking(HERE, talk) as (port, _):
        found = look(port, timeout=0.5)
    assert found.protocol == "vnc"
    assert shows(found, strangers)
