"""Writes a man page of every command, from what the command line knows of itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from scanner.cli.exits import ExitStatus
from tools.commands import commands

FOLDER = Path(__file__).resolve().parent.parent / "build" / "man" / "man1"


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
    context = click.Context(command, info_name=" ".join(words))
    summary, *rest = (command.help or "").replace("\b", "").split("\n\n")
    yield f'.TH "{"-".join(words).upper()}" "1" "" "clearance" "Clearance"'
    yield ".SH NAME"
    yield f"{_roff('-'.join(words))} \\- {_roff(' '.join(summary.split()))}"
    yield ".SH SYNOPSIS"
    yield f".B {_roff(' '.join(words))}"
    yield _roff(" ".join(command.collect_usage_pieces(context)))
    if rest:
        yield ".SH DESCRIPTION"
    for paragraph in rest:
        yield ".PP"
        yield _roff(" ".join(paragraph.split()))
    yield ".SH OPTIONS"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            yield ".TP"
            yield f"\\fB{_roff(record[0])}\\fR"
            yield _roff(record[1] or "")
    if command.epilog:
        lines = [line for line in command.epilog.replace("\b", "").splitlines() if line.strip()]
        yield ".SH EXAMPLE"
        yield from (_roff(line.strip()) for line in lines[1:])
    if isinstance(command, click.Group):
        yield ".SH COMMANDS"
        for name in command.list_commands(context):
            yield ".TP"
            page = "-".join((*words, name))
            yield f"\\fB{_roff(page)}\\fR(1)"
            under = command.get_command(context, name)
            yield _roff(" ".join(((under and under.help) or "").split("\n\n")[0].split()))
    yield ".SH EXIT STATUS"
    for status in ExitStatus:
        yield ".TP"
        yield f"\\fB{status.value}\\fR"
        yield _roff(status.name)


def _roff(text: str) -> str:
    """Text that roff prints as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


if __name__ == "__main__":
    sys.stderr.write(f"{len(written(FOLDER))} pages in {FOLDER}\n")
