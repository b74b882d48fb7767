"""Workbooks of strangers: within limits, without macros and entities, before any library reads them."""

from __future__ import annotations

import io
import zipfile

from scanner.i18n import _
from scanner.questionnaire import quoted
from scanner.strict_yaml import InputError

LIMIT = 4 * 1024 * 1024
"""No workbook is larger, packed or unpacked; a questionnaire of a hundred controls unpacks to less than a tenth of it."""
MEMBERS = 200
TAGS = 100_000
"""Opening and closing tags of all parts together; libraries take seconds over a million, which fit into few bytes."""
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def merged_ranges(data: bytes, name: str, *, limit: int = LIMIT, tags: int = TAGS) -> list[str]:
    """The merged ranges of a workbook that is fit to be read; raises InputError where it is not."""
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    if data.startswith(_OLD_OFFICE):
        raise InputError(f"{name}: " + _("an old or password-protected workbook; save it as .xlsx without a password"))
    if len(data) > limit:
        raise InputError(f"{name}: " + _("larger than {limit} bytes").format(limit=limit))
    merged: list[str] = []
    try:
        for part in _parts(data, name, limit, tags):
            root = ElementTree.fromstring(part, forbid_dtd=True)
            merged += [str(found.get("ref", ""))[:30] for found in root.iter() if str(found.tag).endswith("}mergeCell")]
    except InputError:
        raise
    except DefusedXmlException:
        raise InputError(f"{name}: " + _("the workbook defines entities, which no office program does")) from None
    except Exception:  # noqa: BLE001 - broken packing and broken XML end in a dozen kinds of error
        raise unreadable(name) from None
    return [quoted(where)[1:-1] for where in merged]


def unreadable(name: str) -> InputError:
    """The error to raise about a workbook that no office program wrote."""
    return InputError(f"{name}: " + _("not a workbook that can be read; save it again as .xlsx"))


def _parts(data: bytes, name: str, limit: int, tags: int) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        # No member unpacks to more than its entry claims: reading stops there.
        if len(members) > MEMBERS or sum(member.file_size for member in members) > limit:
            text = _("unpacks to more than {limit} bytes or {members} parts; export it anew")
            raise InputError(f"{name}: " + text.format(limit=limit, members=MEMBERS))
        names = [member.filename.lower() for member in members]
        if len(set(names)) != len(names):
            raise InputError(f"{name}: " + _("two parts of the workbook have one name"))
        if any("vba" in found for found in names):
            raise InputError(f"{name}: " + _("the workbook holds macros; save it as .xlsx"))
        parts = [archive.read(member) for member in members if member.filename.lower().endswith((".xml", ".rels"))]
        if sum(part.count(b"<") for part in parts) > tags:
            raise InputError(f"{name}: " + _("more cells and formats than are read; export it anew"))
        return parts
