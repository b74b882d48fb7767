"""The greeting probe: what a service says first, and where it waits, what it answers to a few harmless questions."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from scanner.observations import GreetingObservation, Method, Reason, Unobserved
from scanner.probes import protocols
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.protocols import UNKNOWN, Recognised
from scanner.probes.wire import Wire
from scanner.record import escaped

BUDGET = 6
"""Connections to one service at the most: one to listen, one for each question."""

_READ = 4_096
"""Bytes read of a greeting or an answer; more changes nothing."""
_PATIENCE = 2.0
"""Seconds to wait for a first word; whoever speaks first does so at once."""
_PAUSE = 0.3
"""Seconds without a further byte after which a peer has said what it had to say."""


@dataclass
class _Looking:
    target: Target
    circumstances: Circumstances
    ends: float
    opened: int = 0
    heard: bytes = b""
    """The last words that were not recognised."""

    def wire(self) -> Wire:
        """A new connection."""
        if self.target.service is None:
            raise AssertionError("the greeting probe looks at endpoints")
        found = Wire(
            self.target.address,
            self.target.service.port,
            timeout=self.circumstances.timeout,
            ends=self.ends,
            limit=_READ * 4,
        )
        self.opened += 1
        return found

    def listen(self, wire: Wire) -> bytes:
        """What the peer says next; none where it says nothing for a while."""
        said = b""
        with suppress(TimeoutError):
            while len(said) < _READ:
                wire.patience(_PAUSE if said else min(_PATIENCE, self.circumstances.timeout))
                more = wire.read()
                if not more:
                    break
                said += more
        self.heard = said[:_READ] or self.heard
        return said[:_READ]


@dataclass(frozen=True, slots=True)
class _Answer:
    recognised: Recognised
    said: bytes
    encrypted: bool = False


def look(target: Target, circumstances: Circumstances) -> GreetingObservation | Unobserved:
    """What the service says, which protocol that is, and whether it serves strangers; or why that could not be seen."""
    looking = _Looking(target, circumstances, time.monotonic() + circumstances.deadline)
    try:
        answer = _greeted(looking)
    except OSError as error:
        return unobserved(error)
    for question in _QUESTIONS:
        if answer is not None:
            break
        try:
            answer = question(looking)
        except TimeoutError as error:
            return unobserved(error)
        except OSError:
            continue  # it hung up on this question; another may be its own
    if answer is None and looking.heard:
        answer = _Answer(Recognised(UNKNOWN), looking.heard)
    if answer is None:
        return Unobserved(reason=Reason.SILENT, detail="it says nothing, whatever it is asked")
    return GreetingObservation(
        seen=circumstances.seen(Method.HANDSHAKE, "clearance greeting", connections=looking.opened),
        protocol=answer.recognised.protocol,
        said=escaped(answer.said),
        encrypted=answer.encrypted,
        answers_unauthenticated=_strangers(answer),
    )


def _strangers(answer: _Answer) -> bool | Unobserved:
    if answer.recognised.strangers is not None:
        return answer.recognised.strangers
    if answer.recognised.protocol == UNKNOWN:
        return Unobserved(reason=Reason.UNREADABLE, detail="the protocol is not recognised")
    return Unobserved(reason=Reason.NOT_ASKED, detail="only an offered name or credential would show it")


def _greeted(looking: _Looking) -> _Answer | None:
    """What the peer says of its own accord."""
    with looking.wire() as wire:
        said = looking.listen(wire)
        if not said:
            return None
        found = protocols.greeted(said) or Recognised(UNKNOWN)
        if found.protocol == "vnc":
            wire.send(said[:12])
            types = looking.listen(wire)
            found = Recognised("vnc", protocols.vnc_strangers(types, said[4:11]))
        elif found.protocol == "telnet" and found.strangers is None:
            wire.send(_declined(said))
            said += looking.listen(wire)
            found = protocols.greeted(said) or found
        return _Answer(found, said)


def _declined(said: bytes) -> bytes:
    """A polite no to each telnet option that is proposed (RFC 854), so that the server goes on to its prompt."""
    answers = {0xFD: 0xFC, 0xFB: 0xFE}
    found = bytearray()
    for at in range(len(said) - 2):
        if said[at] == 0xFF and said[at + 1] in answers:
            found += bytes([0xFF, answers[said[at + 1]], said[at + 2]])
    return bytes(found) or b"\r\n"


def _asked_tls(looking: _Looking) -> _Answer | None:
    with looking.wire() as wire:
        wire.send(protocols.client_hello())
        said = looking.listen(wire)
        return _Answer(Recognised("tls"), said[:5], encrypted=True) if protocols.tls(said) else None


def _asked_ping(looking: _Looking) -> _Answer | None:
    with looking.wire() as wire:
        wire.send(b"PING\r\n")
        said = looking.listen(wire)
        found = protocols.pinged(said)
        if found and found.protocol == "memcached":
            wire.send(b"version\r\n")
            said = looking.listen(wire)
            found = protocols.greeted(said) or found
        if found and found.protocol == "http":
            return None  # the next question is HTTP's own
        return _Answer(found, said) if found else None


def _asked_http(looking: _Looking) -> _Answer | None:
    with looking.wire() as wire:
        wire.send(f"GET / HTTP/1.0\r\nHost: {looking.target.address}\r\nAccept: */*\r\n\r\n".encode())
        said = looking.listen(wire)
        found = protocols.greeted(said)
        if found and found.protocol == "http":
            return _Answer(protocols.http_store(said), said)
        return _Answer(found, said) if found else None


def _asked_postgresql(looking: _Looking) -> _Answer | None:
    with looking.wire() as wire:
        wire.send(bytes((0, 0, 0, 8, 4, 210, 22, 47)))
        said = looking.listen(wire)
        found = protocols.postgresql(said)
        return _Answer(found, said) if found else None


def _asked_mongodb(looking: _Looking) -> _Answer | None:
    with looking.wire() as wire:
        wire.send(protocols.mongo(protocols.MONGO_HELLO))
        said = looking.listen(wire)
        if protocols.mongo_answer(said, protocols.MONGO_HELLO) is None:
            return None
        wire.send(protocols.mongo(protocols.MONGO_LIST))
        listed = protocols.mongo_answer(looking.listen(wire), protocols.MONGO_LIST)
        return _Answer(Recognised("mongodb", listed), said)


_QUESTIONS: tuple[Callable[[_Looking], _Answer | None], ...] = (
    _asked_tls,
    _asked_ping,
    _asked_http,
    _asked_postgresql,
    _asked_mongodb,
)
"""Asked of a service that waits, TLS first: what speaks TLS complains about anything else in words that mislead."""
