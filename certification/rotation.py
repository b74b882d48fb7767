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
from certification.refusals import Code, Refusal
from certification.statements import Role
from certification.status import Standing, replayed
from certification.trust import TrustedKey, TrustRoot, read_trust_root
from certification.verify import verify
from scanner.faults import InputError
from scanner.findings import said
from scanner.i18n import _


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
    """The certificates in force that verify with the old root and not with the new one, by serial, each with the reason.

    Their evidence is not looked at: what the keys signed that were `ended` a bundle alone shows.
    """
    found: dict[str, Refusal] = {}
    usable = {serial: one for serial, one in replayed(history(log, old)).items() if _in_force(one, at)}
    for entry in log.entries():
        if entry.kind != AuthorisationStatement.kind() or entry.serial not in usable:
            continue
        try:
            verify(entry.envelope, old, at)
        except Refusal:
            continue  # it was lost before
        try:
            verify(entry.envelope, new, at)
        except Refusal as error:
            found[entry.serial] = error
    return found


_OF_THE_LOG = (Role.LOG, Role.LOG_WITNESS, Role.CONNECTION_CA)
"""Whose signatures stand under the proofs and the client certificates of all certificates at once."""
_OF_EVIDENCE = (Role.OWNER, Role.SCANNER_INSTANCE, Role.INSPECTOR)
"""Whose signatures stand in the evidence: a certificate that rests on them does not name their keys."""


def ended(old: TrustRoot, new: TrustRoot) -> Iterator[TrustedKey]:
    """The keys of evidence, of logs and of the connection CA that the new root revokes, or lets end earlier: no certificate names them."""
    for keyid, key in new.keys.items():
        before = old.keys.get(keyid)
        if before is None or key.known.role not in _OF_EVIDENCE + _OF_THE_LOG:
            continue
        revoked = key.known.revoked_at is not None and key.known.revoked_at != before.known.revoked_at
        if revoked or key.known.valid_until < before.known.valid_until:
            yield key


def known_as(trust: TrustRoot, whom: str) -> str:
    """Whom this word names in the trust root: a person, an agency, or a key by its id or the beginning of one, of eight digits or more.

    Raises InputError where it names nobody, or several keys, or one of whom no certificate tells: nobody may take a slip for an all-clear.
    """
    keyring = trust.keyring
    names = {person.id for person in keyring.people} | {agency.code for agency in keyring.agencies}
    keys = [key for key in trust.keys if len(whom) >= _SHORT and key.startswith(whom.lower())]
    if len(keys) > 1:
        raise InputError(_("{whom} begins the ids of several keys; give more of it").format(whom=whom))
    holders = [key.known for key in trust.keys.values() if whom == key.known.holder] + [trust.keys[key].known for key in keys]
    if not holders and any(
        root.keyid == whom or (len(whom) >= _SHORT and root.keyid.startswith(whom.lower())) for root in keyring.root_keys
    ):
        raise InputError(_("{whom} is a root key: everything rests on it; rotate the trust root").format(whom=whom))
    if not holders and whom not in names:
        raise InputError(_("{whom} stands nowhere in the trust root; `clearance trust show` lists who does").format(whom=whom))
    agencies = {agency.code for agency in keyring.agencies}
    if holders and whom not in agencies and all(known.role not in _NAMED for known in holders):
        text = _("no certificate names who has the role {role}")
        if any(known.role in _OF_EVIDENCE for known in holders):
            text = _(
                "no certificate names who has the role {role}; verify the sealed bundles with the trust root that ends the key"
            )
        raise InputError(text.format(role=holders[0].role.value))
    return keys[0] if keys else whom


_SHORT = 8
_NAMED = (Role.APPROVER, Role.INSPECTOR, Role.AGENCY)
"""Whose part in it a certificate tells."""


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
