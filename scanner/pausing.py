"""Pausing a scan by Ctrl-Z: no new sight begins, those under way end, and only then the process stops until it is continued."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pause:
    """Whether sights may begin now."""

    def __init__(self, stop: Callable[[], None] | None = None) -> None:
        self._going = threading.Event()
        self._going.set()
        self._stop = stop or (lambda: os.kill(os.getpid(), signal.SIGSTOP))

    @property
    def asked(self) -> bool:
        """Whether a pause was asked for and is not over."""
        return not self._going.is_set()

    def ask(self) -> None:
        """No sight begins from here on."""
        self._going.clear()

    def wait(self, ended: threading.Event) -> None:
        """Returns when sights may begin, or when the scan has ended."""
        while not self._going.wait(0.2) and not ended.is_set():
            pass

    def settle(self, *, busy: bool) -> None:
        """Stops the process where a pause was asked for and nothing is under way; when it is continued, sights begin again."""
        if self.asked and not busy:
            self._stop()
            self._going.set()


@contextmanager
def pausable(said: Callable[[], None]) -> Iterator[Pause]:
    """A pause that Ctrl-Z asks for while this holds, on the main thread; elsewhere nothing asks for it."""
    pause = Pause()
    if threading.current_thread() is not threading.main_thread():
        yield pause
        return

    def asked(_signal: int, _frame: object) -> None:
        pause.ask()
        said()

    before = signal.signal(signal.SIGTSTP, asked)
    try:
        yield pause
    finally:
        signal.signal(signal.SIGTSTP, before)
