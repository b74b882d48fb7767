"""The stage of the gateway's tests: certificates that are valid today, a watched log of them, and the bundles made from it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification.authorisation import AuthorisationStatement
from certification.authorisation import serial as serial_of
from certification.client_certificate import client_certificate
from certification.connection_ca import CaKey, ConnectionCa, FileCaKey, ca_certificate
from certification.envelope import read_envelope
from certification.events import change_status
from certification.exporting import Exported, export
from certification.keyring import HolderKind, Keyring, KnownKey
from certification.keys import pem_of, spki_sha256
from certification.ledger import begun, entered, newest
from certification.log_store import SqliteLog
from certification.request import Kind, RequestStatement
from certification.request_drafting import draft_request
from certification.signers import signed
from certification.statements import Role, read_statement
from certification.status_event import Change, Reason
from certification.trust import TrustRoot, draft_keyring, read_trust_root
from scanner.record import sha256
from scanner.targets import Host, Service, Speaks
from tests.certification import stage
from tests.certification.stage import ASKED, bundle, known, order, permit, restated, signer

NOW = datetime.now(UTC).replace(microsecond=0)
ISSUED = NOW - timedelta(hours=1)
ENDS = NOW + timedelta(days=80)
NETWORK = "127.0.0.0/8"


@cache
def ca_key(name: str = "connection-ca") -> FileCaKey:
    """The key of a connection CA."""
    private = generate_private_key(SECP256R1())
    return FileCaKey(private, private.public_key())


def ca_known(key: CaKey, name: str = "connection-ca") -> KnownKey:
    """Its entry in the keyring."""
    return known(
        "scanner-1",
        Role.CONNECTION_CA,
        holder_kind=HolderKind.INSTANCE,
        holder=name,
        keyid=spki_sha256(key.public),
        public_key=pem_of(key.public),
    )


AGENCIES = {"central": "C01", "province": "P01", "commune": "X01"}
"""An agency of each echelon."""


def keyring(*, ca: CaKey | None = None, more_keys: tuple[KnownKey, ...] = (), **changes: Any) -> Keyring:
    """A keyring with a connection CA, a gateway key and a few echelons, in force today whenever that is."""
    more = (
        ca_known(ca or ca_key()),
        known("gateway-1", Role.GATEWAY, holder_kind=HolderKind.INSTANCE),
        known("gateway-2", Role.GATEWAY, holder_kind=HolderKind.INSTANCE),
        *(known(code, Role.AGENCY) for code in AGENCIES.values() if code != "P01"),
        *more_keys,
    )
    echelons = {code: echelon for echelon, code in AGENCIES.items()}
    made = stage.keyring(more_keys=more, expires=NOW + timedelta(days=500), echelons=echelons, **changes)
    keys = tuple(key.model_copy(update={"valid_until": NOW + timedelta(days=1_000)}) for key in made.keys)
    ceilings = tuple(
        made.ceilings[0].model_copy(update={"echelon": name, "apis": apis, "bulk": bulk, "rate": 6_000})
        for name, apis, bulk in (
            ("central", ("bulk-read", "read", "verify"), True),
            ("commune", ("verify",), False),
            ("province", ("read", "verify"), False),
        )
    )
    update = {"keys": tuple(sorted(keys, key=lambda key: key.model_dump_json())), **changes}
    return made.model_copy(update={"ceilings": changes.get("ceilings", ceilings), **update})


def root(**changes: Any) -> TrustRoot:
    """The trust root of that keyring."""
    return read_trust_root(root_bytes(**changes), NOW)


def root_bytes(**changes: Any) -> bytes:
    """Its envelope."""
    made = Keyring.model_validate_json(keyring(**changes).model_dump_json())
    return signed(draft_keyring(made), signer("root-1"), signer("root-2"))


@dataclass(frozen=True)
class Client:
    """An agency's key, its certificate, and its X.509 client certificate."""

    serial: str
    certificate: bytes
    x509: bytes
    key: EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """Certificate and key in one file."""
        return self.x509 + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def at(self, folder: Path) -> Path:
        """That file."""
        path = folder / f"{self.serial}.pem"
        path.write_bytes(self.pem)
        return path


@cache
def _base() -> tuple[bytes, Mapping[str, bytes]]:
    """A certificate and a bundle on loopback, to make others from."""
    granted = permit(addresses=("127.0.0.0/8", "::1/128"))
    scope = order(None, granted).scope
    host = Host(id="web1", address="127.0.0.1", services=(Service(port=443, speaks=Speaks.HTTPS, name="dvc.example.vn"),))
    files = bundle(
        permit_changes={"addresses": granted.addresses},
        order_changes={"scope": scope.model_copy(update={"hosts": (host,)})},
    )
    return stage.Case(bundle=files).certificate(), files


_KEYS: dict[str, EllipticCurvePrivateKey] = {}


@cache
def csr(number: int = 0) -> tuple[EllipticCurvePrivateKey, bytes]:
    """The client key of this number, and its signing request."""
    key = generate_private_key(SECP256R1())
    _KEYS[spki_sha256(key.public_key())] = key
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "P01")])
    return key, x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256()).public_bytes(Encoding.PEM)


