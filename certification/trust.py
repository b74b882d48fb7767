"""Trust roots: a keyring that enough of its root keys signed and that does not contradict itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from certification.envelope import read_envelope
from certification.keyring import (
    Ceiling,
    HolderKind,
    Keyring,
    KeyringStatement,
    KnownAgency,
    KnownKey,
    KnownPerson,
    RootKey,
)
from certification.keys import Verifier, public_key, spki_sha256, verified, verifier
from certification.known_logs import contradiction_in_logs
from certification.refusals import Code, Refusal
from certification.statements import Role, read_statement, subjects
from scanner.findings import said
from scanner.likeness import likeness
from scanner.record import sha256

ROOT_THRESHOLD = 2
"""No keyring is trusted on fewer root keys than this, whatever it says itself."""
MAX_TRIAL_DAYS = 92
MAX_OFFICIAL_DAYS = 366

_HOLDERS = {
    Role.OWNER: (HolderKind.PERSON, HolderKind.AGENCY),
    Role.SCANNER_INSTANCE: (HolderKind.INSTANCE,),
    Role.INSPECTOR: (HolderKind.PERSON,),
    Role.AGENCY: (HolderKind.AGENCY,),
    Role.APPROVER: (HolderKind.PERSON,),
    Role.FEED_GATHERER: (HolderKind.PERSON,),
    Role.FEED_APPROVER: (HolderKind.PERSON,),
    Role.LOG: (HolderKind.LOG,),
    Role.LOG_WITNESS: (HolderKind.WITNESS,),
    Role.CONNECTION_CA: (HolderKind.INSTANCE,),
    Role.GATEWAY: (HolderKind.INSTANCE,),
}


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key of the trust root with its holder; `person` is None where an agency or an instance holds it."""

    known: KnownKey
    person: KnownPerson | None
    verifier: Verifier

    def valid(self, stated: datetime, at: datetime) -> None:
        """Returns where the key was valid when the statement was made, and is not revoked as of `at`."""
        known = self.known
        if not known.valid_from <= stated < known.valid_until:
            raise Refusal(Code.KEY_NOT_VALID, said("key {key} was not valid on {day}", key=known.keyid, day=f"{stated:%Y-%m-%d}"))
        if known.revoked_at is not None and at >= known.revoked_at:
            # The date in a statement is its signer's own word: only a log could prove it older.
            message = said("key {key} was revoked on {day}", key=known.keyid, day=f"{known.revoked_at:%Y-%m-%d}")
            raise Refusal(Code.KEY_REVOKED, message)

    def lasts(self, until: datetime) -> None:
        """Returns where the key had not ended when what it signed was put to use: the date in a statement is its signer's own word."""
        if until >= self.known.valid_until:
            message = said("key {key} ended on {day}", key=self.known.keyid, day=f"{self.known.valid_until:%Y-%m-%d}")
            raise Refusal(Code.KEY_ENDED, message)


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """Who may sign what. Made only by `read_trust_root`."""

    keyring: Keyring
    sha256: str
    """The digest of the signed payload: what a person compares and pins."""
    keys: Mapping[str, TrustedKey]
    signers: frozenset[str]
    """The ids of the root keys that signed it."""

    def key(self, keyid: str) -> TrustedKey:
        """The key of this id; refuses one that does not stand in the trust root."""
        if keyid not in self.keys:
            raise Refusal(Code.KEY_UNKNOWN, said("key {key} does not stand in the trust root", key=keyid))
        return self.keys[keyid]

    def current(self, at: datetime) -> None:
        """Returns where the trust root is in force at this instant."""
        keyring = self.keyring
        if not keyring.stated_at <= at < keyring.expires:
            first, last = f"{keyring.stated_at:%Y-%m-%d %H:%M}", f"{keyring.expires:%Y-%m-%d %H:%M}"
            message = said("the trust root is valid from {first} until {last} UTC", first=first, last=last)
            raise Refusal(Code.ROOT_NOT_VALID, message)

    def of_echelon(self, agency: str, echelon: str, at: datetime) -> None:
        """Returns where the agency of this code is of this echelon at this instant."""
        for known in self.keyring.agencies:
            if known.code == agency and known.valid_from <= at and (known.valid_until is None or at < known.valid_until):
                if known.echelon != echelon:
                    message = said("{agency} is of echelon {known}, not {seen}", agency=agency, known=known.echelon, seen=echelon)
                    raise Refusal(Code.ECHELON_DIFFERS, message)
                return
        message = said("agency {agency} does not stand in the trust root on {day}", agency=agency, day=f"{at:%Y-%m-%d}")
        raise Refusal(Code.AGENCY_UNKNOWN, message)

    def ceiling(self, echelon: str, at: datetime) -> Ceiling:
        """The most this echelon may have at this instant."""
        return ceiling_of(self.keyring.ceilings, echelon, at)


