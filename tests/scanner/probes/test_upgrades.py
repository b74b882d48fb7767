"""Change to TLS in fifteen protocols: seen by the sweep and by the certificate probe, refused clearly, never fooled."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.observations import PeerCertificateObservation, Reason, TlsObservation, TlsVersion, Unobserved
from scanner.probes import peer_certificate, tls
from scanner.probes.sslyze_engine import Engine
from scanner.probes.upgrades import UPGRADES, Stream, UpgradeError, upgraded
from scanner.probes.upgrades.talk import MOST
from scanner.targets import Service, Speaks
from tests.scanner.probes.issuing import Made, kept
from tests.scanner.probes.upgrading_peers import SCRIPTS, offering, refusing, served, slipping
from tests.scanner.probes.web_peers import Talk, circumstances, listening, saying, silent

HERE = "127.88.0.1"
ALL = sorted(UPGRADES)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    return kept(tmp_path_factory.mktemp("pki"), Made())


def look(talk: Talk, speaks: Speaks, timeout: float = 2.0) -> TlsObservation | Unobserved:
    with listening(HERE, talk) as peer:
        return tls.look(peer.target(speaks=speaks), circumstances(timeout))


def test_every_protocol_that_upgrades_has_its_words() -> None:
    assert set(UPGRADES) == {speaks for speaks in Speaks if speaks.upgrades} and len(UPGRADES) == 15


@pytest.mark.parametrize("speaks", ALL)
def test_the_sweep_sees_versions_and_suites_behind_the_change(speaks: Speaks, portal: tuple[Path, Path]) -> None:
    found = look(offering(speaks, served(*portal)), speaks)
    assert isinstance(found, TlsObservation), found
    assert found.accepted_versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert "TLS_AES_256_GCM_SHA384" in found.accepted_suites and not found.unasked
    assert found.seen.connections <= 40


@pytest.mark.parametrize("speaks", ALL)
def test_the_certificate_probe_sees_the_chain_behind_the_change(speaks: Speaks, portal: tuple[Path, Path]) -> None:
    with listening(HERE, offering(speaks, served(*portal))) as peer:
        found = peer_certificate.look(peer.target(speaks=speaks), circumstances())
    assert isinstance(found, PeerCertificateObservation), found
    assert found.chain[0].subject == "CN=portal" and found.name_matches is True


@pytest.mark.parametrize("speaks", ALL)
def test_a_server_without_tls_is_said_to_offer_none(speaks: Speaks) -> None:
    found = look(refusing(speaks), speaks)
    assert isinstance(found, Unobserved) and found.reason is Reason.UNSUPPORTED, found
    assert "offers no change to TLS" in found.detail


@pytest.mark.parametrize("speaks", sorted(SCRIPTS))
def test_words_slipped_in_before_tls_are_not_taken_for_an_answer(speaks: Speaks) -> None:
    with listening(HERE, slipping(speaks)) as peer, pytest.raises((UpgradeError, OSError)):
        _changed(peer.target(speaks=speaks).service, peer.port)


@pytest.mark.parametrize("speaks", ALL)
def test_html_is_no_protocol_that_upgrades(speaks: Speaks) -> None:
    found = look(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\r\n", first=True), speaks)
    assert isinstance(found, Unobserved) and found.reason in (Reason.NOT_SPOKEN, Reason.UNREADABLE), found


@pytest.mark.parametrize("speaks", ALL)
def test_silence_and_slamming_the_door_are_told_as_such(speaks: Speaks) -> None:
    found = look(silent, speaks, timeout=0.3)
    assert isinstance(found, Unobserved) and found.reason is Reason.TIMED_OUT, found
    found = look(lambda wire: wire.close(), speaks, timeout=0.3)
    assert isinstance(found, Unobserved) and found.reason in (Reason.RESET, Reason.UNREADABLE), found


def test_a_server_that_turns_us_away_is_blocked_not_something_else() -> None:
    cases = {
        Speaks.SMTP: b"421 too many connections\r\n",
        Speaks.FTP: b"530 no more users\r\n",
        Speaks.IMAP: b"* BYE too many\r\n",
        Speaks.POP3: b"-ERR busy\r\n",
        Speaks.NNTP: b"400 later\r\n",
        Speaks.MYSQL: b"\x10\0\0\0\xff\x10\x04Too many conn",
    }
    for speaks, said in cases.items():
        found = look(saying(said, first=True), speaks)
        assert isinstance(found, Unobserved) and found.reason is Reason.BLOCKED, (speaks, found)


def test_a_server_that_offers_tls_and_then_declines_offers_none() -> None:
    def declining(wire: socket.socket) -> None:
        wire.sendall(b"220 mx\r\n")
        wire.recv(100)
        wire.sendall(b"250 STARTTLS\r\n")
        wire.recv(100)
        wire.sendall(b"454 TLS not available\r\n")
        silent(wire)

    found = look(declining, Speaks.SMTP)
    assert isinstance(found, Unobserved) and found.reason is Reason.UNSUPPORTED


def test_an_endless_greeting_is_cut() -> None:
    for said in (b"220-x" * 10_000, b"220-x\r\n" * 3_000):
        found = look(saying(said, first=True), Speaks.SMTP)
        assert isinstance(found, Unobserved) and found.reason is Reason.UNREADABLE, found


def test_sslyze_changes_to_tls_in_the_same_words(portal: tuple[Path, Path]) -> None:
    for speaks in (Speaks.MYSQL, Speaks.MSSQL, Speaks.SMTP):
        with listening(HERE, offering(speaks, served(*portal))) as peer:
            service = Service(port=peer.port, speaks=speaks)
            engine = Engine(HERE, service, timeout=2, ends=time.monotonic() + 10)
            assert engine.heartbleed(TlsVersion.TLS_1_2) is False
            assert engine.robot(TlsVersion.TLS_1_2) is False
            assert engine.connections == len(peer.taken)


@pytest.mark.parametrize("speaks", [speaks for speaks in sorted(SCRIPTS) if SCRIPTS[speaks].client])
def test_openssl_agrees_that_the_peers_of_these_tests_speak_so(speaks: Speaks, portal: tuple[Path, Path]) -> None:
    with listening(HERE, offering(speaks, served(*portal))) as peer:
        command = ["openssl", "s_client", "-connect", f"{HERE}:{peer.port}", "-starttls", str(SCRIPTS[speaks].client)]
        done = subprocess.run([*command, "-brief"], input=b"", capture_output=True, timeout=20, check=False)
    assert b"CONNECTION ESTABLISHED" in done.stdout + done.stderr, done.stderr


class Saying:
    """A stream that says these bytes and then closes."""

    def __init__(self, said: bytes) -> None:
        self.said = said

    def send(self, data: bytes) -> None:
        """Nobody listens."""

    def read(self) -> bytes:
        """Seven at a time."""
        said, self.said = self.said[:7], self.said[7:]
        return said

    def patience(self, seconds: float) -> None:
        """It never waits."""


@given(st.sampled_from(ALL), st.binary(max_size=300))
def test_no_bytes_break_a_dialogue(speaks: Speaks, said: bytes) -> None:
    stream: Stream = Saying(said)
    try:
        upgraded(stream, Service(port=1, speaks=speaks), "192.0.2.1")
    except UpgradeError as error:
        assert error.why.reason in (Reason.UNSUPPORTED, Reason.NOT_SPOKEN, Reason.UNREADABLE, Reason.RESET, Reason.BLOCKED)


def test_a_packet_of_many_bytes_is_not_waited_for() -> None:
    said = b"\x30\x84\x7f\xff\xff\xff" + bytes(MOST)
    with pytest.raises(UpgradeError, match="announces a packet"):
        upgraded(Saying(said), Service(port=389, speaks=Speaks.LDAP), "192.0.2.1")


def _changed(service: Service | None, port: int) -> None:
    from scanner.probes.wire import Wire

    assert service is not None
    with Wire(HERE, port, timeout=2, ends=time.monotonic() + 5, limit=100_000) as wire:
        time.sleep(0.05)
        upgraded(wire, service, HERE)
        wire.send(b"\x16\x03\x01")
        if wire.read():  # it had not come yet when TLS began: then it is no TLS record, which the sweep reads next
            raise UpgradeError(Unobserved(reason=Reason.UNREADABLE, detail="late"))
