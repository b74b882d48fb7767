"""Reports as HTML: views rendered into self-contained files. The same assessment gives the same bytes; data is never a template."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from scanner import readers
from scanner.assessment import Assessment
from scanner.causes import Cause
from scanner.changes import Comparison
from scanner.collector import few_collections
from scanner.i18n import _, ngettext, speaking
from scanner.inert import LONGEST, inert
from scanner.readers import Reader
from scanner.report_view import Piece, Row, View
from scanner.to_mend import Task
from scanner.writing import count, day, share

LARGEST = 4_500_000
"""Bytes of one file: more than that is split, so that every browser and every mail server takes it."""
AROUND = 100_000
"""Bytes kept free in each file for the head of the page and what stands between its pieces."""
_TABLE, _ROW = 400_000, 400
"""Characters of one table, and of a row without its texts; a longer one goes on in another table with its head again. Escaping makes
at most six of one, so that no table is larger than a file may be."""
_MOST = {"most_places": 40, "most_seen": 6, "most_reasons": 60, "most_gaps": 60, "most_rows": 300}
"""Entries of a list on the first page; it says how many more there are, and the tables behind it hold all."""
_FEWEST = 6
"""How often these are halved where the first page of a split report would be larger than a file may be."""
_Listed = TypeVar("_Listed", Row, Piece, Task, Cause)
_Item = TypeVar("_Item")
_NAMES = {"vi": "Tiếng Việt", "en": "English"}


@dataclass(frozen=True, slots=True)
class Edition:
    """What a report shows, in one language."""

    language: str
    view: View
    since: Comparison | None = None
    """How it differs from an earlier judgement, where one was given."""


@dataclass(frozen=True, slots=True)
class Page:
    """One file of a report."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Article:
    """What a page shows in one language."""

    lang: str
    name: str
    """Of the language, in that language."""
    body: Markup


@dataclass(frozen=True, slots=True)
class _Block:
    """A piece of a page that is not divided, and the section it stands in."""

    section: str
    text: Markup


def as_json(assessment: Assessment) -> bytes:
    """The assessment's own bytes."""
    return assessment.written()


def as_html(view: View, language: str) -> bytes:
    """The whole report as one HTML file without script, that loads nothing and opens from a USB stick, however large it gets."""
    (page,) = as_pages((Edition(language, view),), Reader.INSPECTOR, "report", largest=None)
    return page.data


