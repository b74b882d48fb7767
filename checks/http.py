"""Checks of how a web server answers: over TLS or not, and with which protections. Redirects are not followed."""

from __future__ import annotations

import re
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import HttpAnswer, HttpHeader, HttpObservation, fact
from scanner.specimens import http

_VALUES = {"x-content-type-options": ("nosniff",), "x-frame-options": ("deny", "sameorigin")}
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_AGE = re.compile(r'\s*max-age\s*=\s*"?([0-9]{1,10})"?\s*', re.IGNORECASE)


class Hsts(Parameters):
    """How long browsers must remember to use TLS only, and whether for subdomains too."""

    max_age: Annotated[int, Stricter.HIGHER] = 31_536_000
    subdomains: Annotated[bool, Stricter.TRUE] = False


class SecurityHeaders(Parameters):
    """Headers a page must carry."""

    required: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "x-content-type-options",
        "x-frame-options",
        "content-security-policy",
    )


def _answer(status: int = 200, body: str = "", **headers: str) -> HttpAnswer:
    lines = tuple(HttpHeader(name=name.replace("_", "-"), value=value) for name, value in headers.items())
    return HttpAnswer(url="http://dvc.example.vn/", status=status, headers=lines, body_start=body)


_TO_TLS = _answer(301, location="https://dvc.example.vn/")


@check(
    "http-redirects-to-https",
    observes=HttpObservation,
    parameters=Parameters,
    facts=("missing",),
    passes=(http(), http(tls=False, root=_TO_TLS, missing=_answer(308, location="HTTPS://dvc.example.vn/missing"))),
    fails=(
        http(tls=False),
        http(tls=False, root=_TO_TLS),
        http(tls=False, root=_answer(302, location="http://dvc.example.vn/login"), missing=_TO_TLS),
        http(tls=False, root=_answer(301), missing=_TO_TLS),
        http(tls=False, root=_answer(200, location="https://dvc.example.vn/"), missing=_TO_TLS),
    ),
    fixes={
        "nginx": "server { listen 80; listen [::]:80; server_name NAME; return 301 https://$host$request_uri; }",
        "apache": "<VirtualHost *:80> ServerName NAME  Redirect permanent / https://NAME/ </VirtualHost>",
        "haproxy": "http-request redirect scheme https code 301 unless { ssl_fc }",
        "iis": (
            "With the URL Rewrite module: a rule that matches {HTTPS} = off and redirects permanently to "
            "https://{HTTP_HOST}{REQUEST_URI}"
        ),
    },
    retests={
        "any": Retest(
            "curl -so /dev/null -w '%{http_code} %{redirect_url}\\n' http://HOST/",
            "prints 301 or 308 and an address that begins with https://",
        ),
    },
)
def redirects_to_https(http: HttpObservation, _: Parameters) -> Verdict:
    """Without encryption nothing is served but a redirect to HTTPS.

    A service that speaks TLS passes. One that does not must redirect every path that was asked for to an https address
    (RFC 9325 section 3.2 asks for strict TLS).
    """
    if http.tls:
        return Pass(said("answers over TLS"))
    bare = [answer for answer in (http.root, fact(http.missing)) if not _leads_to_tls(answer)]
    if not bare:
        return Pass(said("answers with a redirect to HTTPS"))
    return Fail(said("answers {url} without encryption with status {status}", url=bare[0].url, status=bare[0].status))


def _leads_to_tls(answer: HttpAnswer) -> bool:
    return answer.status in _REDIRECTS and (answer.header("location") or "").lower().startswith("https://")


@check(
    "http-hsts",
    observes=HttpObservation,
    parameters=Hsts,
    passes=(
        http(),
        http(headers={"strict-transport-security": "max-age=31536000"}),
        http(headers={"strict-transport-security": 'includeSubDomains ; MAX-AGE="31536000"; preload'}),
        (http(), Hsts(max_age=63_072_000, subdomains=True)),
    ),
    fails=(
        http(headers={"strict-transport-security": None}),
        http(headers={"strict-transport-security": "max-age=31535999"}),
        http(headers={"strict-transport-security": "max-age=0; includeSubDomains"}),
        http(headers={"strict-transport-security": "includeSubDomains"}),
        http(headers={"strict-transport-security": "max-age=63072000; max-age=0"}),
        http(headers={"strict-transport-security": "max-age=63072000, max-age=0"}),
        (http(headers={"strict-transport-security": "max-age=63072000"}), Hsts(subdomains=True)),
    ),
    fixes={
        "nginx": (
            'add_header Strict-Transport-Security "max-age=63072000" always;  (again in every location that has an '
            "add_header of its own)"
        ),
        "apache": 'Header always set Strict-Transport-Security "max-age=63072000"  (a2enmod headers)',
        "haproxy": 'http-response set-header Strict-Transport-Security "max-age=63072000"',
        "iis": "In IIS Manager, the site > HSTS: enable, Max-Age 63072000  (IIS 10.0 version 1709 or newer)",
    },
    retests={
        "any": Retest(
            "curl -sko /dev/null -D - https://HOST/ | grep -i ^strict-transport-security",
            "prints a max-age that is no less than the rule's",
        ),
    },
)
def hsts(http: HttpObservation, parameters: Hsts) -> Verdict:
    """Browsers are told to use TLS only (HSTS).

    Fails where the header is missing, malformed or shorter-lived than asked for (RFC 6797 section 6.1; recommended by
    RFC 9325 section 3.2). Over plain HTTP the header means nothing (RFC 6797 section 7.2), and so there the check does
    not apply.
    """
    if not http.tls:
        return NotApplicable(said("answers without TLS, where the header means nothing"))
    value = http.root.header("strict-transport-security")
    if value is None:
        return Fail(said("sends no Strict-Transport-Security"))
    seen = said("sends Strict-Transport-Security: {value}", value=value)
    kept = all(_long_lived(policy, parameters) for policy in value.split(","))
    return Pass(seen) if kept else Fail(seen)


