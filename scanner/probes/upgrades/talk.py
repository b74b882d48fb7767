"""The clear part of a connection before TLS: whole lines and whole packets, bounded, with nothing left over when TLS begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from scanner.observations import Reason, Unobserved
from scanner.record import escaped

MOST = 16_384
"""Bytes read before TLS at the most."""
LINES = 200
"""Lines of one answer at the most."""


class Stream(Protocol):
    """What TLS is spoken on."""

    def send(self, data: bytes) -> None:
        """Sends all of it."""

    def read(self) -> bytes:
        """The next bytes, none where the peer closed."""

    def patience(self, seconds: float) -> None:
        """Waits no longer than this for the next bytes."""


class UpgradeError(Exception):
    """The peer does not change to TLS; `why` says whether it offers none (UNSUPPORTED) or is something else (NOT_SPOKEN)."""

    def __init__(self, why: Unobserved) -> None:
        super().__init__(why.detail)
        self.why = why


class Talk:
    """A conversation in clear on one connection."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = b""
        self._read = 0

    def say(self, data: bytes) -> None:
        """Sends all of it."""
        self._stream.send(data)

    def line(self) -> bytes:
        """The next line without its end; raises UpgradeError where there is none."""
        while b"\n" not in self._held:
            self._more("breaks off in the middle of a line")
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip(b"\r")

    def reply(self, last: Callable[[bytes], bool]) -> list[bytes]:
        """Lines up to the first that `last` holds for."""
        found: list[bytes] = []
        while len(found) < LINES:
            found.append(self.line())
            if last(found[-1]):
                return found
        raise UpgradeError(Unobserved(reason=Reason.UNREADABLE, detail=f"an answer of more than {LINES} lines before TLS"))

    def exactly(self, size: int) -> bytes:
        """The next bytes, as many as asked for; raises UpgradeError where there are fewer."""
        if size > MOST:
            raise UpgradeError(Unobserved(reason=Reason.UNREADABLE, detail=f"announces a packet of {size} bytes before TLS"))
        while len(self._held) < size:
            self._more("breaks off in the middle of a packet")
        data, self._held = self._held[:size], self._held[size:]
        return data

    def until(self, found: Callable[[bytes], bool]) -> bytes:
        """Everything said until `found` holds for it."""
        while not found(self._held):
            self._more("breaks off before it offers TLS")
        data, self._held = self._held, b""
        return data

    def sealed(self) -> Stream:
        """The stream on which TLS begins; raises UpgradeError where the peer has already said more in clear.

        Words that were slipped in behind the answer would otherwise be taken for what was said inside TLS (RFC 3207 section 4.2).
        """
        if self._held:
            self.unread("says more in clear than it was asked")
        return self._stream

    def unread(self, what: str) -> NoReturn:
        """Raises that these words cannot be followed."""
        raise UpgradeError(Unobserved(reason=Reason.UNREADABLE, detail=f"{what}: {escaped(self._held, limit=100)}"))

    def _more(self, broken: str) -> None:
        data = self._stream.read()
        self._read += len(data)
        if not data or self._read > MOST:
            what = f"more than {MOST} bytes before TLS" if data else broken
            raise UpgradeError(Unobserved(reason=Reason.UNREADABLE if data or self._held else Reason.RESET, detail=what))
        self._held += data


def refuses(said: bytes | list[bytes]) -> NoReturn:
    """Raises that the peer speaks the protocol and offers no TLS."""
    raise UpgradeError(Unobserved(reason=Reason.UNSUPPORTED, detail=f"offers no change to TLS: {_shown(said)}"))


def turned_away(said: bytes | list[bytes]) -> NoReturn:
    """Raises that the peer speaks the protocol and will not speak with us now."""
    raise UpgradeError(Unobserved(reason=Reason.BLOCKED, detail=f"turns us away: {_shown(said)}"))


def speaks_otherwise(said: bytes | list[bytes]) -> NoReturn:
    """Raises that the peer's words are not of the declared protocol."""
    raise UpgradeError(Unobserved(reason=Reason.NOT_SPOKEN, detail=f"says something else than what was declared: {_shown(said)}"))


def _shown(said: bytes | list[bytes]) -> str:
    return escaped(said if isinstance(said, bytes) else b" / ".join(said[-3:]), limit=150)
