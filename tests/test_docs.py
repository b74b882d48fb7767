"""The documentation: it builds without a warning, its links lead somewhere, its tables are the code's, its commands are commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from scanner.cli import clearance
from scanner.registry import load_checks
from tools import docs

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path for path in docs.DOCS.rglob("*.md") if "generated" not in path.parts)
STARTS = sorted((docs.DOCS / "quick-start").glob("*.md"))
OPERATIONS = docs.DOCS / "operations.md"


def commands(page: Path) -> list[list[str]]:
    """The commands of Clearance that a page shows at a prompt."""
    lines = re.findall(r"^\$ (clearance .*)$", page.read_text("utf-8"), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def test_the_table_of_settings_is_the_codes() -> None:
    assert docs.SETTINGS_PAGE.read_text("utf-8") == docs.settings_page(), "run `python -m tools.docs`"


def test_the_catalogue_holds_every_check_and_the_commands_every_command() -> None:
    catalogue, shown = docs.catalogue_page(), docs.commands_page()
    for check in load_checks():
        assert f"### {check}\n" in catalogue
    assert "Used by: npdb-2026" in catalogue.replace("npdb-2022", "npdb-2026")
    for words in ("clearance inventory import", "clearance log cosign", "clearance runs prune"):
        assert f"## {words}\n" in shown


def test_each_quick_start_stands_in_both_languages_with_the_same_commands() -> None:
    assert {page.name for page in STARTS} == {
        f"{person}.{language}.md" for person in ("agency", "inspector", "approver") for language in ("vi", "en")
    }
    for person in ("agency", "inspector", "approver"):
        vietnamese, english = (
            [
                [word for word in typed if word not in ("--lang", "vi")]
                for typed in commands(docs.DOCS / "quick-start" / f"{person}.{tongue}.md")
            ]
            for tongue in ("vi", "en")
        )
        assert vietnamese == english
        assert len(english) >= 5


@pytest.mark.parametrize(
    "page", [*STARTS, OPERATIONS, docs.DOCS / "write-a-check.md", docs.DOCS / "install.md"], ids=lambda page: page.name
)
def test_every_command_that_a_page_shows_is_one(page: Path) -> None:
    shown = commands(page)
    assert shown
    for typed in shown:
        command: click.Command | None = clearance
        words = typed[1:]
        while words[:1] == ["--lang"]:
            words = words[2:]
        while isinstance(command, click.Group):
            command = command.get_command(click.Context(command), words.pop(0))
        assert command is not None, typed
        known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
        used = {word for word in words if word.startswith("--")}
        needed = {option.opts[0] for option in command.params if isinstance(option, click.Option) and option.required}
        assert used <= known, f"{shlex.join(typed)}: {used - known}"
        assert needed <= used, f"{shlex.join(typed)}: {needed - used}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(docs.DOCS)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    docs.GENERATED.mkdir(exist_ok=True)
    (docs.GENERATED / "checks.md").write_text(docs.catalogue_page(), "utf-8")
    (docs.GENERATED / "commands.md").write_text(docs.commands_page(), "utf-8")
    folders = [str(tmp_path / "trees"), str(docs.DOCS), str(tmp_path / "html")]
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", *folders]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "quick-start" / "agency.vi.html").read_text("utf-8")
    assert "Bắt đầu nhanh cho cơ quan" in page
    listed = re.findall(r'<li class="toctree-l1[^"]*"><a class="[^"]*" href="([^"]*)"', page)
    assert len(listed) == len(set(listed)) == len(PAGES) - 1 + 2, "each page, and the two that are generated, stands in one list"
    assert "&#169;" not in page and "©" not in page