def _long_lived(policy: str, parameters: Hsts) -> bool:
    directives = policy.split(";")
    ages = [age for directive in directives if (age := _MAX_AGE.fullmatch(directive))]
    named = [directive for directive in directives if directive.strip().lower().startswith("max-age")]
    everywhere = any(directive.strip().lower() == "includesubdomains" for directive in directives)
    return len(ages) == len(named) == 1 and int(ages[0][1]) >= parameters.max_age and (everywhere or not parameters.subdomains)


@check(
    "http-security-headers",
    observes=HttpObservation,
    parameters=SecurityHeaders,
    passes=(
        http(),
        http(headers={"x-frame-options": None, "content-security-policy": "default-src 'self'; frame-ancestors 'none'"}),
        (http(headers={"content-security-policy": None}), SecurityHeaders(required=("x-content-type-options",))),
    ),
    fails=(
        http(headers={"content-security-policy": None}),
        http(headers={"x-frame-options": None}),
        http(headers={"x-content-type-options": None}),
        http(headers={"x-content-type-options": "sniff"}),
        http(headers={"x-frame-options": "ALLOWALL"}),
    ),
    fixes={
        "nginx": "add_header X-Content-Type-Options nosniff always; add_header X-Frame-Options SAMEORIGIN always;\n"
        "add_header Content-Security-Policy \"default-src 'self'; frame-ancestors 'self'\" always;",
        "apache": "Header always set X-Content-Type-Options nosniff; Header always set X-Frame-Options SAMEORIGIN;\n"
        "Header always set Content-Security-Policy \"default-src 'self'; frame-ancestors 'self'\"",
        "haproxy": "http-response set-header X-Content-Type-Options nosniff, and one line for each of the others",
        "iis": (
            'In web.config under system.webServer/httpProtocol/customHeaders: <add name="X-Content-Type-Options" '
            'value="nosniff" />'
        ),
    },
    retests={
        "any": Retest(
            (
                "curl -sko /dev/null -D - https://HOST/ | grep -iE "
                "'^(x-content-type-options|x-frame-options|content-security-policy|referrer-policy)'"
            ),
            "prints every header that was asked for",
        ),
    },
)
def security_headers(http: HttpObservation, parameters: SecurityHeaders) -> Verdict:
    """Pages carry the browser's protections.

    Fails on required headers that the first page does not send; frame-ancestors in the content security policy stands
    for X-Frame-Options (CSP Level 3 section 6.4.2). A redirect shows no page, and so there the check does not apply.
    """
    if http.root.status in _REDIRECTS:
        return NotApplicable(said("answers with a redirect, which shows no page"))
    framed = "frame-ancestors" in (http.root.header("content-security-policy") or "").lower()
    missing = [
        name for name in parameters.required if not _protects(http.root, name) and not (name == "x-frame-options" and framed)
    ]
    return Fail(said("does not send {headers} with a value that protects", headers=", ".join(missing))) if missing else Pass()


def _protects(answer: HttpAnswer, name: str) -> bool:
    value = answer.header(name)
    return value is not None and value.strip().lower() in _VALUES.get(name, (value.strip().lower(),))


@check(
    "http-cookies-protected",
    observes=HttpObservation,
    parameters=Parameters,
    passes=(http(), http(headers={"set-cookie": "id=1; Path=/; secure; HttpOnly; SameSite=Lax"})),
    fails=(
        http(headers={"set-cookie": "id=1; Path=/; HttpOnly"}),
        http(headers={"set-cookie": "id=secure; Secure"}),
        http(headers={"set-cookie": "secure=httponly"}),
    ),
    fixes={
        "php": "session.cookie_secure = 1 and session.cookie_httponly = 1  in php.ini",
        "django": (
            "SESSION_COOKIE_SECURE = True, CSRF_COOKIE_SECURE = True, SESSION_COOKIE_HTTPONLY = True, CSRF_COOKIE_HTTPONLY = True"
        ),
        "java": "<cookie-config><http-only>true</http-only><secure>true</secure></cookie-config>  in web.xml",
        "asp.net": '<httpCookies httpOnlyCookies="true" requireSSL="true" />  in web.config',
        "nginx": "proxy_cookie_flags ~ secure httponly;  (1.19.3 or newer, before an application that cannot be changed)",
        "apache": 'Header always edit Set-Cookie ^(.*)$ "$1; Secure; HttpOnly"  (before an application that cannot be changed)',
        "haproxy": 'http-response replace-header Set-Cookie ^(.*)$ "\\1; Secure; HttpOnly"  (before an application that cannot be changed)',
    },
    retests={
        "any": Retest(
            "curl -sko /dev/null -D - https://HOST/ | grep -i ^set-cookie",
            "shows Secure and HttpOnly in every line",
        ),
    },
)
def cookies_protected(http: HttpObservation, _: Parameters) -> Verdict:
    """Cookies travel only encrypted and are hidden from scripts.

    Fails where the first page sets a cookie without Secure or without HttpOnly (RFC 6265 sections 4.1.2.5 and
    4.1.2.6).
    """
    bare = [
        header.value.partition("=")[0].strip()
        for header in http.root.headers
        if header.name == "set-cookie" and not {"secure", "httponly"} <= _attributes(header.value)
    ]
    return Fail(said("sets without Secure and HttpOnly: {cookies}", cookies=", ".join(bare))) if bare else Pass()


def _attributes(cookie: str) -> set[str]:
    return {part.partition("=")[0].strip().lower() for part in cookie.split(";")[1:]}
