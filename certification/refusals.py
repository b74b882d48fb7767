"""Refusal: the one exception of certification."""

from __future__ import annotations

from certification.codes import Code, RefusalKind
from scanner.findings import Message
from scanner.i18n import shown

__all__ = ["Code", "Refusal", "RefusalKind"]


class Refusal(Exception):  # noqa: N818 - it is the word of the domain: an answer, not a fault of the program
    """The one exception of certification: which rule said no, and what was seen."""

    def __init__(self, code: Code, message: Message) -> None:
        super().__init__(f"{code}: {message.shown()}")
        self.code = code
        self._message = message

    @property
    def message(self) -> str:
        """What was seen and what was wanted, in the chosen language; values that others chose are escaped."""
        return shown(self._message)

    @property
    def kind(self) -> RefusalKind:
        """What sort of no this is."""
        return self.code.kind
