"""What a second engine adds: it confirms or contests versions, and sees early data, renegotiation and old signatures at real servers."""

from __future__ import annotations

import secrets
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from checks import tls as judged
from scanner.findings import Fail, Pass
from scanner.observations import Reason, TlsObservation, TlsVersion, Unobserved
from scanner.probes.sslyze_engine import Engine
from scanner.probes.sweep.primes import is_prime
from scanner.probes.tls import look
from tests.scanner.probes.issuing import Made, intermediate, kept
from tests.scanner.probes.web_peers import NAME, Peer, circumstances, free_port, listening, nginx, running

HERE = "127.104.2.1"
Served = tuple[Path, Path]


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """A good RSA chain and its key."""
    return kept(tmp_path, Made(subject="rsa", bits=2_048), intermediate())


def seen(peer: Peer) -> TlsObservation:
    found = look(peer.target(), circumstances(timeout=3))
    assert isinstance(found, TlsObservation), found
    return found


@contextmanager
def s_server(served: Served, *options: str) -> Iterator[Peer]:
    port = free_port(HERE)
    words = ["openssl", "s_server", "-www", "-accept", f"{HERE}:{port}", "-cert", str(served[0]), "-key", str(served[1])]
    with running([*words, *options], HERE, port) as peer:
        yield peer


@pytest.mark.parametrize("early", ["on", "off"])
def test_early_data_is_seen_at_nginx(tmp_path: Path, served: Served, early: str) -> None:
    port = free_port(HERE)
    keys = f"ssl_certificate {served[0]}; ssl_certificate_key {served[1]}; ssl_protocols TLSv1.2 TLSv1.3; "
    keys += "ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384;"
    server = f'server {{ listen {HERE}:{port} ssl; server_name {NAME}; {keys} ssl_early_data {early}; return 200 "hello"; }}'
    with nginx(tmp_path, HERE, port, server) as peer:
        found = seen(peer)
    assert found.early_data is (early == "on")
    assert found.client_renegotiation is False
    assert found.disagreements == ()
    assert found.seen.connections <= 40


def test_early_data_is_not_seen_where_nobody_answers_the_request(served: Served) -> None:
    port = free_port(HERE)
    words = ["openssl", "s_server", "-quiet", "-accept", f"{HERE}:{port}", "-cert", str(served[0]), "-key", str(served[1])]
    with running(words, HERE, port) as peer:
        found = look(peer.target(), circumstances(timeout=1))
    assert isinstance(found, TlsObservation)
    assert found.early_data is not True


@pytest.mark.parametrize(("options", "wanted"), [(("-client_renegotiation",), True), ((), False)])
def test_renegotiation_by_the_client_is_seen(served: Served, options: tuple[str, ...], wanted: bool) -> None:
    with s_server(served, "-tls1_2", *options) as peer:
        assert seen(peer).client_renegotiation is wanted


def test_where_only_tls_1_3_is_spoken_nobody_renegotiates(served: Served) -> None:
    with s_server(served, "-tls1_3") as peer:
        found = seen(peer)
    assert (found.client_renegotiation, found.signs_with_sha1, found.composite_dh) == (False, None, None)


@pytest.mark.parametrize(("cipher", "wanted"), [("ALL:@SECLEVEL=0", True), ("ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=2", False)])
def test_signatures_with_sha1_are_seen(served: Served, cipher: str, wanted: bool) -> None:
    with s_server(served, "-tls1_2", "-cipher", cipher) as peer:
        assert seen(peer).signs_with_sha1 is wanted


def with_group(served: Served, modulus: int) -> object:
    """A tlslite server that hands out this modulus."""
    with warnings.catch_warnings():  # it imports what Python 3.12 has no more
        warnings.simplefilter("ignore", DeprecationWarning)
        from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
    chain, secret = X509CertChain(), parsePEMKey(served[1].read_text(), private=True)
    chain.parsePemList(served[0].read_text())
    settings = HandshakeSettings()
    settings.maxVersion, settings.keyExchangeNames, settings.dhParams = (3, 3), ["dhe_rsa"], (2, modulus)

    def talk(wire: socket.socket) -> None:
        with suppress(Exception):  # whatever the client's half-spoken handshakes make of it
            TLSConnection(wire).handshakeServer(certChain=chain, privateKey=secret, settings=settings)

    return talk


PRIME = 0xFFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF  # fmt: skip


@pytest.mark.parametrize(("modulus", "wanted"), [(PRIME, False), (PRIME + 2, True), (PRIME - 1, True)])
def test_a_modulus_that_is_no_prime_is_seen(served: Served, modulus: int, wanted: bool) -> None:
    with listening(HERE, with_group(served, modulus)) as peer:  # type: ignore[arg-type]  # it takes a socket
        found = seen(peer)
    assert (found.composite_dh, found.weakest_dh_bits) == (wanted, 1_024)


def test_primes_are_told_from_composites_of_every_kind() -> None:
    assert is_prime(PRIME) is is_prime((1 << 521) - 1) is is_prime(2) is True
    carmichael = 294_409
    for composite in (0, 1, 9, 49 * 53, carmichael, PRIME * ((1 << 521) - 1), PRIME + 2, 1 << 2_047, (1 << 2_048) - 1):
        assert is_prime(composite) is False, composite
    assert is_prime(secrets.randbits(9_000) | 1 << 9_000 | 1) in (None, False)


@pytest.mark.parametrize("contrary", [TlsVersion.TLS_1_0, TlsVersion.TLS_1_2])
def test_a_handshake_that_shows_the_contrary_makes_the_versions_undetermined(
    served: Served, monkeypatch: pytest.MonkeyPatch, contrary: TlsVersion
) -> None:
    def accepts(
        self: Engine, version: TlsVersion
    ) -> bool:  # stands for an engine that sees something else: no server is like that
        really = version in (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
        return not really if version is contrary else really

    monkeypatch.setattr(Engine, "accepts", accepts)
    with s_server(served) as peer:
        found = seen(peer)
    assert found.disagreements == (contrary,)
    for fact in (found.oldest_accepted, found.newest_accepted, found.suites):
        assert isinstance(fact, Unobserved) and fact.reason is Reason.DISAGREEMENT


def test_both_engines_agree_about_an_old_server(served: Served) -> None:
    with s_server(served, "-cipher", "ALL:@SECLEVEL=0") as peer:
        found = seen(peer)
    assert found.disagreements == ()
    assert found.oldest_accepted is TlsVersion.TLS_1_0
    assert isinstance(judged.minimum_version(found, judged.MinimumVersion()), Fail)
    assert isinstance(judged.modern_offered(found, judged.NewestVersion()), Pass)
