"""HTTP: redirects, HSTS to the second, headers, and what answers tell about the inside."""

from __future__ import annotations

import pytest

from checks import http, http_disclosure
from scanner.check import Parameters
from scanner.findings import Fail, NotApplicable, Pass
from scanner.observations import HttpAnswer, HttpHeader, HttpObservation
from scanner.specimens import http as site


def answer(status: int, body: str = "", **headers: str) -> HttpAnswer:
    lines = tuple(HttpHeader(name=name.replace("_", "-"), value=value) for name, value in headers.items())
    return HttpAnswer(url="http://dvc.example.vn/", status=status, headers=lines, body_start=body)


def plain(root: HttpAnswer) -> HttpObservation:
    return site(tls=False, root=root, missing=answer(301, location="https://dvc.example.vn/missing"))


@pytest.mark.parametrize(
    ("root", "passes"),
    [
        (answer(301, location="https://dvc.example.vn/"), True),
        (answer(307, location="HTTPS://dvc.example.vn/"), True),
        (answer(301, location="http://dvc.example.vn/"), False),
        (answer(301, location="/login"), False),
        (answer(301, location="//dvc.example.vn/"), False),
        (answer(301, location="httpsx://dvc.example.vn/"), False),
        (answer(304, location="https://dvc.example.vn/"), False),
        (answer(200, location="https://dvc.example.vn/"), False),
        (answer(403), False),
        (answer(500), False),
    ],
)
def test_plain_http_passes_only_as_a_redirect_to_https(root: HttpAnswer, passes: bool) -> None:
    assert isinstance(http.redirects_to_https(plain(root), Parameters()), Pass if passes else Fail)


def test_a_path_that_is_served_in_clear_fails_beside_a_front_page_that_redirects() -> None:
    seen = plain(answer(301, location="https://dvc.example.vn/")).model_copy(update={"missing": answer(404)})
    assert isinstance(http.redirects_to_https(seen, Parameters()), Fail)


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("max-age=31536000", True),
        ("max-age=31535999", False),
        ("Max-Age = 31536000 ; includeSubDomains", True),
        ('max-age="31536000"', True),
        ("max-age=31536000 seconds", False),
        ("max-age=-31536000", False),
        ("max-age=", False),
        ("x-max-age=31536000", False),
        ("max-age=31536000;max-age=0", False),
        ("max-age=31536000, max-age=0", False),
        ("max-age=99999999999999999999", False),
        ("", False),
    ],
)
def test_hsts_is_read_as_rfc_6797_writes_it(value: str, passes: bool) -> None:
    seen = site(headers={"strict-transport-security": value})
    assert isinstance(http.hsts(seen, http.Hsts()), Pass if passes else Fail)


def test_hsts_over_plain_http_does_not_apply() -> None:
    assert isinstance(http.hsts(plain(answer(301)), http.Hsts()), NotApplicable)


def test_a_redirect_needs_no_page_headers() -> None:
    assert isinstance(http.security_headers(site(root=answer(302, location="/login")), http.SecurityHeaders()), NotApplicable)


def test_missing_headers_are_named() -> None:
    verdict = http.security_headers(site(root=answer(200)), http.SecurityHeaders())
    assert isinstance(verdict, Fail)
    assert "x-content-type-options, x-frame-options, content-security-policy" in verdict.seen.shown()


@pytest.mark.parametrize(
    ("cookie", "passes"),
    [
        ("id=1; Secure; HttpOnly", True),
        ("id=1;secure;httponly", True),
        ("id=1; Secure", False),
        ("id=1; HttpOnly", False),
        ("Secure; HttpOnly=1", False),
        ("id=Secure; x=HttpOnly", False),
    ],
)
def test_a_cookie_needs_both_attributes(cookie: str, passes: bool) -> None:
    verdict = http.cookies_protected(site(headers={"set-cookie": cookie}), Parameters())
    assert isinstance(verdict, Pass if passes else Fail)


def test_the_cookie_is_named_and_its_value_is_not_repeated() -> None:
    verdict = http.cookies_protected(site(headers={"set-cookie": "session=s3cret"}), Parameters())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == "sets without Secure and HttpOnly: session"


@pytest.mark.parametrize(
    ("server", "passes"),
    [
        ("nginx", True),
        ("Apache", True),
        ("web01", True),
        ("cloud-2", True),
        ("nginx/1.22.1", False),
        ("Apache/2.4.62 (Debian) OpenSSL/3.0.17", False),
        ("Microsoft-IIS/10.0", False),
        ("Jetty(9.4.51)", False),
    ],
)
def test_a_version_in_the_server_header_fails(server: str, passes: bool) -> None:
    verdict = http_disclosure.no_version_disclosure(site(headers={"server": server}), Parameters())
    assert isinstance(verdict, Pass if passes else Fail)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("<center>nginx/1.22.1</center>", "nginx/1.22.1"),
        ("<address>Apache/2.4.62 (Debian) Server at x Port 443</address>", "Apache/2.4.62"),
        ("<h3>Apache Tomcat/9.0.70</h3>", "Apache Tomcat/9.0.70"),
        ("<center>nginx</center> 404", None),
        ("chapter 1.2 of our rules", None),
    ],
)
def test_a_version_in_an_error_page_fails(body: str, told: str | None) -> None:
    verdict = http_disclosure.no_version_disclosure(site(missing=answer(404, body)), Parameters())
    assert isinstance(verdict, Fail if told else Pass)
    if isinstance(verdict, Fail):
        assert verdict.seen.shown() == f"tells {told}"


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        ("Traceback (most recent call last):", False),
        ("at java.lang.Thread.run(Thread.java:750)", False),
        ("ORA-00942: table or view does not exist", False),
        ("<b>Fatal error</b>: Uncaught", False),
        ("<h1>404 Not Found</h1>", True),
        ("Meet us at java.vn, room AURORA-00942x", True),
    ],
)
def test_a_page_from_the_inside_fails(body: str, passes: bool) -> None:
    verdict = http_disclosure.no_error_details(site(missing=answer(404, body)), Parameters())
    assert isinstance(verdict, Pass if passes else Fail)
