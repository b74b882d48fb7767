"""`verify` of what is no certificate: a sealed bundle is evidence and lets nobody in, and a client certificate leads to what it rests on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification.connection_ca import ca_certificate
from certification.refusals import Code
from certification.signers import signed
from certification.trust import draft_keyring, read_trust_root
from scanner.assessment import Decision
from scanner.store import packed
from tests.certification import stage
from tests.certification.stage import LATER, bundle, signer
from tests.certification.test_ledger import CASE, SERIAL, Desk, desk
from tests.gateway.stage import ca_key, ca_known
from tests.gateway.test_issue_and_page import ISSUE

__all__ = ["desk"]
LATE = LATER + timedelta(days=400)


def test_a_sealed_bundle_is_genuine_and_lets_nobody_in(desk: Desk) -> None:
    said = desk.good("verify", "bundle", "--trust", "root")
    assert "GENUINE  run R-1: system portal of P01, level 3, decision authorise" in said
    assert "evidence lets nobody in" in said and "VALID" not in said and "not judged again" in said
    again = desk.good("verify", "bundle", "--trust", "root", "--recompute")
    assert "judging the evidence again gives the same assessment" in again and "not judged again" not in again


def test_a_bundle_that_was_changed_is_refused(desk: Desk) -> None:
    files = dict(CASE.bundle)
    path = next(path for path in files if path.startswith("observations/"))
    (desk.folder / "bundle").write_bytes(packed({**files, path: files[path].replace(b"web1", b"web2")}))
    desk.refused(Code.EVIDENCE_CHANGED, "verify", "bundle", "--trust", "root")
    (desk.folder / "bundle").write_bytes((desk.folder / "bundle").read_bytes()[:-1024])
    desk.refused(Code.EVIDENCE_MALFORMED, "verify", "bundle", "--trust", "root")


@pytest.mark.parametrize(("decision", "status"), [(Decision.DENY, 10), (Decision.AUTHORISE_TRIAL, 10), (Decision.INCOMPLETE, 11)])
def test_a_bundle_ends_with_the_status_of_its_decision(desk: Desk, decision: Decision, status: int) -> None:
    (desk.folder / "bundle").write_bytes(packed(bundle(assessment_changes={"decision": decision})))
    done = desk.run("verify", "bundle", "--trust", "root")
    assert done.exit_code == status and "GENUINE" in done.output


def test_evidence_that_is_too_old_says_so(desk: Desk) -> None:
    assert "too old to rest a certificate on" not in desk.good("verify", "bundle", "--trust", "root")
    assert "too old to rest a certificate on since" in desk.good(
        "verify", "bundle", "--trust", "root", "--at", f"{LATE:%Y-%m-%dT%H:%M:%SZ}"
    )


def test_an_encrypted_bundle_says_how_to_open_it(desk: Desk) -> None:
    (desk.folder / "bundle").write_bytes(b"age-encryption.org/v1\n-> X25519 x\n")
    done = desk.run("verify", "bundle", "--trust", "root")
    assert "clearance unseal" in str(done.exception)


@pytest.fixture
def client(desk: Desk) -> Desk:
    """A desk whose certificate has a client certificate, and whose log was cosigned."""
    envelope = signed(
        draft_keyring(stage.keyring(version=2, more_keys=(ca_known(ca_key()),))), signer("root-1"), signer("root-2")
    )
    (desk.folder / "root").write_bytes(envelope)
    (desk.folder / "ca.pem").write_bytes(ca_certificate(read_trust_root(envelope, LATER), ca_key(), LATER).pem)
    key = desk.folder / "ca.key"
    key.touch(mode=0o600)
    key.write_bytes(ca_key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    desk.good(*ISSUE, "--clients", "clients", "--ca", "ca.pem", "--ca-signer", "file:ca.key")
    desk.good(*desk.cosign())
    (desk.folder / f"clients/{SERIAL}.pem").rename(desk.folder / "client.pem")
    return desk


BY_CLIENT = ("verify", "client.pem", "--trust", "root", "--log", "log", "--ca", "ca.pem")


def test_a_client_certificate_leads_to_its_authorisation(client: Desk) -> None:
    said = client.good(*BY_CLIENT)
    assert f"VALID  {SERIAL}" in said and "the client certificate is the one that follows from it" in said


def test_a_client_certificate_of_what_was_suspended_is_refused(client: Desk) -> None:
    words = ("--log", "log", "--trust", "root", "--signer", "file:an.pem", "--log-signer", "file:a-log.pem")
    client.good("suspend", SERIAL, *words, "--reason", "incident", "--out", "s.json")
    client.good(*client.cosign())
    client.refused(Code.SUSPENDED, *BY_CLIENT)


def test_another_certificate_of_the_same_serial_number_is_refused(client: Desk) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    right = x509.load_pem_x509_certificate((client.folder / "client.pem").read_bytes())
    builder = x509.CertificateBuilder(right.issuer, right.subject, right.public_key(), right.serial_number)
    ends = right.not_valid_after_utc + timedelta(days=900)
    wrong = builder.not_valid_before(right.not_valid_before_utc).not_valid_after(ends).sign(ca_key().private, SHA256())
    (client.folder / "client.pem").write_bytes(wrong.public_bytes(Encoding.PEM))
    client.refused(Code.CLIENT_CERTIFICATE_DIFFERS, *BY_CLIENT)


def test_a_certificate_that_follows_from_nothing_in_the_log_is_refused(client: Desk) -> None:
    (client.folder / "client.pem").write_bytes((client.folder / "ca.pem").read_bytes())
    client.refused(Code.NOT_IN_LOG, *BY_CLIENT)


@pytest.mark.parametrize("missing", ["--log", "--ca"])
def test_a_client_certificate_alone_says_what_it_needs(client: Desk, missing: str) -> None:
    words = list(BY_CLIENT)
    place = words.index(missing)
    done = client.run(*words[:place], *words[place + 2 :])
    assert done.exit_code == 2 and "name the log with --log and the CA with --ca" in done.output
