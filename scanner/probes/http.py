"""What an endpoint answers to GET / and to a path that cannot exist. Redirects are noted, never followed; no opinion."""

from __future__ import annotations

import secrets

from scanner.observations import HttpAnswer, HttpHeader, HttpObservation, Method, Reason, Unobserved
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.web import BY, Answered, Web
from scanner.record import escaped
from scanner.targets import Speaks

_TEXT = 2_000
"""Bytes of a header or body that are kept."""


def look(target: Target, circumstances: Circumstances) -> HttpObservation | Unobserved:
    """The answers of the endpoint, or why they could not be seen."""
    if target.service is None:
        return unobserved("a host as a whole has no HTTP port", Reason.NOT_ASKED)
    with Web(target, target.service, circumstances) as web:
        root = web.ask("/")
        if isinstance(root, Unobserved):
            return root
        missing = web.ask(f"/clearance-{secrets.token_hex(16)}")
        return HttpObservation(
            seen=circumstances.seen(Method.HANDSHAKE, BY, web.connections),
            tls=target.service.speaks is Speaks.HTTPS,
            root=_kept(root),
            missing=missing if isinstance(missing, Unobserved) else _kept(missing),
        )


def _kept(answered: Answered) -> HttpAnswer:
    return HttpAnswer(
        url=answered.url,
        status=answered.status,
        headers=tuple(_header(name, value) for name, value in answered.headers),
        body_start=escaped(answered.body, limit=_TEXT),
    )


def _header(name: str, value: str) -> HttpHeader:
    shown = _without_value(value) if name.lower() == "set-cookie" else value
    return HttpHeader(name=_text(name).lower(), value=_text(shown))


def _without_value(cookie: str) -> str:
    """A cookie's name and attributes: its value lets whoever holds it in, and has no place in evidence."""
    pair, semicolon, attributes = cookie.partition(";")
    name, equals, _value = pair.partition("=")
    return (name if equals else "") + "=" + semicolon + attributes


def _text(header: str) -> str:
    return escaped(header.encode("latin-1", "replace"), limit=_TEXT)
