"""How long a scan may begin new sights, in all and at one host. What is under way when the time is over ends by its own deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Allowance:
    """The time a scan has, in seconds of a clock that only goes forward; a pause counts. Without limits it never ends."""

    def __init__(self, run: float | None = None, host: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._run, self._host, self._clock = run, host, clock
        self._began: float | None = None
        self._met: dict[str, float] = {}
        self._lock = threading.Lock()

    def may_begin(self, host: str) -> bool:
        """Whether a sight at this host may begin now; the first one asked for begins the run, and a host's first one its own time."""
        now = self._clock()
        with self._lock:
            self._began = now if self._began is None else self._began
            if self._run is not None and now - self._began >= self._run:
                return False
            met = self._met.setdefault(host, now)
            return self._host is None or now - met < self._host
