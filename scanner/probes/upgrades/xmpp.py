"""Change to TLS in XMPP, between client and server and between servers (RFC 6120 section 5). Reads no XML: finds words in bytes."""

from __future__ import annotations

import re
from xml.sax.saxutils import quoteattr

from scanner.probes.upgrades.talk import Stream, Talk, refuses, speaks_otherwise

_ENDS = re.compile(rb"</(\w+:)?features\s*>|<(\w+:)?features\s*/>|</(\w+:)?stream\s*>|<(\w+:)?error\b")
_OFFER = re.compile(rb"<starttls[^>]*urn:ietf:params:xml:ns:xmpp-tls")
_ANSWER = re.compile(rb"<(proceed|failure)\b[^>]*>")
_OTHERWISE = re.compile(rb"\A\s*[^<\s]")


def client(talk: Talk, name: str) -> Stream:
    """The way of clients."""
    return _upgrade(talk, name, "jabber:client")


def server(talk: Talk, name: str) -> Stream:
    """The way of servers."""
    return _upgrade(talk, name, "jabber:server")


def _upgrade(talk: Talk, name: str, namespace: str) -> Stream:
    talk.say(
        f"<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='http://etherx.jabber.org/streams' "
        f"to={quoteattr(name)} version='1.0'>".encode()
    )
    said = talk.until(lambda said: bool(_ENDS.search(said) or _OTHERWISE.match(said)))
    if _OTHERWISE.match(said) or b"stream" not in said:
        speaks_otherwise(said)
    if not _OFFER.search(said):
        refuses(said[-150:])
    talk.say(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    answer = talk.until(lambda said: bool(_ANSWER.search(said)))
    if not answer.lstrip().startswith(b"<proceed"):
        refuses(answer)
    return talk.sealed()