def ceiling_of(ceilings: Iterable[Ceiling], echelon: str, at: datetime) -> Ceiling:
    """The one of these ceilings that holds for this echelon at this instant; refuses an echelon that has none."""
    for ceiling in ceilings:
        begun = ceiling.valid_from <= at
        if ceiling.echelon == echelon and begun and (ceiling.valid_until is None or at < ceiling.valid_until):
            return ceiling
    message = said("echelon {echelon} may have nothing on {day}", echelon=echelon, day=f"{at:%Y-%m-%d}")
    raise Refusal(Code.ECHELON_UNKNOWN, message)


def draft_keyring(keyring: Keyring) -> KeyringStatement:
    """The statement the root keys sign; refuses a keyring that would be refused on reading."""
    sound(keyring)
    return KeyringStatement(subject=subjects({"keyring.json": keyring.digest()}), predicate=keyring)


def read_trust_root(data: bytes, at: datetime, *, pinned: str | None = None) -> TrustRoot:
    """The trust root in this envelope, in force at `at`; the one whose digest is `pinned`, where that is given."""
    # (1) the envelope, (2) the statement: its keys verify it, so it is read first, and trusted only after (4)
    envelope = read_envelope(data)
    keyring = read_statement(envelope.payload, KeyringStatement).predicate
    # (3) it does not contradict itself
    trusted = sound(keyring)
    # (4) as many different root keys as it asks for, and never fewer than two, signed these bytes
    roots = {root.keyid: verifier(public_key(root.public_key)) for root in keyring.root_keys}
    for signature in envelope.signatures:
        if signature.keyid not in roots:
            raise Refusal(Code.KEY_UNKNOWN, said("key {key} is not a root key", key=signature.keyid))
        verified(roots[signature.keyid], signature, envelope.pae())
    if len(envelope.signatures) < max(keyring.threshold, ROOT_THRESHOLD):
        count = len(envelope.signatures)
        message = said("signed by {count} root keys where {wanted} must sign", count=count, wanted=keyring.threshold)
        raise Refusal(Code.ROOT_UNSIGNED, message)
    # (5) it is the one that is wanted, and in force
    signers = frozenset(signature.keyid for signature in envelope.signatures)
    root = TrustRoot(keyring, sha256(envelope.payload), trusted, signers)
    if pinned is not None and pinned != root.sha256:
        raise Refusal(Code.ROOT_NOT_PINNED, said("the trust root's digest is {seen}", seen=root.sha256))
    root.current(at)
    return root


