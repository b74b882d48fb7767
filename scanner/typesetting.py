"""Typesetting: one of our own Typst templates and data in, a PDF out. Data is never markup, and the same data gives the same bytes.

The bytes depend on the template, the data, Typst's version and the fonts: `Renderer` says which these were, so that a reader can tell another
renderer from a forgery.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from scanner.i18n import _
from scanner.inert import inert
from scanner.record import Record, Sha256, Text, canonical, sha256
from scanner.strict_yaml import InputError

FONTS = Path("/usr/share/fonts/truetype/croscore")
"""Where Debian's fonts-croscore puts Tinos, whose widths are those of Times New Roman (Decree 30/2020, annex I)."""
FACES = ("Tinos-Regular.ttf", "Tinos-Bold.ttf", "Tinos-Italic.ttf", "Tinos-BoldItalic.ttf")
_MOST_BYTES = 32 * 1024 * 1024


class MissingPartError(InputError):
    """The extra `pdf` or the font is not installed."""


class Renderer(Record):
    """What, besides the data, decides the bytes of a PDF."""

    typst: Text
    fonts: Sha256
    """Over the font files, in the order regular, bold, italic, bold italic."""
    template: Sha256


def typeset(template: str, data: Mapping[str, Any], attached: Mapping[str, bytes] | None = None) -> bytes:
    """The PDF of this template with this data, tagged and in the form PDF/A-3u; raises MissingPartError where Typst or Tinos is not there.

    Texts are shown shortened, with what has no glyph or could not be seen as U+FFFD. `attached` files lie beside the template, by name.
    """
    typst = _typst()
    _insist_on_fonts()
    with tempfile.TemporaryDirectory(prefix="clearance-") as folder:
        root = Path(folder)
        (root / "main.typ").write_text(_template(template), "utf-8")
        written = json.dumps(shown(data), ensure_ascii=False, sort_keys=True).encode()
        if len(written) > _MOST_BYTES:
            raise InputError(_("{count} bytes are too many for one PDF").format(count=len(written)))
        (root / "data.json").write_bytes(written)
        for name, content in (attached or {}).items():
            (root / name).write_bytes(content)
        made: bytes = typst.compile(
            str(root / "main.typ"),
            root=str(root),
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards="a-3u",
            package_path=str(root),
            package_cache_path=str(root),
        )
    return made


def renderer(template: str) -> Renderer:
    """What a PDF of this template is made with on this machine."""
    _typst()
    _insist_on_fonts()
    return Renderer(typst=version("typst"), fonts=_fonts_digest(), template=sha256(_template(template).encode()))


def renderer_bytes(template: str) -> bytes:
    """The same, as it is attached to a PDF."""
    return canonical(renderer(template).model_dump(mode="json")) + b"\n"


def shown(value: Any) -> Any:
    """The value with every text in it fit for the page."""
    match value:
        case str():
            return inert(value, glyphs=_glyphs())
        case Mapping():
            return {str(key): shown(each) for key, each in value.items()}
        case list() | tuple():
            return [shown(each) for each in value]
        case _:
            return value


def _template(name: str) -> str:
    return files("report_templates").joinpath(name).read_text("utf-8")


@cache
def _glyphs() -> frozenset[int]:
    """The characters that every face has."""
    try:
        from fontTools.ttLib import TTFont
    except ImportError:
        raise _missing() from None
    _insist_on_fonts()
    faces = []
    for face in FACES:
        with TTFont(str(FONTS / face), lazy=True) as font:
            faces.append(set(font.getBestCmap()))
    return frozenset(set.intersection(*faces))


@cache
def _fonts_digest() -> str:
    found = hashlib.sha256()
    for face in FACES:
        found.update((FONTS / face).read_bytes())
    return found.hexdigest()


def _insist_on_fonts() -> None:
    for face in FACES:
        if not (FONTS / face).is_file():
            raise MissingPartError(_("{path} is missing: install Debian's fonts-croscore").format(path=FONTS / face))


def _typst() -> Any:
    try:
        import typst
    except ImportError:
        raise _missing() from None
    return typst


def _missing() -> MissingPartError:
    return MissingPartError(_("making or comparing a PDF needs the extra `pdf`: pip install 'clearance[pdf]'"))