@few_collections()
def as_pages(editions: Sequence[Edition], reader: Reader, stem: str, *, largest: int | None = LARGEST) -> tuple[Page, ...]:
    """The report in files of at most `largest` bytes each: the first holds the verdict and what to do, and links to the others."""
    heads, blocks = [], []
    for edition in editions:
        with speaking(edition.language):
            prefix = f"{edition.language}-" if len(editions) > 1 else ""
            heads.append(_head(edition, reader, prefix))
            blocks.append(tuple(_blocks(edition.view, reader, prefix, "")))
    whole = _page(editions, [_joined(*each) for each in zip(editions, heads, blocks, strict=True)])
    if largest is None or len(whole) <= largest:
        return (Page(f"{stem}.html", whole),)
    parts: list[Page] = []
    bodies = []
    for edition in editions:
        with speaking(edition.language):
            prefix = f"{edition.language}-" if len(editions) > 1 else ""
            head, most = _fitting(edition, reader, prefix, largest // len(editions) - AROUND)
            links = []
            pieces = _blocks(edition.view, reader, prefix, f"{stem}.html", most["most_rows"])
            for together in packed(pieces, _block_length, largest - AROUND):
                name = f"{stem}-{len(parts) + 2}.html"
                parts.append(Page(name, _page([edition], [_joined(edition, _back(edition.view, f"{stem}.html"), together)])))
                links.append((name, ", ".join(dict.fromkeys(block.section for block in together if block.section))))
            bodies.append(head + _rendered("contents.html.j2", links=links, p=prefix))
    return (Page(f"{stem}.html", _page(editions, bodies)), *parts)


def _fitting(edition: Edition, reader: Reader, prefix: str, room: int) -> tuple[Markup, dict[str, int]]:
    """The first page with lists as long as fit, and how long they are; what is longest is hostile, for a check fails in few ways."""
    for halved in range(_FEWEST):
        most = {name: max(1, entries >> halved) for name, entries in _MOST.items()}
        head = _head(edition, reader, prefix, most)
        if len(head.encode()) <= room:
            break
    return head, most


def _head(edition: Edition, reader: Reader, prefix: str, most: Mapping[str, int] = _MOST) -> Markup:
    view = edition.view
    title = readers.title(reader, edition.view)
    if reader is Reader.APPROVER:
        return _rendered("dossier.html.j2", view=view, p=prefix, reader_title=title, dossier=readers.dossier(view, edition.since))
    first = _rendered(
        "first.html.j2",
        view=view,
        p=prefix,
        reader_title=title,
        first_due=view.conditions[0][2] if view.conditions else "",
        mend_early=reader is Reader.AGENCY,
        **most,
    )
    return first if reader is Reader.AGENCY else first + _rendered("mend.html.j2", view=view, p=prefix, **most)


def _blocks(view: View, reader: Reader, prefix: str, main: str, linked: int = _MOST["most_rows"]) -> Iterator[_Block]:
    """What stands behind the first screen, piece by piece; `main` is the file of the first screen, where it is another.

    Its first `linked` actions can be linked to, for it shows no more of them.
    """
    if reader is Reader.APPROVER:
        return
    yield from _places(view, prefix, main, linked)
    for group in view.cause_groups:
        for causes, part in _cut(group.causes, _cause_length):
            yield _Block(_("All reasons"), _rendered("reasons.html.j2", group=group, causes=causes, part=part))
    if reader is Reader.INSPECTOR:
        for heading in view.headings:
            section = _("By heading and control")
            yield _Block(section, _rendered("heading.html.j2", heading=heading))
            for control in heading.controls:
                for rows, part in _cut(control.rows, _row_length):
                    yield _Block(section, _rendered("control.html.j2", control=control, rows=_flat(rows), part=part, p=prefix))
    yield _Block("", _rendered("basis.html.j2", view=view, p=prefix, brief=reader is Reader.AGENCY))
    if reader is Reader.INSPECTOR:
        for pieces, part in _cut(view.evidence, _piece_length):
            yield _Block(_("Annex: evidence"), _rendered("evidence.html.j2", pieces=pieces, part=part))


def _places(view: View, prefix: str, main: str, linked: int) -> Iterator[_Block]:
    for owner in view.owners:
        for place in owner.places:
            for tasks, part in _cut(place.tasks, _task_length):
                text = _rendered(
                    "place.html.j2",
                    view=view,
                    p=prefix,
                    owner=owner.name,
                    place=place,
                    tasks=tasks,
                    part=part,
                    main=main,
                    linked=linked,
                )
                yield _Block(_("By owner and host"), text)


def _row_length(row: Row) -> int:
    return min(len(row.seen), LONGEST)


def _piece_length(piece: Piece) -> int:
    return sum(min(len(text), LONGEST) for text in (piece.seen, piece.by, piece.vantage))


def _cause_length(cause: Cause) -> int:
    return sum(min(len(text), LONGEST) for text in (cause.title, *cause.subjects[: _MOST["most_places"]]))


def _task_length(task: Task) -> int:
    shown = (*task.seen[: _MOST["most_seen"]], *task.subjects[: _MOST["most_places"]])
    return sum(min(len(text), LONGEST) for text in shown)


def _cut(rows: Sequence[_Listed], length: Callable[[_Listed], int]) -> Iterator[tuple[Sequence[_Listed], str]]:
    """The rows in tables of bounded length, each with which part it is; one empty table of none."""
    ends: list[int] = []
    weight = begun = 0
    for at, row in enumerate(rows):
        added = length(row) + _ROW
        weight += added
        if at > begun and weight > _TABLE:
            ends.append(at)
            begun, weight = at, added
    begins = [0, *ends]
    for part, (first, end) in enumerate(zip(begins, [*ends, len(rows)], strict=True), start=1):
        told = _("part {part} of {parts}").format(part=part, parts=len(begins)) if len(begins) > 1 else ""
        yield rows[first:end], told


def _flat(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The rows as the template unpacks them: the sandbox examines every attribute it is asked for, and this is most of a large page."""
    return [
        (row.id, row.subject, row.check, row.title, row.outcome.tone, row.outcome.sign, row.outcome.word, row.seen)
        for row in rows
    ]


def _joined(edition: Edition, head: Markup, blocks: Sequence[_Block]) -> Markup:
    made, section = [head], ""
    for block in blocks:
        if block.section and block.section != section:
            made.append(Markup("<h2>{}</h2>\n").format(block.section))
        section = block.section
        made.append(block.text)
    with speaking(edition.language):
        made.append(_rendered("foot.html.j2"))
    return Markup("").join(made)


def packed(items: Iterable[_Item], length: Callable[[_Item], int], room: int) -> Iterator[list[_Item]]:
    """The items in as few lists as fit into the room, in their order; one that is longer stands alone."""
    together: list[_Item] = []
    size = 0
    for item in items:
        added = length(item)
        if together and size + added > room:
            yield together
            together, size = [], 0
        together.append(item)
        size += added
    if together:
        yield together


def _block_length(block: _Block) -> int:
    return len(block.text.encode())


def _back(view: View, main: str) -> Markup:
    return _rendered("back.html.j2", view=view, main=main)


def _page(editions: Sequence[Edition], bodies: Sequence[Markup]) -> bytes:
    first = editions[0]
    with speaking(first.language):
        articles = [
            Article(edition.language, _NAMES[edition.language], body) for edition, body in zip(editions, bodies, strict=True)
        ]
        return shell(f"{first.view.agency_code} {first.view.run}: {first.view.verdict.word}", first.language, articles)


def article(language: str, template: str, **values: object) -> Article:
    """What one of our templates makes of these values, in this language."""
    return Article(language, _NAMES[language], _rendered(template, **values) + _rendered("foot.html.j2"))


def shell(title: str, language: str, articles: Sequence[Article]) -> bytes:
    """A whole page around what it shows; the policy in it lets nothing in but its own style."""
    style = files("report_templates").joinpath("style.css").read_text("utf-8")
    page = _rendered(
        "page.html.j2",
        title=title,
        lang=language,
        articles=articles,
        skip=_("Skip to the content"),
        languages=_("Languages"),
        style=Markup(style),  # noqa: S704 - our own file, and the policy names its digest
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )
    return page.encode()


def _rendered(template: str, **values: object) -> Markup:
    return Markup(environment().get_template(template).render(**values))  # noqa: S704 - escaped by the template


@cache
def environment() -> Environment:
    """The one environment templates run in: ours alone, sandboxed, escaping, and an unknown name is an error."""
    made = ImmutableSandboxedEnvironment(
        loader=PackageLoader("report_templates", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.globals.update(_=_, ngettext=ngettext, count=count, day=day, share=share, **_MOST)
    return made


def _shown(value: object) -> object:
    """Whatever stands in the template between braces, before it is escaped: no field can be forgotten."""
    return inert(value) if isinstance(value, str) and not isinstance(value, Markup) else value
