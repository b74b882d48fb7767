"""Checks of what a web server answers at well-known paths: administration, forgotten files, listings, security.txt and TRACE."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import SecurityTxt, WebPath, WebPathsObservation, fact
from scanner.specimens import web_paths

_CONTACT = "Contact: mailto:csirt@example.vn"
_FIELD = re.compile(r"([A-Za-z-]+): *(.*?) *")
_REACHED_BY = re.compile(r"(mailto:[^@ ]+@[^@ ]+|https://\S+|tel:\+?[0-9-]+)", re.IGNORECASE)
_DOMESTIC = ("Git repository", "environment file", "database dump", "directory listing")


def _at(path: str, recognised: str, status: int = 200) -> WebPathsObservation:
    return web_paths(paths=(WebPath(path="/", status=200), WebPath(path=path, status=status, recognised=recognised)))


def _shown(found: list[WebPath]) -> str:
    return ", ".join(f"{each.path} ({each.recognised})" for each in found)


@check(
    "web-no-administration",
    observes=WebPathsObservation,
    parameters=Parameters,
    facts=("surfaces",),
    passes=(web_paths(), _at("/.git/HEAD", "Git repository"), _at("/server-status", "", 403)),
    fails=(
        _at("/manager/html", "Tomcat Manager", 401),
        _at("/admin/login/", "Django administration"),
        _at("/nginx_status", "nginx status"),
    ),
    fixes={
        "nginx": "location /admin/ { allow ADMIN-NETWORK; deny all; }  or better a server block of its own on an address of that network",
        "apache": '<Location "/admin/"> Require ip ADMIN-NETWORK </Location>  and Require local for /server-status',
        "haproxy": "http-request deny if { path_beg /admin/ /manager/ } !{ src ADMIN-NETWORK }",
        "tomcat": "Remove webapps/manager, or a RemoteAddrValve with the administrators' network in its context.xml",
        "spring": "management.server.port and management.server.address of the administration network",
        "iis": "IP Address and Domain Restrictions on the administration's folder: deny unspecified clients",
    },
    retests={
        "any": Retest(
            "curl -sko /dev/null -w '%{http_code}\\n' https://HOST/PATH",
            "prints 403 or 404, from outside of the administrators' network",
        ),
    },
)
def no_administration(web: WebPathsObservation, _: Parameters) -> Verdict:
    """No administration answers on the service port.

    Fails where one of the published paths shows an administration surface, a console or a status page, behind a login or not (TCVN
    14423:2026 clause 5.13.2.3b). An application with paths of its own may have others: the agency's document answers for those.
    """
    found = [each for each in fact(web.surfaces) if each.recognised not in _DOMESTIC]
    return Fail(said("answers at {paths}", paths=_shown(found))) if found else Pass()


@check(
    "web-no-forgotten-files",
    observes=WebPathsObservation,
    parameters=Parameters,
    facts=("surfaces",),
    passes=(web_paths(), _at("/wp-login.php", "WordPress login")),
    fails=(
        _at("/.git/HEAD", "Git repository"),
        _at("/.env", "environment file"),
        _at("/backup.sql", "database dump"),
        _at("/uploads/", "directory listing"),
    ),
    fixes={
        "nginx": r"location ~ /\.(?!well-known) { deny all; }  and autoindex off;",
        "apache": r'<DirectoryMatch "/\.(?!well-known)"> Require all denied </DirectoryMatch>  and Options -Indexes',
        "iis": "requestFiltering hiddenSegments for .git and .env, and directoryBrowse enabled=false",
        "any": "Take the files out of the web root, and change every password and key that stood in them: they are known.",
    },
    retests={
        "any": Retest("curl -sko /dev/null -w '%{http_code}\\n' https://HOST/PATH", "prints 403 or 404"),
    },
)
def no_forgotten_files(web: WebPathsObservation, _: Parameters) -> Verdict:
    """No repository, settings file, dump or directory listing is served.

    Fails where one of the published paths shows one (TCVN 14423:2026 clauses 5.17.2.3 and 5.17.2.4). What it holds is neither kept nor
    read beyond what tells its kind.
    """
    found = [each for each in fact(web.surfaces) if each.recognised in _DOMESTIC]
    return Fail(said("serves {paths}", paths=_shown(found))) if found else Pass()


@check(
    "web-security-txt",
    observes=WebPathsObservation,
    parameters=Parameters,
    facts=("security_txt",),
    passes=(
        web_paths(),
        web_paths(security_txt=("# report here", "contact: https://example.vn/report", "EXPIRES: 2027-01-01T07:00:00+07:00")),
    ),
    fails=(
        web_paths(security_txt=SecurityTxt(status=404, content_type="text/html", lines=())),
        web_paths(security_txt=("<!doctype html>",)),
        web_paths(security_txt=(_CONTACT,)),
        web_paths(security_txt=("Expires: 2027-06-01T00:00:00Z",)),
        web_paths(security_txt=(_CONTACT, "Expires: 2020-06-01T00:00:00Z")),
        web_paths(security_txt=(_CONTACT, "Expires: soon")),
        web_paths(security_txt=(_CONTACT, "Expires: 2027-06-01T00:00:00Z", "Expires: 2028-06-01T00:00:00Z")),
        web_paths(security_txt=("Contact: the porter", "Expires: 2027-06-01T00:00:00Z")),
        web_paths(tls=False),
    ),
    fixes={
        "any": (
            "Publish /.well-known/security.txt over HTTPS as text/plain with two lines: Contact: mailto:ADDRESS and Expires: a date less "
            "than a year ahead, as in 2027-06-01T00:00:00Z; renew it in time."
        ),
        "nginx": "location = /.well-known/security.txt { default_type text/plain; alias /srv/security.txt; }",
        "apache": 'Alias "/.well-known/security.txt" "/srv/security.txt"',
    },
    retests={
        "any": Retest("curl -s https://HOST/.well-known/security.txt", "shows Contact, and Expires with a date to come"),
    },
)
def security_txt(web: WebPathsObservation, _: Parameters) -> Verdict:
    """Whoever finds a weakness finds out whom to tell.

    Fails where /.well-known/security.txt is missing, not served over TLS, names no contact that can be reached, or does not say until
    when it holds, or no longer does (RFC 9116 sections 2.5.3, 2.5.5 and 3; TCVN 14423:2026 clause 5.17.2.2a).
    """
    found = fact(web.security_txt)
    if found.status != 200 or not web.tls:
        return Fail(said("no security.txt over TLS: status {status}", status=found.status))
    fields = [(match[1].lower(), match[2]) for line in found.lines if (match := _FIELD.fullmatch(line))]
    contacts = [value for name, value in fields if name == "contact" and _REACHED_BY.fullmatch(value)]
    ends = [_instant(value) for name, value in fields if name == "expires"]
    if not contacts:
        return Fail(said("it names no contact"))
    if len(ends) != 1 or ends[0] is None:
        return Fail(said("it does not say once until when it holds"))
    seen = said("holds until {day}", day=f"{ends[0]:%Y-%m-%d}")
    return Pass(seen) if web.seen.observed_at < ends[0] else Fail(seen)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


@check(
    "web-no-trace",
    observes=WebPathsObservation,
    parameters=Parameters,
    facts=("trace",),
    passes=(web_paths(),),
    fails=(web_paths(trace=True),),
    fixes={
        "apache": "TraceEnable off",
        "iis": "requestFiltering verbs: add verb=TRACE allowed=false",
        "tomcat": 'Leave allowTrace="false" on the Connector in server.xml, as it is by default',
        "haproxy": "http-request deny if METH_TRACE",
    },
    retests={
        "any": Retest("curl -sko /dev/null -w '%{http_code}\\n' -X TRACE https://HOST/", "prints 403, 405 or 501"),
    },
)
def no_trace(web: WebPathsObservation, _: Parameters) -> Verdict:
    """TRACE is not executed.

    Fails where the server sends a TRACE request back to its sender (RFC 9110 section 9.3.8), with all that clients add to it on the way.
    """
    return Fail(said("executes TRACE")) if fact(web.trace) else Pass()
