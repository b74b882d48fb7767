"""One TCP connection held to a total time and a total number of bytes; for probes that read the wire themselves."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from types import TracebackType
from typing import Self


class Wire:
    """A connection whose reads end when the peer closes, the time is over or the bytes are spent."""

    def __init__(self, address: str, port: int, *, timeout: float, ends: float, limit: int) -> None:
        self._ends = ends
        self._timeout = timeout
        self._left = limit
        self._socket = socket.create_connection((address, port), timeout=self._patience())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def cut(self) -> None:
        """Shuts the connection down: whoever waits on it wakes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def patience(self, seconds: float) -> None:
        """Waits no longer than this for the next bytes."""
        self._timeout = seconds

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self._socket.settimeout(self._patience())
        self._socket.sendall(data)

    def read(self) -> bytes:
        """The next bytes, none where the peer closed or the limit is reached; raises TimeoutError when none come."""
        if not self._left:
            return b""
        self._socket.settimeout(self._patience())
        data = self._socket.recv(min(16_384, self._left))
        self._left -= len(data)
        return data

    @property
    def over(self) -> bool:
        """Whether the time of the whole connection is over."""
        return time.monotonic() >= self._ends

    @property
    def spent(self) -> bool:
        """Whether the limit of bytes is reached."""
        return not self._left

    def _patience(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this probe is over")
        return min(self._timeout, left)
