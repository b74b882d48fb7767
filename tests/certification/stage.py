"""The stage the tests of certification play on: keys, a keyring, a small sealed bundle; a test changes one thing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from certification.approval import approved
from certification.authorisation import AuthorisationStatement
from certification.envelope import Envelope, read_envelope
from certification.issue import issue
from certification.keyring import (
    AcceptedBaseline,
    Authority,
    Ceiling,
    HolderKind,
    Keyring,
    KnownAgency,
    KnownKey,
    KnownLog,
    KnownPerson,
    KnownWitness,
    RootKey,
    RootKind,
)
from certification.permits import sign_permit
from certification.refusals import Code, Refusal
from certification.request import Kind
from certification.request_drafting import draft_request
from certification.sealing import draft_evaluation, draft_scan_evidence
from certification.signers import FileSigner, signature_over, signed
from certification.statements import Role, read_statement
from certification.trust import TrustRoot, draft_keyring, read_trust_root
from scanner import specimens
from scanner.assessment import Assessment, BaselineRef, Decision, Tally
from scanner.attestations import Answer, Attestation
from scanner.contact import Contact, HostContact
from scanner.observations import Observation, Reason, Sight, Sighting, Unobserved
from scanner.order import FileDigest, Order
from scanner.record import sha256
from scanner.run_files import CONTACT, is_evidence
from scanner.store import (
    ASSESSMENT,
    BASELINE,
    EVALUATION,
    MANIFEST,
    ORDER,
    PERMIT_ENVELOPE,
    SCAN_EVIDENCE,
    manifest_of,
    sighting_path,
)
from scanner.targets import (
    Agency,
    BilingualText,
    Host,
    Permit,
    Person,
    RunKind,
    Scope,
    Service,
    Speaks,
    System,
    Window,
)

SEEN = specimens.AT
"""When everything on the stage was seen."""
ORDERED = SEEN - timedelta(minutes=10)
SEALED = SEEN + timedelta(hours=1)
ASKED = SEEN + timedelta(hours=2)
DRAFTED = SEEN + timedelta(hours=3)
LATER = SEEN + timedelta(days=5)

NAME = BilingualText(vi="Ủy ban nhân dân tỉnh Hư Cấu", en="People's Committee of the Invented Province")
BASELINE_FILE = b"id: stage\n"
CODE = (FileDigest(path="checks/tls.py", sha256="77" * 32),)


@cache
def signer(name: str) -> FileSigner:
    """One key for each name; every other one Ed25519, the rest ECDSA P-256."""
    if sum(name.encode()) % 2 or name.endswith(("-log", "-witness")):
        return FileSigner(Ed25519PrivateKey.generate())
    return FileSigner(generate_ec(SECP256R1()))


def known(name: str, role: Role, **changes: Any) -> KnownKey:
    """The keyring's entry for a key; it is held by the person, agency or instance of the same name."""
    kinds = {
        Role.AGENCY: HolderKind.AGENCY,
        Role.SCANNER_INSTANCE: HolderKind.INSTANCE,
        Role.LOG: HolderKind.LOG,
        Role.LOG_WITNESS: HolderKind.WITNESS,
    }
    good = {
        "keyid": signer(name).keyid,
        "public_key": signer(name).public_pem,
        "holder_kind": kinds.get(role, HolderKind.PERSON),
        "holder": name,
        "role": role,
        "valid_from": SEEN - timedelta(days=100),
        "valid_until": SEEN + timedelta(days=1_000),
    }
    return KnownKey(**{**good, **changes})


