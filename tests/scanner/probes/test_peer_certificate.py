"""The served chain is read from real servers and led to the operator's anchors."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from scanner.observations import ChainFault, PeerCertificateObservation, Reason, Unobserved
from scanner.probes.peer_certificate import look
from scanner.record import sha256
from tests.scanner.probes.issuing import Made, intermediate, kept, pem, root
from tests.scanner.probes.web_peers import NAME, circumstances, listening, saying, silent, tls

HERE = "127.41.2.1"


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    """The operator's CA store."""
    store = tmp_path / "anchors.pem"
    store.write_bytes(pem(root()))
    return store


def seen(found: object) -> PeerCertificateObservation:
    assert isinstance(found, PeerCertificateObservation), found
    return found


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_a_good_chain_is_seen_as_served_and_trusted(tmp_path: Path, anchors: Path, newest: ssl.TLSVersion) -> None:
    with listening(HERE, tls(*kept(tmp_path, Made(), intermediate()), newest=newest)) as peer:
        found = seen(look(peer.target(), circumstances(anchors=anchors)))
    assert [one.subject for one in found.chain] == ["CN=portal", "CN=Lab Intermediate"]
    assert not isinstance(found.trust, Unobserved)
    assert (found.trust.anchors, found.trust.faults) == (sha256(anchors.read_bytes()), ())
    assert found.name_matches is True
    assert found.sni == NAME
    assert found.seen.connections == len(peer.taken)


def test_a_missing_intermediate_and_a_wrong_name_are_seen(tmp_path: Path, anchors: Path) -> None:
    with listening(HERE, tls(*kept(tmp_path, Made(names=("other.lab.gov.vn",))))) as peer:
        found = seen(look(peer.target(), circumstances(anchors=anchors)))
    assert not isinstance(found.trust, Unobserved)
    assert found.trust.faults == (ChainFault.MISSING_INTERMEDIATE,)
    assert found.name_matches is False


def test_without_anchors_or_a_name_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with listening(HERE, tls(*kept(tmp_path, Made(), intermediate()))) as peer:
        found = seen(look(peer.target(name=None), circumstances()))
    assert isinstance(found.trust, Unobserved) and found.trust.reason is Reason.NOT_GIVEN
    assert isinstance(found.name_matches, Unobserved) and found.name_matches.reason is Reason.NOT_GIVEN
    assert found.sni == ""


def test_anchors_that_cannot_be_read_are_no_trust(tmp_path: Path) -> None:
    rubbish = tmp_path / "anchors.pem"
    rubbish.write_text("no certificate")
    with listening(HERE, tls(*kept(tmp_path, Made(), intermediate()))) as peer:
        found = seen(look(peer.target(), circumstances(anchors=rubbish)))
    assert isinstance(found.trust, Unobserved) and found.trust.reason is Reason.UNREADABLE


def test_a_certificate_larger_than_openssl_reads_is_read(tmp_path: Path, anchors: Path) -> None:
    names = (*(f"h{number}.lab.gov.vn" for number in range(10_000)), NAME)
    with listening(HERE, tls(*kept(tmp_path, Made(names=names), intermediate()), newest=ssl.TLSVersion.TLSv1_2)) as peer:
        found = seen(look(peer.target(), circumstances(anchors=anchors)))
    assert found.name_matches is True
    assert not isinstance(found.trust, Unobserved) and found.trust.faults == ()


def test_a_chain_of_too_many_certificates_is_unreadable(tmp_path: Path, anchors: Path) -> None:
    with listening(HERE, tls(*kept(tmp_path, Made(), *[intermediate()] * 20))) as peer:
        found = look(peer.target(), circumstances(anchors=anchors))
    assert isinstance(found, Unobserved) and found.reason is Reason.UNREADABLE


def test_who_speaks_something_else_has_no_certificate(anchors: Path) -> None:
    for talk, reason in (
        (saying(b"SSH-2.0-OpenSSH_9.2p1\r\n", first=True), Reason.NOT_SPOKEN),
        (silent, Reason.SILENT),
    ):
        with listening(HERE, talk) as peer:
            found = look(peer.target(), circumstances(0.3, 5, anchors))
        assert isinstance(found, Unobserved) and found.reason is reason
