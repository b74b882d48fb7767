"""What every probe is given: the target, already resolved and permitted, and the circumstances of the look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scanner.observations import Method, Observation, Reason, Seen, Unobserved, Vantage
from scanner.record import escaped
from scanner.targets import Host, Service


@dataclass(frozen=True, slots=True)
class Target:
    """One subject to look at."""

    subject: str
    host: Host
    service: Service | None
    """None where the subject is the host itself."""
    address: str
    """The one IP address, resolved once and found inside the permit: connect to this and to nothing else."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a survey of the agency as a whole looks at: the permitted networks, and the addresses in them that are declared."""

    networks: tuple[str, ...]
    declared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The limits and means of a look, the same for all probes of a run."""

    vantage: Vantage
    now: Callable[[], datetime]
    timeout: float = 5.0
    """Seconds for one connection or one answer."""
    deadline: float = 60.0
    """Seconds for one whole probe; each probe keeps it by itself."""
    turn: float = 0.0
    """Seconds that one connection may wait for its turn under the rate in force."""
    read_limit: int = 262_144
    """Bytes read from one connection at the most."""
    trust_anchors: Path | None = None
    """The operator's CA store (PEM); None where none was given."""
    crls: Path | None = None
    """The operator's CRLs (PEM); None where none were given."""
    ports: str = "1-1024"
    """Which ports discovery asks for besides the declared ones, in nmap's notation."""

    def seen(self, how: Method, by: str, connections: int = 0) -> Seen:
        """The provenance of a thing seen just now."""
        return Seen(observed_at=self.now(), how=how, by=by, vantage=self.vantage, connections=connections)


Probe = Callable[[Target, Circumstances], Observation | Unobserved]
"""A probe looks at one target. Expected trouble is an Unobserved; it raises only when it is itself at fault."""

Survey = Callable[[Ground, Circumstances], Observation | Unobserved]
"""A survey is a probe whose subject is the agency."""


def unobserved(trouble: BaseException | str, reason: Reason | None = None) -> Unobserved:
    """The Unobserved that names this trouble; network errors find their own reason."""
    return Unobserved(reason=reason or _reason(trouble), detail=escaped(str(trouble), limit=300))


def _reason(trouble: BaseException | str) -> Reason:
    from scanner.probes.fence import BudgetSpentError, NotPermittedError

    match trouble:
        case NotPermittedError():
            return Reason.NOT_PERMITTED
        case BudgetSpentError():
            return Reason.BUDGET_SPENT
        case TimeoutError():
            return Reason.TIMED_OUT
        case ConnectionRefusedError():
            return Reason.REFUSED
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return Reason.RESET
        case OSError():
            return Reason.UNREACHABLE
        case _:
            return Reason.CRASHED
