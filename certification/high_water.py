"""A gateway's memory of what it applied: nothing older is applied again, and what it saw stopped comes back only when two authorities say so. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from certification.gateway_bundle import GatewayBundlePredicate
from certification.keyring import LogName
from certification.refusals import Code, Refusal
from certification.register import Outline, Register
from certification.relied import KnownRoot, follows, known
from certification.status import State
from certification.trust import TrustRoot
from scanner.findings import said
from scanner.record import Instant, Name, Record, RecordError, Sha256, Sorted

_FINAL = (State.REVOKED, State.SUPERSEDED)


class KeyMark(Record):
    """The newest bundle that one gateway key signed: an older one by it is never applied."""

    keyid: Sha256
    sequence: int
    sha256: Sha256
    issued: Instant


class LogMark(Record):
    """How far a log had grown."""

    origin: LogName
    size: int
    root: Sha256


class StopMark(Record):
    """A certificate that was seen stopped, and since when it was."""

    serial: Name
    state: State
    since: Instant


class Mark(Record):
    """All that a gateway remembers."""

    schema_version: Literal[1] = 1
    seen_at: Instant
    """The latest instant that this machine's clock has shown here."""
    root_version: Annotated[int, Field(ge=1)]
    root_sha256: Sha256
    root: KnownRoot | None = None
    """What tells the trust root's successor; None in memories of before it was kept, whose root is followed by no other that nobody named."""
    issued: Instant
    """When the bundle that was applied last was made."""
    expires: Instant
    keys: Sorted[KeyMark]
    logs: Sorted[LogMark]
    stopped: Sorted[StopMark]


def read_mark(data: bytes) -> Mark:
    """The memory in these bytes; refuses what is not whole, since an older bundle could not be told then."""
    try:
        return Mark.read(data)
    except RecordError as error:
        raise Refusal(Code.MARK_LOST, said("{why}", why=str(error))) from None


def on_time(mark: Mark | None, at: datetime) -> None:
    """Returns where the clock has not run backwards since it was last looked at."""
    if mark is not None and at < mark.seen_at:
        form = "%Y-%m-%d %H:%M:%S"
        message = said("the clock says {now}, and said {last} before", now=f"{at:{form}}", last=f"{mark.seen_at:{form}}")
        raise Refusal(Code.CLOCK_BACKWARDS, message)


def not_older(mark: Mark | None, register: Register | Outline, trust: TrustRoot, *, named: bool = False) -> None:
    """Returns where nothing newer, and no other bundle of this number, was applied before; `named` says that a person named the trust root."""
    if mark is not None:
        _not_older(mark, _key_mark(register), trust, named=named)


def advanced(mark: Mark | None, register: Register, trust: TrustRoot, at: datetime, *, named: bool = False) -> Mark:
    """The memory after this register is applied; refuses one that is older than, or contradicts, what was applied before.

    A trust root that is neither the one before nor its successor is taken only where a person named it.
    """
    on_time(mark, at)
    told, point = register.predicate, register.checkpoint.checkpoint
    key = _key_mark(register)
    log = LogMark(origin=point.origin, size=point.size, root=point.root.hex())
    stopped = _stopped(told)
    if mark is not None:
        _not_older(mark, key, trust, named=named)
        _log_grew(mark, log)
        _rightly_resumed(mark, register)
        admitted = {each.serial for each in register.admitted}
        stopped = {each.serial: each for each in mark.stopped if each.serial not in admitted} | stopped
    keys = {each.keyid: each for each in (mark.keys if mark is not None else ())} | {key.keyid: key}
    logs = {each.origin: each for each in (mark.logs if mark is not None else ())} | {log.origin: log}
    return Mark(
        seen_at=at,
        root_version=trust.keyring.version,
        root_sha256=trust.sha256,
        root=known(trust),
        issued=told.stated_at,
        expires=told.expires,
        keys=tuple(keys.values()),
        logs=tuple(logs.values()),
        stopped=tuple(stopped.values()),
    )


def less_let_in(mark: Mark, outline: Outline) -> Mark:
    """The memory after whom a bundle no longer names was shut out, though nobody was let in by it: the one before is older from now on.

    Whom it lists as stopped comes back only as the log's resumption says; when what is in force ends, stays as it was.
    """
    key = _key_mark(outline)
    keys = {each.keyid: each for each in mark.keys} | {key.keyid: key}
    stopped = {each.serial: each for each in mark.stopped} | _stopped(outline.predicate)
    kept = {name: getattr(mark, name) for name in Mark.model_fields}
    return Mark(**{**kept, "issued": key.issued, "keys": tuple(keys.values()), "stopped": tuple(stopped.values())})


def _key_mark(bundle: Register | Outline) -> KeyMark:
    told = bundle.predicate
    return KeyMark(keyid=bundle.keyid, sequence=told.sequence, sha256=bundle.sha256, issued=told.stated_at)


def _stopped(told: GatewayBundlePredicate) -> dict[str, StopMark]:
    return {each.serial: StopMark(serial=each.serial, state=each.state, since=each.since) for each in told.statuses}


def _not_older(mark: Mark, key: KeyMark, trust: TrustRoot, *, named: bool) -> None:
    version = trust.keyring.version
    if mark.root is not None and not named:
        follows(mark.root, trust)
    elif version < mark.root_version:
        raise Refusal(Code.ROOT_OLDER, said("version {seen}, after version {last}", seen=version, last=mark.root_version))
    elif trust.sha256 != mark.root_sha256 and not named:
        raise Refusal(Code.ROOT_CHANGED, said("version {seen}, after version {last}", seen=version, last=mark.root_version))
    last = {each.keyid: each for each in mark.keys}.get(key.keyid)
    if last is not None and key.sequence < last.sequence:
        message = said("bundle {seen}, after bundle {last}", seen=key.sequence, last=last.sequence)
        raise Refusal(Code.BUNDLE_OLDER, message)
    if last is not None and key.sequence == last.sequence and key.sha256 != last.sha256:
        raise Refusal(Code.BUNDLE_DIFFERS, said("another bundle {seen} was applied before", seen=key.sequence))
    if key.issued < mark.issued:
        # By whatever key: a second one must not bring back what was applied before the first one's.
        raise Refusal(Code.BUNDLE_OLDER, said("a bundle made before the one that was applied last"))


def _log_grew(mark: Mark, log: LogMark) -> None:
    for before in mark.logs:
        if before.origin != log.origin:
            continue
        if log.size < before.size:
            message = said("{size} entries, where there were {before}", size=log.size, before=before.size)
            raise Refusal(Code.LOG_ROLLED_BACK, message)
        if log.size == before.size and log.root != before.root:
            raise Refusal(Code.LOG_FORKED, said("its first {size} entries are not those of the checkpoint", size=log.size))


def _rightly_resumed(mark: Mark, register: Register) -> None:
    admitted = {each.serial: each for each in register.admitted}
    for before in mark.stopped:
        entry = admitted.get(before.serial)
        if entry is None:
            continue
        if before.state in _FINAL or entry.resumed is None or entry.resumed < before.since:
            message = said("{serial} was {state} when it was last heard of", serial=before.serial, state=before.state)
            raise Refusal(Code.STILL_STOPPED, message)
