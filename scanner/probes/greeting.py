"""The greeting probe: what a service says first, and where it waits, what it answers to a few harmless questions."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from scanner.observations import GreetingObservation, Method, Reason, Unobserved
from scanner.probes import protocols, questions, stores
from scanner.probes.conversation import HUNG_UP, Conversation, Line
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.protocols import UNKNOWN, Recognised
from scanner.probes.sealed import Sealed
from scanner.probes.sweep.client_hello import server_name
from scanner.record import escaped

BUDGET = 12
"""Connections to one service at the most: one to listen, one or two for each question; it ends at the first recognised answer."""

_ROUNDS = 4
"""How often a telnet server may propose options before it comes to its prompt."""


@dataclass(frozen=True, slots=True)
class _Answer:
    recognised: Recognised
    said: bytes


def look(target: Target, circumstances: Circumstances) -> GreetingObservation | Unobserved:
    """What the service says, which protocol that is, and whether it serves strangers; or why that could not be seen."""
    looking = Conversation(target, circumstances, time.monotonic() + circumstances.deadline)
    trouble: Unobserved | None = None
    try:
        answer = _answer(looking)
    except OSError as error:
        trouble, answer = unobserved(error), None
        if not looking.sealed:
            return trouble
    if answer is None and not looking.sealed and not looking.heard:
        return Unobserved(reason=Reason.SILENT, detail="it says nothing, whatever it is asked")
    recognised = answer.recognised if answer else Recognised(UNKNOWN)
    return GreetingObservation(
        seen=circumstances.seen(Method.HANDSHAKE, "clearance greeting", connections=looking.opened),
        protocol="tls" if looking.sealed and recognised.protocol == UNKNOWN else recognised.protocol,
        said=escaped(answer.said if answer else looking.heard),
        encrypted=looking.sealed,
        answers_unauthenticated=trouble or _strangers(recognised),
        weaknesses=recognised.weaknesses,
        unclear=recognised.unclear,
    )


def _strangers(recognised: Recognised) -> bool | Unobserved:
    if recognised.strangers is not None:
        return recognised.strangers
    if recognised.protocol == UNKNOWN:
        return Unobserved(reason=Reason.UNREADABLE, detail="the protocol is not recognised")
    return Unobserved(reason=Reason.NOT_ASKED, detail=recognised.doubt)


def _answer(looking: Conversation) -> _Answer | None:
    """The first words that are recognised, or that were said unasked; None where there are none."""
    first = questions.at_home(looking.service.port)
    heard = first(looking) if first else None
    if heard is not None:
        return _Answer(*heard)
    with looking.line() as line:
        answer = _greeted(looking, line)
    for question in _QUESTIONS:
        if answer is None:
            try:
                answer = question(looking)
            except HUNG_UP:
                continue  # it hung up on this question; another may be its own
    for further in questions.QUESTIONS:
        heard = further(looking) if answer is None and further is not first else None
        if heard is not None:
            answer = _Answer(*heard)
    if answer is None:
        complaint = stores.http(looking.heard) or protocols.complained(looking.heard)
        return _Answer(complaint, looking.heard) if complaint else None
    return answer


def _greeted(looking: Conversation, line: Line) -> _Answer | None:
    """What the peer says of its own accord."""
    said = looking.listen(line, lambda said: said.endswith(b"\n") and protocols.greeted(said) is not None)
    if not said:
        return None
    found = protocols.greeted(said)
    if found is None and protocols.undecided(said):
        found = _which_of_the_two(looking, line)
    elif found and found.protocol == "vnc":
        version = protocols.vnc_version(said)
        found = protocols.vnc_strangers(looking.asked_further(line, version), version)
    elif found and found.protocol == "telnet" and found.strangers is None:
        return _negotiated(looking, line, said)
    return _Answer(found or Recognised(UNKNOWN), said)


def _which_of_the_two(looking: Conversation, line: Line) -> Recognised | None:
    """FTP or SMTP, where the greeting says neither."""
    found = protocols.featured(looking.asked_further(line, b"FEAT\r\n"))
    return found or protocols.helloed(looking.asked_further(line, b"EHLO clearance.invalid\r\n"))


def _negotiated(looking: Conversation, line: Line, said: bytes) -> _Answer:
    """A telnet server's words, up to its prompt where it comes to one."""
    news, found = said, Recognised("telnet")
    for _ in range(_ROUNDS):
        news = looking.asked_further(line, protocols.declined(news))
        said += news
        found = protocols.greeted(said) or found
        if not news or found.strangers is not None:
            break
    return _Answer(found, said)


def _asked_tls(looking: Conversation) -> _Answer | None:
    with looking.wire() as wire:
        wire.patience(looking.patience)
        inside = Sealed(wire, server_name(looking.service.name))
        try:
            inside.handshake()
        except (*HUNG_UP, TimeoutError):
            looking.heard = inside.answered or looking.heard
            looking.sealed = protocols.tls(inside.answered)
            refused = Recognised("tls", doubt="it speaks TLS and refuses this handshake")
            return _Answer(refused, inside.answered[:5]) if looking.sealed else None
        looking.sealed, looking.heard = True, inside.answered[:5]
        try:
            return _greeted(looking, inside)
        except ssl.SSLError as error:
            if error.reason != "TLSV13_ALERT_CERTIFICATE_REQUIRED":
                raise
            return _Answer(Recognised("tls", strangers=False), looking.heard)


def _asked_ping(looking: Conversation) -> _Answer | None:
    with looking.line() as line:
        said = looking.asked(line, stores.PING, lambda said: said.endswith(b"\n") and stores.pinged(said) is not None)
        first, second = stores.pinged(said), stores.second_question(said)
        if second:
            answer = looking.asked_further(line, second)
            found = stores.pinged(answer)
            return _Answer(found, answer) if found else _Answer(first, said) if first else None
        return _Answer(first, said) if first else None


def _asked_http(looking: Conversation) -> _Answer | None:
    host = looking.service.name or looking.target.address
    with looking.line() as line:
        said = looking.asked(line, stores.get("/", host))
    found = stores.http(said)
    if found and found.protocol == "couchdb":
        found = _listed_by_couchdb(looking, host)
    behind = questions.control_plane(looking, said) if found else None
    return _Answer(*behind) if behind else _Answer(found, said) if found else None


def _listed_by_couchdb(looking: Conversation, host: str) -> Recognised:
    try:
        with looking.line() as line:
            return stores.couchdb(looking.asked(line, stores.get(stores.COUCHDB_LIST, host)))
    except HUNG_UP:
        return stores.couchdb(b"")


def _asked_postgresql(looking: Conversation) -> _Answer | None:
    with looking.line() as line:
        said = looking.asked(line, stores.SSL_REQUEST)
    found = stores.postgresql(said)
    return _Answer(found, said) if found else None


def _asked_mongodb(looking: Conversation) -> _Answer | None:
    with looking.line() as line:
        said = looking.asked(line, stores.mongo(stores.MONGO_HELLO))
        if not stores.mongo_answered(said, stores.MONGO_HELLO):
            return None
        return _Answer(stores.mongo_listed(looking.asked_further(line, stores.mongo(stores.MONGO_LIST))), said)


_QUESTIONS: tuple[Callable[[Conversation], _Answer | None], ...] = (
    _asked_tls,
    _asked_ping,
    _asked_http,
    _asked_postgresql,
    _asked_mongodb,
)
"""Asked of a service that waits, TLS first: what speaks TLS complains about anything else in words that mislead."""
