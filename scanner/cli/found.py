"""What commands find, as data: `found` in the outcome that they print with --format json, the schemas of which are made from these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from certification.keyring import Keyring
from certification.request import Grant, Kind
from certification.status_event import Change
from certification.submission import Submission
from scanner.assessment import Tally
from scanner.decision import BaselineRef, Decision, Level
from scanner.record import Instant, Name, Record, Sha256


class Looked(Record):
    """What `scan` kept, and where."""

    run: Name
    folder: str
    reached: bool
    """Whether anything at all was seen."""
    cut_short: bool
    """Whether the time allowed was over before all was looked at."""


class Judged(Record):
    """What a run was judged to be; all of it is in its assessment.json."""

    folder: str
    run: Name
    agency: Name
    system: Name
    level: Level
    decision: Decision
    tally: Tally
    baseline: BaselineRef
    judged_at: Instant
    evidence_until: Instant | None


class VerifiedConnection(Record):
    """A connection certificate that is valid."""

    form: Literal["certificate"]
    serial: Name
    kind: Kind
    agency: Name
    system: Name
    level: Level
    scope: Grant
    not_before: Instant
    not_after: Instant
    """The first instant at which it is no longer valid."""
    payload_sha256: Sha256
    exercise: bool
    """Whether the trust root or the baseline is a laboratory's, so that it lets nobody into the national database."""
    witness: str | None
    """Who cosigned the log it stands in, last."""
    witnessed_at: Instant | None
    standing_known: bool
    """Whether the log was asked if it was suspended or revoked since."""
    evidence: Literal["not-looked-at", "compared", "judged-again"]


class VerifiedToken(Record):
    """A QR token that two authorities signed; nobody asked the log."""

    form: Literal["token"]
    serial: Name
    kind: str
    exercise: bool
    """Whether the trust root or the baseline is a laboratory's, so that it lets nobody into the national database."""
    agency: Name
    system: Name
    echelon: Name
    apis: tuple[Name, ...]
    not_before: Instant
    not_after: Instant
    approvers: tuple[str, ...]


class VerifiedBundle(Record):
    """Genuine evidence, which lets nobody in."""

    form: Literal["bundle"]
    run: Name
    agency: Name
    system: Name
    level: Level
    decision: Decision
    observed_until: Instant
    evidence_until: Instant
    exercise: bool
    """Whether the trust root or the baseline is a laboratory's."""
    too_old: bool
    judged_again: bool


class Sent(Submission):
    """What is in a submission, and whether all in it was verified with a trust root."""

    verified: bool


class Issued(Record):
    """The certificate that was issued, and where it stands."""

    serial: Name
    index: int
    log: str


class Changed(Record):
    """What was done to a certificate; `index` is null where another authority must sign first, and nothing has changed yet."""

    serial: Name
    change: Change
    index: int | None


class LogEntry(Record):
    """An entry of the log, of which nothing was verified."""

    position: int
    logged_at: str
    kind: str
    serial: str


class LogEntries(Record):
    """All entries of the log, oldest first."""

    entries: tuple[LogEntry, ...]


class WholeLog(Record):
    """A log that was built anew and is as its checkpoint says."""

    origin: str
    size: int
    root: Sha256
    continues: bool
    """Whether it was held against a checkpoint that was kept earlier."""


class Cosigned(Record):
    """The log as this witness cosigned it."""

    origin: str
    size: int
    root: Sha256
    witness: str


class LeftOut(Record):
    """A certificate that no gateway lets in, and why."""

    serial: str
    code: str
    why: str


class ExportedBundle(Record):
    """The bundle that was written for the gateways."""

    sequence: int
    expires: Instant
    entries: int
    left_out: tuple[LeftOut, ...]


class InForce(Record):
    """What the gateway lets in from now on."""

    state: str
    expires: Instant
    entries: int
    left_out: tuple[LeftOut, ...]


class GatewayState(Record):
    """How long what is in force is good for."""

    state: str | None
    expires: Instant | None
    closed: bool
    ends_soon: bool


class ShownRoot(Record):
    """A trust root, known or not."""

    sha256: Sha256
    keyring: Keyring


class PublicKey(Record):
    """A public key; its id is the SHA-256 of its SubjectPublicKeyInfo."""

    keyid: Sha256
    pem: str


class TokenKey(Record):
    """A key on a token, and the URI to name it by."""

    keyid: Sha256
    scheme: str
    uri: str


class TokenKeys(Record):
    """The keys on all tokens plugged in."""

    keys: tuple[TokenKey, ...]
    unreadable: int
    """Of how many the public half could not be read."""


FOUND: Mapping[str, Any] = {
    "check": Judged | Looked,
    "evaluate": Judged,
    "gateway apply": InForce,
    "gateway check": GatewayState,
    "gateway export": ExportedBundle,
    "issue": Issued,
    "keys list": TokenKeys,
    "keys show": PublicKey,
    "log cosign": Cosigned,
    "log show": LogEntries,
    "log verify": WholeLog,
    "receive": Sent,
    "resume": Changed,
    "revoke": Changed,
    "scan": Looked,
    "submit": Sent,
    "suspend": Changed,
    "trust show": ShownRoot,
    "verify": VerifiedConnection | VerifiedToken | VerifiedBundle,
}
"""By the verb's words, what it finds."""
