"""Checks of what a web server tells strangers about its inside: versions and error details."""

from __future__ import annotations

import re

from scanner.check import Parameters, Retest, check
from scanner.findings import Confidence, Fail, Pass, Verdict, said
from scanner.observations import HttpAnswer, HttpHeader, HttpObservation, fact
from scanner.specimens import http

_TELLING = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator")
_VERSION = re.compile(r"[/ ]v?[0-9]|[0-9]\.[0-9]", re.IGNORECASE)
_PRODUCT = re.compile(
    r"\b(?:nginx|openresty|apache(?: tomcat)?|microsoft-iis|php|jetty|lighttpd|openssl|werkzeug"
    r"|gunicorn|jboss|glassfish|weblogic)(?: server)?[/ ]v?[0-9]+\.[0-9.]+",
    re.IGNORECASE,
)
_TRACE = re.compile(
    r"Traceback \(most recent call last\)|Stack trace:|Exception in thread"
    r"|at (?:java|javax|jakarta)\.[a-z]+\.|at java\.base/|System\.Web\.[A-Za-z.]+|Microsoft \.NET Framework Version"
    r"|at org\.(?:apache|springframework|hibernate)\.|Whitelabel Error Page"
    r"|<b>(?:Fatal error|Warning|Notice)</b>:|\bORA-[0-9]{5}\b|You have an error in your SQL syntax|DEBUG = True"
)


def _not_found(body: str = "", server: str = "nginx", status: int = 404) -> HttpAnswer:
    lines = (HttpHeader(name="server", value=server),)
    return HttpAnswer(url="https://dvc.example.vn/missing", status=status, headers=lines, body_start=body)


@check(
    "http-no-version-disclosure",
    observes=HttpObservation,
    parameters=Parameters,
    facts=("missing",),
    needs=Confidence.TENTATIVE,
    passes=(
        http(),
        http(headers={"server": None}),
        http(headers={"server": "web01"}),
        http(missing=_not_found("nginx - 404 Not Found")),
    ),
    fails=(
        http(headers={"server": "nginx/1.22.1"}),
        http(headers={"server": "Apache/2.4.62 (Debian)"}),
        http(headers={"x-powered-by": "PHP/8.2.7"}),
        http(headers={"x-aspnet-version": "4.0.30319"}),
        http(missing=_not_found(server="Microsoft-IIS/10.0")),
        http(missing=_not_found("<hr><center>nginx/1.22.1</center>")),
        http(missing=_not_found("<h3>Apache Tomcat/9.0.70</h3>")),
    ),
    fixes={
        "nginx": "server_tokens off;  (in http)",
        "apache": "ServerTokens Prod and ServerSignature Off",
        "php": "expose_php = Off  in php.ini",
        "iis": (
            'In web.config: <security><requestFiltering removeServerHeader="true" /></security> and <httpRuntime '
            'enableVersionHeader="false" />'
        ),
        "tomcat": (
            '<Valve className="org.apache.catalina.valves.ErrorReportValve" showReport="false" '
            'showServerInfo="false"/>  in the Host of server.xml'
        ),
        "haproxy": "http-response del-header Server and http-response del-header X-Powered-By",
    },
    retests={
        "any": Retest(
            "curl -sko /dev/null -D - https://HOST/ | grep -iE '^(server|x-powered-by|x-aspnet)'",
            "prints no number of a version",
        ),
    },
)
def no_version_disclosure(http: HttpObservation, _: Parameters) -> Verdict:
    """Answers do not tell which versions run.

    Fails where a header that names software, or the page for a path that does not exist, holds a version number.
    """
    missing = fact(http.missing)
    told = {
        f"{header.name}: {header.value}"
        for answer in (http.root, missing)
        for header in answer.headers
        if header.name in _TELLING and _VERSION.search(header.value)
    }
    told |= set(_PRODUCT.findall(missing.body_start))
    return Fail(said("tells {versions}", versions="; ".join(sorted(told)))) if told else Pass()


@check(
    "http-no-error-details",
    observes=HttpObservation,
    parameters=Parameters,
    facts=("missing",),
    passes=(http(), http(missing=_not_found("<h1>Not Found</h1> AURORA-0 is not what java.vn has"))),
    fails=(
        http(missing=_not_found(status=500, body="Traceback (most recent call last): File app.py")),
        http(missing=_not_found("<title>Error</title> at org.apache.catalina.core.StandardWrapper")),
        http(missing=_not_found("Microsoft .NET Framework Version:4.0.30319")),
    ),
    fixes={
        "django": "DEBUG = False  in the production settings, with templates 404.html and 500.html",
        "spring": (
            "server.error.include-stacktrace=never, server.error.include-message=never and server.error.whitelabel.enabled=false"
        ),
        "asp.net": '<customErrors mode="RemoteOnly" /> and <compilation debug="false" />  in web.config',
        "php": "display_errors = Off and log_errors = On  in php.ini",
        "tomcat": (
            '<Valve className="org.apache.catalina.valves.ErrorReportValve" showReport="false" '
            'showServerInfo="false"/>  in the Host of server.xml'
        ),
        "nginx": "proxy_intercept_errors on; error_page 500 502 503 504 /50x.html;",
        "apache": "ProxyErrorOverride On and ErrorDocument 500 /500.html",
        "iis": '<httpErrors errorMode="Custom" />  under system.webServer in web.config',
    },
    retests={
        "any": Retest("curl -sk https://HOST/PATH", "shows no stack trace, no path of a file and no number of a version"),
    },
)
def no_error_details(http: HttpObservation, _: Parameters) -> Verdict:
    """Error pages do not show the program's inside.

    Fails where the page for a path that does not exist holds a stack trace, a database's or a framework's own error
    text.
    """
    found = _TRACE.search(fact(http.missing).body_start)
    return Fail(said("an error page shows: {trace}", trace=found[0])) if found else Pass()
