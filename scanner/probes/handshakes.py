"""What a server can answer to one TLS hello, and who greeted: the words between the handshake engine and the probe."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scanner.observations import Unobserved


class Client(Enum):
    """Which OpenSSL greets: the old one knows SSL 3.0 and broken suites, the new one TLS 1.3 and modern curves."""

    OLD = "1.0.2"
    NEW = "1.1.1"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server picked this suite; `dh_bits` where it showed a finite-field Diffie-Hellman group."""

    suite: str
    dh_bits: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused in words of TLS; `version` where it refused the version and not only the suites."""

    version: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """The server closed or reset the connection on the hello: its way to refuse, or trouble on the way."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The question got no answer."""

    why: Unobserved


Answer = Accepted | Refused | Dropped | Unclear
