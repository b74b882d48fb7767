"""What must not be printed: keys, passphrases, PINs and tokens, wherever an error or a traceback would repeat them."""

from __future__ import annotations

import re
from functools import cache

_KEYS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_AGE = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]+", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/._~-]{8,}={0,2}")
_TOKENS = re.compile(
    r"\b(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?|ghp_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16})\b"
)
_WORDS = r"pass(?:word|phrase|wd)?|pwd|secret|token|api[_-]?key|pin(?:[_-]value)?|credential|authorization|cookie"
_NAMED = re.compile(
    rf"(?i)(?P<name>['\"]?[\w-]*(?:{_WORDS})['\"]?\s*(?:=|:)\s*)(?P<value>b?'[^'\n]*'|b?\"[^\"\n]*\"|[^\s,;&)}}\]]+)"
)
_MARK = "[redacted]"
_NOTHING = re.compile(r"""b?['"]?(?:None|True|False|\[redacted\])?['"]?""")
_PLACE = re.compile(r"line \d+, column \d+")
"""Where a parser of XML stopped: it says "unclosed token: line 14, column 97"."""
_COLON = re.compile(r":\s+")
_VALUE = re.compile(r"\{[^{}]*\}")
_SHORTEST = 16
"""No shorter beginning of a sentence is taken for one of ours: a passphrase may begin with common words."""


def redacted(text: str) -> str:
    """The text with everything in it that looks like a secret taken out; what surrounds it stays, so that the place is found."""
    for pattern in (_KEYS, _AGE, _USERINFO, _TOKENS):
        text = pattern.sub(_MARK, text)
    return _without_named(_BEARER.sub(lambda found: f"{found[1]} {_MARK}", text))


def _without_named(text: str) -> str:
    pieces, at = [], 0
    while found := _NAMED.search(text, at):
        begins = found.start("value")
        pieces.append(text[at:begins])
        at = begins  # what is harmless is searched in its turn
        if not _harmless(found):
            pieces.append(_MARK)
            at = found.end()
    return "".join((*pieces, text[at:]))


def _harmless(found: re.Match[str]) -> bool:
    """Whether what follows such a name is nothing, a place in a file, or a sentence of ours about a file or thing of that name."""
    if _NOTHING.fullmatch(found["value"]):
        return True
    if not _COLON.search(found["name"]):
        return False
    begins = found.start("value")
    return _PLACE.match(found.string, begins) is not None or found.string.startswith(_sentences(), begins)


@cache
def _sentences() -> tuple[str, ...]:
    """What our own sentences say first or after a colon, up to the next value in them, in both languages."""
    from scanner.i18n import catalogue

    try:
        known = catalogue("vi").known
    except (OSError, ValueError):  # without a catalogue that can be read, more is taken out
        return ()
    found = set()
    for sentence in (text for pair in known.items() for text in pair):
        first, *others = _VALUE.split(sentence)
        found.add(first.strip())
        found.update(part[colon.end() :].strip() for part in (first, *others) for colon in _COLON.finditer(part))
    return tuple(sorted(head for head in found if len(head) >= _SHORTEST and " " in head))
