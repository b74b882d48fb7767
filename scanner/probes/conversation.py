"""A conversation with one endpoint over several connections: bounded listening, inside TLS once the service is known to speak it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from scanner.probes.looking import Circumstances, Target
from scanner.probes.sealed import Sealed
from scanner.probes.sweep.client_hello import server_name
from scanner.probes.wire import Wire
from scanner.targets import Service

_READ = 4_096
"""Bytes read of a greeting or an answer; more changes nothing."""
_WIRE_LIMIT = 65_536
"""Bytes read from one connection, a certificate chain and several answers among them."""
_PATIENCE = 2.0
"""Seconds to wait for a first word; whoever speaks first does so at once."""
_PAUSE, _PAUSE_IN_A_LINE = 0.3, 0.8
"""Seconds without a further byte after which a peer has said what it had to say: at the end of a line, and within one."""
_LONGEST = 3.0
"""Seconds to listen to one who goes on and on."""
_CONNECTION = 15.0
"""Seconds for one connection."""
HUNG_UP = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLError)
"""How a peer hangs up that does not care for a question."""

Line = Wire | Sealed


@dataclass
class Conversation:
    """What was opened and heard so far."""

    target: Target
    circumstances: Circumstances
    ends: float
    opened: int = 0
    sealed: bool = False
    """Whether the service speaks TLS: from then on it is asked inside."""
    heard: bytes = b""
    """The last words that were not recognised."""

    @property
    def service(self) -> Service:
        """The service talked to."""
        if self.target.service is None:
            raise AssertionError("the greeting probe looks at endpoints")
        return self.target.service

    @property
    def patience(self) -> float:
        """Seconds to wait for a first word."""
        return min(_PATIENCE, self.circumstances.timeout)

    @contextmanager
    def wire(self) -> Iterator[Wire]:
        """A new connection."""
        with Wire(
            self.target.address,
            self.service.port,
            timeout=self.circumstances.timeout,
            ends=min(self.ends, time.monotonic() + _CONNECTION),
            limit=min(_WIRE_LIMIT, self.circumstances.read_limit),
        ) as wire:
            self.opened += 1
            yield wire

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A new connection, inside TLS where the service speaks TLS."""
        with self.wire() as wire:
            if self.sealed:
                inside = Sealed(wire, server_name(self.service.name))
                inside.handshake()
                yield inside
            else:
                yield wire

    def listen(self, line: Line, enough: Callable[[bytes], bool] = lambda _: False) -> bytes:
        """What the peer says next, until it pauses or it is enough; none where it says nothing for a while."""
        said, until = b"", time.monotonic() + _LONGEST
        while len(said) < _READ and time.monotonic() < until and not enough(said):
            pause = _PAUSE if said.endswith(b"\n") else _PAUSE_IN_A_LINE
            line.patience(min(pause, self.patience) if said else self.patience)
            try:
                more = line.read()
            except TimeoutError:
                break
            except HUNG_UP:
                if not said:
                    raise
                break  # what it said before it hung up stands
            if not more:
                break
            said += more
        self.heard = said[:_READ] or self.heard
        return said[:_READ]

    def asked(self, line: Line, question: bytes, enough: Callable[[bytes], bool] = lambda _: False) -> bytes:
        """What the peer says to this question; to none, what it says next."""
        line.patience(self.circumstances.timeout)
        if question:
            line.send(question)
        return self.listen(line, enough)

    def asked_further(self, line: Line, question: bytes) -> bytes:
        """What the peer says to a further question; none where it hangs up, for what it said before stands."""
        try:
            return self.asked(line, question)
        except (*HUNG_UP, TimeoutError):
            return b""
