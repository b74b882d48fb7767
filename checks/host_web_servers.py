"""Checks of how nginx is set up: which TLS it takes, what it tells of itself, what it lists."""

from __future__ import annotations

from scanner.check import Parameters, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.host_specimens import service
from scanner.observations import HostObservation, ServiceSettings, fact
from scanner.specimens import host

_PLACE = "443 dvc.example.vn"


class Versions(Parameters):
    """The versions of TLS that may be taken, as nginx names them."""

    allowed: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")


def _nginx(**settings: tuple[str, ...]) -> HostObservation:
    return host(nginx=service(_PLACE, **{"listen": ("443 ssl",), **settings}))


def _absent() -> Verdict:
    return NotApplicable(said("the service is neither set up nor running"))


def _speaks_tls(found: ServiceSettings, place: str) -> bool:
    return any("ssl" in listen.split() or "quic" in listen.split() for listen in found.values(place, "listen")) or (
        "on" in found.values(place, "ssl")
    )


@check(
    "host-nginx-tls-versions",
    observes=HostObservation,
    facts=("nginx",),
    parameters=Versions,
    passes=(host(), _nginx(ssl_protocols=("TLSv1.3",)), _nginx(listen=("80",)), host(nginx=service(_PLACE))),
    fails=(
        _nginx(ssl_protocols=("TLSv1 TLSv1.1 TLSv1.2 TLSv1.3",)),
        _nginx(),
        _nginx(listen=("[::]:443 ssl default_server",), ssl_protocols=("TLSv1.2", "TLSv1.1")),
        _nginx(listen=("443",), ssl=("on",)),
    ),
    fixes={"nginx": "ssl_protocols TLSv1.2 TLSv1.3; in the http block of /etc/nginx/nginx.conf and in no other place"},
)
def nginx_tls_versions(host: HostObservation, parameters: Versions) -> Verdict:
    """Nginx takes modern TLS only.

    Fails on server blocks with TLS whose ssl_protocols names another version, or that name none: what stands there then depends
    on nginx's own version (RFC 9325 section 3.1.1). What is really taken is seen by the network checks.
    """
    found = fact(host.nginx)
    if found is None:
        return _absent()
    wrong = []
    for place in found.places():
        stated = found.values(place, "ssl_protocols")
        other = {version for value in stated for version in value.split()} - set(parameters.allowed)
        if _speaks_tls(found, place) and (other or not stated):
            wrong.append(f"{place}: {', '.join(sorted(other)) or 'no ssl_protocols'}")
    return Fail(said("has {faults}", faults="; ".join(wrong))) if wrong else Pass()


@check(
    "host-nginx-reserved",
    observes=HostObservation,
    facts=("nginx",),
    passes=(host(), _nginx(server_tokens=("off",), autoindex=("off",))),
    fails=(_nginx(), _nginx(server_tokens=("on", "off")), _nginx(server_tokens=("off",), autoindex=("on",))),
    fixes={"nginx": "server_tokens off; in the http block of /etc/nginx/nginx.conf, and no autoindex on; in any place"},
)
def nginx_reserved(host: HostObservation, _: Parameters) -> Verdict:
    """Nginx tells neither its version nor what lies in its folders.

    Fails on server blocks in which server_tokens is not off, or in any part of which autoindex is on (TCVN 14423:2026 clause
    5.17.2.3).
    """
    found = fact(host.nginx)
    if found is None:
        return _absent()
    wrong = [f"{place}: server_tokens" for place in found.places() if found.values(place, "server_tokens") != ("off",)]
    wrong += [f"{place}: autoindex" for place in found.places() if "on" in found.values(place, "autoindex")]
    return Fail(said("has {faults}", faults="; ".join(wrong))) if wrong else Pass()
