"""Exporting: from the log to a gateway bundle. What it leaves out is not let in; what it takes in, every gateway verifies again.

It builds the log's tree anew and holds it against the cosigned checkpoint, so that no status event can have been taken out. Signatures
are verified here only where a certificate has a story; the gateway verifies them all.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from certification import merkle
from certification.authorisation import AuthorisationStatement, AuthorisedAgency
from certification.checkpoint import SignedCheckpoint
from certification.client_certificate import x509_serial
from certification.connection_ca import CaKey, ConnectionCa, read_certificate
from certification.gateway_bundle import (
    CA,
    CRL,
    PROBE_REVOKED,
    PROBE_UNKNOWN,
    REGISTER,
    STATEMENT,
    GatewayBundlePredicate,
    GatewayBundleStatement,
    Listed,
    LoggedEvent,
    RegisterEntry,
    insist_on_fresh_log,
    register_bytes,
)
from certification.ledger import history, in_time, newest
from certification.log_audit import Tree
from certification.log_proof import LogProof
from certification.log_store import LogEntry, LogStore
from certification.log_trust import watched
from certification.opening import in_role
from certification.policy import below_ceiling
from certification.refusals import Code, Refusal
from certification.request import Grant
from certification.request_refusal import RequestRefusalStatement
from certification.revocation_list import CLOCKS_APART, Stopped, probe_certificate, revocation_list
from certification.signers import Signer, signed
from certification.statements import file_subjects
from certification.status import Standing, State, replayed
from certification.status_event import StatusEventStatement
from certification.trials import word_of
from certification.trust import TrustRoot
from scanner.bundle import packed
from scanner.findings import said
from scanner.record import Instant, Record, sha256

_AUTHORISATION = AuthorisationStatement.kind()
_REFUSAL = RequestRefusalStatement.kind()
_EVENT = StatusEventStatement.kind()


@dataclass(frozen=True, slots=True)
class Exported:
    """A bundle, and what became of each certificate of the log that is not in it."""

    data: bytes
    predicate: GatewayBundlePredicate
    left_out: tuple[tuple[str, Refusal], ...]


@dataclass(slots=True)
class _Seen:
    """One certificate as the log's own words tell of it."""

    entry: LogEntry
    payload_sha256: str
    predicate: dict[str, Any]
    events: list[LogEntry] = field(default_factory=list)


def export(  # noqa: PLR0913 - what a bundle is made of, the keys by name
    log: LogStore,
    trust: TrustRoot,
    at: datetime,
    sequence: int,
    expires: datetime,
    clients: Callable[[str], bytes | None],
    *,
    ca: ConnectionCa,
    ca_key: CaKey,
    signer: Signer,
) -> Exported:
    """The bundle of all that the log holds in force; `clients` gives the X.509 certificate of a serial, where it was issued."""
    trust.current(at)
    key = trust.key(signer.keyid)
    in_role(key, GatewayBundleStatement.role)
    key.valid(at, at)
    in_time(log, at)
    # (1) the log is what another authority saw
    point = newest(log)
    insist_on_fresh_log(watched(point, trust, at), at)
    tree, seen, order = _read(log, point)
    # (2) what has become of whom
    standings = _standings(log, trust, seen, order)
    # (3) who is let in
    entries, left_out = [], []
    for serial, one in seen.items():
        try:
            entries.append(_entry(one, standings.get(serial), clients(serial), trust, ca, at, lambda e: _proof(e, tree, point)))
        except Refusal as refusal:
            left_out.append((serial, refusal))
    # (4) and who is not
    stopped = {serial: each for serial, each in standings.items() if each.at(at) in _STOPPED}
    files = _signed_by_ca(stopped, seen, ca, ca_key, at, expires, sequence)
    files[REGISTER] = register_bytes(entries)
    predicate = GatewayBundlePredicate(
        stated_at=at,
        sequence=sequence,
        expires=expires,
        entries=len(entries),
        statuses=tuple(Listed(serial=serial, state=each.state, since=each.since) for serial, each in stopped.items()),
        crl_sha256=sha256(files[CRL]),
        checkpoint=point.written().decode(),
        ceilings=trust.keyring.ceilings,
    )
    files[STATEMENT] = signed(GatewayBundleStatement(subject=file_subjects(files), predicate=predicate), signer)
    return Exported(packed(files), predicate, tuple(left_out))


