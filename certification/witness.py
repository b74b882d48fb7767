"""Witnessing: one authority cosigns the other's checkpoints, and never one that does not continue what it cosigned before.

What was cosigned last is kept on disk before the cosignature leaves, so that neither a crash nor an old copy makes a witness vouch for
two stories (C2SP tlog-witness).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from certification.checkpoint import Checkpoint, NoteKey, NoteSignature, SignedCheckpoint, read_checkpoint
from certification.merkle import EMPTY, ProofError, insist_on_consistency
from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import Instant, Record, RecordError, Sha256

_LIMIT = 64 * 1024


class Witnessed(Record):
    """The last checkpoint of a log that was cosigned."""

    schema_version: Literal[1] = 1
    origin: Annotated[str, StringConstraints(max_length=100)]
    size: Annotated[int, Field(ge=0)]
    root: Sha256
    cosigned_at: Instant

    def checkpoint(self) -> Checkpoint:
        """The same as a checkpoint."""
        return Checkpoint(self.origin, self.size, bytes.fromhex(self.root))


Cosign = Callable[[Checkpoint, datetime], NoteSignature]
"""Signs a checkpoint as a witness, at a time."""


def cosigned(
    state: Path,
    log: NoteKey,
    seen: SignedCheckpoint,
    proof: Sequence[bytes],
    cosign: Cosign,
    at: datetime,
    *,
    first: bool = False,
) -> SignedCheckpoint:
    """The checkpoint with this witness's cosignature; refuses a log that was rolled back or forked since the last one.

    Where there is no state, only a person who says that it is the `first` time makes it so.
    """
    seen.insist_on(log)
    if seen.checkpoint.origin != log.name:
        raise Refusal(
            Code.CHECKPOINT_UNSIGNED, said("a checkpoint of {seen}, signed as {name}", seen=seen.checkpoint.origin, name=log.name)
        )
    with _held(state):
        last = last_witnessed(state, log.name, first=first)
        _continues(last, seen.checkpoint, proof)
        if last is not None and at < last.cosigned_at:
            message = said(
                "the clock says {now}, and {last} was cosigned before",
                now=f"{at:%Y-%m-%d %H:%M}",
                last=f"{last.cosigned_at:%Y-%m-%d %H:%M}",
            )
            raise Refusal(Code.CLOCK_BACKWARDS, message)
        kept = Witnessed(origin=log.name, size=seen.checkpoint.size, root=seen.checkpoint.root.hex(), cosigned_at=at)
        _keep(state, kept.written())
        return seen.also(cosign(seen.checkpoint, at))


def never_before(notes: Iterable[bytes], witness: NoteKey) -> None:
    """Returns where none of a log's checkpoints carries a cosignature by this witness: for it there can be a first time."""
    for note in notes:
        seen = read_checkpoint(note)
        if (witness.name, witness.id) in {(each.name, each.key_id) for each in seen.signatures}:
            message = said("{name} cosigned this log with {size} entries before", name=witness.name, size=seen.checkpoint.size)
            raise Refusal(Code.WITNESS_STATE_LOST, message)


def last_witnessed(state: Path, origin: str, *, first: bool = False) -> Witnessed | None:
    """What this witness cosigned last of a log; None the `first` time. A state that is not there or cannot be read is no first time."""
    try:
        with state.open("rb") as file:
            data = file.read(_LIMIT)
    except FileNotFoundError:
        if first:
            return None
        raise _lost(state, "not there; --first where this witness never cosigned the log") from None
    except OSError as error:
        raise _lost(state, error.strerror or "unreadable") from None
    try:
        found = Witnessed.read(data)
    except RecordError as error:
        raise _lost(state, str(error)) from None
    if found.origin != origin:
        raise _lost(state, f"it is about {found.origin}")
    return found


def _continues(last: Witnessed | None, seen: Checkpoint, proof: Sequence[bytes]) -> None:
    before = last.checkpoint() if last else Checkpoint(seen.origin, 0, EMPTY)
    if seen.size < before.size:
        message = said("{size} entries, where there were {before}", size=seen.size, before=before.size)
        raise Refusal(Code.LOG_ROLLED_BACK, message)
    try:
        insist_on_consistency(before.size, seen.size, proof, before.root, seen.root)
    except ProofError as error:
        raise Refusal(Code.LOG_FORKED, said("{why}", why=str(error))) from None


@contextmanager
def _held(state: Path) -> Iterator[None]:
    """One witness at a time: two that read the same state could cosign two stories."""
    try:
        handle = os.open(state.with_name(f".{state.name}.lock"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _lost(state, error.strerror or "unreadable") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _keep(state: Path, data: bytes) -> None:
    new = state.with_name(f".{state.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(state)
    folder = os.open(state.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lost(state: Path, why: str) -> Refusal:
    return Refusal(
        Code.WITNESS_STATE_LOST,
        said("{path}: {why}; without what it cosigned before, a witness cosigns nothing", path=str(state), why=why),
    )
