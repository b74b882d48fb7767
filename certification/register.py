"""The register: whom a gateway lets in by a bundle. Every entry is verified as any certificate is, before anything is written. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.checkpoint import SignedCheckpoint, read_checkpoint
from certification.client_certificate import insist_on_certificate, plain_names
from certification.connection_ca import ConnectionCa, read_ca, read_certificate
from certification.envelope import read_envelope
from certification.gateway_bundle import (
    CA,
    CRL,
    PROBE_REVOKED,
    PROBE_UNKNOWN,
    REGISTER,
    GatewayBundlePredicate,
    LoggedEvent,
    RegisterEntry,
    insist_on_fresh_log,
    named,
    opened_bundle,
    register_entries,
)
from certification.log_proof import read_log_proof
from certification.log_trust import WatchedLog, in_log, watched_log
from certification.opening import EVER
from certification.policy import within
from certification.refusals import Code, Refusal
from certification.revocation_list import CLOCKS_APART, read_revocation_list
from certification.spending import Spent
from certification.status import Standing, lived
from certification.status_event import Change, StatusEventStatement, opened_event
from certification.trust import TrustRoot
from certification.verify import verify
from scanner.findings import Stated, said
from scanner.record import sha256

LEFT_OUT = frozenset(
    {
        Code.EXPIRED,
        Code.NOT_YET_VALID,
        Code.KEY_REVOKED,
        Code.ABOVE_CEILING,
        Code.ECHELON_UNKNOWN,
        Code.AGENCY_UNKNOWN,
        Code.ECHELON_DIFFERS,
        Code.BASELINE_NOT_ACCEPTED,
        Code.BASELINE_LABORATORY,
    }
)
"""What may have happened to an honest entry since the bundle was made: it is not let in, and the others are. All else refuses the bundle."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A certificate that is let in, and to what."""

    granted: AuthorisationPredicate
    sha1: str
    sha256: str
    x509_serial: int
    resumed: datetime | None
    """When it was last let be used again, by two authorities; None where it was never stopped."""

    @property
    def serial(self) -> str:
        """Its serial."""
        return self.granted.serial


@dataclass(frozen=True, slots=True)
class Register:
    """A verified bundle: what a gateway is to do."""

    predicate: GatewayBundlePredicate
    sha256: str
    """The digest of the bundle's signed payload."""
    keyid: str
    admitted: tuple[Admitted, ...]
    left_out: tuple[tuple[str, Refusal], ...]
    checkpoint: SignedCheckpoint
    ca_pem: bytes
    crl_pem: bytes
    probe_revoked: bytes
    probe_unknown: bytes


@dataclass(frozen=True, slots=True)
class Outline:
    """What a bundle's key alone may say: whom to let in no longer. Nothing is let in on it."""

    predicate: GatewayBundlePredicate
    sha256: str
    keyid: str
    named: frozenset[str]
    """The serials it names; whoever is not among them is shut out."""


def read_outline(data: bytes, trust: TrustRoot, at: datetime) -> Outline:
    """The outline of a bundle that is signed by a gateway key and good at this instant; none of its entries is verified."""
    trust.current(at)
    bundle, files = opened_bundle(data, trust, at)
    told = bundle.statement.predicate
    in_time(told, at)
    return Outline(told, sha256(bundle.envelope.payload), bundle.signer.known.keyid, named(files[REGISTER]))


def read_register(data: bytes, trust: TrustRoot, at: datetime) -> Register:
    """The register of this bundle at this instant; refuses it whole where any entry is not what two authorities signed and logged."""
    trust.current(at)
    # (1) signed by a gateway key, about these files, and in its time
    bundle, files = opened_bundle(data, trust, at)
    told = bundle.statement.predicate
    in_time(told, at)
    # (2) the log as the bundle saw it, watched by another authority
    log = watched_log(read_checkpoint(told.checkpoint.encode()), trust, at)
    insist_on_fresh_log(log.watch, told.stated_at)
    # (3) the CA of the trust root, and its list
    ca = read_ca(files[CA], trust, at)
    stopped = read_revocation_list(files[CRL], ca, at)
    if sha256(files[CRL]) != told.crl_sha256 or not told.expires <= stopped.next_update <= told.expires + CLOCKS_APART:
        raise Refusal(Code.CRL_DIFFERS, said("the revocation list is another than the bundle's, or does not end with it"))
    revoked, unknown = (_serial_of(files[name]) for name in (PROBE_REVOKED, PROBE_UNKNOWN))
    if revoked not in stopped.serials or unknown in stopped.serials:
        raise Refusal(Code.CRL_DIFFERS, said("the certificates to try a gateway with are not listed as they must be"))
    # (4) every entry on its own
    admitted, left_out = _entries(register_entries(files[REGISTER], told.entries), told, log, ca, trust, at)
    for each in admitted:
        if each.x509_serial in stopped.serials:
            raise Refusal(Code.CRL_DIFFERS, said("{serial} is let in and on the revocation list", serial=each.serial))
    return Register(
        told,
        sha256(bundle.envelope.payload),
        bundle.signer.known.keyid,
        tuple(admitted),
        tuple(left_out),
        log.checkpoint,
        files[CA],
        files[CRL],
        files[PROBE_REVOKED],
        files[PROBE_UNKNOWN],
    )


