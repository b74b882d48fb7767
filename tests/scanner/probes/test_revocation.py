"""Revocation by given CRLs: what is listed is revoked, what is not listed is cleared only by a CRL that decides it; openssl agrees."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from scanner.observations import PeerCertificateObservation, Reason, Revocation, Unobserved
from scanner.probes.certificates import facts, loaded
from scanner.probes.peer_certificate import look
from scanner.probes.revocation import Found, crls_in, looked_up
from tests.scanner.probes.issuing import NOW, Made, called, intermediate, kept, key, pem, root
from tests.scanner.probes.web_peers import circumstances, free_port, listening, running, tls

HERE = "127.41.3.1"
DAY = timedelta(days=1)
LEAF = Made()


@dataclass
class Listed:
    """A CRL; a good one of the lab's intermediate as it stands."""

    issuer: str = "Lab Intermediate"
    serials: tuple[int, ...] = ()
    updated: datetime = NOW - DAY / 2
    until: datetime = NOW + DAY
    signed_with: str = ""
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def crl(self) -> x509.CertificateRevocationList:
        builder = x509.CertificateRevocationListBuilder(called(self.issuer), self.updated, self.until)
        for serial in self.serials:
            entry = x509.RevokedCertificateBuilder(serial, self.updated)
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        for extension, critical in self.more:
            builder = builder.add_extension(extension, critical)
        return builder.sign(key(self.signed_with or self.issuer), hashes.SHA256())


ROOT_CRL = Listed(issuer="Lab Root")


def point(**only: bool) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """A critical issuing distribution point."""
    flags = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return ((x509.IssuingDistributionPoint(**(flags | only)), True),)  # type: ignore[arg-type]  # one dictionary, many types


def found(leaf: x509.Certificate, *listed: Listed, at: datetime = NOW) -> Found | Unobserved:
    return looked_up((leaf, intermediate()), (root(),), [each.crl() for each in listed], at)


def test_a_chain_that_no_crl_lists_is_cleared() -> None:
    assert found(LEAF.certificate(), Listed(), ROOT_CRL) == Found(revoked=False, detail="")


def test_what_a_crl_lists_is_revoked_and_named() -> None:
    leaf = LEAF.certificate()
    seen = found(leaf, Listed(serials=(1, leaf.serial_number)), ROOT_CRL)
    assert seen == Found(revoked=True, detail="'CN=portal' was revoked")


def test_a_revoked_intermediate_revokes_the_chain() -> None:
    seen = found(LEAF.certificate(), Listed(), Listed(issuer="Lab Root", serials=(intermediate().serial_number,)))
    assert isinstance(seen, Found) and seen.revoked and "Lab Intermediate" in seen.detail


def test_what_was_revoked_stays_so_when_the_crl_is_past_its_time() -> None:
    leaf = LEAF.certificate()
    seen = found(leaf, Listed(serials=(leaf.serial_number,), until=NOW - DAY / 4), ROOT_CRL)
    assert isinstance(seen, Found) and seen.revoked


@pytest.mark.parametrize(
    "listed",
    [
        (),
        (Listed(),),
        (ROOT_CRL,),
        (Listed(until=NOW - DAY / 4), ROOT_CRL),
        (Listed(updated=NOW + DAY / 2), ROOT_CRL),
        (Listed(until=NOW), ROOT_CRL),
        (Listed(signed_with="Lab Stranger"), ROOT_CRL),
        (Listed(issuer="Lab Stranger", signed_with="Lab Intermediate"), ROOT_CRL),
        (Listed(more=((x509.DeltaCRLIndicator(1), True),)), ROOT_CRL),
        (Listed(more=point(only_contains_ca_certs=True)), ROOT_CRL),
        (Listed(more=point(indirect_crl=True)), ROOT_CRL),
        (Listed(), Listed(issuer="Lab Root", more=point(only_contains_user_certs=True))),
        (Listed(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),)), ROOT_CRL),
    ],
)
def test_no_crl_that_decides_is_never_an_absolution(listed: tuple[Listed, ...]) -> None:
    seen = found(LEAF.certificate(), *listed)
    assert isinstance(seen, Unobserved) and seen.reason is Reason.NOT_GIVEN, seen


def test_a_forged_crl_revokes_nothing() -> None:
    leaf = LEAF.certificate()
    seen = found(leaf, Listed(serials=(leaf.serial_number,), signed_with="Lab Stranger"), Listed(), ROOT_CRL)
    assert seen == Found(revoked=False, detail="")


def test_an_issuer_that_may_not_sign_crls_is_not_believed() -> None:
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    mute = Made(subject="Mute CA", issuer="Lab Root", names=(), ca=True, usages=(), more=((usage, True),)).certificate()
    leaf = Made(issuer="Mute CA").certificate()
    seen = looked_up((leaf, mute), (root(),), [Listed(issuer="Mute CA").crl(), ROOT_CRL.crl()], NOW)
    assert isinstance(seen, Unobserved)


