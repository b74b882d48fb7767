"""Reports and minutes as PDF: the same views as the pages, given to Typst as data and never as markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scanner import readers
from scanner.causes import Cause, CauseGroup
from scanner.i18n import _, speaking
from scanner.minutes import pages
from scanner.readers import Reader
from scanner.report_view import ControlView, View
from scanner.status_words import Word
from scanner.typesetting import typeset
from scanner.writing import HANOI, count, listed, share

if TYPE_CHECKING:
    from scanner.assessment import Assessment
    from scanner.order import Order
    from scanner.report import Edition

REPORT = "report.typ"
MINUTES = "minutes.typ"
_SIGNS = str.maketrans({"✓": "√", "✗": "×"})
"""Tinos has neither a tick nor a cross; each sign still stands beside its word."""
_PLACES = 40
_SEEN = 6


def as_pdf(editions: Sequence[Edition], reader: Reader, assessment: Assessment) -> bytes:
    """The report as a tagged PDF, one language after the other; the same assessment gives the same bytes."""
    return _typeset(REPORT, assessment, [_edition(edition, reader) for edition in editions])


def minutes(editions: Sequence[Edition], assessment: Assessment, order: Order) -> bytes:
    """The minutes of the assessment for signing by hand, in the form of Decree 30/2020/ND-CP, annex I."""
    made = []
    for edition in editions:
        with speaking(edition.language):
            made.append(pages(edition.view, assessment, order))
    return _typeset(MINUTES, assessment, made)


def _typeset(template: str, assessment: Assessment, editions: Sequence[dict[str, Any]]) -> bytes:
    return typeset(template, _drawn({**_document(assessment), "editions": editions}))


def _drawn(value: Any) -> Any:
    """The value with our signs as the font has them."""
    match value:
        case str():
            return value.translate(_SIGNS)
        case dict():
            return {key: _drawn(each) for key, each in value.items()}
        case list() | tuple():
            return [_drawn(each) for each in value]
        case _:
            return value


def _document(assessment: Assessment) -> dict[str, Any]:
    """What stands in the file's own properties: dated as the judgement was, so that the bytes do not depend on the day."""
    local = assessment.judged_at.astimezone(HANOI)
    return {
        "title": f"{assessment.agency} {assessment.run}",
        "date": {"year": local.year, "month": local.month, "day": local.day},
    }


def _edition(edition: Edition, reader: Reader) -> dict[str, Any]:
    view = edition.view
    with speaking(edition.language):
        return {
            "lang": edition.language,
            "mark": _("CONFIDENTIAL: lists weaknesses of the system named below"),
            "kind": readers.title(reader, view),
            "agency": view.agency_named,
            "system": f"{view.system} · {_('level')} {view.level} · {view.kind} {view.run} · {_('judged as of')} {view.judged_at}",
            "verdict": _word(view.verdict),
            "sentence": view.sentence,
            "cards": [] if reader is Reader.APPROVER else _cards(view),
            "sections": list(_sections(edition, reader)),
            "foot": _("Made by Clearance from a stored assessment. The number never decides: gates, coverage and statuses do."),
        }


def _word(word: Word) -> dict[str, str]:
    return {"text": f"{word.sign} {word.word}", "tone": word.tone}


def _cards(view: View) -> list[dict[str, str]]:
    told = (
        (
            _("Gates"),
            f"{view.gates_met.sign} {view.gates_met.word}",
            _("one that fails denies, whatever else holds"),
        ),
        (
            _("Not assessed"),
            ("? " if view.unseen else "✓ ") + count(view.unseen),
            _("without an answer; what was not seen is not passed"),
        ),
        (_("Coverage"), f"{count(view.assessed)} / {count(view.counted)}", f"{share(view.assessed, view.counted)} %"),
        (_("Score"), f"{count(view.passed)} / {count(view.counted)}", f"{view.score}; {_('a number never decides')}"),
        (_("Waivers and conditions"), count(len(view.conditions)), _first_due(view)),
        (_("Evidence lapses"), view.valid_until, f"{_('observed')} {view.observed}"),
    )
    return [{"name": name, "value": value, "note": note} for name, value, note in told]


def _first_due(view: View) -> str:
    due = _("the first ends {when}").format(when=view.conditions[0][2]) if view.conditions else _("none is in force")
    loose = _("{count} cover nothing").format(count=len(view.unmatched_waivers)) if view.unmatched_waivers else ""
    return "; ".join(filter(None, (due, loose)))