_STOPPED = (State.SUSPENDED, State.REVOKED, State.SUPERSEDED)


def _read(log: LogStore, point: SignedCheckpoint) -> tuple[Tree, dict[str, _Seen], list[tuple[str, LogEntry]]]:
    """The tree over all entries, which is the checkpoint's; each certificate; and those that have a story, in order."""
    tree, seen, told = Tree(), {}, []
    refused: set[object] = set()
    size = 0
    for entry in log.entries():
        payload = _payload(entry)
        leaf = merkle.leaf_hash(payload)
        if entry.position != size:
            raise Refusal(Code.LOG_ENTRY_MISSING, said("there is no entry {position}", position=size))
        for level, index, node in merkle.grown(tree, size, leaf):
            tree[level, index] = node
        size += 1
        kind, predicate = _words(payload, entry)
        serial = str(predicate["serial"])
        if kind == _REFUSAL:
            refused.add(predicate.get("request_sha256"))
            continue
        if kind == _AUTHORISATION and predicate.get("request_sha256") in refused:
            raise Refusal(Code.REQUEST_REFUSED, said("{serial} rests on a request that was refused", serial=serial))
        if kind == _AUTHORISATION and serial not in seen:
            seen[serial] = _Seen(entry, sha256(payload), predicate)
        elif kind == _EVENT and serial in seen:
            seen[serial].events.append(entry)
        else:
            raise Refusal(Code.LOG_ENTRY_CHANGED, said("entry {position} is not what was logged", position=entry.position))
        told.append((serial, entry))
    checkpoint = point.checkpoint
    if size != checkpoint.size:
        message = said("{size} entries, and a checkpoint for {signed}", size=size, signed=checkpoint.size)
        raise Refusal(Code.CHECKPOINT_UNSIGNED, message)
    if merkle.root(tree, size) != checkpoint.root:
        raise Refusal(Code.LOG_FORKED, said("its first {size} entries are not those of the checkpoint", size=size))
    return tree, seen, told


def _payload(entry: LogEntry) -> bytes:
    """What an envelope holds, read in the quick way: the gateway reads it strictly."""
    with suppress(ValueError, KeyError, TypeError):
        return base64.b64decode(json.loads(entry.envelope)["payload"], validate=True)
    raise Refusal(Code.LOG_ENTRY_CHANGED, said("entry {position} is not what was logged", position=entry.position))


def _words(payload: bytes, entry: LogEntry) -> tuple[str, dict[str, Any]]:
    """A logged statement's own words: what is granted on them, the gateway reads strictly."""
    with suppress(ValueError, KeyError, TypeError):
        statement = json.loads(payload)
        predicate = statement["predicate"]
        if isinstance(predicate, dict) and isinstance(predicate["serial"], str):
            return str(statement["predicateType"]), predicate
    raise Refusal(Code.LOG_ENTRY_CHANGED, said("entry {position} is not what was logged", position=entry.position))


def _standings(
    log: LogStore, trust: TrustRoot, seen: Mapping[str, _Seen], order: list[tuple[str, LogEntry]]
) -> dict[str, Standing]:
    """The standing of each certificate that anything was done to, worked out from statements whose signatures are verified."""
    storied = {serial for serial, one in seen.items() if one.events or one.predicate.get("supersedes") is not None}
    storied |= _sharing(seen)
    storied |= {str(one.predicate["supersedes"]) for one in seen.values() if one.predicate.get("supersedes") is not None}
    part = _Part(log, [entry for serial, entry in order if serial in storied])
    return replayed(history(part, trust))


def _sharing(seen: Mapping[str, _Seen]) -> set[str]:
    """The certificates that have a request, a client key or, as trials, a system in common: whether they may is a part of their story."""
    resting: dict[str, list[str]] = {}
    for serial, one in seen.items():
        keys = one.predicate.get("client_key_sha256")
        words = [one.predicate.get("request_sha256"), *(keys if isinstance(keys, list) else ())]
        with suppress(KeyError, TypeError, AttributeError):  # the gateway refuses it
            words += [word] if (word := word_of(one.predicate)) else []
        for what in words:
            resting.setdefault(str(what), []).append(serial)
    return {serial for serials in resting.values() if len(serials) > 1 for serial in serials}


