"""Rotation: one trust root follows another, and what rests on whom, so that losing a key or a person shows what it touches.

A successor is signed by as many root keys as the root before it asked for, all of which stood in that root: so no more root keys are
exchanged at a time than the threshold leaves over, and whoever holds the old root can tell its successor from a stranger's (TUF, root rotation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.ledger import history
from certification.log_store import LogStore
from certification.opening import EVER, opened
from certification.policy import examined
from certification.refusals import Code, Refusal
from certification.status import Standing, replayed
from certification.trust import TrustRoot, read_trust_root
from scanner.findings import said


@dataclass(frozen=True, slots=True)
class Rest:
    """A certificate that rests on a person or a key, and how."""

    standing: Standing
    how: str
    """approved, inspected or asked: what whom was asked about did."""


def succeeds(old: TrustRoot, envelope: bytes, at: datetime) -> TrustRoot:
    """The trust root in this envelope, as the next one after `old`; refuses one that skips a version, is not endorsed, or drops a key.

    Keys are revoked or end, and stay listed: without them nobody could tell what they signed before.
    """
    new = read_trust_root(envelope, at)
    before, after = old.keyring, new.keyring
    if after.kind is not before.kind:
        raise Refusal(Code.ROOT_NOT_NEXT, said("a {new} root after a {old} one", new=after.kind, old=before.kind))
    if after.version != before.version + 1 or after.stated_at < before.stated_at:
        message = said("version {new} after version {old}", new=after.version, old=before.version)
        raise Refusal(Code.ROOT_NOT_NEXT, message)
    known = {root.keyid for root in before.root_keys}
    endorsed = len(new.signers & known)
    if endorsed < before.threshold:
        message = said(
            "signed by {count} root keys of the root before, where {wanted} must sign", count=endorsed, wanted=before.threshold
        )
        raise Refusal(Code.ROOT_NOT_ENDORSED, message)
    for keyid, key in old.keys.items():
        held = new.keys.get(keyid)
        if held is None:
            raise Refusal(
                Code.ROOT_KEY_DROPPED,
                said("key {key} of {holder} is gone; revoke it instead", key=keyid, holder=key.known.holder),
            )
        same = (key.known.role, key.known.holder_kind, key.known.holder, key.known.authority)
        if same != (held.known.role, held.known.holder_kind, held.known.holder, held.known.authority):
            raise Refusal(
                Code.ROOT_KEY_DROPPED, said("key {key} of {holder} has become another's", key=keyid, holder=key.known.holder)
            )
    return new


def lost(log: LogStore, old: TrustRoot, new: TrustRoot, at: datetime) -> dict[str, Refusal]:
    """The certificates in force that the old root takes and the new one does not, by serial, each with the reason."""
    found: dict[str, Refusal] = {}
    usable = {serial: one for serial, one in replayed(history(log, old)).items() if _in_force(one, at)}
    for entry in log.entries():
        if entry.kind != AuthorisationStatement.kind() or entry.serial not in usable:
            continue
        try:
            examined(usable[entry.serial].granted, old)
        except Refusal:
            continue  # it was lost before
        try:
            opened(entry.envelope, AuthorisationStatement, new, at)
            examined(usable[entry.serial].granted, new)
        except Refusal as error:
            found[entry.serial] = error
    return found


def resting_on(log: LogStore, trust: TrustRoot, whom: str) -> Iterator[Rest]:
    """Every certificate in the log that this person, agency or key had a part in, in the log's order."""
    standings = replayed(history(log, trust))
    for entry in log.entries():
        if entry.kind != AuthorisationStatement.kind():
            continue
        signers = opened(entry.envelope, AuthorisationStatement, trust, EVER).signers
        one = standings[entry.serial]
        if any(whom in (signer.known.holder, signer.known.keyid) for signer in signers):
            yield Rest(one, "approved")
        elif how := _part(one.granted, trust, whom):
            yield Rest(one, how)


def _part(granted: AuthorisationPredicate, trust: TrustRoot, whom: str) -> str | None:
    if whom in granted.inspectors or _holder(trust, whom) in granted.inspectors:
        return "inspected"
    if whom == granted.agency.code or _holder(trust, whom) == granted.agency.code:
        return "asked"
    return None


def _holder(trust: TrustRoot, keyid: str) -> str | None:
    return trust.keys[keyid].known.holder if keyid in trust.keys else None


def _in_force(one: Standing, at: datetime) -> bool:
    return one.at(at).value in ("trial", "official", "suspended")
