"""Asking side by side over UDP: one socket a question, every datagram admitted by the fence, bounded waiting.

A socket is connected, so that it hears nobody but the port asked, and so that the host's own "nothing listens here" (ICMP
port unreachable) reaches us. The fence counts the connect for the first datagram and each `sendto` for a further one. No
socket is ever allowed to broadcast, and the fence admits no multicast address.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from scanner.observations import Datagram, Reason, Reply, Unobserved
from scanner.probes.datagrams.question import Question
from scanner.probes.looking import unobserved
from scanner.record import escaped

TRIES = 3
"""Datagrams of one question at the most: a host may say "nothing listens here" only once a second (Linux does, after six)."""

_READ = 4_096
"""Bytes read of one answer."""
_STRANGE = 16
"""Datagrams that are no answer, after which a port is not listened to any more."""
_RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR of Linux, which Python 3.11 has no names for: a socket that is not connected hears refusals too."""


@dataclass(slots=True)
class _Asked:
    """One question under way."""

    question: Question
    address: str
    line: socket.socket
    sent: int = 0
    strange: int = 0
    found: Datagram | Unobserved | None = field(default=None)

    def send(self) -> None:
        """Sends the question once more; a refusal or trouble of our own ends it."""
        try:
            if self.question.from_any_port or self.sent:
                self.line.sendto(self.question.payload, (self.address, self.question.port))
            else:
                self.line.connect((self.address, self.question.port))
                self.line.send(self.question.payload)
        except ConnectionRefusedError:
            self.found = self._datagram(Reply.REFUSED)
        except OSError as error:
            self.found = unobserved(error)
        else:
            self.sent += 1

    def hear(self) -> None:
        """Reads what came."""
        try:
            data, peer = self.line.recvfrom(_READ)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            self.found = self._datagram(Reply.REFUSED)
        except OSError as error:
            self.found = unobserved(error)
        else:
            if str(peer[0]).partition("%")[0] == self.address.partition("%")[0]:
                self._read(data)

    def _read(self, data: bytes) -> None:
        read = self.question.read(data)
        if read is not None:
            self.found = self._datagram(read[0], escaped(read[1], limit=200), len(data))
            return
        self.strange += 1
        if self.strange >= _STRANGE:
            self.found = self.unreadable()

    def unreadable(self) -> Unobserved:
        """What is to be said of a port that said something else."""
        return Unobserved(reason=Reason.UNREADABLE, detail=f"port {self.question.port} answers, and not to this question")

    def result(self) -> Datagram | Unobserved:
        """What came back, once the waiting is over."""
        if self.found is not None:
            return self.found
        if not self.sent:
            return Unobserved(reason=Reason.TIMED_OUT, detail="the time for this probe was over before it was asked")
        return self.unreadable() if self.strange else self._datagram(Reply.SILENT)

    def _datagram(self, reply: Reply, said: str = "", received: int = 0) -> Datagram:
        sent = len(self.question.payload)
        return Datagram(port=self.question.port, reply=reply, said=said, sent=sent, received=received)


def asked(
    address: str, questions: Sequence[Question], patience: float, ends: float
) -> tuple[dict[str, Datagram | Unobserved], int]:
    """What came back to each question by its name, and the datagrams sent; each waits `patience` for each of its tries."""
    with ExitStack() as stack, selectors.DefaultSelector() as waiting:
        under_way = [_Asked(question, address, stack.enter_context(_line(address, question))) for question in questions]
        for one in under_way:
            waiting.register(one.line, selectors.EVENT_READ, one)
        for _ in range(TRIES):
            left = [one for one in under_way if one.found is None and not one.strange]
            if not left or time.monotonic() >= ends:
                break
            for one in left:
                one.send()
                _hear(waiting, 0.0)
            _listen(waiting, left, min(ends, time.monotonic() + patience))
        return {one.question.name: one.result() for one in under_way}, sum(one.sent for one in under_way)


def _line(address: str, question: Question) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    line = socket.socket(family, socket.SOCK_DGRAM)
    line.settimeout(0.0)
    if question.from_any_port:
        line.setsockopt(*_RECEIVE_ERRORS[family], 1)
    return line


def _listen(waiting: selectors.BaseSelector, under_way: Iterable[_Asked], until: float) -> None:
    under_way = tuple(under_way)
    while any(one.found is None for one in under_way) and (left := until - time.monotonic()) > 0:
        _hear(waiting, left)


def _hear(waiting: selectors.BaseSelector, seconds: float) -> None:
    for key, _ in waiting.select(seconds):
        one: _Asked = key.data
        if one.found is None:
            one.hear()
        if one.found is not None:
            waiting.unregister(one.line)
