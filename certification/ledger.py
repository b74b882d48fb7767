"""The ledger: what is certified goes into a log, in order and under a signed checkpoint, and is proven to stand there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from certification import merkle
from certification.authorisation import AuthorisationStatement
from certification.bearing import bearing, words_of
from certification.checkpoint import Checkpoint, SignedCheckpoint, read_checkpoint
from certification.envelope import read_envelope
from certification.log_proof import LogProof
from certification.log_store import Entries, LogEntry, LogStore
from certification.log_trust import log_key
from certification.opening import EVER, opened
from certification.quorum import quorum
from certification.refusals import Code, Refusal
from certification.request_refusal import RequestRefusalStatement, opened_refusal
from certification.signers import Signer
from certification.statements import read_statement
from certification.status import replayed
from certification.status_event import StatusEventStatement, opened_event
from certification.trust import TrustRoot
from scanner.findings import said

Loggable = AuthorisationStatement | StatusEventStatement | RequestRefusalStatement
"""What a log holds."""
_FORM = "%Y-%m-%dT%H:%M:%SZ"


def entered(log: LogStore, certificate: bytes, signer: Signer, trust: TrustRoot, at: datetime) -> LogProof:
    """The proof, not yet cosigned, that this certificate or status event stands in the log, where it is entered if it does not stand yet.

    It has been verified before. Refuses what the log's story does not allow next, a key that is not this log's, and a clock that runs backwards, before
    anything is written.
    """
    _insist_on_key(log, signer, trust, at)
    in_time(log, at)
    envelope = read_envelope(certificate)
    statement = loggable(envelope.payload)
    if at < statement.predicate.stated_at:
        raise Refusal(Code.CLOCK_BACKWARDS, said("the statement was made after this instant"))
    story = history(bearing(log, words_of(envelope.payload)), trust)
    if log.position(envelope.payload) is None:
        for signature in envelope.signatures:
            trust.key(signature.keyid).lasts(at)
        replayed((*story, statement))
    elif isinstance(statement, AuthorisationStatement):
        # entered before, as when an answer was lost; what has become of it since counts
        replayed(story)[statement.predicate.serial].insist_on_use(at)
    log.append(envelope.payload, certificate, statement.predicate_type, statement.predicate.serial, at.strftime(_FORM))
    _sign(log, signer)
    return proven(log, certificate)


def begun(log: LogStore, signer: Signer, trust: TrustRoot, at: datetime) -> SignedCheckpoint:
    """The checkpoint of a log that has just been made, so that even an empty log is signed."""
    _insist_on_key(log, signer, trust, at)
    return _sign(log, signer)


def proven(log: LogStore, certificate: bytes) -> LogProof:
    """The proof that this certificate stands in the log as of its newest checkpoint, with all its cosignatures."""
    payload = read_envelope(certificate).payload
    position = log.position(payload)
    signed = newest(log)
    size = signed.checkpoint.size
    if position is None or position >= size:
        raise Refusal(Code.NOT_IN_LOG, said("it does not stand among the {size} entries of {log}", size=size, log=log.origin))
    return LogProof(position, merkle.inclusion(log, position, size), signed)


def newest(log: LogStore) -> SignedCheckpoint:
    """The newest checkpoint that was signed; nothing of it is verified."""
    note = log.checkpoint()
    if note is None:
        raise Refusal(Code.CHECKPOINT_UNSIGNED, said("the log {log} has no signed checkpoint", log=log.origin))
    return read_checkpoint(note)


def in_time(log: LogStore, at: datetime) -> None:
    """Returns where this instant is not before anything that was logged."""
    last = logged_at(log.last())
    if last is not None and at < last:
        message = said("the clock says {now}, and the log was written at {last}", now=f"{at:{_FORM}}", last=f"{last:{_FORM}}")
        raise Refusal(Code.CLOCK_BACKWARDS, message)


def logged_at(entry: LogEntry | None) -> datetime | None:
    """When this entry was made, by the clock of the log."""
    if entry is None:
        return None
    try:
        return datetime.strptime(entry.logged_at, _FORM).replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(Code.LOG_ENTRY_CHANGED, said("entry {position}: no time", position=entry.position)) from None


def _insist_on_key(log: LogStore, signer: Signer, trust: TrustRoot, at: datetime) -> None:
    point = Checkpoint(log.origin, 0, merkle.EMPTY)
    key = log_key(SignedCheckpoint(point, (signer.sign_checkpoint(point, log.origin),)), trust, at)
    if trust.key(signer.keyid).known.holder != key.name:
        raise Refusal(Code.KEY_ROLE, said("the key is not that of {log}", log=log.origin))


def _sign(log: LogStore, signer: Signer) -> SignedCheckpoint:
    """The newest checkpoint, signed anew only where the log has grown: cosignatures of one that stands are kept."""
    size = log.size
    note = log.checkpoint()
    if note is not None and read_checkpoint(note).checkpoint.size == size:
        return read_checkpoint(note)
    point = Checkpoint(log.origin, size, merkle.root(log, size))
    signed = SignedCheckpoint(point, (signer.sign_checkpoint(point, log.origin),))
    log.keep_checkpoint(size, signed.written())
    return signed


def described(entry: LogEntry) -> tuple[bytes, str, str]:
    """The payload of an entry, its type and its serial, as its envelope says; refuses what no log holds."""
    try:
        payload = read_envelope(entry.envelope).payload
        statement = loggable(payload)
    except Refusal as error:
        message = said("entry {position}: {why}", position=entry.position, why=str(error))
        raise Refusal(Code.LOG_ENTRY_CHANGED, message) from None
    return payload, statement.predicate_type, statement.predicate.serial


def loggable(payload: bytes) -> Loggable:
    """The statement in this payload, of one of the types that a log holds."""
    kinds: tuple[type[Loggable], ...] = (AuthorisationStatement, RequestRefusalStatement)
    for kind in kinds:
        try:
            return read_statement(payload, kind)
        except Refusal as error:
            if error.code is not Code.PREDICATE_TYPE:
                raise
    return read_statement(payload, StatusEventStatement)


def history(log: Entries, trust: TrustRoot) -> Iterator[Loggable]:
    """The log's statements in order, each signed by whom it had to be when it was made.

    Given the entries that bear on one statement, those alone are told. A key that was revoked since does not undo what it signed and what was logged before: a suspension outlives its signer.
    """
    certificates: dict[str, AuthorisationStatement] = {}
    for entry in log.entries():
        # The noted type only says how to read it: the payload must be of that type itself.
        if entry.kind == AuthorisationStatement.kind():
            certificate = opened(entry.envelope, AuthorisationStatement, trust, EVER)
            quorum(certificate.signers)
            certificates[certificate.statement.predicate.serial] = certificate.statement
            yield certificate.statement
        elif entry.kind == RequestRefusalStatement.kind():
            yield opened_refusal(entry.envelope, trust, EVER).statement
        elif entry.serial in certificates:
            yield opened_event(entry.envelope, certificates[entry.serial], trust, EVER).statement
        else:
            raise Refusal(Code.SERIAL_UNKNOWN, said("no certificate {serial} stands in the log", serial=entry.serial))
