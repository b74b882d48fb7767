"""A real browser without a window, driven over a pipe: what a page asks for, complains of, and looks like. Every step is bounded in time."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_PATIENCE = 40.0
_COMPLAINTS = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown")


class Browser:
    """One running browser with one page; messages are JSON ended by a zero byte (Chrome DevTools Protocol over pipes)."""

    def __init__(self, sender: int, receiver: int) -> None:
        self._sender, self._receiver = sender, receiver
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []

    def opened(self) -> None:
        """Attaches to a fresh page and listens to it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer to one command; events that come meanwhile are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._sender, data) :]
        until = time.monotonic() + _PATIENCE
        while True:
            answer = self._message(until)
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def visit(self, page: Path) -> None:
        """Loads a file and waits until it is loaded; the events of the page before are forgotten."""
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        until = time.monotonic() + _PATIENCE
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._message(until))

    def media(self, media: str = "", scheme: str = "light") -> None:
        """Shows the page as on this medium and in this colour scheme."""
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def width(self, width: int) -> None:
        """Shows the page in a window so wide."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)

    def value(self, expression: str) -> Any:
        """What the expression has for a value in the page."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def picture(self) -> bytes:
        """A PNG of what is seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def printed(self) -> bytes:
        """The page as it would be printed, as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"])

    def complaints(self) -> list[str]:
        """Everything the console was told."""
        told = [event["params"]["entry"]["text"] for event in self.events if event.get("method") == "Log.entryAdded"]
        return told + [str(event["params"]) for event in self.events if event.get("method") in _COMPLAINTS]

    def asked_for(self) -> list[str]:
        """Every address that was asked for."""
        return [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]

    def _message(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left = until - time.monotonic()
            assert left > 0, "the browser says nothing any more"
            if select.select([self._receiver], [], [], left)[0]:
                data = os.read(self._receiver, 1 << 20)
                assert data, "the browser ended"
                self._rest += data
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser that ends with the block, with a profile of its own that is empty before and gone after."""
    to_read, sender = os.pipe()
    receiver, to_write = os.pipe()
    profile = tempfile.mkdtemp(prefix="clearance-browser-")
    # the browser reads commands from file 3 and writes to file 4: bash puts the pipes there
    command = ["bash", "-c", f'exec chromium "$@" 3<&{to_read} 4>&{to_write}', "bash", *_SWITCHES, f"--user-data-dir={profile}"]
    process = subprocess.Popen(
        command,
        pass_fds=(to_read, to_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        found = Browser(sender, receiver)
        found.opened()
        yield found
    finally:
        os.close(sender)
        os.close(receiver)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        shutil.rmtree(profile, ignore_errors=True)
