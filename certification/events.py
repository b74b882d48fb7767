"""Changing a certificate's status: an approver signs the event, and it enters the log once enough have signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from certification.bearing import bearing
from certification.envelope import Envelope
from certification.ledger import entered, history
from certification.log_proof import LogProof
from certification.log_store import LogStore
from certification.opening import in_role, opened
from certification.quorum import apart
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.signers import Signer
from certification.status import ACT, replayed, standing
from certification.status_event import Change, Reason, StatusEventStatement, draft_event, opened_event
from certification.trust import TrustRoot
from scanner.findings import said


def change_status(  # noqa: PLR0913 - what an event says, the means by name
    log: LogStore,
    serial: str,
    state: Change,
    reason: Reason,
    note: str,
    trust: TrustRoot,
    at: datetime,
    *,
    signer: Signer,
    log_signer: Callable[[], Signer],
    confirm: Callable[[str], bool],
    begun: bytes | None = None,
    entering: Callable[[], datetime] | None = None,
) -> tuple[bytes, LogProof | None]:
    """The signed event, and its proof where it has entered the log; None where another authority has yet to sign.

    What the log does not allow is refused before anything is signed. `entering` tells the instant at which it is entered, for a person takes time to
    confirm, and others enter what they have meanwhile; `at` where it is not given.
    """
    trust.current(at)
    key = trust.key(signer.keyid)
    in_role(key, StatusEventStatement.role)
    key.valid(at, at)
    now = standing(replayed(history(bearing(log, (serial,)), trust)), serial)
    if begun is None:
        statement = draft_event(now.certificate, state, reason, note, key.known.holder, at)
        envelope = Envelope(statement.written())
    else:
        other = opened(begun, StatusEventStatement, trust, at)
        statement, envelope = other.statement, other.envelope
        if (statement.predicate.serial, statement.predicate.state) != (serial, state):
            raise Refusal(Code.EVENT_DIFFERS, said("what was begun is not this change of {serial}", serial=serial))
    now.after(ACT[state], statement.predicate.effective)
    if state is Change.RESUMED:
        apart((key,), now.granted)
    if not confirm(rendered(statement)):
        raise Refusal(Code.NOT_CONFIRMED, said("nothing was signed"))
    written = envelope.signed_also(signer.sign(statement)).written()
    if state is Change.RESUMED and begun is None:
        return written, None
    opened_event(written, now.certificate, trust, at)
    return written, entered(log, written, log_signer(), trust, at if entering is None else entering())
