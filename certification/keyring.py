"""The keyring: authorities, people, keys, baselines and ceilings, as the root keys sign them. Not yet trusted."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from certification.statements import Predicate, Role, Statement, subjects
from scanner.record import BilingualText, Instant, Name, Record, Sha256, Sorted, Text

LogName = Annotated[Name, StringConstraints(max_length=100)]
"""A log's origin or a witness's name, as it stands in checkpoints: usually a name of the DNS."""

PerMinute = Annotated[int, Field(ge=1, le=1_000_000)]


class RootKind(StrEnum):
    """What a trust root is for; a production root never accepts a laboratory's baseline."""

    PRODUCTION = "production"
    LABORATORY = "laboratory"


class HolderKind(StrEnum):
    """Who holds a key."""

    PERSON = "person"
    AGENCY = "agency"
    INSTANCE = "instance"
    """An installation: a scanner, a connection CA, or what writes gateway bundles."""
    LOG = "log"
    """A log, by its origin."""
    WITNESS = "witness"
    """A witness of logs, by its name."""


class Authority(Record):
    """A body whose approval counts."""

    id: Name
    name: BilingualText


class KnownPerson(Record):
    """A person, the organisation the person works for, and the authority the person acts for, if any."""

    id: Name
    organisation: Text = Field(min_length=1)
    authority: Name | None = None


class KnownAgency(Record):
    """An agency and the echelon it is of, and when: `valid_from` inclusive, `valid_until` exclusive or open."""

    code: Name
    echelon: Name
    valid_from: Instant
    valid_until: Instant | None = None


class RootKey(Record):
    """A key that signs keyrings and nothing else."""

    keyid: Sha256
    public_key: Text
    holder: Name


class KnownKey(Record):
    """A key, its holder, and the one role it signs in."""

    keyid: Sha256
    """SHA-256 of the SubjectPublicKeyInfo."""
    public_key: Text
    holder_kind: HolderKind
    holder: Name
    role: Role
    authority: Name | None = None
    """The authority in whose name an approver signs."""
    valid_from: Instant
    valid_until: Instant
    revoked_at: Instant | None = None


class KnownLog(Record):
    """A log of authorisations and status events, and the authority that runs it."""

    origin: LogName
    authority: Name


class KnownWitness(Record):
    """A witness, and the authority that runs it; what it cosigns is another authority's log."""

    name: LogName
    authority: Name


class AcceptedBaseline(Record):
    """One version of a baseline that certificates may rest on."""

    id: Name
    version: Text
    sha256: Sha256


class Ceiling(Record):
    """The most an echelon may have, and when: `valid_from` inclusive, `valid_until` exclusive or open."""

    echelon: Name
    apis: Sorted[Name]
    bulk: bool
    rate: PerMinute
    """Requests a minute."""
    valid_from: Instant
    valid_until: Instant | None = None


class Keyring(Predicate):
    """Everything a verifier takes on trust."""

    kind: RootKind
    version: Annotated[int, Field(ge=1)]
    expires: Instant
    """`stated_at` is when it was issued; from `expires` on it is no longer used."""
    threshold: int
    """How many root keys must sign; fewer than two are refused."""
    root_keys: Sorted[RootKey]
    authorities: Sorted[Authority]
    people: Sorted[KnownPerson]
    agencies: Sorted[KnownAgency] = ()
    """Whom a certificate may be for; what an agency says of its own echelon counts for nothing."""
    keys: Sorted[KnownKey]
    logs: Sorted[KnownLog] = ()
    """Where authorisations must stand; a keyring without a log has no approver."""
    witnesses: Sorted[KnownWitness] = ()
    baselines: Sorted[AcceptedBaseline]
    ceilings: Sorted[Ceiling]
    max_trial_days: int
    max_official_days: int


class KeyringStatement(Statement):
    """The root keys sign a keyring; with enough of their signatures it is a trust root."""

    role: ClassVar[Role] = Role.ROOT
    most_signatures: ClassVar[int] = 16
    predicate_type: Literal["urn:npd:clearance:keyring/v1"] = Field(default="urn:npd:clearance:keyring/v1", alias="predicateType")
    predicate: Keyring

    @model_validator(mode="after")
    def _about_its_keyring(self) -> Self:
        if self.subject != subjects({"keyring.json": self.predicate.digest()}):
            raise ValueError("the subject is not the keyring in the predicate")
        return self
