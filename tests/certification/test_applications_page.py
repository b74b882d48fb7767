"""docs/applications.md names verbs, options, stages and codes that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from certification.application import Stage
from scanner.cli import clearance
from scanner.cli.status import REVIEW_DAYS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "applications.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def test_every_example_names_verbs_and_options_that_there_are() -> None:
    assert len(COMMANDS) == 14
    for line in COMMANDS:
        _, verb, *words = shlex.split(line.partition("  #")[0])
        command = clearance.get_command(click.Context(clearance), verb)
        if isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words[0])
        assert command is not None, verb
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
        wanted = {
            option for parameter in command.params if parameter.required for option in parameter.opts if option.startswith("--")
        }
        assert wanted <= set(words), line


def test_the_stages_are_all_of_them() -> None:
    assert {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")} == {stage.value for stage in Stage}
    assert f"({REVIEW_DAYS} days)" in PAGE
