"""Checks of how nginx and Apache are set up: which TLS they take, what they tell of themselves, what they list."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check, every_place
from scanner.findings import Verdict
from scanner.host_specimens import service
from scanner.observations import HostObservation, ServiceSettings, fact
from scanner.specimens import host

_PLACE = "443 dvc.example.vn"


class Versions(Parameters):
    """The versions of TLS that may be taken, as nginx names them."""

    allowed: Annotated[tuple[str, ...], Stricter.SUBSET] = ("TLSv1.2", "TLSv1.3")


def _nginx(**settings: tuple[str, ...]) -> HostObservation:
    return host(nginx=service(_PLACE, **{"listen": ("443 ssl",), **settings}))


def _speaks_tls(found: ServiceSettings, place: str) -> bool:
    return any("ssl" in listen.split() or "quic" in listen.split() for listen in found.values(place, "listen")) or (
        "on" in found.values(place, "ssl")
    )


@check(
    "host-nginx-tls-versions",
    observes=HostObservation,
    facts=("nginx",),
    to_pass=("nginx_whole",),
    parameters=Versions,
    passes=(host(), _nginx(ssl_protocols=("TLSv1.3",)), _nginx(listen=("80",)), host(nginx=service(_PLACE))),
    fails=(
        _nginx(ssl_protocols=("TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",)),
        _nginx(),
        _nginx(listen=("[::]:443 ssl default_server",), ssl_protocols=("TLSv1.2", "TLSv1.1")),
        _nginx(listen=("443",), ssl=("on",)),
    ),
    fixes={"nginx": "ssl_protocols TLSv1.2 TLSv1.3; in the http block of /etc/nginx/nginx.conf and in no other place"},
    retests={
        "nginx": Retest(
            (
                "openssl s_client -connect HOST:PORT -min_protocol TLSv1 -max_protocol TLSv1.1 -cipher 'ALL:@SECLEVEL=0' "
                "</dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
    },
)
def nginx_tls_versions(host: HostObservation, parameters: Versions) -> Verdict:
    """Nginx takes modern TLS only.

    Fails on server blocks with TLS whose ssl_protocols names another version, or that name none: what stands there then depends
    on nginx's own version (RFC 9325 section 3.1.1). What is really taken is seen by the network checks.
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        stated = found.values(place, "ssl_protocols")
        other = {version for value in stated for version in value.split()} - set(parameters.allowed)
        return [", ".join(sorted(other)) or "no ssl_protocols"] if _speaks_tls(found, place) and (other or not stated) else []

    return every_place(fact(host.nginx), wrong)


