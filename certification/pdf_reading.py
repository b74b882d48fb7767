"""Reading a PDF that anybody may have handed in: strictly, and with a bound on what a compressed part may become."""

from __future__ import annotations

import io
import zlib
from typing import Any

from certification.refusals import Code, Refusal
from scanner.findings import said

UNPACKED_LIMIT = 32 * 1024 * 1024
"""The library unpacks whatever stands there: a thousand bytes for each one."""


def reader(pdf: bytes) -> Any:
    """The library's reader of these bytes; raises what the library does on those it cannot read."""
    try:
        from pyhanko.pdf_utils import filters
        from pyhanko.pdf_utils.reader import PdfFileReader
    except ImportError:
        raise Refusal(Code.EXTRA_MISSING, said("verifying a PDF needs the extra `pdf`: pip install 'clearance[pdf]'")) from None
    filters.decompress = unpacked  # type: ignore[assignment]  # the library calls it with the data alone
    return PdfFileReader(io.BytesIO(pdf), strict=True)


def unpacked(data: Any) -> bytes:
    """As zlib.decompress, and ValueError where it would become too large."""
    machine = zlib.decompressobj()
    found = machine.decompress(data, UNPACKED_LIMIT)
    if machine.unconsumed_tail or (not machine.eof and len(found) >= UNPACKED_LIMIT):
        raise ValueError("too large when unpacked")
    if not machine.eof:
        raise ValueError("not whole")
    return found
