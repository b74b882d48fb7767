"""What an endpoint accepts is seen as it is, and what it leaves open is never taken for a refusal."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.observations import Reason, TlsObservation, TlsVersion, Unobserved
from scanner.probes import sslv2
from scanner.probes.sslyze_engine import Engine
from scanner.probes.sweep.server_flight import Spoke, flight
from scanner.probes.tls import look
from scanner.targets import Service, Speaks
from tests.scanner.probes.issuing import Made, intermediate, kept
from tests.scanner.probes.web_peers import (
    Peer,
    Talk,
    circumstances,
    dripping,
    free_port,
    listening,
    nginx,
    running,
    saying,
    silent,
    tls,
)

HERE = "127.41.1.1"
MODERN = {TlsVersion.TLS_1_2, TlsVersion.TLS_1_3}


@pytest.fixture
def served(tmp_path: Path) -> tuple[Path, Path]:
    """A good RSA chain and its key."""
    return kept(tmp_path, Made(subject="rsa", bits=2_048), intermediate())


def seen(found: object) -> TlsObservation:
    assert isinstance(found, TlsObservation), found
    return found


def accepted(found: TlsObservation, version: TlsVersion) -> tuple[str, ...]:
    return next(support.accepted for support in found.versions if support.version is version)


def s_server(served: tuple[Path, Path], *options: str) -> list[str]:
    chain, secret = served
    return [
        "openssl",
        "s_server",
        "-quiet",
        "-cert",
        str(chain),
        "-cert_chain",
        str(chain),
        "-key",
        str(secret),
        *options,
    ]


def test_a_modern_server_is_seen_whole_in_few_connections(served: tuple[Path, Path]) -> None:
    with listening(HERE, tls(*served)) as peer:
        found = seen(look(peer.target(), circumstances(timeout=1)))
    assert set(found.accepted_versions) == MODERN
    assert found.unasked == ()
    assert {support.version for support in found.versions} == set(TlsVersion)
    wanted = {cipher["name"] for cipher in ssl.create_default_context().get_ciphers() if cipher["protocol"] == "TLSv1.3"}
    assert set(accepted(found, TlsVersion.TLS_1_3)) == wanted
    assert "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" in accepted(found, TlsVersion.TLS_1_2)
    assert (found.compression, found.secure_renegotiation, found.heartbleed) == (False, True, False)
    assert found.seen.connections == len(peer.taken) < 80


def test_a_server_of_tls_1_3_alone_has_neither_compression_nor_renegotiation(served: tuple[Path, Path]) -> None:
    port = free_port(HERE)
    with running(s_server(served, "-accept", f"{HERE}:{port}", "-tls1_3"), HERE, port) as peer:
        found = seen(look(peer.target(), circumstances()))
    assert found.accepted_versions == (TlsVersion.TLS_1_3,)
    assert (found.compression, found.secure_renegotiation, found.heartbleed, found.weakest_dh_bits) == (
        False,
        True,
        False,
        None,
    )


def old_openssl(folder: Path) -> dict[str, str]:
    """An environment in which today's OpenSSL accepts yesterday's versions and suites."""
    settings = folder / "openssl.cnf"
    settings.write_text(
        "openssl_conf=c\n[c]\nssl_conf=s\n[s]\nsystem_default=d\n[d]\n"
        "MinProtocol=TLSv1\nCipherString=ALL:COMPLEMENTOFALL:@SECLEVEL=0\n"
    )
    return os.environ | {"OPENSSL_CONF": str(settings)}


@pytest.fixture
def permissive(served: tuple[Path, Path], tmp_path: Path) -> Iterator[Peer]:
    """nginx with everything it can be made to accept."""
    chain, secret = served
    port = free_port(HERE)
    server = (
        f"server {{ listen {HERE}:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {secret}; "
        f"ssl_dhparam {small_group(tmp_path)}; ssl_protocols TLSv1 TLSv1.1 TLSv1.2; "
        "ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0; }"
    )
    with nginx(tmp_path, HERE, port, server, old_openssl(tmp_path)) as peer:
        yield peer


def small_group(folder: Path) -> Path:
    """The 1024-bit group of RFC 2409 (Oakley group 2)."""
    where = folder / "dh.pem"
    where.write_text(_OAKLEY_2)
    return where


_OAKLEY_2 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""


def test_a_permissive_server_shows_all_its_weaknesses(permissive: Peer) -> None:
    found = seen(look(permissive.target(), circumstances()))
    assert set(found.accepted_versions) == {TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2}
    assert found.unasked == ()
    assert {"TLS_RSA_WITH_NULL_SHA", "TLS_DH_anon_WITH_AES_128_CBC_SHA"} <= set(accepted(found, TlsVersion.TLS_1_0))
    assert {"TLS_RSA_WITH_NULL_SHA256", "TLS_DHE_RSA_WITH_ARIA_256_GCM_SHA384"} <= set(accepted(found, TlsVersion.TLS_1_2))
    assert found.weakest_dh_bits == 1_024


def test_a_server_that_demands_a_client_certificate_shows_its_suites(served: tuple[Path, Path]) -> None:
    port = free_port(HERE)
    with running(s_server(served, "-accept", f"{HERE}:{port}", "-Verify", "1"), HERE, port) as peer:
        found = seen(look(peer.target(), circumstances()))
    assert set(found.accepted_versions) == MODERN
    assert "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" in accepted(found, TlsVersion.TLS_1_2)


def test_a_server_with_a_huge_certificate_does_not_lose_its_versions(tmp_path: Path) -> None:
    names = tuple(f"h{number}.lab.gov.vn" for number in range(10_000))
    with listening(HERE, tls(*kept(tmp_path, Made(names=names)))) as peer:
        found = seen(look(peer.target(), circumstances(timeout=1)))
    assert set(found.accepted_versions) == MODERN
    assert found.unasked == ()


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (silent, Reason.SILENT),
        (saying(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", first=True), Reason.NOT_SPOKEN),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"), Reason.NOT_SPOKEN),
        (saying(b"\x00\xff rubbish \x1b[2J" * 700_000), Reason.NOT_SPOKEN),
        (saying(b"\x15\x03\x01\x00\x02\x02\x28"), Reason.NOT_SPOKEN),
        (lambda wire: wire.close(), Reason.NOT_SPOKEN),
    ],
    ids=["silence", "SSH", "plain HTTP", "ten megabytes of rubbish", "alerts to everything", "a closed door"],
)
def test_who_does_not_speak_tls_is_not_seen(talk: Talk, reason: Reason) -> None:
    with listening(HERE, talk) as peer:
        found = look(peer.target(), circumstances(0.5, 8))
    assert isinstance(found, Unobserved) and found.reason is reason
    assert len(found.detail) < 500 and found.detail.isprintable()


def test_redis_on_a_tls_port_is_told_from_silence() -> None:
    port = free_port(HERE)
    with running(["redis-server", "--bind", HERE, "--port", str(port), "--save", ""], HERE, port) as peer:
        found = look(peer.target(), circumstances(0.5, 8))
    assert isinstance(found, Unobserved) and found.reason is Reason.NOT_SPOKEN
    assert "ERR" in found.detail


def test_nobody_there_is_refused() -> None:
    found = look(Peer(HERE, free_port(HERE)).target(), circumstances())
    assert isinstance(found, Unobserved) and found.reason is Reason.REFUSED


def test_a_server_that_drips_is_given_up_within_the_deadline() -> None:
    with listening(HERE, dripping(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\x00" + b"\x03" * 16_000)) as peer:
        found = look(peer.target(), circumstances(0.3, 3))
    assert isinstance(found, Unobserved) and found.reason is Reason.TIMED_OUT


def test_a_server_that_drips_after_a_first_answer_is_given_up_too() -> None:
    taken = iter(range(10_000))

    def talk(wire: socket.socket) -> None:
        if next(taken):
            dripping(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\x00" + b"\x03" * 16_000)(wire)
        wire.recv(4_096)
        wire.sendall(flight_of(2_048))

    with listening(HERE, talk) as peer:
        found = look(peer.target(), circumstances(0.3, 3))
    assert isinstance(found, Unobserved) and found.reason is Reason.TIMED_OUT


def first_hello(wire: socket.socket) -> bytes:
    head = wire.recv(5, socket.MSG_PEEK)
    return wire.recv(5 + int.from_bytes(head[3:5]), socket.MSG_PEEK)


def deaf_to(version: bytes, then: Talk) -> Talk:
    """Leaves hellos of one version without an answer and lets `then` deal with the rest."""

    def talk(wire: socket.socket) -> None:
        data = first_hello(wire)
        if data[9:11] == version:
            silent(wire)
        else:
            then(wire)

    return talk


def test_a_version_met_with_silence_is_unasked_and_not_refused(served: tuple[Path, Path]) -> None:
    with listening(HERE, deaf_to(b"\x03\x01", tls(*served))) as peer:
        found = seen(look(peer.target(), circumstances(0.4, 20)))
    assert found.unasked == (TlsVersion.TLS_1_0,)
    assert TlsVersion.TLS_1_0 not in {support.version for support in found.versions}
    assert set(found.accepted_versions) == MODERN


def slamming(versions: set[bytes], then: Talk) -> Talk:
    """Closes on hellos of these versions, as some stacks refuse, and lets `then` deal with the rest."""

    def talk(wire: socket.socket) -> None:
        if first_hello(wire)[9:11] not in versions:
            then(wire)

    return talk


def test_a_closed_connection_is_a_refusal_while_the_server_still_answers(served: tuple[Path, Path]) -> None:
    with listening(HERE, slamming({b"\x03\x00", b"\x03\x01", b"\x03\x02"}, tls(*served))) as peer:
        found = seen(look(peer.target(), circumstances(1, 20)))
    assert found.unasked == ()
    assert accepted(found, TlsVersion.TLS_1_0) == ()


def test_a_server_that_bans_us_in_mid_sweep_has_refused_nothing(served: tuple[Path, Path]) -> None:
    count, answer = iter(range(10_000)), tls(*served)

    def talk(wire: socket.socket) -> None:
        if next(count) < 12:
            answer(wire)

    with listening(HERE, talk) as peer:
        found = look(peer.target(), circumstances(0.5, 20))
    unclear = set(seen(found).unasked) if isinstance(found, TlsObservation) else set(TlsVersion)
    assert {TlsVersion.TLS_1_0, TlsVersion.TLS_1_1} <= unclear


def ssl2_hello(*codes: int) -> bytes:
    suites = b"".join(code.to_bytes(3) for code in codes)
    body = (
        b"\x04\x00\x01\x00\x02" + len(b"cert").to_bytes(2) + len(suites).to_bytes(2) + b"\x00\x10" + b"cert" + suites + b"i" * 16
    )
    return (0x8000 | len(body)).to_bytes(2) + body


def test_a_server_of_ssl_2_alone_is_seen() -> None:
    def talk(wire: socket.socket) -> None:
        if wire.recv(4_096)[:1] != b"\x16":
            wire.sendall(ssl2_hello(0x010080, 0x0700C0))
            silent(wire)

    with listening(HERE, talk) as peer:
        found = seen(look(peer.target(), circumstances(0.5, 20)))
    assert found.accepted_versions == (TlsVersion.SSL_2_0,)
    assert accepted(found, TlsVersion.SSL_2_0) == ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "SSL_CK_RC4_128_WITH_MD5")


def flight_of(bits: int, suite: int = 0x0033) -> bytes:
    """A first flight of TLS 1.0 that sends a Diffie-Hellman group of this size."""

    def message(kind: int, body: bytes) -> bytes:
        return bytes([kind]) + len(body).to_bytes(3) + body

    prime = ((1 << bits) - 1).to_bytes((bits + 7) // 8)
    picked = b"\x03\x01" + b"r" * 32 + b"\0" + suite.to_bytes(2) + b"\x01" + b"\x00\x05\xff\x01\x00\x01\x00"
    exchange = len(prime).to_bytes(2) + prime + b"\0\x01\x02" + b"\0\x01\x04" + b"\0\x01s"
    stream = message(2, picked) + message(11, b"\0\0\x07\0\0\x04cert") + message(12, exchange) + message(14, b"")
    return b"\x16\x03\x01" + len(stream).to_bytes(2) + stream


@pytest.mark.parametrize("bits", [480, 512, 1_024, 2_048])
def test_a_group_of_any_size_is_read_from_the_wire(bits: int) -> None:
    found = flight(flight_of(bits))
    assert found.dh_prime == (1 << bits) - 1
    assert found.chain == (b"cert",)
    assert found.hello is not None
    assert (found.hello.version, found.hello.suite) == (TlsVersion.TLS_1_0, 0x0033)
    assert found.hello.compression
    assert found.hello.secure_renegotiation


def test_a_named_curve_is_no_group() -> None:
    assert flight(flight_of(512, suite=0xC014)).dh_prime is None


def test_a_group_openssl_refuses_to_read_is_seen() -> None:
    def talk(wire: socket.socket) -> None:
        said = wire.recv(4_096)
        knows = said[:1] == b"\x16" and said[9:11] in (b"\x03\x01", b"\x03\x03") and b"\0\x33" in said[43:300]
        wire.sendall(flight_of(512) if knows else b"\x15\x03\x01\0\x02\x02\x28")
        silent(wire)

    with listening(HERE, talk) as peer:
        found = seen(look(peer.target(), circumstances(0.5, 20)))
    assert accepted(found, TlsVersion.TLS_1_0) == ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA",)
    assert found.weakest_dh_bits == 512
    assert found.compression is True


@pytest.mark.parametrize(
    ("after_hello", "wanted"),
    [(b"\x18\x03\x01\x00\x13\x02\x00\x10" + b"\x01" * 16, True), (b"\x15\x03\x01\0\x02\x02\x0a", False), (b"", False)],
    ids=["answers with its memory", "answers with an alert", "discards it"],
)
def test_a_bleeding_heart_is_seen(after_hello: bytes, wanted: bool) -> None:
    def talk(wire: socket.socket) -> None:
        wire.recv(100_000)
        wire.sendall(flight_of(1_024) + after_hello)
        silent(wire)

    with listening(HERE, talk) as peer:
        engine = Engine(peer.address, Service(port=peer.port, speaks=Speaks.TLS), timeout=0.5, ends=time.monotonic() + 10)
        assert engine.heartbleed(TlsVersion.TLS_1_0) is wanted


@pytest.mark.parametrize("late", [False, True], ids=["its watch is first", "the connection's own limit is first"])
def test_an_answer_to_the_heartbeat_that_does_not_end_shows_nothing(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if late:
        monkeypatch.setattr(threading.Timer, "run", lambda _: None)
    with listening(HERE, dripping(b"\x16\x03\x01\x40\x00" + b"\x02" * 16_000)) as peer:
        engine = Engine(peer.address, Service(port=peer.port, speaks=Speaks.TLS), timeout=1, ends=time.monotonic() + 0.8)
        found = engine.heartbleed(TlsVersion.TLS_1_0)
    assert isinstance(found, Unobserved) and found.reason is Reason.TIMED_OUT


@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_answer_however_broken_breaks_the_reader(rubbish: bytes, at: int) -> None:
    whole = flight_of(512)
    for data in (rubbish, b"\x16\x03\x01" + rubbish, whole[:at] + rubbish + whole[at:], whole[:at]):
        assert flight(data).spoke in Spoke
    assert set(sslv2.suites(rubbish)) <= set(sslv2.SUITES.values())
