"""Which sights of a plan a person leaves out, by --only and --skip. What is left out shows as not assessed, and never passes."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.i18n import _
from scanner.observations import KINDS, Sight
from scanner.strict_yaml import InputError


def left_out(planned: Iterable[Sight], *, only: Iterable[str] = (), skip: Iterable[str] = ()) -> tuple[Sight, ...]:
    """The sights of the plan that are not taken; raises InputError where a word means none of them."""
    planned = tuple(planned)
    wanted = _meant(planned, "--only", only)
    unwanted = _meant(planned, "--skip", skip)
    return tuple(sight for sight in planned if sight in unwanted or (wanted and sight not in wanted))


def _meant(planned: tuple[Sight, ...], option: str, words: Iterable[str]) -> set[Sight]:
    found: set[Sight] = set()
    for word in words:
        subject, sign, kind = word.partition("=")
        if sign and kind not in KINDS:
            text = _("{option} {word}: no kind is called {kind}; there are {kinds}")
            raise InputError(text.format(option=option, word=word, kind=kind, kinds=", ".join(KINDS)))
        meant = {sight for sight in planned if _is_at(sight.subject, subject) and (not sign or sight.kind == kind)}
        if not meant:
            text = _(
                "{option} {word}: nothing of the plan is meant; write HOST, HOST:PORT or HOST:PORT=KIND, as `clearance plan` shows"
            )
            raise InputError(text.format(option=option, word=word))
        found |= meant
    return found


def _is_at(subject: str, word: str) -> bool:
    return not word or subject == word or subject.startswith(f"{word}:")
