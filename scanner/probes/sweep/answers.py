"""What a server's first flight says to the question it was asked: picked, refused, dropped, or nothing that decides it."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.observations import Reason, Unobserved
from scanner.probes.looking import unobserved
from scanner.probes.sweep.client_hello import Hello
from scanner.probes.sweep.server_flight import Flight, ServerHello, Spoke
from scanner.record import escaped

_PROTOCOL_VERSION = 70
_REFUSALS = (40, 47, 71, 109, 110)
"""Alerts by which servers refuse what was offered: handshake_failure, illegal_parameter, insufficient_security, and those about
extensions. Any other alert is trouble of another kind and decides nothing."""
_INTERNAL_ERROR = 80


@dataclass(frozen=True, slots=True)
class Picked:
    """The server picked one of the suites."""

    hello: ServerHello
    flight: Flight


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused in words of TLS; `version` where it refused the version and not only the suites."""

    version: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """The server closed the connection on the hello, or failed at it: its way to refuse, or trouble on the way."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The question got no answer that decides it."""

    why: Unobserved


Answer = Picked | Refused | Dropped | Unclear


def answer_of(hello: Hello, flight: Flight) -> Answer:
    """What this flight answers to this hello; what was not offered is never taken for a pick."""
    match flight.spoke:
        case Spoke.HELLO if flight.hello is not None:
            if flight.hello.version < hello.version:
                return Refused(version=True)
            if flight.hello.version != hello.version or flight.hello.suite not in hello.suites:
                return Unclear(unobserved("picked what was not offered", Reason.UNREADABLE))
            return Picked(flight.hello, flight)
        case Spoke.ALERT if flight.alert == _PROTOCOL_VERSION:
            return Refused(version=True)
        case Spoke.ALERT if flight.alert in _REFUSALS:
            return Refused(version=False)
        case Spoke.ALERT if flight.alert == _INTERNAL_ERROR:
            return Dropped()  # so OpenSSL refuses a version for which its settings leave it no signature
        case Spoke.ALERT:
            return Unclear(strange(flight))
        case Spoke.CLOSED:
            return Dropped()
        case Spoke.SILENT:
            return Unclear(unobserved("no answer to a hello", Reason.TIMED_OUT))
        case _:
            return Unclear(unobserved(f"answers a hello with: {escaped(flight.said, limit=100)}", Reason.NOT_SPOKEN))


def strange(flight: Flight) -> Unobserved:
    """An alert or a broken answer that decides nothing."""
    what = "an answer that breaks off" if flight.alert is None else f"alert {flight.alert}"
    return unobserved(f"answers a hello with {what}", Reason.TIMED_OUT if flight.cut else Reason.UNREADABLE)