def keyring(**changes: Any) -> Keyring:
    """A production keyring of two authorities; `more_keys` and `more_people` add to it."""
    people = (
        KnownPerson(id="an", organisation="Ministry A", authority="ministry-a"),
        KnownPerson(id="binh", organisation="Ministry B", authority="ministry-b"),
        KnownPerson(id="chi", organisation="Ministry A", authority="ministry-a"),
        KnownPerson(id="dung", organisation="Inspectorate"),
        KnownPerson(id="ha", organisation="Owner of the database"),
        *changes.pop("more_people", ()),
    )
    keys = (
        known("an", Role.APPROVER, authority="ministry-a"),
        known("binh", Role.APPROVER, authority="ministry-b"),
        known("chi", Role.APPROVER, authority="ministry-a"),
        known("dung", Role.INSPECTOR),
        known("ha", Role.OWNER),
        known("P01", Role.AGENCY),
        known("scanner-1", Role.SCANNER_INSTANCE),
        known("a-log", Role.LOG),
        known("a-witness", Role.LOG_WITNESS),
        known("b-log", Role.LOG),
        known("b-witness", Role.LOG_WITNESS),
        *changes.pop("more_keys", ()),
    )
    echelons = changes.pop("echelons", {})
    agencies = sorted({key.holder for key in keys if key.role is Role.AGENCY})
    good = {
        "agencies": tuple(
            KnownAgency(code=code, echelon=echelons.get(code, "province"), valid_from=SEEN - timedelta(days=400))
            for code in agencies
        ),
        "stated_at": SEEN - timedelta(days=50),
        "kind": RootKind.PRODUCTION,
        "version": 1,
        "expires": SEEN + timedelta(days=500),
        "threshold": 2,
        "root_keys": tuple(root_key(name) for name in ("root-1", "root-2", "root-3")),
        "authorities": tuple(Authority(id=name, name=BilingualText(vi=name, en=name)) for name in ("ministry-a", "ministry-b")),
        "people": people,
        "keys": keys,
        "logs": (KnownLog(origin="a-log", authority="ministry-a"), KnownLog(origin="b-log", authority="ministry-b")),
        "witnesses": (
            KnownWitness(name="a-witness", authority="ministry-a"),
            KnownWitness(name="b-witness", authority="ministry-b"),
        ),
        "baselines": (AcceptedBaseline(id="stage", version="1", sha256=sha256(BASELINE_FILE)),),
        "ceilings": (
            Ceiling(
                echelon="province",
                apis=("read", "verify"),
                bulk=False,
                rate=100,
                valid_from=SEEN - timedelta(days=400),
            ),
        ),
        "max_trial_days": 92,
        "max_official_days": 366,
    }
    return Keyring(**{**good, **changes})


def root_key(name: str, holder: str | None = None) -> RootKey:
    """A root key of its own holder."""
    return RootKey(keyid=signer(name).keyid, public_key=signer(name).public_pem, holder=holder or name)


def root(at: datetime = SEEN, **changes: Any) -> TrustRoot:
    """The trust root of that keyring, signed by two root keys."""
    return read_trust_root(signed(draft_keyring(keyring(**changes)), signer("root-1"), signer("root-2")), at)


def order(permit_envelope: bytes | None, permit: Permit, /, **changes: Any) -> Order:
    """The order of an inspection of one web server."""
    scope = Scope(
        agency=Agency(code="P01", name=NAME, echelon="province"),
        system=System(id="portal", name=NAME, level=3, operator="Data Centre of P01"),
        hosts=(Host(id="web1", address="10.1.2.3", services=(Service(port=443, speaks=Speaks.HTTPS, name="dvc.example.vn"),)),),
    )
    good = {
        "run": "R-1",
        "nonce": "ab" * 32,
        "kind": permit.kind,
        "ordered_at": ORDERED,
        "judged_at": ORDERED,
        "scope": scope,
        "permit": permit,
        "permit_envelope": None if permit_envelope is None else sha256(permit_envelope),
        "baseline": sha256(BASELINE_FILE),
        "deviations": None,
        "trust_anchors": None,
        "feeds": (),
        "vantage": specimens.VANTAGE,
        "tool": "clearance 0.1.0",
        "checks": CODE,
        "plan": tuple(Sight(subject="web1:443", kind=kind) for kind in ("http", "peer-certificate", "tls")),
    }
    return Order(**{**good, **changes})


