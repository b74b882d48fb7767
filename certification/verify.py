"""Verification of a ConnectionCertificate: numbered steps, each a refusal of its own. No clock, no network, no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from certification.authorisation import AuthorisationPredicate, AuthorisationStatement
from certification.codes import N_
from certification.log_trust import Watch, WatchedLog, in_log
from certification.opening import opened
from certification.policy import below_ceiling, in_force, sound
from certification.quorum import apart, quorum
from certification.trust import TrustedKey, TrustRoot
from scanner.i18n import _
from scanner.record import sha256
from scanner.run_files import FileDigest

if TYPE_CHECKING:
    from certification.recomputing import Rejudge
    from certification.status import Standing


class Step(StrEnum):
    """What has been verified, in this order."""

    TRUST_ROOT = "trust-root"
    SIGNATURES = "signatures"
    QUORUM = "quorum"
    APART = "apart"
    SOUND = "sound"
    IN_FORCE = "in-force"
    LOGGED = "logged"
    STATUS = "status"
    EVIDENCE = "evidence"
    RECOMPUTED = "recomputed"

    @property
    def explanation(self) -> str:
        """What the step has shown, in the chosen language."""
        return _(_MEANING[self])


_MEANING = {
    Step.TRUST_ROOT: N_("the trust root is in force"),
    Step.SIGNATURES: N_("every signature is by an approver's key of the trust root, over these very bytes"),
    Step.QUORUM: N_("two authorities approved, by different people with different keys"),
    Step.APART: N_("no approver inspected the system or belongs to its agency or operator"),
    Step.SOUND: N_("policy allows it, and the agency asked for it and holds the client key"),
    Step.IN_FORCE: N_("it is valid at this instant, within what the echelon may have"),
    Step.LOGGED: N_("it stands in a log of the trust root, which another authority's witness cosigned"),
    Step.STATUS: N_("by the log it is neither suspended, revoked nor superseded"),
    Step.EVIDENCE: N_("the bundle is exactly the evidence that was signed, and leads to this certificate"),
    Step.RECOMPUTED: N_("judging the evidence again gives the same assessment, byte for byte"),
}


@dataclass(frozen=True, slots=True)
class VerifiedCertificate:
    """A ConnectionCertificate that passed, and the steps it passed."""

    statement: AuthorisationStatement
    payload_sha256: str
    approvals: tuple[TrustedKey, ...]
    steps: tuple[Step, ...]
    watch: Watch | None
    """Who cosigned the log it stands in; None where no proof of that was looked at."""

    @property
    def granted(self) -> AuthorisationPredicate:
        """What it grants."""
        return self.statement.predicate


def verify(  # noqa: PLR0913 - what a verdict may rest on, by name
    envelope: bytes,
    trust_root: TrustRoot,
    at: datetime,
    bundle: Mapping[str, bytes] | None = None,
    rejudge: Rejudge | None = None,
    code_digests: Iterable[FileDigest] | None = None,
    *,
    proof: bytes | None = None,
    standings: Mapping[str, Standing] | None = None,
    log: WatchedLog | None = None,
) -> VerifiedCertificate:
    """The certificate, verified as of `at`: in its log with `proof`, against its evidence with `bundle`, its judgement with `rejudge`.

    `log` is a checkpoint that was verified already, as for another certificate of one bundle. Without `proof` it is verified as it must stand before it is logged: whoever relies on a certificate gives the proof.
    """
    if rejudge is not None and bundle is None:
        raise TypeError("judging again needs the bundle")
    steps = [Step.TRUST_ROOT, Step.SIGNATURES, Step.QUORUM, Step.APART, Step.SOUND, Step.IN_FORCE]
    # (1) the trust root is in force
    trust_root.current(at)
    # (2) signatures: a strict envelope, known approver keys, these bytes; only then is the payload read
    certificate = opened(envelope, AuthorisationStatement, trust_root, at)
    statement = certificate.statement
    # (3) two authorities, two people, two keys
    quorum(certificate.signers)
    # (4) none of whom inspected the system or belongs to it
    apart(certificate.signers, statement.predicate)
    # (5) what it says is allowed, and was asked for by an agency that holds the client key
    sound(statement, trust_root, at)
    # (6) now is within its time, and its scope within what the echelon may have now
    in_force(statement.predicate, at)
    below_ceiling(statement.predicate.scope, statement.predicate.agency, trust_root, at)
    # (7) it stands in a log that two authorities vouch for
    watch = None
    if proof is not None:
        watch = in_log(certificate.envelope.payload, proof, trust_root, at, log)
        steps.append(Step.LOGGED)
    # (8) and nothing in the log took it out of use
    if standings is not None:
        from certification.status import standing

        standing(standings, statement.predicate.serial).insist_on_use(at)
        steps.append(Step.STATUS)
    # (9) exactly these files, each signed by whom it had to be, lead to exactly this statement
    if bundle is not None:
        from certification.grounds import follows

        follows(statement, bundle, trust_root, at)
        steps.append(Step.EVIDENCE)
    # (10) and to the same judgement
    if bundle is not None and rejudge is not None:
        from certification.recomputing import recomputed

        recomputed(bundle, rejudge, code_digests)
        steps.append(Step.RECOMPUTED)
    return VerifiedCertificate(statement, sha256(certificate.envelope.payload), certificate.signers, tuple(steps), watch)
