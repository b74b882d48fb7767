"""Grounds on which a certificate does not stand any longer and that no scan can see: a person states them, by name and with a date. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from scanner.faults import WrongValueError
from scanner.i18n import N_
from scanner.record import Instant, Name, Record, Text


class Follows(StrEnum):
    """What the law asks for then. Nobody's certificate is touched by stating it: a signed status event does that."""

    SUSPEND = "suspend"
    REVOKE = "revoke"
    ASSESS_AGAIN = "assess-again"


class StatedGround(StrEnum):
    """What a person can state."""

    INCIDENT = "incident"
    UNTRUTHFUL = "untruthful-declaration"
    LICENSED_ASSESSOR = "licensed-assessor"
    USE_CHANGED = "use-changed"

    @property
    def clause(self) -> str:
        """Where it stands; a message of the catalogue."""
        return _CLAUSES[self]

    @property
    def follows(self) -> Follows:
        """What the law asks for."""
        return _FOLLOWS[self]


_CLAUSES = {
    StatedGround.INCIDENT: N_(
        "a serious incident, or a high risk to national security: the connection is suspended at once"
        " (Decree 331/2026 art. 10.2d and 31.2c)"
    ),
    StatedGround.UNTRUTHFUL: N_(
        "a sign that what the agency declared of itself was untrue, or an authority's request: the certificate is revoked, and a licensed"
        " external assessor assesses the system (Decree 331/2026 art. 31.2c and 28.5a)"
    ),
    StatedGround.LICENSED_ASSESSOR: N_(
        "a major change of function, scope, architecture or technology: a licensed external assessor assesses the system"
        " (Decree 331/2026 art. 31.2c)"
    ),
    StatedGround.USE_CHANGED: N_(
        "its function, users or kind of data changed, or it was connected to another system: it is assessed again"
        " (Decree 331/2026 art. 10.2b-c and 28.3b)"
    ),
}
_FOLLOWS = {
    StatedGround.INCIDENT: Follows.SUSPEND,
    StatedGround.UNTRUTHFUL: Follows.REVOKE,
    StatedGround.LICENSED_ASSESSOR: Follows.ASSESS_AGAIN,
    StatedGround.USE_CHANGED: Follows.ASSESS_AGAIN,
}


class Stated(Record):
    """One ground, stated by a person who answers for it."""

    ground: StatedGround
    happened: Instant
    """When it happened, or became known."""
    reason: Text = Field(min_length=1)
    by: Text = Field(min_length=1)
    role: Text = Field(min_length=1)
    stated_at: Instant

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.reason.strip():
            raise WrongValueError(N_("the ground {ground} needs a reason"), ground=self.ground)
        if self.happened > self.stated_at:
            raise ValueError(N_("it is stated before it happened"))
        return self


class Statements(Record):
    """The file of what was stated of one certificate."""

    schema_version: Literal[1] = 1
    certificate: Name
    """The serial of the certificate."""
    stated: tuple[Stated, ...] = Field(min_length=1)
