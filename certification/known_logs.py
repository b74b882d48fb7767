"""The logs and witnesses of a keyring, where they agree with each other: every log is watched by another authority than its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from certification.keyring import Keyring, KnownKey
from certification.keys import public_key
from certification.statements import Role


def contradiction_in_logs(keyring: Keyring) -> str | None:
    """What contradicts itself among the logs, the witnesses and their keys; None where nothing does."""
    return next(_contradictions(keyring), None)


def _contradictions(keyring: Keyring) -> Iterator[str]:
    logs = {log.origin: log.authority for log in keyring.logs}
    witnesses = {witness.name: witness.authority for witness in keyring.witnesses}
    if len(logs) != len(keyring.logs) or len(witnesses) != len(keyring.witnesses) or logs.keys() & witnesses.keys():
        yield "a log or a witness stands twice"
    known = {authority.id for authority in keyring.authorities}
    for name, authority in (*logs.items(), *witnesses.items()):
        if authority not in known:
            yield f"{name} is run by the unknown authority {authority}"
    for key in keyring.keys:
        if key.role in (Role.LOG, Role.LOG_WITNESS):
            yield from _of_key(key, logs if key.role is Role.LOG else witnesses)
    if not logs and any(key.role is Role.APPROVER for key in keyring.keys):
        yield "approvers, and no log for what they approve"
    held = {(key.role, key.holder) for key in keyring.keys}
    for origin, authority in logs.items():
        if (Role.LOG, origin) not in held:
            yield f"the log {origin} has no key"
        if not any(other != authority and (Role.LOG_WITNESS, name) in held for name, other in witnesses.items()):
            yield f"no other authority than {authority} witnesses the log {origin}"


def _of_key(key: KnownKey, holders: dict[str, str]) -> Iterator[str]:
    if key.holder not in holders:
        yield f"a key of the unknown {key.role} {key.holder}"
    elif key.authority not in (None, holders[key.holder]):
        yield f"the key of {key.holder} is for another authority than runs it"
    if not isinstance(public_key(key.public_key), Ed25519PublicKey):
        yield f"the key of {key.holder} is not Ed25519, as checkpoints need"
