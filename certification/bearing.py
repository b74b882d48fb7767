"""Which entries of a log bear on a statement: those that share a serial, a request, a client key or a trial's system with it, however many steps away.

The log decides what may be done to one certificate, and most of what it holds is about others. Nothing is verified here and nothing is
decided: what is found is read and verified like the whole log. See docs/adr/0034.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from certification.log_store import Entries, LogEntry
from certification.trials import word_of


@dataclass(frozen=True, slots=True)
class Bearing:
    """Some entries of a log, in its order."""

    log: Entries
    positions: tuple[int, ...]

    def entries(self, start: int = 0, serial: str | None = None) -> Iterator[LogEntry]:
        """These entries from a position on, in order; those about one certificate where `serial` is given."""
        for position in self.positions:
            if position >= start:
                entry = next(iter(self.log.entries(position)), None)
                if entry is not None and serial in (None, entry.serial):
                    yield entry


def bearing(log: Entries, words: Iterable[str]) -> Bearing:
    """The entries in which one of these words stands, and those in which a word of one of these stands, until no more are found.

    With them go all entries of which no words could be told, so that they are refused where the whole log would be.
    """
    wanted = set(words)
    open_words, found, holding = list(wanted), set[int](), defaultdict[str, list[int]](list)
    told: dict[int, frozenset[str]] = {}
    for entry in log.entries():
        here = words_of_envelope(entry.envelope)
        if not here:
            found.add(entry.position)
        told[entry.position] = here
        for word in here:
            holding[word].append(entry.position)
    while open_words:
        for position in holding[open_words.pop()]:
            if position not in found:
                found.add(position)
                open_words += told[position] - wanted
                wanted |= told[position]
    return Bearing(log, tuple(sorted(found)))


def words_of_envelope(envelope: bytes) -> frozenset[str]:
    """The words of what is in this envelope; none where it cannot be told."""
    try:
        return words_of(base64.b64decode(json.loads(envelope)["payload"], validate=True))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return frozenset()


def words_of(payload: bytes) -> frozenset[str]:
    """The serials, the request, the client keys and a trial's system by which a statement bears on others; none where they cannot be told. Verifies nothing."""
    try:
        told = json.loads(payload)["predicate"]
        words = [
            told["serial"],
            told.get("supersedes"),
            told.get("request_sha256"),
            *told.get("client_key_sha256", ()),
            word_of(told),
        ]
        return (
            frozenset(word for word in words if word is not None)
            if all(isinstance(w, str | None) for w in words)
            else frozenset()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()