def sound(keyring: Keyring) -> dict[str, TrustedKey]:
    """The keyring's keys, where nothing in it contradicts anything else."""
    holders = [root.holder for root in keyring.root_keys]
    if not ROOT_THRESHOLD <= keyring.threshold <= len(holders):
        message = said("threshold {threshold} of {count} root keys", threshold=keyring.threshold, count=len(holders))
        raise Refusal(Code.ROOT_THRESHOLD, message)
    if not 1 <= keyring.max_trial_days <= MAX_TRIAL_DAYS or not 1 <= keyring.max_official_days <= MAX_OFFICIAL_DAYS:
        message = said("at most {trial} days of trial and {official} official", trial=MAX_TRIAL_DAYS, official=MAX_OFFICIAL_DAYS)
        raise Refusal(Code.ROOT_LIMITS, message)
    _once([*(root.keyid for root in keyring.root_keys), *(key.keyid for key in keyring.keys)], Code.ROOT_KEY_TWICE, "key")
    _once(holders, Code.ROOT_KEY_TWICE, "root key holder")
    _once([authority.id for authority in keyring.authorities], Code.ROOT_INCONSISTENT, "authority")
    _once([person.id for person in keyring.people], Code.ROOT_INCONSISTENT, "person")
    _consistent(keyring)
    for root in keyring.root_keys:
        _key(root)
    people = {person.id: person for person in keyring.people}
    return {
        key.keyid: TrustedKey(key, people.get(key.holder) if key.holder_kind is HolderKind.PERSON else None, _key(key))
        for key in keyring.keys
    }


def _key(entry: KnownKey | RootKey) -> Verifier:
    key = public_key(entry.public_key)
    if spki_sha256(key) != entry.keyid:
        raise Refusal(Code.ROOT_KEY_ID, said("{key} is not the fingerprint of its key", key=entry.keyid))
    return verifier(key)


def _consistent(keyring: Keyring) -> None:
    authorities = {authority.id for authority in keyring.authorities}
    people = {person.id: person for person in keyring.people}
    for person in keyring.people:
        if person.authority is not None and person.authority not in authorities:
            raise _contradiction(f"{person.id} acts for the unknown authority {person.authority}")
    agencies = {agency.code for agency in keyring.agencies}
    for key in keyring.keys:
        _key_consistent(key, people.get(key.holder), authorities)
        if key.role is Role.AGENCY and key.holder not in agencies:
            raise _contradiction(f"a key of the unknown agency {key.holder}: name it under agencies, with its echelon")
    wrong = contradiction_in_logs(keyring)
    if wrong is not None:
        raise _contradiction(wrong)
    for one, other in combinations(keyring.ceilings, 2):
        if one.echelon == other.echelon and _overlap(one, other):
            raise _contradiction(f"echelon {one.echelon} has two ceilings at one time")
    for first, second in combinations(keyring.agencies, 2):
        if first.code == second.code and _overlap(first, second):
            raise _contradiction(f"agency {first.code} is of two echelons at one time")


def _key_consistent(key: KnownKey, person: KnownPerson | None, authorities: set[str]) -> None:
    if key.holder_kind not in _HOLDERS.get(key.role, ()):
        raise _contradiction(f"a key of role {key.role} held by a {key.holder_kind}")
    if key.holder_kind is HolderKind.PERSON and person is None:
        raise _contradiction(f"a key of the unknown person {key.holder}")
    if key.authority is not None and key.authority not in authorities:
        raise _contradiction(f"a key for the unknown authority {key.authority}")
    if key.role is Role.APPROVER and (key.authority is None or person is None or person.authority != key.authority):
        raise _contradiction(f"approver {key.holder} does not act for the authority of the key")
    if key.valid_from >= key.valid_until:
        raise _contradiction(f"key {key.keyid} is never valid")


def _overlap(one: Ceiling | KnownAgency, other: Ceiling | KnownAgency) -> bool:
    first, second = sorted((one, other), key=lambda each: each.valid_from)
    return first.valid_until is None or second.valid_from < first.valid_until


def _once(values: Iterable[str], code: Code, what: str) -> None:
    seen: set[str] = set()
    for value in values:
        if likeness(value) in seen:  # what is counted apart must not be apart by its spelling alone
            raise Refusal(code, said("{what} {value} stands twice", what=what, value=value))
        seen.add(likeness(value))


def _contradiction(what: str) -> Refusal:
    return Refusal(Code.ROOT_INCONSISTENT, said("the keyring contradicts itself: {what}", what=what))