@dataclass(frozen=True, slots=True)
class _Part:
    """Some of a log's entries, in their order."""

    log: LogStore
    kept: list[LogEntry]

    def entries(self, start: int = 0, serial: str | None = None) -> Iterator[LogEntry]:
        """These entries."""
        return (entry for entry in self.kept[start:] if serial in (None, entry.serial))


def _entry(
    one: _Seen,
    standing: Standing | None,
    certificate: bytes | None,
    trust: TrustRoot,
    ca: ConnectionCa,
    at: datetime,
    proof: Callable[[LogEntry], str],
) -> RegisterEntry:
    """The entry of a certificate that may be let in; refuses one that may not, or that has no X.509 certificate."""
    if standing is not None:
        standing.insist_on_use(at)
    told = one.predicate
    try:
        first, last = (datetime.fromisoformat(told[name]) for name in ("not_before", "not_after"))
        scope = Grant.model_validate_json(json.dumps(told["scope"]))
        agency = AuthorisedAgency.model_validate_json(json.dumps(told["agency"]))
    except (KeyError, TypeError, ValueError):
        raise Refusal(Code.LOG_ENTRY_CHANGED, said("entry {position}: no time", position=one.entry.position)) from None
    if at < first:
        raise Refusal(Code.NOT_YET_VALID, said("valid from {day} UTC", day=f"{first:%Y-%m-%d %H:%M:%S}"))
    if at >= last:
        raise Refusal(Code.EXPIRED, said("valid until {day} UTC", day=f"{last:%Y-%m-%d %H:%M:%S}"))
    below_ceiling(scope, agency, trust, at)
    if certificate is None:
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, said("no X.509 client certificate was made for it"))
    if read_certificate(certificate).serial_number != x509_serial(one.payload_sha256, ca):
        raise Refusal(Code.CLIENT_CERTIFICATE_DIFFERS, said("the X.509 client certificate is for another authorisation or CA"))
    return RegisterEntry(
        serial=one.entry.serial,
        authorisation=base64.b64encode(one.entry.envelope).decode(),
        proof=proof(one.entry),
        certificate=certificate.decode(),
        events=tuple(LoggedEvent(event=base64.b64encode(each.envelope).decode(), proof=proof(each)) for each in one.events),
    )


def _proof(entry: LogEntry, tree: Tree, point: SignedCheckpoint) -> str:
    return LogProof(entry.position, merkle.inclusion(tree, entry.position, point.checkpoint.size), point).written().decode()


def _signed_by_ca(
    stopped: Mapping[str, Standing],
    seen: Mapping[str, _Seen],
    ca: ConnectionCa,
    ca_key: CaKey,
    at: datetime,
    expires: datetime,
    sequence: int,
) -> dict[str, bytes]:
    """The revocation list and the certificates to try a gateway with. The list outlives the bundle by what clocks may differ."""
    until = expires + CLOCKS_APART
    listed = {x509_serial(seen[serial].payload_sha256, ca): Stopped(each.state, each.since) for serial, each in stopped.items()}
    shown = said("a revocation list of {count} client certificates, and two certificates that open nothing", count=len(listed))
    with ca_key.unlocked(shown.shown()) as private:
        revoked, number = probe_certificate("revoked", ca, private, at, until)
        unknown, _other = probe_certificate("unregistered", ca, private, at, until)
        crl = revocation_list(listed | {number: Stopped(State.REVOKED, at)}, ca, private, at, until, sequence)
    return {CA: ca.pem, CRL: crl, PROBE_REVOKED: revoked, PROBE_UNKNOWN: unknown}


class ExportMark(Record):
    """What an exporter remembers: the number of its last bundle, and when it was made."""

    schema_version: Literal[1] = 1
    sequence: Annotated[int, Field(ge=0)]
    issued: Instant


def next_after(mark: ExportMark | None, at: datetime) -> ExportMark:
    """The next bundle's number; refuses a clock that runs backwards."""
    if mark is None:
        return ExportMark(sequence=1, issued=at)
    if at < mark.issued:
        form = "%Y-%m-%d %H:%M:%S"
        message = said("the clock says {now}, and said {last} before", now=f"{at:{form}}", last=f"{mark.issued:{form}}")
        raise Refusal(Code.CLOCK_BACKWARDS, message)
    return ExportMark(sequence=mark.sequence + 1, issued=at)
