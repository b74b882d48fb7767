"""The gateway bundle: who may connect, in one signed file with a number and an end; all that grants in it is proven in itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from certification.keyring import Ceiling
from certification.log_trust import Watch
from certification.opening import Opened, opened
from certification.refusals import Code, Refusal
from certification.statements import Predicate, Role, Statement, file_subjects
from certification.status import State
from certification.trust import TrustRoot
from scanner.bundle import unpacked
from scanner.faults import StoreError
from scanner.findings import said
from scanner.record import Instant, Name, Record, RecordError, Sha256, Sorted, Text

STATEMENT = "gateway-bundle.dsse.json"
REGISTER = "register.jsonl"
CA = "connection-ca.pem"
CRL = "clients.crl.pem"
PROBE_REVOKED = "probe-revoked.pem"
PROBE_UNKNOWN = "probe-unregistered.pem"
FILES = (REGISTER, CA, CRL, PROBE_REVOKED, PROBE_UNKNOWN)
"""All that a bundle holds besides the statement about it."""

LONGEST_LIFE = timedelta(days=7)
LOG_AGE = timedelta(hours=1)
"""A bundle is stated within this time of a witness's cosignature: its own key dates nothing that the witness has not."""
ENTRY_LIMIT = 8 * 1024 * 1024
_ENTRIES_LIMIT = 200_000
_NAMED = re.compile(rb'"serial":"([A-Za-z0-9._-]{1,120})"}$')

Packed = Annotated[str, StringConstraints(max_length=4_000_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Proof = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[ -~—\n]*$")]
Pem = Annotated[str, StringConstraints(max_length=64_000, pattern=r"^[A-Za-z0-9+/= \n-]+$")]


class LoggedEvent(Record):
    """A status event with the proof that it stands in the log."""

    event: Packed
    proof: Proof


class RegisterEntry(Record):
    """One certificate to let in, with everything that shows it may be.

    The fields stand in the order of their names, so that the quick way of writing them is the canonical one.
    """

    authorisation: Packed
    """The ConnectionCertificate's envelope."""
    certificate: Pem
    """The X.509 client certificate."""
    events: Annotated[tuple[LoggedEvent, ...], Field(max_length=200)] = ()
    """What was done to it since, in the order of the log: one that was suspended comes back only with its resumption."""
    proof: Proof
    """Its `.tlog-proof`."""
    serial: Name

    def line(self) -> bytes:
        """The entry's bytes in a register, the same as `written` and ten times as fast."""
        return self.model_dump_json().encode()


class Listed(Record):
    """A certificate that is not let in, and what it is."""

    serial: Name
    state: State
    since: Instant


class GatewayBundlePredicate(Predicate):
    """The bundle's number, its end, and what was stopped."""

    sequence: Annotated[int, Field(ge=1, lt=2**53)]
    expires: Instant
    entries: Annotated[int, Field(ge=0)]
    statuses: Sorted[Listed]
    crl_sha256: Sha256
    checkpoint: Text
    """The log's cosigned checkpoint that every proof in the register leads to."""
    ceilings: Sorted[Ceiling]
    """What each echelon may have; a gateway goes by these and by its own trust root's, whichever is less."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if not self.stated_at < self.expires <= self.stated_at + LONGEST_LIFE:
            raise ValueError(f"a bundle lives for up to {LONGEST_LIFE.days} days")
        return self


class GatewayBundleStatement(Statement):
    """A gateway key states who is let in; its subjects are the bundle's files."""

    role: ClassVar[Role] = Role.GATEWAY
    predicate_type: Literal["urn:npd:clearance:gateway-bundle/v1"] = Field(
        default="urn:npd:clearance:gateway-bundle/v1", alias="predicateType"
    )
    predicate: GatewayBundlePredicate


def opened_bundle(data: bytes, trust: TrustRoot, at: datetime) -> tuple[Opened[GatewayBundleStatement], Mapping[str, bytes]]:
    """The bundle's statement, signed by a gateway key, and the very files it is about; whether it is still good is asked elsewhere."""
    try:
        files = unpacked(data)
    except StoreError as error:
        raise Refusal(Code.BUNDLE_MALFORMED, said("{why}", why=str(error))) from None
    if set(files) != {STATEMENT, *FILES}:
        raise Refusal(Code.BUNDLE_MALFORMED, said("the bundle does not hold exactly the files of a gateway bundle"))
    found = opened(files.pop(STATEMENT), GatewayBundleStatement, trust, at)
    if found.statement.subject != file_subjects(files):
        raise Refusal(Code.BUNDLE_MALFORMED, said("a file of the bundle is not the one that was signed for"))
    return found, files


def insist_on_fresh_log(watch: Watch, stated: datetime) -> None:
    """Returns where a bundle stated then rests on a log that another authority's witness had seen of late."""
    if stated - watch.at > LOG_AGE:
        message = said(
            "{witness} cosigned the log on {seen}, more than {minutes} minutes before the bundle's {stated}; have it cosigned again",
            witness=watch.witness,
            seen=f"{watch.at:%Y-%m-%d %H:%M:%S} UTC",
            minutes=LOG_AGE // timedelta(minutes=1),
            stated=f"{stated:%Y-%m-%d %H:%M:%S} UTC",
        )
        raise Refusal(Code.CHECKPOINT_OLD, message)


def register_bytes(entries: Iterable[RegisterEntry]) -> bytes:
    """The register's file: one entry a line, in the order of the serials."""
    return b"".join(entry.line() + b"\n" for entry in sorted(entries, key=lambda entry: entry.serial))


def named(data: bytes) -> frozenset[str]:
    """The serials that a register names, read in the quick way and for nothing but taking away whom it does not name."""
    return frozenset(found[1].decode() for line in data.splitlines() if (found := _NAMED.search(line, max(0, len(line) - 160))))


def register_entries(data: bytes, count: int) -> Iterator[RegisterEntry]:
    """The entries of a register, one by one; refuses repeats, disorder, and any other writing of them."""
    lines = data.split(b"\n")
    if lines.pop() != b"" or len(lines) != count or count > _ENTRIES_LIMIT:
        raise Refusal(Code.BUNDLE_MALFORMED, said("the register does not hold {count} lines", count=count))
    last = ""
    for line in lines:
        try:
            entry = RegisterEntry.read(line, limit=ENTRY_LIMIT)
        except RecordError as error:
            raise Refusal(Code.BUNDLE_MALFORMED, said("not an entry of a register: {why}", why=str(error))) from None
        if entry.line() != line:
            raise Refusal(Code.BUNDLE_MALFORMED, said("the entry of {serial} is not in canonical form", serial=entry.serial))
        if entry.serial <= last:
            raise Refusal(Code.REGISTER_TWICE, said("{serial} stands twice, or out of order", serial=entry.serial))
        last = entry.serial
        yield entry
