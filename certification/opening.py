"""Opening: from an envelope to a statement signed by whom it had to be. The signature comes before the parsing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic

from certification.envelope import Envelope, read_envelope
from certification.keys import verified
from certification.refusals import Code, Refusal
from certification.statements import Role, S, read_statement
from certification.trust import TrustedKey, TrustRoot
from scanner.findings import said

EVER = datetime.min.replace(tzinfo=UTC)
"""An instant before every revocation: whose key was valid when it signed is read, whatever became of the key since."""


@dataclass(frozen=True, slots=True)
class Opened(Generic[S]):
    """A statement and the trusted keys that signed it, all of them valid."""

    statement: S
    signers: tuple[TrustedKey, ...]
    envelope: Envelope

    @property
    def signer(self) -> TrustedKey:
        """The first signer; the only one of every statement but an authorisation."""
        return self.signers[0]


def opened(data: bytes, kind: type[S], trust: TrustRoot, at: datetime) -> Opened[S]:
    """The statement of this type in the envelope; every signature on it holds and is by a key of its role."""
    # (1) a strict envelope with a plausible number of signatures
    envelope = read_envelope(data)
    if len(envelope.signatures) > kind.most_signatures:
        count, most = len(envelope.signatures), kind.most_signatures
        raise Refusal(Code.SIGNATURE_COUNT, said("{count} signatures where at most {most} may stand", count=count, most=most))
    # (2) known keys of the right role
    signers = tuple(trust.key(signature.keyid) for signature in envelope.signatures)
    for signer in signers:
        in_role(signer, kind.role)
    # (3) signatures over these very bytes
    for signer, signature in zip(signers, envelope.signatures, strict=True):
        verified(signer.verifier, signature, envelope.pae())
    # (4) only now the payload is read, and must be of this one type
    statement = read_statement(envelope.payload, kind)
    # (5) keys that were valid then and are not revoked now
    for signer in signers:
        signer.valid(statement.predicate.stated_at, at)
    return Opened(statement, signers, envelope)


def in_role(signer: TrustedKey, role: Role) -> None:
    """Returns where this key may sign what this role signs."""
    known = signer.known
    if known.role is not role:
        message = said("key {key} is for the role {seen}, not {wanted}", key=known.keyid, seen=known.role, wanted=role)
        raise Refusal(Code.KEY_ROLE, message)
