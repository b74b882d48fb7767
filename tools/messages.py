"""Brings the catalogue of messages up to date: every sentence a person reads, from code, helps, templates and checks."""

from __future__ import annotations

import ast
import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parent.parent
LOCALE = HERE / "report_templates" / "locale"
TEMPLATE = LOCALE / "clearance.pot"
LANGUAGES = ("vi",)

_METHODS = [
    ("scanner/**.py", "python"),
    ("certification/**.py", "python"),
    ("gateway/**.py", "python"),
    ("checks/**.py", "python"),
]
_TEMPLATES = [("report_templates/**.j2", "jinja2.ext:babel_extract")]
_KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "N_": None,
    "said": None,
    "ngettext": (1, 2),
    "_reason": (3,),
    "_told": (3,),
    "_limit": (2,),
    "unobserved": (1,),
    "NotPermitted": (1,),
    "CollectionError": (1,),
    "LoginError": (2,),
    "absent": (3,),
}


def extracted() -> Catalog:
    """Every message, with where it stands."""
    catalog = Catalog(project="clearance", charset="utf-8")
    for place, line, message in sorted(_found(), key=lambda entry: (str(entry[2]), entry[0], entry[1])):
        catalog.add(message, locations=[(place, line)])
    return catalog


def _found() -> Iterator[tuple[str, int, str | tuple[str, ...]]]:
    for methods in (_METHODS, _TEMPLATES):
        for place, line, message, _comments, _context in extract_from_dir(
            str(HERE), method_map=methods, keywords=_KEYWORDS, directory_filter=lambda path: Path(path).name[:1] not in "._"
        ):
            if message:
                yield place, 0 * line, message  # without line numbers the catalogue changes only when a sentence does
    yield from _details()
    from scanner import cli
    from scanner.cli import leaves
    from scanner.cli.helps import texts
    from scanner.cli.summaries import SUMMARIES
    from scanner.registry import load_checks

    yield from (("scanner/cli/__init__.py", 0, text) for text in texts(cli.clearance))
    for verb, module in cli.COMMANDS.items():
        command = leaves.finished(getattr(importlib.import_module(f"scanner.cli.{module}"), verb), verb)
        yield from ((f"scanner/cli/{module}.py", 0, text) for text in (*texts(command), SUMMARIES.get(verb, "")) if text)
    for check in load_checks().values():
        for text in (check.title, check.explanation, *check.fixes.values(), *(retest.good for retest in check.retests.values())):
            if text:
                yield f"checks/{check.id}", 0, text


def _details() -> Iterator[tuple[str, int, str]]:
    """Why something was not observed, where that is a sentence of ours: it is named by keyword, which babel does not look for."""
    for path in sorted((HERE / "scanner").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Unobserved":
                for word in node.keywords:
                    if word.arg == "detail" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str):
                        yield path.relative_to(HERE).as_posix(), 0, word.value.value


def template_bytes() -> bytes:
    """The template of all catalogues."""
    return _written(extracted())


def merged(language: str) -> bytes:
    """The catalogue of a language with all messages, its translations kept."""
    path = LOCALE / language / "LC_MESSAGES" / "clearance.po"
    known = (
        read_po(io.BytesIO(path.read_bytes()), locale=language)
        if path.exists()
        else Catalog(locale=language, project="clearance")
    )
    known.update(extracted(), no_fuzzy_matching=True)
    known.obsolete.clear()
    return _written(known)


def _written(catalog: Catalog) -> bytes:
    output = io.BytesIO()
    write_po(output, catalog, omit_header=False, width=120, sort_output=False, include_lineno=False, ignore_obsolete=True)
    lines = output.getvalue().decode().splitlines(keepends=True)
    volatile = (
        '"POT-Creation-Date:',
        '"PO-Revision-Date:',
        '"Generated-By:',
        "# FIRST AUTHOR",
        "# Copyright",
        "# This file",
        "# Translations",
    )
    return "".join(line for line in lines if not line.startswith(volatile)).encode()


def main() -> int:
    """Writes the template and each language's catalogue."""
    LOCALE.mkdir(parents=True, exist_ok=True)
    TEMPLATE.write_bytes(template_bytes())
    for language in LANGUAGES:
        path = LOCALE / language / "LC_MESSAGES" / "clearance.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(merged(language))
    sys.stderr.write(f"{len(extracted())} messages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
