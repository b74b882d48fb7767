"""The elements of a vendor's XML one by one, so that no more of it is kept than the one being read; entities are refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from scanner.feeds.reading import FeedError
from scanner.i18n import _


def elements(data: bytes, tag: str, named: str, where: str) -> Iterator[tuple[str, Element]]:
    """Every element of this tag, with the text of its child `named` for its place; raises FeedError where this is no XML."""
    try:
        for _event, element in iterparse(io.BytesIO(data)):
            if element.tag == tag:
                yield str(element.findtext(named)), element
                element.clear()
    except (ParseError, DefusedXmlException):
        raise FeedError(_("{path}: not XML that is read; fetch it again").format(path=where)) from None