def certificate(
    *,
    kind: Kind = Kind.OFFICIAL,
    apis: tuple[str, ...] = ("verify",),
    echelon: str = "province",
    rate: int = 600,
    bulk: bool = False,
    endpoints: tuple[str, ...] = (NETWORK,),
    at: datetime = ISSUED,
    ends: datetime = ENDS,
    by: tuple[str, ...] = ("an", "binh"),
    number: int = 0,
    key: int | None = None,
    **changes: Any,
) -> bytes:
    """A certificate that is valid today, by these approvers, for the client key of its own number."""
    key = number if key is None else key
    base, files = _base()
    asked = draft_request(files, csr(key)[1], kind, apis, f"Xác thực hồ sơ {number}", ASKED, rate=rate, bulk=bulk)
    # A gateway reads no evidence: whom a certificate lets in may be more here than the one machine of the bundle.
    scope = asked.predicate.scope.model_copy(update={"endpoints": endpoints})
    code = AGENCIES.get(echelon, "P01")
    told = asked.predicate.model_copy(update={"agency": code, "scope": scope, "supersedes": changes.get("supersedes")})
    envelope = signed(asked.model_copy(update={"predicate": told}), signer(code))
    agency = read_statement(read_envelope(base).payload, AuthorisationStatement).predicate.agency
    return restated(
        base,
        *by,
        **{
            "kind": kind,
            "scope": told.scope,
            "client_key_sha256": told.client_key_sha256,
            "request": base64.b64encode(envelope).decode(),
            "request_sha256": sha256(envelope),
            "stated_at": at,
            "not_before": at,
            "not_after": ends,
            "scan_started": at - timedelta(days=1),
            "scan_finished": at - timedelta(days=1),
            "evidence_until": at + timedelta(days=365),
            "agency": agency.model_copy(update={"echelon": echelon, "code": code}),
            "serial": serial_of(sha256(envelope), told.order_nonce, at),
            **changes,
        },
    )


def client(envelope: bytes, ca: ConnectionCa, key: CaKey) -> Client:
    """The holder of this certificate."""
    payload = read_envelope(envelope).payload
    granted = read_statement(payload, AuthorisationStatement).predicate
    made = client_certificate(granted, sha256(payload), ca, key)
    return Client(granted.serial, envelope, made.public_bytes(Encoding.PEM), _KEYS[granted.client_key_sha256[0]])


@dataclass
class Office:
    """An authority's office: its log, its CA, the other authority's witness, and the bundles it writes."""

    log: SqliteLog
    trust: TrustRoot = field(default_factory=root)
    key: CaKey = field(default_factory=ca_key)
    clients: dict[str, Client] = field(default_factory=dict)
    sequence: int = 0
    issued: int = 0
    standing: Client | None = None
    """A client that tests share."""
    ca: ConnectionCa = field(init=False)

    def __post_init__(self) -> None:
        self.ca = ca_certificate(self.trust, self.key, NOW)
        begun(self.log, signer("a-log"), self.trust, ISSUED)

    def issue(self, **wanted: Any) -> Client:
        """A new certificate, entered in the log."""
        self.issued += 1
        envelope = certificate(number=self.issued, **wanted)
        made = client(envelope, self.ca, self.key)
        entered(self.log, envelope, signer("a-log"), self.trust, datetime.now(UTC).replace(microsecond=0))
        self.clients[made.serial] = made
        return made

    def renew(self, who: Client, **wanted: Any) -> Client:
        """Another certificate of the same system, on a new evaluation, in the place of this one."""
        return self.issue(supersedes=who.serial, evaluation_sha256=sha256(who.serial.encode()), **wanted)

    def change(self, who: Client, state: Change, *by: str) -> None:
        """A status event by these approvers."""
        begun_by: bytes | None = None
        for name in by:
            begun_by, _ = change_status(
                self.log, who.serial, state, Reason.INCIDENT, "", self.trust, clock(),
                signer=signer(name), log_signer=lambda: signer("a-log"), confirm=lambda _: True, begun=begun_by,
            )  # fmt: skip

    def cosign(self) -> None:
        """The other authority's witness cosigns the log."""
        point = newest(self.log)
        line = signer("b-witness").cosign(point.checkpoint, "b-witness", clock())
        self.log.keep_checkpoint(point.checkpoint.size, point.also(line).written())

    def export(self, *, lives: timedelta = timedelta(hours=24), at: datetime | None = None, **changes: Any) -> Exported:
        """The next bundle."""
        self.cosign()
        self.sequence += 1
        at = at or clock()
        means: dict[str, Any] = {"ca": self.ca, "ca_key": self.key, "signer": signer("gateway-1"), **changes}
        return export(self.log, self.trust, at, self.sequence, at + lives, self._x509, **means)

    def _x509(self, serial: str) -> bytes | None:
        return self.clients[serial].x509 if serial in self.clients else None


def clock() -> datetime:
    """This instant."""
    return datetime.now(UTC).replace(microsecond=0)


def asked_of(envelope: bytes) -> RequestStatement:
    """The request a certificate carries."""
    granted = read_statement(read_envelope(envelope).payload, AuthorisationStatement).predicate
    return read_statement(read_envelope(granted.request_envelope()).payload, RequestStatement)