def _sections(edition: Edition, reader: Reader) -> Iterator[dict[str, Any]]:
    """The sections in their order; each is a title and blocks: a paragraph, a list, or a table with its head."""
    view = edition.view
    if reader is Reader.APPROVER:
        rows = [
            [row.question, "\n".join(f"{row.sign} {line}".strip() for line in row.lines)]
            for row in readers.dossier(view, edition.since)
        ]
        yield _section(_("The decision on one page"), _table("", ("23%", "1fr"), (_("Question"), _("Answer")), rows))
        return
    yield _section(_("Reasons for the decision"), *_reasons(view))
    # who mends reads first what to do; who looked, how far what was seen reaches
    yield from (*_mend(view), *_decision(view)) if reader is Reader.AGENCY else (*_decision(view), *_mend(view))
    yield from _all_reasons(view)
    if reader is Reader.INSPECTOR:
        yield from _controls(view)
    yield _section(
        _("Scope, permit and digests"),
        _table(_("What this assessment rests on"), ("30%", "1fr"), (_("What"), _("Value")), view.facts, hashes=1),
    )
    if reader is Reader.INSPECTOR:
        yield from _annexes(view)


def _decision(view: View) -> Iterator[dict[str, Any]]:
    gaps = [[f"? {gap.why}", count(len(gap.places)), listed(gap.places, _PLACES)] for gap in view.gaps]
    unseen = (
        _table(_("What nobody saw, and why"), ("1fr", "14%", "45%"), (_("Why"), _("How often"), _("Where")), gaps)
        if gaps
        else _paragraph("✓ " + _("Everything that was to be assessed was assessed."))
    )
    yield _section(_("Not assessed"), unseen)
    gates = [[gate.id, gate.title, _word(gate.status)] for gate in view.gates]
    yield _section(
        _("Gates"),
        _table(
            _("A failed gate denies, whatever else holds"), ("26%", "1fr", "22%"), (_("Gate"), _("Title"), _("Status")), gates
        ),
    )
    if view.conditions or view.unmatched_waivers:
        head = (_("Control"), _("Subject"), _("Due"), _("Waiver or owner"))
        blocks = [_table(_("Open deviations, and when each must be mended"), ("25%", "25%", "25%", "1fr"), head, view.conditions)]
        if view.unmatched_waivers:
            blocks.append(_paragraph("! " + _("Waivers that cover nothing:") + " " + ", ".join(view.unmatched_waivers)))
        yield _section(_("Waivers and conditions"), *blocks)


def _reasons(view: View) -> Iterator[dict[str, Any]]:
    if not view.causes:
        yield _paragraph("✓ " + _("Every mandatory control is satisfied at every subject."))
        return
    for group in view.cause_groups:
        if group.name:
            yield _bold(f"{group.verdict.sign} {group.name}: {count(len(group.causes))}")
        if group.todo:
            yield _paragraph(group.todo)
        most = len(group.causes) if group.one_by_one else _SEEN
        lines = [_reason(cause, group) for cause in group.causes[:most]]
        if most < len(group.causes):
            lines.append(_("and {count} more").format(count=count(len(group.causes) - most)))
        yield _list(lines)
    yield _paragraph(_("Every reason by itself stands below, under “All reasons”."), soft=True)


def _reason(cause: Cause, group: CauseGroup) -> str:
    verdict = f"{cause.verdict.sign} {cause.verdict.word}: " if group.one_by_one else ""
    where = f" ({listed(cause.beside, _PLACES)})" if cause.beside else ""
    return verdict + f"{cause.control} {cause.title}".strip() + where + _wants(cause)


def _wants(cause: Cause) -> str:
    return f": {cause.wants}" if cause.gate and cause.wants else ""


def _all_reasons(view: View) -> Iterator[dict[str, Any]]:
    head = (_("Control"), _("Reason"), _("Where"))
    tables = [
        _table(
            group.name or _("Reasons of their own"),
            ("24%", "1fr", "30%"),
            head,
            [
                [f"{cause.verdict.sign} {cause.control}", cause.title + _wants(cause), listed(cause.subjects, _PLACES)]
                for cause in group.causes
            ],
        )
        for group in view.cause_groups
    ]
    if tables:
        yield _section(_("All reasons"), *tables)


