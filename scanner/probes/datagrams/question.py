"""A question over UDP: what is sent, to which port, and how an answer to it is read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from scanner.observations import Reply

Read = tuple[Reply, str | bytes]
"""Served or declined, and what shows it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One read-only question. `read` gives None for bytes that are no answer to it, and never raises."""

    name: str
    port: int
    payload: bytes
    read: Callable[[bytes], Read | None]
    from_any_port: bool = False
    """Whether the answer comes from another port than the one asked, as TFTP's does."""


def mark(size: int) -> bytes:
    """Random bytes by which the answer is told from what somebody else sends; the first bit is not set."""
    data = secrets.token_bytes(size)
    return bytes([data[0] & 0x7F | 0x01]) + data[1:]
