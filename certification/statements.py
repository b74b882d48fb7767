"""Statements: the typed in-toto Statements v1 that can be signed, each of one predicate type and for one role."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.record import (
    Instant,
    Name,
    Record,
    RecordError,
    Sha256,
    Sorted,
    canonical_json,
    explained,
    parse_json,
    sha256,
)
from scanner.run_files import FilePath

CRITICAL_KNOWN: frozenset[str] = frozenset()
"""Restrictions this version understands; none has been added to the first version of any statement yet."""


class Role(StrEnum):
    """What a key may sign; a key has one role only."""

    OWNER = "owner"
    """Signs the Permit: the owner's authority lets its system be inspected (Decree 333/2026 art. 4.2)."""
    SCANNER_INSTANCE = "scanner-instance"
    INSPECTOR = "inspector"
    AGENCY = "agency"
    APPROVER = "approver"
    FEED_GATHERER = "feed-gatherer"
    """Vouches that the files of a feed bundle are those that vendors published."""
    FEED_APPROVER = "feed-approver"
    """Lets a feed bundle go to the sites; never the person who gathered it."""
    LOG = "log"
    """Signs the checkpoints of a log, and no statement."""
    LOG_WITNESS = "log-witness"
    """Cosigns the checkpoints of another authority's log, and no statement."""
    CONNECTION_CA = "connection-ca"
    """Signs client certificates and their revocation list, and no statement; what it signs opens nothing by itself."""
    GATEWAY = "gateway"
    """Signs gateway bundles, which can take away what approvers granted, and never grant."""
    ROOT = "root"


_ALIASED = ConfigDict(
    frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, validate_by_alias=True
)


class Digests(Record):
    """The digests of a subject."""

    sha256: Sha256


class Subject(Record):
    """What a statement is about, by name and digest."""

    model_config = _ALIASED
    name: FilePath
    digests: Digests = Field(alias="digest")


def _by_name(subjects: tuple[Subject, ...]) -> tuple[Subject, ...]:
    if len({subject.name for subject in subjects}) != len(subjects):
        raise ValueError("a subject stands twice")
    return tuple(sorted(subjects, key=lambda subject: subject.name))


class Predicate(Record):
    """What every predicate says besides its own matter."""

    stated_at: Instant
    """When the signer says this was stated."""
    crit: Sorted[Name] = ()
    """Restrictions a reader must understand; one that does not refuses the statement."""


class Statement(Record):
    """An in-toto Statement v1 of one type; all that a key can be asked to sign."""

    model_config = _ALIASED
    role: ClassVar[Role]
    """Whose keys sign statements of this type."""
    most_signatures: ClassVar[int] = 1

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(default="https://in-toto.io/Statement/v1", alias="_type")
    subject: Annotated[tuple[Subject, ...], Field(min_length=1), AfterValidator(_by_name)]
    predicate_type: str = Field(alias="predicateType")
    predicate: Predicate

    @classmethod
    def kind(cls) -> str:
        """The predicate type of the statements of this type."""
        found: str = cls.model_fields["predicate_type"].default
        return found

    def written(self) -> bytes:
        """The payload: what is signed and hashed."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))


S = TypeVar("S", bound=Statement)


def subjects(digests: Mapping[str, str]) -> tuple[Subject, ...]:
    """Subjects by name and SHA-256, in the order of their names."""
    return tuple(Subject(name=name, digest=Digests(sha256=digest)) for name, digest in sorted(digests.items()))


def read_statement(payload: bytes, kind: type[S]) -> S:
    """The statement of this type in a payload whose signature has been verified; refuses every other."""
    try:
        value = parse_json(payload)
    except RecordError as error:
        raise Refusal(Code.PAYLOAD_MALFORMED, said("not a statement: {why}", why=str(error))) from None
    _of_type(value, kind)
    try:
        statement = kind.model_validate_json(payload)
    except ValidationError as error:
        raise Refusal(Code.PAYLOAD_MALFORMED, said("not a statement: {why}", why=explained(error))) from None
    if statement.written() != payload:
        raise Refusal(Code.PAYLOAD_NOT_CANONICAL, said("the payload's bytes are not in canonical form"))
    return statement


def _of_type(value: Any, kind: type[Statement]) -> None:
    wanted = kind.kind()
    match value:
        case {"predicateType": str(seen)} if seen != wanted:
            message = said("a statement of type {seen}, where {wanted} is wanted", seen=seen, wanted=wanted)
            raise Refusal(Code.PREDICATE_TYPE, message)
        case {"predicate": {"crit": list(crit)}}:
            unknown = [str(name) for name in crit if str(name) not in CRITICAL_KNOWN]
            if unknown:
                message = said("a restriction this version does not know: {names}", names=", ".join(unknown))
                raise Refusal(Code.CRITICAL_UNKNOWN, message)


def file_subjects(files: Mapping[str, bytes]) -> tuple[Subject, ...]:
    """Every file as a subject."""
    return subjects({path: sha256(data) for path, data in files.items()})