def _mend(view: View) -> Iterator[dict[str, Any]]:
    blocks = []
    for number, action in enumerate(view.actions, start=1):
        sign = "✗" if action.decides else "i"
        blocks.append(_bold(f"{number}. {sign} {action.title.rstrip('.')} ({action.weight}, {action.check})"))
        blocks.append(_paragraph(f"{listed(action.subjects, _PLACES)}: {listed(action.seen, _SEEN, '; ')}"))
        for product, fix in action.fixes:
            blocks.append(_paragraph(f"{product}: {fix}", indent=True))
        for products, good, command in action.proofs:
            blocks.append(_paragraph(": ".join(filter(None, (products, f"{good} {command}"))), indent=True))
    yield _section(_("Mend first"), *(blocks or [_paragraph("✓ " + _("Nothing failed."))]))
    tables = []
    head = (_("Action"), _("Where"), _("What was seen"), _("Command or setting"))
    for owner in view.owners:
        for place in owner.places:
            rows = []
            for task in place.tasks:
                action = view.actions[task.number - 1]
                fix = f"{action.fix[0]}: {action.fix[1]}" if action.fix else "–"
                rows.append(
                    [f"{task.number}. {action.title}", listed(task.subjects, _PLACES), listed(task.seen, _SEEN, "; "), fix]
                )
            name = _("the agency as a whole") if place.host == "agency" else place.host
            where = f"{name} ({place.address})" if place.address else name
            tables.append(_table(f"{where} · {owner.name}", ("27%", "16%", "25%", "1fr"), head, rows))
    if tables:
        yield _section(_("By owner and host"), *tables)


def _controls(view: View) -> Iterator[dict[str, Any]]:
    for heading in view.headings:
        numbers = _("{passed} of {counted} passed, {assessed} assessed").format(
            passed=count(heading.passed), counted=count(heading.counted), assessed=count(heading.assessed)
        )
        yield _section(
            heading.title, _paragraph(numbers), *(block for control in heading.controls for block in _control(control))
        )


def _control(control: ControlView) -> Iterator[dict[str, Any]]:
    head = (_("Subject"), _("Check"), _("Outcome"), _("What was seen"))
    rows = [[row.subject, f"{row.check}\n{row.title}", _word(row.outcome), row.seen] for row in control.rows]
    caption = f"{control.id} {control.title} ({control.weight}): {control.status.sign} {control.status.word}"
    yield _table(caption, ("17%", "33%", "17%", "1fr"), head, rows) if rows else _bold(caption)
    yield _paragraph("; ".join(control.clauses), soft=True)


def _annexes(view: View) -> Iterator[dict[str, Any]]:
    if view.contact:
        head = (_("Host"), _("Address"), _("Connections"), _("At most"))
        rows = [[host, address, count(connections), count(budget)] for host, address, connections, budget in view.contact]
        caption = _("How often each host was connected to in this run")
        yield _section(_("Connections"), _table(caption, ("1fr", "1fr", "20%", "20%"), head, rows))
    looked = (_("Subject"), _("Kind"), _("How, by what, from where"), _("When"), "SHA-256")
    pieces = [
        [piece.subject, f"{piece.kind}\n{piece.seen}", f"{piece.how}; {piece.by}; {piece.vantage}", piece.at, piece.digest]
        for piece in view.evidence
    ]
    caption = _("Everything that was looked at, and how it was seen")
    yield _section(_("Annex: evidence"), _table(caption, ("17%", "20%", "23%", "15%", "1fr"), looked, pieces, hashes=4))


def _section(title: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "blocks": list(blocks)}


def _paragraph(text: str, *, soft: bool = False, indent: bool = False) -> dict[str, Any]:
    return {"kind": "paragraph", "text": text, "soft": soft, "indent": indent}


def _bold(text: str) -> dict[str, Any]:
    return {"kind": "bold", "text": text}


def _list(items: Sequence[str]) -> dict[str, Any]:
    return {"kind": "list", "items": items}


def _table(
    caption: str, columns: Sequence[str], head: Sequence[str], rows: Sequence[Sequence[Any]], *, hashes: int | None = None
) -> dict[str, Any]:
    """`hashes` is the column whose values are digests, which wrap anywhere."""
    return {"kind": "table", "caption": caption, "columns": columns, "head": head, "rows": rows, "hashes": hashes}