def permit(**changes: Any) -> Permit:
    """A permit by Ha for Dung to inspect 10.1.2.0/24."""
    good = {
        "kind": RunKind.INSPECTION,
        "decision": "12/QĐ-BCA",
        "agency": "P01",
        "permitted_by": Person(person="ha", organisation="Owner of the database"),
        "inspectors": (Person(person="dung", organisation="Inspectorate"),),
        "addresses": ("10.1.2.0/24",),
        "window": Window(begins=SEEN - timedelta(days=1), ends=SEEN + timedelta(days=1)),
    }
    return Permit(**{**good, **changes})


def evidence() -> dict[str, bytes]:
    """Two observations, one thing that could not be seen, and one attestation."""
    results: dict[str, Observation | Unobserved] = {
        "tls": specimens.tls(),
        "peer-certificate": specimens.peer_certificate(),
        "http": Unobserved(reason=Reason.TIMED_OUT),
    }
    files = {}
    for kind, result in results.items():
        sight = Sight(subject="web1:443", kind=kind)
        sighting = Sighting(sight=sight, observed_at=SEEN, vantage=specimens.VANTAGE, result=result)
        files[sighting_path(sight)] = sighting.written()
    answer = Attestation(
        control="D1",
        answer=Answer.YES,
        document="55" * 32,
        dated=ORDERED,
        by="em",
        role="Trưởng phòng",
        answered_at=SEEN,
    )
    return {**files, "attestations/D1.json": answer.written()}


def met(of: Order) -> bytes:
    """The account of who was connected to: every declared host, a name at 10.1.2.9."""
    hosts = [(host.id, host.address if host.address[0].isdigit() else "10.1.2.9") for host in of.scope.hosts]
    return Contact(hosts=tuple(HostContact(host=i, address=a, connections=20, budget=5_000) for i, a in hosts)).written()


def assessment(of: Order, files: Mapping[str, bytes], **changes: Any) -> Assessment:
    """An assessment of that order and evidence, of which the stage says that it decides authorise."""
    good = {
        "run": of.run,
        "kind": of.kind,
        "order": of.digest(),
        "agency": of.scope.agency.code,
        "agency_name": of.scope.agency.name,
        "echelon": of.scope.agency.echelon,
        "system": of.scope.system.id,
        "system_name": of.scope.system.name,
        "level": of.scope.system.level,
        "judged_at": of.judged_at,
        "observed_from": SEEN,
        "observed_until": SEEN,
        "evidence_until": SEEN + timedelta(days=365),
        "fingerprint": "cd" * 32,
        "baseline": BaselineRef(id="stage", version="1", regime="stage", sha256=of.baseline, laboratory=False),
        "checks": CODE,
        "evidence": tuple(FileDigest(path=path, sha256=sha256(data)) for path, data in files.items() if is_evidence(path)),
        "findings": (),
        "controls": (),
        "tally": Tally(passed=3, counted=3, assessed=3, capped=False, percent=100),
        "headings": (),
        "unmatched_waivers": (),
        "decision": Decision.AUTHORISE,
        "reasons": (),
        "conditions": (),
    }
    return Assessment(**{**good, **changes})


