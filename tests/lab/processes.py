"""Servers as child processes: started, waited for until they answer, and stopped again whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

PATIENCE = 15.0
"""Seconds a server may take to answer, and to end when it is told to."""

Address = tuple[str, int]


class LabError(Exception):
    """A server of the lab did not come up."""


def started(
    stack: ExitStack,
    command: Sequence[str | Path],
    log: Path,
    ready: Sequence[Address],
    ends: int = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Starts the command and returns when it accepts connections on every address; the stack stops it.

    It dies with this process even when this process is killed.
    """
    words = ["setpriv", "--pdeathsig", "KILL", *map(str, command)]
    with log.open("wb") as output:
        around = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", **(environment or {})}
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=around, start_new_session=True
        )
    stack.callback(_stop, process, ends)
    patience = time.monotonic() + PATIENCE
    for address in ready:
        while not _accepts(address):
            if process.poll() is not None or time.monotonic() > patience:
                said = log.read_text(errors="replace")[-2_000:]
                raise LabError(f"{words[3]} does not answer on {address[0]}:{address[1]}:\n{said}")
            time.sleep(0.02)


def _accepts(address: Address) -> bool:
    with suppress(OSError), socket.create_connection(address, timeout=1):
        return True
    return False


def _stop(process: subprocess.Popen[bytes], ends: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, ends)
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


class Talker:
    """A listener that asks for a name in clear as a telnet server does, and lets nobody in."""

    _OPENING = b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"
    """DO terminal type, speed, display and environment: what telnetd on Linux says first (RFC 854, 1091, 1079, 1096, 1572)."""

    def __init__(self, address: Address) -> None:
        self._listener = socket.create_server(address, backlog=64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                threading.Thread(target=self._ask, args=(peer,), daemon=True).start()

    def _ask(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            peer.settimeout(10)
            peer.sendall(self._OPENING)
            while peer.recv(256):
                peer.sendall(b"\r\nMau Province switch\r\nlogin: ")

    def stop(self) -> None:
        """Closes the port."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)


def interruptible() -> None:
    """In a child before it begins: Ctrl-C ends it, also where these tests run in the background of a shell that ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
