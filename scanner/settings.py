"""Settings of a folder, `clearance.toml`: what the verbs that look take where an option is not given. Never what certifies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scanner.faults import InputError
from scanner.i18n import N_, _

FILE = "clearance.toml"
LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """What a setting may be: one of these words, a number, a path or any text; and what it says."""

    kind: Literal["text", "number", "path"] | tuple[str, ...]
    says: str


SETTINGS: Mapping[str, Setting] = {
    "scope": Setting("path", N_("The scope: the agency, its system, hosts and services.")),
    "permit": Setting("path", N_("The permit; no packet without it.")),
    "baseline": Setting("text", N_("The baseline, by id or path.")),
    "deviations": Setting("path", N_("Waivers and remediation plans.")),
    "anchors": Setting("path", N_("The CA store that peers' certificates are checked against.")),
    "crls": Setting("path", N_("The CRLs in which peers' certificates are looked up.")),
    "feeds": Setting("path", N_("The feed store that patches are judged by.")),
    "runs": Setting("path", N_("The folder in which each run gets a folder of its own.")),
    "zone": Setting("text", N_("The network zone this machine stands in.")),
    "rate": Setting(("gentle", "normal", "fast"), N_("How gently to look; never beyond the permit.")),
    "ports": Setting("text", N_("Ports to look for besides the declared ones.")),
    "timeout": Setting("number", N_("Seconds per answer.")),
    "deadline": Setting("number", N_("Seconds per probe; what it waits its turn under the rate comes on top.")),
    "run_deadline": Setting("number", N_("Seconds after which a scan begins nothing new.")),
    "host_deadline": Setting("number", N_("Seconds after its first sight from which on nothing new begins at a host.")),
    "lang": Setting(("vi", "en"), N_("Language of all text.")),
}
"""Trust roots and keys are never settings: they are named by hand."""

LOOKING = ("plan", "scan", "check", "doctor")
"""The verbs that take settings."""
SPEAKING = (*LOOKING, "init", "inventory", "runs", "evaluate", "report", "explain", "diff", "recheck", "permit new")
"""The verbs that take their language from the settings; of a group all, or the one that is named."""


def applies(words: str) -> bool:
    """Whether the settings of the folder are read for this verb, with the word after it where it is a group: never for those that sign and verify."""
    return words in SPEAKING or words.partition(" ")[0] in SPEAKING


def read(folder: Path) -> dict[str, Any]:
    """The settings of this folder, paths made whole; none where there is no such file. Raises InputError at the first fault."""
    import tomllib

    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        data = path.read_bytes()
        value = tomllib.loads(data.decode("utf-8")) if len(data) <= LIMIT else None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(_("{path}: not TOML: {error}").format(path=path, error=error)) from None
    if value is None:
        raise InputError(_("{path}: larger than {limit} bytes").format(path=path, limit=LIMIT))
    return {name: _checked(path, name, found, folder) for name, found in value.items()}


def _checked(path: Path, name: str, value: Any, folder: Path) -> Any:
    if name not in SETTINGS:
        text = _("{path}: no setting is called {name}; there are {known}")
        raise InputError(text.format(path=path, name=repr(name[:60]), known=", ".join(SETTINGS)))
    match SETTINGS[name].kind:
        case "number":
            good, wanted = isinstance(value, int | float) and not isinstance(value, bool), _("a number")
        case "text" | "path":
            good, wanted = isinstance(value, str), _("text in quotes")
        case words:
            good, wanted = value in words, _("one of {words}").format(words=", ".join(words))
    if not good:
        raise InputError(_("{path}: {name} should be {wanted}").format(path=path, name=name, wanted=wanted))
    return str(folder / value) if SETTINGS[name].kind == "path" else value


def defaults(found: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as defaults of the verbs that look, by the names of their options."""
    options = {("pace" if name == "rate" else name): value for name, value in found.items() if name != "lang"}
    return dict.fromkeys(LOOKING, options)
