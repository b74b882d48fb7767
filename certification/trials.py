"""How often a system is let in on trial: twice within a year, so that a trial is no way round what a trial is to show. Pure. See docs/adr/0042."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from certification.authorisation import AuthorisationPredicate
from certification.refusals import Code, Refusal
from certification.request import Kind
from scanner.findings import said

MOST = 2
WITHIN = timedelta(days=366)


@dataclass(slots=True)
class Trials:
    """The instants at which trial certificates were stated, by agency and system."""

    stated: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)

    def grant(self, granted: AuthorisationPredicate) -> None:
        """Notes this certificate; refuses a trial that is one too many, whatever became of those before it."""
        if granted.kind is not Kind.TRIAL:
            return
        stated = self.stated.setdefault(system_of(granted.agency.code, granted.system.id), [])
        # either way round: a log's order is not that of the instants in its statements
        if sum(abs(granted.stated_at - at) < WITHIN for at in stated) >= MOST:
            message = said(
                "{serial} would be a trial of {system} of {agency} after {most} within {days} days",
                serial=granted.serial,
                system=granted.system.id,
                agency=granted.agency.code,
                most=MOST,
                days=WITHIN.days,
            )
            raise Refusal(Code.TRIALS_SPENT, message)
        stated.append(granted.stated_at)


def word_of(told: Mapping[str, Any]) -> str | None:
    """The word that a system's trials have in common, of a predicate that was not read strictly; None of what is no trial.

    Raises KeyError, TypeError or AttributeError where it cannot be told. A blank stands in no serial, key or digest.
    """
    return " ".join(system_of(told["agency"]["code"], told["system"]["id"])) if told.get("kind") == Kind.TRIAL else None


def system_of(agency: str, system: str) -> tuple[str, str]:
    """The system of an agency, however the letters of its names are written."""
    return agency.casefold(), system.casefold()
