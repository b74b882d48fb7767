"""What a web server answers."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count, Seen, Unobserved
from scanner.record import PeerText, Record, Sorted


class HttpHeader(Record):
    """One header line, its name in lower case."""

    name: PeerText
    value: PeerText


class HttpAnswer(Record):
    """One answer: status and headers."""

    url: PeerText
    status: Count
    headers: Sorted[HttpHeader]
    body_start: PeerText = ""
    """The first bytes of the body."""

    def header(self, name: str) -> str | None:
        """The value of the header of this name, several joined by commas; None where it is absent."""
        found = [header.value for header in self.headers if header.name == name]
        return ", ".join(found) if found else None


class HttpObservation(Record):
    """What an endpoint answers to GET / and to a path that does not exist; redirects are noted, not followed."""

    kind: Literal["http"] = "http"
    seen: Seen
    tls: bool
    root: HttpAnswer
    missing: HttpAnswer | Unobserved
    """The answer for a path that cannot exist: where products show their version and stack traces."""