@check(
    "host-nginx-reserved",
    observes=HostObservation,
    facts=("nginx",),
    to_pass=("nginx_whole",),
    passes=(host(), _nginx(server_tokens=("off",), autoindex=("off",))),
    fails=(_nginx(), _nginx(server_tokens=("on", "off")), _nginx(server_tokens=("off",), autoindex=("on",))),
    fixes={"nginx": "server_tokens off; in the http block of /etc/nginx/nginx.conf, and no autoindex on; in any place"},
    retests={
        "nginx": Retest("curl -sI http://HOST/ | grep -i ^server", "prints no number of a version"),
    },
)
def nginx_reserved(host: HostObservation, _: Parameters) -> Verdict:
    """Nginx tells neither its version nor what lies in its folders.

    Fails on server blocks in which server_tokens is not off, or in any part of which autoindex is on (TCVN 14423:2026 clause
    5.17.2.3).
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        tokens = [] if found.values(place, "server_tokens") == ("off",) else ["server_tokens"]
        return [*tokens, *(["autoindex"] if "on" in found.values(place, "autoindex") else [])]

    return every_place(fact(host.nginx), wrong)


_ALL = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


def _apache(**settings: tuple[str, ...]) -> HostObservation:
    good = {"servertokens": ("Prod",), "serversignature": ("Off",), "traceenable": ("Off",), "sslengine": ("on",)}
    return host(apache=service("1: *:443", **{**good, "sslprotocol": ("-all +TLSv1.3",), **settings}))


def _taken(stated: str) -> set[str]:
    """The versions that an SSLProtocol takes: `all`, and names with a sign for more or fewer, in their order."""
    taken: set[str] = set()
    for word in stated.split():
        named = {version for version in _ALL if version.lower() == word.lstrip("+-").lower()}
        named = set(_ALL) if word.lstrip("+-").lower() == "all" else named or {word}
        taken = taken - named if word.startswith("-") else taken | named
    return taken


@check(
    "host-apache-tls-versions",
    observes=HostObservation,
    facts=("apache",),
    to_pass=("apache_whole",),
    parameters=Versions,
    passes=(
        host(),
        _apache(sslprotocol=("all -SSLv3 -TLSv1 -TLSv1.1",)),
        _apache(sslprotocol=("all -SSLv3",), sslengine=("off",)),
    ),
    fails=(
        _apache(sslprotocol=("all -SSLv3",)),
        _apache(sslprotocol=("TLSv1.2 +TLSv1.1",)),
        _apache(sslprotocol=("-all +TLSv1.2", "all")),
        _apache(sslprotocol=("TLSv9",)),
        _apache(sslengine=("off", "ON"), sslprotocol=("all",)),
    ),
    fixes={
        "debian": "SSLProtocol -all +TLSv1.2 +TLSv1.3 in /etc/apache2/mods-available/ssl.conf and in no virtual host",
        "rhel": "SSLProtocol -all +TLSv1.2 +TLSv1.3 in /etc/httpd/conf.d/ssl.conf and in no virtual host",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -min_protocol TLSv1 -max_protocol TLSv1.1 -cipher 'ALL:@SECLEVEL=0' "
                "</dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
    },
)
def apache_tls_versions(host: HostObservation, parameters: Versions) -> Verdict:
    """Apache takes modern TLS only.

    Fails on virtual hosts with TLS whose SSLProtocol takes another version; where it is not set, it takes all but SSL 3 (RFC 9325
    section 3.1.1). What is really taken is seen by the network checks.
    """

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        other = {version for value in found.values(place, "sslprotocol") for version in _taken(value)} - set(parameters.allowed)
        speaks = any(value.lower() != "off" for value in found.values(place, "sslengine"))
        return [", ".join(sorted(other))] if other and speaks else []

    return every_place(fact(host.apache), wrong)


@check(
    "host-apache-reserved",
    observes=HostObservation,
    facts=("apache",),
    to_pass=("apache_whole",),
    passes=(host(), _apache(servertokens=("ProductOnly",), options=("FollowSymLinks", "-Indexes"))),
    fails=(
        _apache(servertokens=("OS",)),
        _apache(serversignature=("On",)),
        _apache(serversignature=("Off", "EMail")),
        _apache(traceenable=("On",)),
        _apache(options=("Indexes FollowSymLinks",)),
        _apache(options=("+Indexes",)),
        _apache(options=("All",)),
    ),
    fixes={
        "debian": "ServerTokens Prod, ServerSignature Off, TraceEnable Off in conf-available/security.conf; Options -Indexes for folders",
        "rhel": "The same in /etc/httpd/conf/httpd.conf, and no Indexes in conf.d/welcome.conf or others",
    },
    retests={
        "any": Retest("curl -sI http://HOST/ | grep -i ^server", "prints no number of a version"),
    },
)
def apache_reserved(host: HostObservation, _: Parameters) -> Verdict:
    """Apache tells neither its version nor what lies in its folders.

    Fails where ServerTokens is not Prod, ServerSignature or TraceEnable not Off, or any Options allow Indexes (TCVN 14423:2026
    clause 5.17.2.3). Files named .htaccess are not seen.
    """
    allowed = {"servertokens": ("prod", "productonly"), "serversignature": ("off",), "traceenable": ("off",)}

    def wrong(found: ServiceSettings, place: str) -> list[str]:
        told = [name for name, values in allowed.items() if {value.lower() for value in found.values(place, name)} - set(values)]
        return [*told, *("options" for value in found.values(place, "options") if _lists(value))]

    return every_place(fact(host.apache), wrong)


def _lists(options: str) -> bool:
    return bool({word.lower().lstrip("+") for word in options.split()} & {"indexes", "all"})
