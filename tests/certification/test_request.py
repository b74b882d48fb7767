"""Requests and signing requests: what an agency may ask for, and that it holds the key it asks with."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certification import csr
from certification.csr import plain, proven_key
from certification.grounds import draft_authorisation
from certification.refusals import Code
from certification.request import Kind, opened_request
from certification.request_drafting import draft_request
from certification.signers import signed
from certification.statements import Role, subjects
from scanner import specimens
from scanner.observations import Reply, Sight, Sighting
from scanner.observations.datagrams import QUESTIONS
from scanner.record import sha256
from scanner.store import CONTACT, packed, sighting_path
from scanner.targets import Host, RunKind
from tests.certification.stage import (
    ASKED,
    CSR,
    DRAFTED,
    SEEN,
    Case,
    bundle,
    known,
    order,
    permit,
    refused,
    request,
    root,
    sealed,
    signer,
)

_POINT = PublicFormat.UncompressedPoint


def _csr(key: object, digest: object = SHA256()) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, digest).public_bytes(Encoding.PEM)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "pem",
    [
        _csr(rsa.generate_private_key(65_537, 2_048)),
        _csr(ec.generate_private_key(ec.SECP256R1())),
        _csr(ec.generate_private_key(ec.SECP384R1())),
        _csr(ed25519.Ed25519PrivateKey.generate(), None),
    ],
)
def test_strong_client_keys_are_accepted(pem: bytes) -> None:
    assert len(proven_key(pem)) == 64
    assert proven_key(b"a remark\n" + pem) == proven_key(plain(b"a remark\n" + pem).encode())


def _unknown_curve() -> bytes:
    der = x509.load_pem_x509_csr(_csr(ec.generate_private_key(ec.SECP256R1()))).public_bytes(Encoding.DER)
    prime256v1, no_curve = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d03017f")
    return x509.load_der_x509_csr(der.replace(prime256v1, no_curve)).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (_csr(rsa.generate_private_key(65_537, 1_024)), Code.CSR_WEAK_KEY),
        (_csr(ec.generate_private_key(ec.SECP521R1())), Code.CSR_WEAK_KEY),
        (_csr(ec.generate_private_key(ec.SECP256K1())), Code.CSR_WEAK_KEY),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", Code.CSR_MALFORMED),
        (_unknown_curve(), Code.CSR_WEAK_KEY),
        (_csr(dsa.generate_private_key(2_048)), Code.CSR_WEAK_KEY),
        (b"x" * 20_000, Code.CSR_MALFORMED),
    ],
)
def test_weak_and_unreadable_signing_requests_are_refused(pem: bytes, code: Code) -> None:
    with refused(code):
        proven_key(pem)


def test_a_signing_request_over_sha1_is_refused() -> None:
    # The library no longer makes such a request: the algorithm's identifier is exchanged in a sound one.
    der = x509.load_pem_x509_csr(_csr(rsa.generate_private_key(65_537, 2_048))).public_bytes(Encoding.DER)
    sha256_with_rsa, sha1_with_rsa = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    weak = x509.load_der_x509_csr(der.replace(sha256_with_rsa, sha1_with_rsa))
    assert isinstance(weak.signature_hash_algorithm, SHA1)
    with refused(Code.CSR_WEAK_KEY):
        proven_key(weak.public_bytes(Encoding.PEM))


def test_a_signing_request_signed_by_another_key_proves_nothing() -> None:
    mine, others = (x509.load_pem_x509_csr(_csr(ec.generate_private_key(ec.SECP256R1()))) for _ in range(2))
    stolen = mine.public_bytes(Encoding.DER).replace(
        mine.public_key().public_bytes(Encoding.X962, _POINT), others.public_key().public_bytes(Encoding.X962, _POINT)
    )
    with refused(Code.CSR_UNPROVEN):
        proven_key(x509.load_der_x509_csr(stolen).public_bytes(Encoding.PEM))


def test_a_signing_request_whose_signature_is_of_another_kind_of_key_proves_nothing() -> None:
    der = x509.load_pem_x509_csr(_csr(ec.generate_private_key(ec.SECP256R1()))).public_bytes(Encoding.DER)
    ecdsa_with_sha256, rsa_with_sha256 = (
        bytes.fromhex("300a06082a8648ce3d040302"),
        bytes.fromhex("300b06092a864886f70d01010b"),
    )
    # one byte longer, and so is the outermost sequence
    assert der[:2] == b"\x30\x81"
    other = der[:2] + bytes([der[2] + 1]) + der[3:].replace(ecdsa_with_sha256, rsa_with_sha256)
    with refused(Code.CSR_UNPROVEN):
        proven_key(x509.load_der_x509_csr(other).public_bytes(Encoding.PEM))


def test_a_request_is_tied_to_bundle_inventory_key_and_order(case: Case) -> None:
    asked = draft_request(case.bundle, CSR, Kind.TRIAL, ("verify",), "Xác thực", ASKED, diagram=b"diagram").predicate
    assert asked.bundle_sha256 == sha256(packed(case.bundle))
    assert asked.inventory_sha256 == order(b"", permit()).scope.digest()
    assert asked.client_key_sha256 == (proven_key(CSR),)
    assert (asked.order_nonce, asked.run) == ("ab" * 32, "R-1")
    assert asked.diagram_sha256 == sha256(b"diagram")
    assert asked.scope.endpoints == ("10.1.2.3/32",)


def test_without_an_address_those_of_the_hosts_that_were_seen_are_asked_for() -> None:
    scope = order(b"", permit()).scope
    named = Host(id="web1", address="dvc.example.vn", services=scope.hosts[0].services)
    silent = Host(id="web2", address="10.1.2.77")
    files = bundle(order_changes={"scope": scope.model_copy(update={"hosts": (named, silent)})})
    asked = draft_request(files, CSR, Kind.TRIAL, ("verify",), "x", ASKED).predicate
    assert asked.scope.endpoints == ("10.1.2.9/32",)


@pytest.mark.parametrize("endpoint", ["10.1.0.0/16", "10.1.3.1/32", "2001:db8::1/128"])
def test_an_address_that_was_not_permitted_to_be_inspected_cannot_be_asked_for(case: Case, endpoint: str) -> None:
    with refused(Code.OUTSIDE_PERMIT):
        request(case.bundle, endpoints=(endpoint,))


@pytest.mark.parametrize("endpoint", ["10.1.2.0/24", "10.1.2.2/31", "10.1.2.4/32"])
def test_an_address_at_which_nothing_was_seen_cannot_be_asked_for(case: Case, endpoint: str) -> None:
    with refused(Code.NOT_INSPECTED):
        request(case.bundle, endpoints=(endpoint,))
    assert request(case.bundle, endpoints=("10.1.2.3/32",))


def test_a_declared_host_that_stayed_silent_is_not_let_in() -> None:
    scope = order(b"", permit()).scope
    silent = Host(id="web2", address="10.1.2.77")
    files = bundle(order_changes={"scope": scope.model_copy(update={"hosts": (*scope.hosts, silent)})})
    with refused(Code.NOT_INSPECTED):
        request(files, endpoints=("10.1.2.77/32",))


@pytest.mark.parametrize(
    ("reply", "let_in"), [(Reply.SILENT, False), (Reply.REFUSED, False), (Reply.DECLINED, True), (Reply.SERVED, True)]
)
def test_a_host_that_answered_no_datagram_was_not_seen_by_asking_it(reply: Reply, let_in: bool) -> None:
    scope = order(b"", permit()).scope
    other = Host(id="web2", address="10.1.2.77")
    files = bundle(order_changes={"scope": scope.model_copy(update={"hosts": (*scope.hosts, other)})})
    sight = Sight(subject="web2", kind="datagrams")
    result = specimens.datagrams(**dict.fromkeys(QUESTIONS, Reply.SILENT) | {"ntp_time": reply})
    seen = Sighting(sight=sight, observed_at=SEEN, vantage=specimens.VANTAGE, result=result)
    files = sealed({**files, sighting_path(sight): seen.written()})
    if let_in:
        assert request(files, endpoints=("10.1.2.77/32",))
    else:
        with refused(Code.NOT_INSPECTED):
            request(files, endpoints=("10.1.2.77/32",))


def test_a_host_of_which_all_ports_are_closed_is_not_let_in() -> None:
    scope = order(b"", permit()).scope
    files = bundle(
        order_changes={"scope": scope.model_copy(update={"hosts": (*scope.hosts, Host(id="web2", address="10.1.2.77"))})}
    )
    sight = Sight(subject="web2", kind="ports")
    for result, let_in in ((specimens.ports(open=()), False), (specimens.ports(), True)):
        seen = Sighting(sight=sight, observed_at=SEEN, vantage=specimens.VANTAGE, result=result)
        kept = sealed({**files, sighting_path(sight): seen.written()})
        if let_in:
            assert request(kept, endpoints=("10.1.2.77/32",))
        else:
            with refused(Code.NOT_INSPECTED):
                request(kept, endpoints=("10.1.2.77/32",))


def test_two_neighbours_that_were_both_seen_can_be_asked_for_as_a_network() -> None:
    scope = order(b"", permit()).scope
    both = (Host(id="web0", address="10.1.2.2"), *scope.hosts)
    files = bundle(order_changes={"scope": scope.model_copy(update={"hosts": both})})
    with refused(Code.NOT_INSPECTED):
        request(files, endpoints=("10.1.2.2/31",))
    sight = Sight(subject="web0", kind="ports")
    seen = Sighting(sight=sight, observed_at=SEEN, vantage=specimens.VANTAGE, result=specimens.ports())
    assert request(sealed({**files, sighting_path(sight): seen.written()}), endpoints=("10.1.2.2/31",))


def test_without_the_account_of_who_was_met_nobody_is_let_in(case: Case) -> None:
    files = {path: data for path, data in case.bundle.items() if path != CONTACT}
    with refused(Code.EVIDENCE_MISSING):
        request(sealed(files))
    with refused(Code.EVIDENCE_MALFORMED):
        request(sealed({**files, CONTACT: b"{}"}))


def test_a_self_check_can_be_no_ground_for_a_request() -> None:
    with refused(Code.SELF_CHECK):
        request(bundle(permit_changes={"kind": RunKind.SELF_CHECK}))


def test_a_request_signed_by_another_agency_is_refused(case: Case) -> None:
    trust = root(more_keys=(known("P02", Role.AGENCY),))
    with refused(Code.REQUEST_SIGNER):
        opened_request(request(case.bundle, by="P02"), trust, ASKED)


def test_a_request_whose_key_is_not_the_proven_one_is_refused(case: Case) -> None:
    good = draft_request(case.bundle, CSR, Kind.TRIAL, ("verify",), "x", ASKED)
    for changes in (
        {"client_key_sha256": ("ee" * 32,)},
        {"csr": good.predicate.csr + "\n"},
        {"bundle_sha256": "ee" * 32},
    ):
        bad = good.model_copy(update={"predicate": good.predicate.model_copy(update=changes)})
        with refused(Code.REQUEST_DIFFERS):
            opened_request(signed(bad, signer("P01")), case.trust, ASKED)


def test_a_signing_request_with_remarks_around_it_is_refused(case: Case) -> None:
    good = draft_request(case.bundle, CSR, Kind.TRIAL, ("verify",), "x", ASKED)
    remarked = "a remark\n" + good.predicate.csr
    about = subjects({"bundle.tar": good.predicate.bundle_sha256, "client.csr.pem": sha256(remarked.encode())})
    predicate = good.predicate.model_copy(update={"csr": remarked})
    bad = good.model_copy(update={"predicate": predicate, "subject": about})
    with refused(Code.REQUEST_DIFFERS):
        opened_request(signed(bad, signer("P01")), case.trust, ASKED)


def test_an_address_an_agency_writes_into_its_request_itself_is_refused_too(case: Case) -> None:
    good = draft_request(case.bundle, CSR, Kind.TRIAL, ("verify",), "x", ASKED)
    for endpoint, code in (("0.0.0.0/0", Code.OUTSIDE_PERMIT), ("10.1.2.0/24", Code.NOT_INSPECTED)):
        scope = good.predicate.scope.model_copy(update={"endpoints": (endpoint,)})
        bad = good.model_copy(update={"predicate": good.predicate.model_copy(update={"scope": scope})})
        with refused(code):
            draft_authorisation(case.bundle, signed(bad, signer("P01")), case.trust, DRAFTED)


class _Unverifiable:
    """A signing request whose verification the library cannot even begin."""

    @property
    def is_signature_valid(self) -> bool:
        """Raises, as the library may on parameters it does not know."""
        raise UnsupportedAlgorithm("unknown parameters")


def test_a_signature_that_cannot_be_verified_proves_nothing() -> None:
    assert csr._signed(_Unverifiable()) is False  # type: ignore[arg-type]


def test_a_signing_request_of_another_version_is_refused() -> None:
    """Found by fuzzing: the library has an error of its own for it, which is no ValueError."""
    from base64 import b64decode, b64encode

    lines = CSR.decode().split("-----")
    der = bytearray(b64decode(lines[2]))
    at = der.index(b"\x02\x01\x00")
    der[at + 2] = 2
    with refused(Code.CSR_MALFORMED):
        proven_key(b"-----BEGIN CERTIFICATE REQUEST-----\n" + b64encode(der) + b"\n-----END CERTIFICATE REQUEST-----\n")
