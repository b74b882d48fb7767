"""One question, one connection: sends a hello and reads the answer's first flight, held to a time and a number of bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from scanner.observations import Reason, Unobserved
from scanner.probes.fence import BudgetSpentError, NotPermittedError
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.sweep.client_hello import Hello, encoded
from scanner.probes.sweep.server_flight import Flight, Spoke, flight, is_whole
from scanner.probes.upgrades import Stream, UpgradeError, upgraded
from scanner.probes.wire import Wire
from scanner.record import escaped
from scanner.targets import Service


class Asker:
    """Asks one endpoint, and counts the connections it takes."""

    def __init__(self, target: Target, service: Service, circumstances: Circumstances, ends: float) -> None:
        self._target = target
        self._service = service
        self._circumstances = circumstances
        self._ends = ends
        self._kept: dict[Hello, Flight] = {}
        self.opened = 0

    def first(self, hello: Hello) -> Flight:
        """The answer to the first question, kept for when the sweep asks it.

        Raises OSError where no connection comes about, UpgradeError where the peer does not change to TLS.
        """
        found = self._kept[hello] = self._asked(hello)
        return found

    def ask(self, hello: Hello) -> Flight:
        """The answer; silence where no connection comes about any more. Raises only where the permit forbids the connection."""
        if hello in self._kept:
            return self._kept.pop(hello)
        try:
            return self._asked(hello)
        except (NotPermittedError, BudgetSpentError):
            raise
        except (OSError, UpgradeError):
            return Flight(Spoke.SILENT, b"")

    def nudged(self) -> bytes:
        """What the peer says to one line of text: redis, for one, waits for the end of a line and none comes in a hello."""
        try:
            with self.stream(limit=256) as wire:
                wire.send(b"HELP\r\n\r\n")
                return wire.read()
        except (NotPermittedError, BudgetSpentError):
            raise
        except (OSError, UpgradeError):
            return b""

    def _asked(self, hello: Hello) -> Flight:
        with self.stream(limit=self._circumstances.read_limit) as stream:
            data, cut = _received(stream, encoded(hello))
            return replace(flight(data), cut=cut)

    @contextmanager
    def stream(self, limit: int) -> Iterator[Stream]:
        """A new connection, brought to where TLS begins; raises OSError and UpgradeError as `first` does."""
        ends = min(time.monotonic() + 2 * self._circumstances.timeout, self._ends)
        self.opened += 1
        address, timeout = self._target.address, self._circumstances.timeout
        with Wire(address, self._service.port, timeout=timeout, ends=ends, limit=limit) as wire:
            yield upgraded(wire, self._service, address)


def no_tls(first: Flight, asker: Asker) -> Unobserved | None:
    """Why this peer does not speak TLS at all; None where it does, or may."""
    match first.spoke:
        case Spoke.SOMETHING_ELSE:
            return Unobserved(reason=Reason.NOT_SPOKEN, detail=f"answers a TLS hello with: {escaped(first.said, limit=100)}")
        case Spoke.SILENT:
            said = asker.nudged()
            if said:
                detail = f"silent to TLS, says to a line of text: {escaped(said, limit=100)}"
                return Unobserved(reason=Reason.NOT_SPOKEN, detail=detail)
            return unobserved("accepts the connection and says nothing", Reason.SILENT)
        case _:
            return None


def _received(stream: Stream, hello: bytes) -> tuple[bytes | None, bool]:
    """What the peer sent, None where it sent nothing and did not close; and whether the time was over before the end."""
    data = bytearray()
    try:
        stream.send(hello)
        while not is_whole(data):
            more = stream.read()
            if not more:
                break
            data += more
    except TimeoutError:
        return bytes(data) or None, True
    except ConnectionError:
        pass  # a peer that slams the door closes; what it said before stands
    return bytes(data), False
