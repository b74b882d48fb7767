"""What every observation says of itself, and the value that stands where a probe could not see."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from scanner.record import Instant, PeerText, Record, Text
from scanner.sights import Vantage

Count = Annotated[int, Field(ge=0)]
PortNumber = Annotated[int, Field(ge=0, le=65_535)]


class Method(StrEnum):
    """How a thing was seen (DESIGN glossary, Observation)."""

    HANDSHAKE = "handshake"
    LOGIN = "login"
    BANNER = "banner"
    DOCUMENT = "document"


class Seen(Record):
    """When, how, by what and from where a thing was seen."""

    observed_at: Instant
    how: Method
    by: Text
    vantage: Vantage
    connections: Count = 0
    """Connections opened to see it."""


class Reason(StrEnum):
    """Why a probe could not see."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    BLOCKED = "blocked"
    RESET = "reset"
    NAME_UNRESOLVED = "name-unresolved"
    NOT_PERMITTED = "not-permitted"
    BUDGET_SPENT = "budget-spent"
    NOT_SPOKEN = "not-spoken"
    """The peer speaks something else than what was declared."""
    SILENT = "silent"
    """The peer accepted the connection and said nothing."""
    UNREADABLE = "unreadable"
    """The peer's or the tool's answer could not be parsed or was larger than what is read."""
    NO_CREDENTIAL = "no-credential"
    LOGIN_REFUSED = "login-refused"
    HOST_KEY_CHANGED = "host-key-changed"
    NEEDS_RIGHTS = "needs-rights"
    UNSUPPORTED = "unsupported"
    DISAGREEMENT = "disagreement"
    """Two ways of looking, each of which sees it, saw different things."""
    NOT_ASKED = "not-asked"
    """The probe does not ask this, or was told to skip it."""
    NOT_GIVEN = "not-given"
    """The operator gave nothing to compare with, such as a CA store."""
    TOOL_MISSING = "tool-missing"
    TOOL_FAILED = "tool-failed"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


class Unobserved(Record):
    """What could not be seen, and why. A value, never an exception, never a pass."""

    kind: Literal["unobserved"] = "unobserved"
    reason: Reason
    detail: PeerText = ""


F = TypeVar("F")


class MissingFactError(LookupError):
    """A check read a fact that could not be seen and that it had not declared: the engine makes it an error."""


def fact(value: F | Unobserved) -> F:
    """The fact itself; a check calls this on the facts it declares."""
    if isinstance(value, Unobserved):
        raise MissingFactError(f"{value.reason}: a fact the check did not declare")
    return value
