"""What is wrong with a value, in the words of whoever wrote it and not in those of a library: place by place, in the chosen language."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scanner.faults import WrongValueError
from scanner.i18n import N_, _, filled, ngettext

Place = tuple[str | int, ...]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""An identifier's letters."""
SHA256 = r"^[0-9a-f]{64}$"


def complaint(error: ValidationError) -> tuple[Place, str]:
    """Where a validation failed first, and what is wrong there; a misspelt key before the key that it leaves missing."""
    return complaints(error)[0]


def complaints(error: ValidationError) -> list[tuple[Place, str]]:
    """All that is wrong, each with its place; misspelt keys before the keys that they leave missing."""
    found = error.errors(include_url=False, include_input=False)
    return [(tuple(item["loc"]), wrong(item)) for item in sorted(found, key=lambda item: item["type"] != "extra_forbidden")]


def wrong(item: ErrorDetails) -> str:
    """What is wrong, without the value itself, which may be hostile or secret."""
    kind, context = item["type"], item.get("ctx", {})
    if kind in _KEYS:
        return _(_KEYS[kind]).format(key=item["loc"][-1])
    if kind in _SENTENCES:
        text, bound = _SENTENCES[kind]
        told = context.get(bound, "")
        return _(text).format(count=told, words=told)
    if kind == "string_too_short":
        least = int(context.get("min_length", 1))
        text = ngettext("at least {count} character is wanted here", "at least {count} characters are wanted here", least)
        return text.format(count=least)
    if kind == "string_pattern_mismatch":
        pattern = str(context.get("pattern", ""))
        return _(_LETTERS.get(pattern, _OTHER_LETTERS)).format(pattern=pattern)
    if kind == "value_error":
        return _of_ours(context.get("error"))
    return item["msg"]


_KEYS = {
    "extra_forbidden": N_("no key is called {key!r} here"),
    "missing": N_("the key {key!r} is missing"),
}
_NUMBER = N_("a whole number is wanted here"), ""
_TRUTH = N_("true or false is wanted here"), ""
_WORD = N_("one of {words} is wanted here"), "expected"
_SENTENCES = {
    "too_short": (N_("at least {count} must stand here"), "min_length"),
    "too_long": (N_("at most {count} may stand here"), "max_length"),
    "greater_than_equal": (N_("at least {count} is wanted here"), "ge"),
    "less_than_equal": (N_("at most {count} is wanted here"), "le"),
    "string_too_long": (N_("at most {count} characters may stand here"), "max_length"),
    "string_type": (N_("text is wanted here; put it in quotes where it looks like a number or a date"), ""),
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_from_float": _NUMBER,
    "bool_type": _TRUTH,
    "bool_parsing": _TRUTH,
    "literal_error": _WORD,
    "enum": _WORD,
}
"""What the library calls each fault, the sentence for it, and the name of the bound that stands in it."""
_LETTERS = {
    NAME: N_("write it with the letters a to z without marks, digits, dots, dashes and underscores, as in H46 or tran.thi.b"),
    SHA256: N_("a SHA-256 is wanted here: 64 digits from 0 to 9 and a to f"),
}
_OTHER_LETTERS = N_("it is not written as it has to be, which is {pattern}")


def _of_ours(error: object) -> str:
    """The sentence of one of our own validators; it stands in the catalogue as it stands there."""
    return filled(error) if isinstance(error, WrongValueError) else _(str(error))
