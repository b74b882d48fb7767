"""What is spent once it was granted on: a request leads to one certificate, and a client key stands in one that can still let anybody in. Pure.

Otherwise whoever revokes or suspends a certificate leaves the same key let in by another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from certification.authorisation import AuthorisationPredicate
from certification.refusals import Code, Refusal
from scanner.findings import said


@dataclass(slots=True)
class Spent:
    """The requests and client keys that certificates rest on so far, with their serials."""

    requests: dict[str, str] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)

    def spend(self, granted: AuthorisationPredicate, holds: Callable[[str], Code | None]) -> None:
        """Notes this certificate; refuses it on another's request, or for the key of one that by `holds` does not give it free."""
        serial = granted.serial
        other = self.requests.setdefault(granted.request_sha256, serial)
        if other != serial:
            raise Refusal(Code.REQUEST_SPENT, said("{serial} rests on the request of {other}", serial=serial, other=other))
        for key in granted.client_key_sha256:
            for before in self.keys.get(key, ()):
                code = holds(before)
                if code is not None:
                    raise Refusal(code, said("{serial} is for the client key of {other}", serial=serial, other=before))
            self.keys.setdefault(key, []).append(serial)