@pytest.mark.parametrize(
    "listed",
    [
        lambda leaf: (Listed(), ROOT_CRL),
        lambda leaf: (Listed(serials=(leaf.serial_number,)), ROOT_CRL),
        lambda leaf: (Listed(), Listed(issuer="Lab Root", serials=(intermediate().serial_number,))),
        lambda leaf: (ROOT_CRL,),
        lambda leaf: (Listed(until=NOW - DAY / 4), ROOT_CRL),
        lambda leaf: (Listed(signed_with="Lab Stranger"), ROOT_CRL),
    ],
)
def test_openssl_comes_to_the_same(tmp_path: Path, listed: Callable[[x509.Certificate], tuple[Listed, ...]]) -> None:
    leaf = LEAF.certificate()
    crls = listed(leaf)
    (tmp_path / "leaf.pem").write_bytes(pem(leaf))
    (tmp_path / "between.pem").write_bytes(pem(intermediate()))
    (tmp_path / "store.pem").write_bytes(pem(root()) + b"".join(each.crl().public_bytes(Encoding.PEM) for each in crls))
    words = ["openssl", "verify", "-crl_check_all", "-CAfile", "store.pem", "-untrusted", "between.pem", "leaf.pem"]
    good = subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert good is (found(leaf, *crls) == Found(revoked=False, detail=""))


def test_a_file_of_crls_is_read_whole_or_not_at_all() -> None:
    text = Listed().crl().public_bytes(Encoding.PEM) + b"comment\n" + ROOT_CRL.crl().public_bytes(Encoding.PEM)
    assert len(crls_in(text)) == 2
    for broken in (b"", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", pem(root())):
        with pytest.raises(ValueError, match=r".+"):
            crls_in(broken)


def seen(tmp_path: Path, made: Made, crls: bytes | None) -> PeerCertificateObservation:
    anchors, given = tmp_path / "anchors.pem", tmp_path / "crls.pem"
    anchors.write_bytes(pem(root()))
    if crls is not None:
        given.write_bytes(crls)
    with listening(HERE, tls(*kept(tmp_path, made, intermediate()))) as peer:
        looked = look(peer.target(), circumstances(anchors=anchors, crls=given if crls is not None else None))
    assert isinstance(looked, PeerCertificateObservation), looked
    return looked


def test_the_probe_looks_served_chains_up(tmp_path: Path) -> None:
    text = Listed().crl().public_bytes(Encoding.PEM) + ROOT_CRL.crl().public_bytes(Encoding.PEM)
    assert isinstance(revocation := seen(tmp_path, Made(), text).revocation, Revocation) and not revocation.revoked
    without = seen(tmp_path, Made(), None).revocation
    assert isinstance(without, Unobserved) and without.reason is Reason.NOT_GIVEN
    unreadable = seen(tmp_path, Made(), b"no CRL").revocation
    assert isinstance(unreadable, Unobserved) and unreadable.reason is Reason.UNREADABLE


def test_must_staple_and_timestamps_are_facts() -> None:
    plain, demanding = Made(), Made(more=((x509.TLSFeature([x509.TLSFeatureType.status_request]), False),))
    for made, wanted in ((plain, False), (demanding, True)):
        certificate = loaded(made.certificate().public_bytes(Encoding.DER))
        assert facts(certificate, certificate.public_bytes(Encoding.DER)).must_staple is wanted
        assert facts(certificate, certificate.public_bytes(Encoding.DER)).scts == 0


def test_a_server_that_staples_is_seen_to(tmp_path: Path) -> None:
    made = Made()
    chain, secret = kept(tmp_path, made, intermediate())
    leaf = x509.load_pem_x509_certificates(chain.read_bytes())[0]
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf, intermediate(), hashes.SHA256(), ocsp.OCSPCertStatus.GOOD, NOW - DAY, NOW + DAY, None, None)
        .responder_id(ocsp.OCSPResponderEncoding.NAME, intermediate())
        .sign(key("Lab Intermediate"), hashes.SHA256())
    )
    (tmp_path / "staple.der").write_bytes(response.public_bytes(Encoding.DER))
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(pem(root()))
    for stapling in (True, False):
        port = free_port(HERE)
        words = ["openssl", "s_server", "-quiet", "-accept", f"{HERE}:{port}", "-cert", str(chain), "-cert_chain", str(chain)]
        words += ["-key", str(secret), *(["-status_file", str(tmp_path / "staple.der")] if stapling else [])]
        with running(words, HERE, port) as peer:
            looked = look(peer.target(), circumstances(anchors=anchors))
        assert isinstance(looked, PeerCertificateObservation), looked
        assert looked.stapled is stapling
