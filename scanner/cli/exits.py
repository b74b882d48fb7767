"""Exit statuses: what the command's number says to a script (DESIGN section 6)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.assessment import Decision


class ExitStatus(IntEnum):
    """The documented exit statuses; never 1, which is Python's own crash."""

    DONE = 0
    """Done, or the decision is authorise."""
    USAGE = 2
    """Usage or input error."""
    NOT_AUTHORISED = 10
    """The decision is deny or authorise-trial; of `diff`, that something mandatory got worse; of `recheck`, that the finding still
    fails; of `compare`, that a claim is refuted; of `drift`, that a certificate lapses; of `status --expiring`, that one ends soon."""
    INCOMPLETE = 11
    """The decision is incomplete: something was not assessed; of `recheck`, `compare` and `drift`, that nobody can say."""
    INTEGRITY = 12
    """Integrity or trust failure."""
    REFUSED = 13
    """Refused by permit or policy, a refused `issue` among them."""
    NOTHING_REACHED = 14
    """Nothing at all was reachable."""
    INTERNAL = 70
    """Internal error."""
    INTERRUPTED = 130
    """Interrupted, resumable."""


def of(decision: Decision) -> ExitStatus:
    """The exit status that tells a decision."""
    from scanner.assessment import Decision

    match decision:
        case Decision.AUTHORISE:
            return ExitStatus.DONE
        case Decision.INCOMPLETE:
            return ExitStatus.INCOMPLETE
        case Decision.AUTHORISE_TRIAL | Decision.DENY:
            return ExitStatus.NOT_AUTHORISED
