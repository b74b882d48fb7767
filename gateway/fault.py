"""What goes wrong at a gateway that is no refusal of certification: a program fails, a folder cannot be written, a probe is let in."""

from __future__ import annotations

from scanner.findings import Message
from scanner.i18n import shown


class GatewayError(Exception):
    """What failed at the gateway, and what state it is in now."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.shown())
        self._message = message

    @property
    def message(self) -> str:
        """What failed, in the chosen language; values that others chose are escaped."""
        return shown(self._message)
