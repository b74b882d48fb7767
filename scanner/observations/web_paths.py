"""What a web server answers at a fixed list of paths that say something about how it is kept."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count, Reason, Seen, Unobserved
from scanner.record import PeerText, Record, Sorted

_REFUSALS = (403, 406, 429, 503)
"""What firewalls and rate limits answer to whoever they do not want."""


class WebPath(Record):
    """The answer at one path, without its body: what stands there may be secret."""

    path: PeerText
    status: Count
    recognised: PeerText = ""
    """What the answer shows itself to be, as in Tomcat Manager; empty where it is nothing of the kind that is looked for."""


class SecurityTxt(Record):
    """The answer at /.well-known/security.txt (RFC 9116); it is written for strangers."""

    status: Count
    content_type: PeerText
    lines: tuple[PeerText, ...]
    """Its first lines; none where the status is not 200."""


class WebPathsObservation(Record):
    """What an endpoint answers at the paths of `scanner.probes.web_paths`; redirects are noted, not followed."""

    kind: Literal["web-paths"] = "web-paths"
    seen: Seen
    tls: bool
    impossible: Count
    """The status at a path that cannot exist."""
    paths: Sorted[WebPath]
    """The paths that were answered."""
    unanswered: Sorted[PeerText] = ()
    """The paths that were not, or not in time."""
    security_txt: SecurityTxt | Unobserved
    trace: bool | Unobserved
    """Whether TRACE is executed: it sends back what browsers keep from scripts."""

    @property
    def surfaces(self) -> tuple[WebPath, ...] | Unobserved:
        """The paths at which something was recognised; unobserved where answers are missing, or all alike refusals.

        What was recognised stands whatever else is missing.
        """
        found = tuple(each for each in self.paths if each.recognised)
        if found:
            return found
        if self.unanswered:
            return Unobserved(reason=Reason.SILENT, detail=f"no answer at {', '.join(self.unanswered)}"[:300])
        if self.impossible in _REFUSALS and all(each.status == self.impossible for each in self.paths):
            return Unobserved(reason=Reason.BLOCKED, detail=f"whatever is asked for is answered with {self.impossible}")
        return ()
