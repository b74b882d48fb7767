"""A fixed list of harmless questions to a web server: administration, forgotten files, listings, security.txt and TRACE.

GET and TRACE only, no name, no password, no guess beyond this list, which docs/web-paths.md publishes. Bodies are looked at for what
they show themselves to be and dropped: what a forgotten file holds has no place in evidence.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from scanner.observations import Method, Reason, SecurityTxt, Unobserved, WebPath, WebPathsObservation
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.web import BY, Answered, Web
from scanner.record import escaped
from scanner.targets import Speaks

SECURITY_TXT = "/.well-known/security.txt"

_ADMINISTRATION = {
    "/admin/login/": (("Django administration", r"Django administration|id_username"),),
    "/admin/": (("Django administration", r"Django administration|id_username"), ("login form", r'type=["\']?password')),
    "/administrator/": (("Joomla administration", r"Joomla|com_login"), ("login form", r'type=["\']?password')),
    "/manager/html": (("Tomcat Manager", r"Tomcat (Web Application )?Manager"),),
    "/phpmyadmin/": (("phpMyAdmin", r"phpMyAdmin"),),
    "/adminer.php": (("Adminer", r"<title>[^<]*Adminer"),),
    "/wp-login.php": (("WordPress login", r"wp-submit|user_login"),),
    "/actuator": (("Spring Boot Actuator", r'(?s)"_links"\s*:.*/actuator'),),
    "/console/": (
        ("Werkzeug debugger", r"Werkzeug|Interactive Console"),
        ("WebLogic console", r"WebLogic"),
        ("H2 console", r"H2 Console"),
    ),
    "/server-status": (("Apache status", r"Apache Server Status"),),
    "/nginx_status": (("nginx status", r"Active connections:\s*\d"),),
    "/jenkins/": (("Jenkins", r"Jenkins|X-Jenkins"),),
}
_FILES = {
    "/.git/HEAD": (("Git repository", r"\A(ref: refs/|[0-9a-f]{40}\s*\Z)"),),
    "/.env": (("environment file", r"(?m)\A\s*(#.*\s+)*[A-Z][A-Z0-9_]*\s*="),),
    "/backup.sql": (("database dump", r"(?i)\A\s*(--[^\n]*\n\s*)*(CREATE|INSERT|DROP|SET|USE)\s"),),
}
_LISTING = (("directory listing", r"<title>Index of /|<h1>Index of /|Directory listing for /|\[To Parent Directory\]"),)
_FOLDERS = ("/", "/uploads/", "/static/", "/images/")

Known = tuple[tuple[str, re.Pattern[bytes]], ...]


def _compiled(known: tuple[tuple[str, str], ...]) -> Known:
    return tuple((name, re.compile(pattern.encode())) for name, pattern in known)


QUESTIONS: Mapping[str, Known] = {
    path: _compiled(known) for path, known in (_ADMINISTRATION | _FILES | dict.fromkeys(_FOLDERS, _LISTING)).items()
}
"""Every path that is asked for, and what an answer there may show itself to be."""

ADMINISTRATION = tuple(_ADMINISTRATION)

_TEXT, _LINES = 500, 60
"""Bytes of a line and lines that are kept of security.txt."""


def look(target: Target, circumstances: Circumstances) -> WebPathsObservation | Unobserved:
    """The answers at the fixed paths, or why they could not be seen."""
    if target.service is None:
        return unobserved("a host as a whole has no HTTP port", Reason.NOT_ASKED)
    with Web(target, target.service, circumstances) as web:
        impossible = web.ask(f"/clearance-{secrets.token_hex(16)}")
        if isinstance(impossible, Unobserved):
            return impossible
        answers = {path: web.ask(path) for path in QUESTIONS}
        contact, trace = web.ask(SECURITY_TXT), web.ask("/", "TRACE")
        return WebPathsObservation(
            seen=circumstances.seen(Method.HANDSHAKE, BY, web.connections),
            tls=target.service.speaks is Speaks.HTTPS,
            impossible=impossible.status,
            paths=tuple(
                _path(path, answer, impossible) for path, answer in answers.items() if not isinstance(answer, Unobserved)
            ),
            unanswered=tuple(path for path, answer in answers.items() if isinstance(answer, Unobserved)),
            security_txt=contact if isinstance(contact, Unobserved) else _security_txt(contact),
            trace=trace if isinstance(trace, Unobserved) else _executed(trace),
        )


def _path(path: str, answer: Answered, impossible: Answered) -> WebPath:
    return WebPath(path=path, status=answer.status, recognised=_recognised(path, answer, impossible))


def _recognised(path: str, answer: Answered, impossible: Answered) -> str:
    """What the answer shows itself to be; nothing where a path that cannot exist is answered in the same way."""
    if answer.status not in (200, 401, 403) or (answer.status, answer.body) == (impossible.status, impossible.body):
        return ""
    for name, pattern in QUESTIONS[path]:
        if pattern.search(_words(answer)) and not (answer.status == impossible.status and pattern.search(_words(impossible))):
            return name
    return ""


def _words(answer: Answered) -> bytes:
    headers = "".join(f"\n{name}: {value}" for name, value in answer.headers)
    return answer.body + headers.encode("latin-1", "replace")


def _security_txt(answer: Answered) -> SecurityTxt:
    lines = answer.body.splitlines()[:_LINES] if answer.status == 200 else []
    return SecurityTxt(
        status=answer.status,
        content_type=escaped(answer.header("content-type"), limit=100),
        lines=tuple(escaped(line, limit=_TEXT) for line in lines),
    )


def _executed(answer: Answered) -> bool:
    return answer.status == 200 and re.match(rb"TRACE / HTTP/1\.\d\r?\n", answer.body) is not None