def csr(bits: int | None = None) -> bytes:
    """A signing request for a new client key: ECDSA P-256, or RSA of so many bits."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = generate_ec(SECP256R1()) if bits is None else rsa.generate_private_key(65_537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "P01")])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256()).public_bytes(Encoding.PEM)


CSR = csr()


class Judge:
    """A fake judge: returns the bytes it was told to, and counts how often it was asked."""

    def __init__(self, says: bytes) -> None:
        self.says = says
        self.asked = 0

    def __call__(self, files: Mapping[str, bytes]) -> bytes:
        """The assessment it was told to arrive at."""
        assert ORDER in files
        self.asked += 1
        return self.says


def sealed(
    files: Mapping[str, bytes],
    *,
    inspector: str = "dung",
    sealed_at: datetime = SEALED,
    evaluated_at: datetime = SEALED,
) -> dict[str, bytes]:
    """These files with their manifest, seal and evaluation, each signed by the key of its role."""
    files = {path: data for path, data in files.items() if path not in (MANIFEST, SCAN_EVIDENCE, EVALUATION)}
    files[MANIFEST] = manifest_of(files).written()
    files[EVALUATION] = signed(draft_evaluation(files, inspector, evaluated_at), signer(inspector))
    files[SCAN_EVIDENCE] = signed(draft_scan_evidence(files, sealed_at), signer("scanner-1"))
    return files


def bundle(
    *, permit_by: str = "ha", permit_changes: Any = None, order_changes: Any = None, assessment_changes: Any = None
) -> dict[str, bytes]:
    """A sealed bundle in which the given fields of its records differ."""
    granted = permit(**(permit_changes or {}))
    envelope = sign_permit(granted, signer(permit_by), SEEN - timedelta(days=1))
    unsigned = granted.kind is RunKind.SELF_CHECK
    of = order(None if unsigned else envelope, granted, **(order_changes or {}))
    files = {BASELINE: BASELINE_FILE, ORDER: of.written(), CONTACT: met(of), **evidence()}
    if not unsigned:
        files[PERMIT_ENVELOPE] = envelope
    files[ASSESSMENT] = assessment(of, files, **(assessment_changes or {})).written()
    return sealed(files)


def request(files: Mapping[str, bytes], kind: Kind = Kind.OFFICIAL, *, by: str = "P01", **changes: Any) -> bytes:
    """The agency's signed request for that bundle."""
    at, apis = changes.pop("at", ASKED), changes.pop("apis", ("verify",))
    return signed(draft_request(files, CSR, kind, apis, "Xác thực hồ sơ", at, **changes), signer(by))


@dataclass
class Case:
    """A bundle, the request for it, and a judge who agrees with its assessment."""

    bundle: dict[str, bytes] = field(default_factory=bundle)
    kind: Kind = Kind.OFFICIAL
    trust: TrustRoot = field(default_factory=root)
    request: bytes = b""
    judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.request = self.request or request(self.bundle, self.kind)
        self.judge = Judge(self.bundle[ASSESSMENT])

    def approve(
        self,
        by: str,
        begun: bytes | None = None,
        at: datetime = DRAFTED,
        confirm: Callable[[str], bool] = lambda _: True,
    ) -> bytes:
        """An approval by this key."""
        return approved(
            self.bundle,
            self.request,
            self.trust,
            at,
            signer=signer(by),
            rejudge=self.judge,
            code_digests=CODE,
            confirm=confirm,
            authorisation=begun,
        ).authorisation

    def issue(self, authorisation: bytes, at: datetime = DRAFTED) -> bytes:
        """The certificate."""
        return issue(
            self.bundle,
            self.request,
            self.trust,
            at,
            authorisation=authorisation,
            rejudge=self.judge,
            code_digests=CODE,
        )

    def certificate(self) -> bytes:
        """The certificate, approved by An and by Binh."""
        return self.issue(self.approve("binh", self.approve("an")))


@contextmanager
def refused(code: Code) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """Expects the refusal with this very code."""
    with pytest.raises(Refusal) as caught:
        yield caught
    assert caught.value.code is code, caught.value.message


def forged(payload: bytes, *names: str) -> bytes:
    """An envelope over any bytes, well signed by these keys: what no signer of the product would make."""
    envelope = Envelope(payload)
    for name in names:
        private = signer(name)._private
        envelope = envelope.signed_also(signature_over(envelope.pae(), private))
    return envelope.written()


def restated(certificate: bytes, *names: str, **changes: Any) -> bytes:
    """The certificate with other words in its predicate, signed anew by these keys."""
    statement = read_statement(read_envelope(certificate).payload, AuthorisationStatement)
    predicate = statement.predicate.model_copy(update=changes)
    return signed(statement.model_copy(update={"predicate": predicate}), *(signer(name) for name in names or ("an", "binh")))
