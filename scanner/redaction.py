"""What must not be printed: keys, passphrases, PINs and tokens, wherever an error or a traceback would repeat them."""

from __future__ import annotations

import re

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
_HARMLESS = re.compile(r"""b?['"]?(?:None|True|False|\[redacted\])?['"]?""")


def redacted(text: str) -> str:
    """The text with everything in it that looks like a secret taken out; what surrounds it stays, so that the place is found."""
    for pattern in (_KEYS, _AGE, _USERINFO, _TOKENS):
        text = pattern.sub(_MARK, text)
    text = _BEARER.sub(lambda found: f"{found[1]} {_MARK}", text)
    return _NAMED.sub(_named, text)


def _named(found: re.Match[str]) -> str:
    if _HARMLESS.fullmatch(found["value"]):
        return found[0]
    return f"{found['name']}{_MARK}"
