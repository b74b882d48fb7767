"""Writes the pages of the documentation that follow from the code: the check catalogue, the commands, and the table of settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanner.baseline import read_baseline
from scanner.check import Check
from scanner.cli.shipped import shipped
from scanner.i18n import FOLDER, Catalogue
from scanner.plan import kind_of
from scanner.registry import load_checks
from scanner.settings import SETTINGS
from tools.commands import commands, context_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
GENERATED = DOCS / "generated"
SETTINGS_PAGE = DOCS / "settings.md"
_BEGIN, _END = "<!-- settings -->\n", "<!-- end -->\n"


def settings_page() -> str:
    """The page of settings with its table as the code has it."""
    before, _sign, rest = SETTINGS_PAGE.read_text("utf-8").partition(_BEGIN)
    rows = ["| setting | value | meaning |", "|---|---|---|"]
    for name, setting in SETTINGS.items():
        kind = setting.kind if isinstance(setting.kind, str) else " or ".join(f"`{word}`" for word in setting.kind)
        rows.append(f"| `{name}` | {kind} | {setting.says} |")
    return f"{before}{_BEGIN}\n{chr(10).join(rows)}\n\n{_END}{rest.partition(_END)[2]}"


def catalogue_page() -> str:
    """Every check: what it asks, in both languages, how it is judged, which controls use it, and how to mend a failure."""
    return "\n".join(_catalogue()) + "\n"


def _catalogue() -> Iterator[str]:
    vietnamese = Catalogue((FOLDER / "vi" / "LC_MESSAGES" / "clearance.po").read_text("utf-8"))
    used = _uses()
    checks: dict[str, list[Check[Any, Any]]] = defaultdict(list)
    for check in load_checks().values():
        checks[kind_of(check.observes)].append(check)
    yield "# The checks"
    yield ""
    yield f"{sum(map(len, checks.values()))} checks, by what they look at. `clearance explain CHECK` says the same at the terminal."
    for kind, found in sorted(checks.items()):
        yield f"\n## {kind}\n"
        for check in found:
            yield f"### {check.id}\n"
            yield f"**{check.title}** {vietnamese.gettext(check.title)}\n"
            yield f"{_plain(check.explanation)}\n"
            parameters = check.parameters().model_dump(mode="json")
            if parameters:
                yield "Parameters: " + ", ".join(f"`{name} = {value}`" for name, value in parameters.items()) + "\n"
            yield "Used by: " + (", ".join(used[check.id]) or "no shipped baseline") + "\n"
            for product, text in check.fixes.items():
                yield f"- {product}:\n\n  ```text"
                yield from (f"  {line}" for line in text.splitlines())
                yield "  ```"
            yield ""


def _uses() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for id, path in shipped().items():  # noqa: A001 - it is the field's word
        baseline = read_baseline(path.read_bytes(), str(path))
        for control in baseline.controls:
            for rule in control.rules:
                found[rule.check].append(f"{id} {control.id} ({control.classed})")
    return found


def _plain(text: str) -> str:
    """Text that Markdown takes as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]<>#|$" else sign for sign in " ".join(text.split()))


def commands_page() -> str:
    """Every command with its help, as the terminal shows it."""
    lines = ["# The commands", ""]
    for words, command in commands():
        context = context_of(command, words)
        lines += [f"## {' '.join(words)}", "", "```text", command.get_help(context).replace("\b", ""), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / "checks.md").write_text(catalogue_page(), "utf-8")
    (GENERATED / "commands.md").write_text(commands_page(), "utf-8")
    SETTINGS_PAGE.write_text(settings_page(), "utf-8")
