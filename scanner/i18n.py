"""The one catalogue: everything a person reads is looked up here, in the language chosen once at start."""

from __future__ import annotations

import gettext
from pathlib import Path

from scanner.findings import Message

DOMAIN = "clearance"
LANGUAGES = ("vi", "en")
FOLDER = Path(__file__).resolve().parent.parent / "report_templates" / "locale"

_chosen: gettext.NullTranslations = gettext.NullTranslations()


def choose(language: str) -> None:
    """Makes this language the one in which everything is shown; English where the catalogue has no entry."""
    global _chosen  # noqa: PLW0603 - one language for the process, chosen once at its start
    _chosen = gettext.translation(DOMAIN, str(FOLDER), languages=[language], fallback=True)


def _(text: str) -> str:
    """The text in the chosen language."""
    return _chosen.gettext(text) if text else ""


def N_(text: str) -> str:  # noqa: N802 - the usual name, by which the catalogue finds the text
    """The text as it is: marked for the catalogue, translated where it is shown."""
    return text


def ngettext(singular: str, plural: str, count: int) -> str:
    """The text in the chosen language and the right number."""
    return _chosen.ngettext(singular, plural, count)


def shown(message: Message) -> str:
    """A recorded message in the chosen language, with its values."""
    return message.shown(_(message.text))