def in_time(told: GatewayBundlePredicate, at: datetime) -> None:
    """Returns where the bundle is good at this instant."""
    if at < told.stated_at:
        raise Refusal(
            Code.CLOCK_BACKWARDS, said("the bundle was made at {when}, after this instant", when=_shown(told.stated_at))
        )
    if at >= told.expires:
        raise Refusal(Code.BUNDLE_STALE, said("the bundle was good until {when}", when=_shown(told.expires)))


def _entries(
    entries: Iterable[RegisterEntry],
    told: GatewayBundlePredicate,
    log: WatchedLog,
    ca: ConnectionCa,
    trust: TrustRoot,
    at: datetime,
) -> tuple[list[Admitted], list[tuple[str, Refusal]]]:
    stopped = {listed.serial for listed in told.statuses}
    admitted: list[Admitted] = []
    left_out: list[tuple[str, Refusal]] = []
    seen: set[str] = set()
    spent = Spent()
    for entry in entries:
        if entry.serial in stopped:
            raise Refusal(Code.REGISTER_TWICE, said("{serial} is let in and stopped at once", serial=entry.serial))
        try:
            checked = _checked(entry, told, log, ca, trust, at)
        except Refusal as refusal:
            if refusal.code not in LEFT_OUT:
                raise Refusal(refusal.code, said("{serial}: {why}", serial=entry.serial, why=Stated(refusal.message))) from None
            left_out.append((entry.serial, refusal))
            continue
        if seen & {checked.sha1, checked.sha256}:
            raise Refusal(Code.REGISTER_TWICE, said("{serial} has the client certificate of another", serial=entry.serial))
        seen |= {checked.sha1, checked.sha256}
        spent.spend(checked.granted, lambda _serial: Code.CLIENT_KEY_TAKEN)
        admitted.append(checked)
    let_in = {each.serial for each in admitted}
    for each in admitted:
        if each.granted.supersedes in let_in:
            raise Refusal(Code.REGISTER_TWICE, said("{serial} is let in beside what it supersedes", serial=each.serial))
    return admitted, left_out


def _checked(
    entry: RegisterEntry,
    told: GatewayBundlePredicate,
    log: WatchedLog,
    ca: ConnectionCa,
    trust: TrustRoot,
    at: datetime,
) -> Admitted:
    """The entry, where two authorities signed it, a watched log holds it, nothing stopped it, and its X.509 certificate follows from it."""
    envelope = base64.b64decode(entry.authorisation)
    found = verify(envelope, trust, at, proof=_led(entry.proof, log), log=log)
    granted = found.granted
    if granted.serial != entry.serial:
        raise Refusal(Code.REGISTER_TWICE, said("the authorisation is {seen}", seen=granted.serial))
    within(granted.scope, granted.agency.echelon, told.ceilings, at)
    plain_names(granted)
    standing, resumed = _standing(found.statement, entry, log, trust, at)
    standing.insist_on_use(at)
    certificate = read_certificate(entry.certificate.encode())
    insist_on_certificate(certificate, granted, found.payload_sha256, ca)
    sha1 = certificate.fingerprint(SHA1()).hex()  # noqa: S303 - what nginx knows a certificate by
    return Admitted(granted, sha1, certificate.fingerprint(SHA256()).hex(), certificate.serial_number, resumed)


def _standing(
    statement: AuthorisationStatement, entry: RegisterEntry, log: WatchedLog, trust: TrustRoot, at: datetime
) -> tuple[Standing, datetime | None]:
    index = read_log_proof(entry.proof.encode()).index
    events: list[StatusEventStatement] = []
    resumed = None
    for logged in entry.events:
        event = _event(logged, statement, log, trust, at)
        position = read_log_proof(logged.proof.encode()).index
        if position <= index:
            raise Refusal(Code.EVENT_LATE, said("the events are not in the order of the log"))
        index = position
        resumed = event.predicate.effective if event.predicate.state is Change.RESUMED else resumed
        events.append(event)
    return lived(statement, events), resumed


def _event(
    logged: LoggedEvent, statement: AuthorisationStatement, log: WatchedLog, trust: TrustRoot, at: datetime
) -> StatusEventStatement:
    envelope = base64.b64decode(logged.event)
    in_log(read_envelope(envelope).payload, _led(logged.proof, log), trust, at, log)
    event = opened_event(envelope, statement, trust, EVER).statement
    if event.predicate.state is Change.RESUMED:
        # Stopping outlives its signer's key; letting in again does not.
        opened_event(envelope, statement, trust, at)
    return event


def _led(proof: str, log: WatchedLog) -> bytes:
    data = proof.encode()
    if read_log_proof(data).checkpoint.checkpoint != log.checkpoint.checkpoint:
        raise Refusal(Code.NOT_IN_LOG, said("the proof leads to another checkpoint than the bundle's"))
    return data


def _serial_of(pem: bytes) -> int:
    head, end, _key = pem.partition(b"-----END CERTIFICATE-----\n")
    return read_certificate(head + end).serial_number


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
