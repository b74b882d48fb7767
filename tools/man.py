"""Writes a man page of every command, from what the command line knows of itself."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from tools.commands import commands, context_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "man" / "man1"
STATUSES = ROOT / "docs" / "exit-statuses.md"


def written(folder: Path) -> list[Path]:
    """The pages, written into this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for words, command in commands():
        page = folder / f"{'-'.join(words)}.1"
        page.write_text("\n".join(_page(words, command)) + "\n", "utf-8")
        found.append(page)
    return found


def _page(words: tuple[str, ...], command: click.Command) -> Iterator[str]:
    context = context_of(command, words)
    summary, *rest = re.split(r"\n\n|\s+(?=Examples?: )", (command.help or "").replace("\b", ""))
    described, examples = _parted([" ".join(paragraph.split()) for paragraph in rest])
    if command.epilog:
        examples += [line.strip() for line in command.epilog.replace("\b", "").splitlines() if line.strip()][1:]
    yield f'.TH "{"-".join(words).upper()}" "1" "" "clearance" "Clearance"'
    yield ".nh"  # a path or an option that is cut cannot be copied
    yield ".ad l"
    yield ".SH NAME"
    yield f"{_roff('-'.join(words))} \\- {_roff(' '.join(summary.split()))}"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(' '.join(words))}"
    yield _roff(" ".join(command.collect_usage_pieces(context)))
    if described:
        yield ".SH DESCRIPTION"
    for paragraph in described:
        yield ".PP"
        yield _roff(paragraph)
    yield from _options(command, context)
    if examples:
        yield ".SH EXAMPLE"
        yield ".nf"
        yield from map(_roff, examples)
        yield ".fi"
    if isinstance(command, click.Group):
        yield from _under(words, command, context)
    yield ".SH EXIT STATUS"
    for status, name, meaning in statuses():
        yield ".TP"
        yield f"\\fB{status}\\fR {_roff(name)}"
        yield _roff(meaning)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    yield ".SH OPTIONS"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or (isinstance(parameter, click.Argument) and not record[1]):
            continue  # an argument of which nothing is said stands in the synopsis
        yield ".TP"
        yield f"\\fB{_roff(record[0])}\\fR"
        if record[1]:
            yield _roff(record[1])


def _under(words: tuple[str, ...], command: click.Group, context: click.Context) -> Iterator[str]:
    yield ".SH COMMANDS"
    for name in command.list_commands(context):
        yield ".TP"
        page = "-".join((*words, name))
        yield f"\\fB{_roff(page)}\\fR(1)"
        under = command.get_command(context, name)
        yield _roff(" ".join(((under and under.help) or "").split("\n\n")[0].split()))


def statuses() -> list[tuple[str, str, str]]:
    """Every exit status with its name and its meaning, as the page of the documentation has them."""
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \| (.*) \|$", STATUSES.read_text("utf-8"), re.MULTILINE)
    return [(status, name, meaning.replace("`", "")) for status, name, meaning in rows]


def _parted(paragraphs: list[str]) -> tuple[list[str], list[str]]:
    """What a help describes, and the examples that stand at its end."""
    first = next((place for place, text in enumerate(paragraphs) if text.startswith("Example")), len(paragraphs))
    return paragraphs[:first], [re.sub(r"^Examples?: ", "", text) for text in paragraphs[first:]]


def _roff(text: str) -> str:
    """Text that roff prints as it is."""
    escaped = text.replace("\\", "\\e")
    for sign, name in (("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga"), ("~", "\\(ti"), ("^", "\\(ha"), ("|", "|\\:")):
        escaped = escaped.replace(sign, name)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    sys.stderr.write(f"{len(written(FOLDER))} pages in {FOLDER}\n")
