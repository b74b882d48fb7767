"""What may stand in a certificate's PDF after its beginning: two fields for signatures in the bottom margin, and what fills them.

A signature says that nothing was changed after it, and nothing of what its signer did before: one dishonest approver could paint over the page and
sign that. So what each addition changes is compared with the beginning, object by object (ISO 32000-1, 7.5.6).
"""

from __future__ import annotations

import io
import re
from typing import Any

from certification.pdf_reading import reader
from certification.refusals import Code, Refusal
from scanner.findings import said

FIELDS = ("Approver1", "Approver2")
BOXES = ((85, 8, 295, 40), (343, 8, 553, 40))
"""Where the fields are: in the bottom margin of the last page, left and right of its number; in points."""
ADDED_LIMIT = 1024 * 1024
_OBJECT = re.compile(rb"(?<![0-9])([0-9]{1,10})[\s\x00]+[0-9]{1,5}[\s\x00]+obj")
_FIELD_KEYS = {"/FT", "/T", "/Type", "/Subtype", "/F", "/Rect", "/P", "/AP", "/V"}


def insist_on_fields_only(pdf: bytes, made: int, signatures: int) -> None:
    """Returns where the bytes from `made` on add nothing to the page but the fields of that many signatures; may raise what the library does."""
    if len(pdf) - made > ADDED_LIMIT:
        raise _changed("larger than signatures are")
    before, after = reader(pdf[:made]), reader(pdf)
    if after.xrefs.total_revisions != 1 + signatures:
        raise _changed("a change that no signature belongs to")
    roots = [(one.trailer.raw_get("/Root").reference, one.trailer.raw_get("/Info").reference) for one in (before, after)]
    if _numbers(roots[0]) != _numbers(roots[1]) or "/Encrypt" in after.trailer:
        raise _changed("another catalogue")
    page = _last_page(before)
    root, info = _numbers(roots[0])
    own = {ref.idnum for ref in before.xrefs.explicit_refs_in_revision(0)} | _packed(before)
    allowed = {root, info, before.root.raw_get("/Metadata").reference.idnum, page}
    _insist_on_numbers(after, pdf[made:], own - allowed)
    form = _catalogue(before.root, after.root)
    fields = _fields(form, page)
    _insist_on_page(_dictionary(before, page), _dictionary(after, page), fields)
    _insist_on_same(before.trailer["/Info"], after.trailer["/Info"], {"/ModDate", "/Producer"})


def _insist_on_numbers(after: Any, added: bytes, closed: set[int]) -> None:
    """Returns where no object of the beginning was written anew or freed, nor stands again where a repairing viewer would find it."""
    for revision in range(1, after.xrefs.total_revisions):
        changed = {ref.idnum for ref in after.xrefs.explicit_refs_in_revision(revision)}
        freed = {ref.idnum for ref in after.xrefs.refs_freed_in_revision(revision)}
        if (changed | freed) & closed:
            raise _changed("a part of the page was written anew")
    if {int(found[1]) for found in _OBJECT.finditer(added)} & closed:
        raise _changed("a part of the page stands there again")


def _catalogue(before: Any, after: Any) -> Any:
    _insist_on_same(before, after, {"/AcroForm", "/Perms", "/Version", "/Extensions"})
    form = after["/AcroForm"]
    if set(form) != {"/Fields", "/SigFlags"} or ("/Perms" in after and set(after["/Perms"]) != {"/DocMDP"}):
        raise _changed("a form of another kind")
    return form


def _fields(form: Any, page: int) -> list[int]:
    """The numbers of the two fields, each where it must be and without any action."""
    found = []
    for name, box, field in zip(FIELDS, BOXES, list(form["/Fields"]), strict=True):
        words = field.get_object() if hasattr(field, "get_object") else field
        whole = (words["/FT"], words["/T"], words["/Subtype"], tuple(int(side) for side in words["/Rect"]))
        if not set(words) <= _FIELD_KEYS or whole != ("/Sig", name, "/Widget", box) or set(words["/AP"]) != {"/N"}:
            raise _changed("a field of another kind or at another place")
        if any(float(side) != int(side) for side in words["/Rect"]) or words.raw_get("/P").reference.idnum != page:
            raise _changed("a field of another kind or at another place")
        found.append(words.container_ref.idnum)
    return found


def _insist_on_page(before: Any, after: Any, fields: list[int]) -> None:
    _insist_on_same(before, after, {"/Annots"})
    notes = after.raw_get("/Annots")
    notes = notes.get_object() if hasattr(notes, "reference") else notes
    if [notes.raw_get(place).reference.idnum for place in range(len(notes))] != fields:
        raise _changed("something besides the fields lies on the page")


def _insist_on_same(before: Any, after: Any, free: set[str]) -> None:
    """Returns where both dictionaries say the same but for these keys."""
    names = (set(map(str, before)) | set(map(str, after))) - free
    if any(name not in before or name not in after or _written(before, name) != _written(after, name) for name in names):
        raise _changed("a part of the document says something else")


def _written(words: Any, name: str) -> bytes:
    buffer = io.BytesIO()
    words.raw_get(name).write_to_stream(buffer)
    return buffer.getvalue()


def _last_page(document: Any) -> int:
    return int(document.find_page_for_modification(int(document.root["/Pages"]["/Count"]) - 1)[0].idnum)


def _dictionary(document: Any, number: int) -> Any:
    from pyhanko.pdf_utils.generic import Reference

    return document.get_object(Reference(number, 0, document))


def _packed(document: Any) -> set[int]:
    """Every number up to the size the beginning declares: also of objects that lie packed in others."""
    return set(range(int(document.trailer["/Size"])))


def _numbers(references: tuple[Any, Any]) -> tuple[int, int]:
    return references[0].idnum, references[1].idnum


def _changed(why: str) -> Refusal:
    return Refusal(Code.PDF_CHANGED, said("what was added is not only a signature: {why}", why=why))
