"""Brings the summaries of the verbs up to date, so that `clearance --help` need load no module for them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scanner.cli import COMMANDS, clearance

FILE = Path(__file__).resolve().parent.parent / "scanner" / "cli" / "summaries.py"
_HEAD = '"""What `clearance --help` says of each verb: written by `python -m tools.summaries` from the verbs themselves."""\n\n'


def summaries() -> dict[str, str]:
    """The first sentence of each verb's help."""
    context, found = click.Context(clearance), {}
    for name in COMMANDS:
        command = clearance.get_command(context, name)
        text = " ".join(((command and command.help) or "").split("\n\n")[0].split())
        found[name] = text.partition(". ")[0].rstrip(".") + "."
    return found


def written() -> bytes:
    """The module that holds them."""
    lines = [f"    {json.dumps(name)}: {json.dumps(text, ensure_ascii=False)}," for name, text in summaries().items()]
    return (_HEAD + "SUMMARIES: dict[str, str] = {\n" + "\n".join(lines) + "\n}\n").encode()


if __name__ == "__main__":
    FILE.write_bytes(written())
