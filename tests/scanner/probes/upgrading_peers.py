"""Peers that begin in clear and change to TLS, one for each protocol: the words of the standards, small enough to read.

They stand in for servers that are not in Debian or too large for a test; where OpenSSL's s_client knows the protocol, a test lets it
change to TLS with the peer as well, so that peer and probe cannot share one mistake.
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass
from pathlib import Path

from scanner.targets import Speaks
from tests.scanner.probes.web_peers import Talk, silent

STREAM = b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>"
FEATURES = b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
NO_FEATURES = b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:features>"
MYSQL = b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0%b\x21\x02\0\0\0\x15" + bytes(10) + b"ijklmnopqrst\0mysql_native_password\0"


@dataclass(frozen=True)
class Script:
    """What a server says: unasked, then to each question that ends as given."""

    greeting: bytes
    answers: tuple[tuple[bytes, bytes], ...]
    refusing: tuple[bytes, tuple[tuple[bytes, bytes], ...]]
    """The same of a server without TLS."""
    client: str | None = None
    """What s_client calls the protocol."""


def _mysql(flags: bytes) -> bytes:
    body = MYSQL.replace(b"%b", flags)
    return len(body).to_bytes(3, "little") + b"\0" + body


def _smtp(hello: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((hello, b"250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"), (b"STARTTLS\r\n", b"220 go\r\n"))


SCRIPTS: dict[Speaks, Script] = {
    Speaks.SMTP: Script(
        b"220-mx\r\n220 ready\r\n", _smtp(b"\r\n"), (b"220 ready\r\n", ((b"\r\n", b"250-mx\r\n250 SIZE 1000\r\n"),)), "smtp"
    ),
    Speaks.LMTP: Script(b"220 ready\r\n", _smtp(b"\r\n"), (b"220 ready\r\n", ((b"\r\n", b"250 SIZE\r\n"),)), "lmtp"),
    Speaks.IMAP: Script(
        b"* OK ready\r\n",
        ((b"STARTTLS\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK go\r\n"),),
        (b"* OK ready\r\n", ((b"\r\n", b"a1 BAD unknown\r\n"),)),
    ),
    Speaks.POP3: Script(b"+OK hi\r\n", ((b"STLS\r\n", b"+OK go\r\n"),), (b"+OK hi\r\n", ((b"\r\n", b"-ERR no\r\n"),)), "pop3"),
    Speaks.SIEVE: Script(
        b'"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK "ready"\r\n',
        ((b"STARTTLS\r\n", b'OK "go"\r\n'),),
        (b'"IMPLEMENTATION" "x"\r\nOK\r\n', ()),
        "sieve",
    ),
    Speaks.NNTP: Script(b"200 hi\r\n", ((b"STARTTLS\r\n", b"382 go\r\n"),), (b"200 hi\r\n", ((b"\r\n", b"500 what\r\n"),))),
    Speaks.IRC: Script(
        b"",  # s_client gives up at a NOTICE; the refusing server has one
        ((b"STARTTLS\r\n", b":irc 670 * :go\r\n"),),
        (b":irc NOTICE * :hello\r\n", ((b"\r\n", b":irc 421 * STARTTLS :Unknown command\r\n"),)),
        "irc",
    ),
    Speaks.FTP: Script(
        b"220-hi\r\n inside\r\n220 ready\r\n",
        ((b"AUTH TLS\r\n", b"234 go\r\n"),),
        (b"220 hi\r\n", ((b"\r\n", b"502 no\r\n"),)),
        "ftp",
    ),
    Speaks.LDAP: Script(
        b"",
        ((b"1.3.6.1.4.1.1466.20037", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),),
        (b"", ((b"1466.20037", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"),)),
        "ldap",
    ),
    Speaks.XMPP_CLIENT: Script(
        b"",
        ((b"version='1.0'>", STREAM + FEATURES), (b"/>", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")),
        (b"", ((b">", STREAM + NO_FEATURES),)),
        "xmpp",
    ),
    Speaks.XMPP_SERVER: Script(
        b"",
        ((b"version='1.0'>", STREAM + FEATURES), (b"/>", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")),
        (b"", ((b">", STREAM + NO_FEATURES),)),
        "xmpp-server",
    ),
    Speaks.POSTGRES: Script(b"", ((b"\x04\xd2\x16\x2f", b"S"),), (b"", ((b"\x16\x2f", b"N"),)), "postgres"),
    Speaks.MYSQL: Script(_mysql(b"\xff\xff"), ((bytes(23), b""),), (_mysql(b"\xff\xf7"), ()), "mysql"),
    Speaks.RDP: Script(
        b"",
        ((b"\x03\0\0\0", bytes.fromhex("030000130ed000001234000200080002000000")),),
        (b"", ((b"\x03\0\0\0", bytes.fromhex("030000130ed000001234000300080002000000")),)),
    ),
}


def _prelogin(encryption: int) -> bytes:
    body = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + bytes((15, 0, 0x0F, 0xA0, 0, 0, encryption))
    return struct.pack(">BBHHBB", 4, 1, 8 + len(body), 0, 1, 0) + body


TDS_OFFERS, TDS_WITHOUT = _prelogin(1), _prelogin(2)


def offering(speaks: Speaks, context: ssl.SSLContext) -> Talk:
    """A server that changes to TLS and shakes hands."""
    if speaks is Speaks.MSSQL:
        return lambda wire: _tds(wire, context)
    script = SCRIPTS[speaks]

    def talk(wire: socket.socket) -> None:
        _follow(wire, script.greeting, script.answers)
        with context.wrap_socket(wire, server_side=True) as inside:
            silent(inside)

    return talk


def refusing(speaks: Speaks) -> Talk:
    """A server of the protocol that knows no TLS."""
    if speaks is Speaks.MSSQL:
        return _tds_without

    def talk(wire: socket.socket) -> None:
        _follow(wire, *SCRIPTS[speaks].refusing)
        silent(wire)

    return talk


def slipping(speaks: Speaks) -> Talk:
    """A server, or somebody on the way, whose last answer in clear is followed by more."""
    script = SCRIPTS[speaks]
    (question, answer), before = script.answers[-1], script.answers[:-1]

    def talk(wire: socket.socket) -> None:
        _follow(wire, script.greeting, (*before, (question, answer + b"250 slipped in\r\n")))
        silent(wire)

    return talk


def served(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a peer shakes hands with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _follow(wire: socket.socket, greeting: bytes, answers: tuple[tuple[bytes, bytes], ...]) -> None:
    wire.settimeout(10)
    wire.sendall(greeting)
    for ending, answer in answers:
        heard = b""
        while not heard.endswith(ending):
            more = wire.recv(1)
            if not more:
                return
            heard += more
        wire.sendall(answer)


def _tds_without(wire: socket.socket) -> None:
    _packet(wire)
    wire.sendall(TDS_WITHOUT)
    silent(wire)


def _tds(wire: socket.socket, context: ssl.SSLContext) -> None:
    """SQL Server's way: TLS records inside PRELOGIN packets until the handshake is over."""
    wire.settimeout(10)
    _packet(wire)
    wire.sendall(TDS_OFFERS)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            inside.do_handshake()
            break
        except ssl.SSLWantReadError:
            _flush(wire, outgoing.read())
            incoming.write(_packet(wire))
        except ssl.SSLError:
            _flush(wire, outgoing.read())
            raise
    _flush(wire, outgoing.read())
    silent(wire)


def _flush(wire: socket.socket, data: bytes) -> None:
    for at in range(0, len(data), 500):  # small packets, so that records are cut across them
        part = data[at : at + 500]
        wire.sendall(struct.pack(">BBHHBB", 0x12, 1, 8 + len(part), 0, 0, 0) + part)


def _packet(wire: socket.socket) -> bytes:
    head = _exactly(wire, 8)
    return _exactly(wire, int.from_bytes(head[2:4]) - 8)


def _exactly(wire: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = wire.recv(size - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data
