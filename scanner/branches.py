"""Which branch of an operating system and of each network-facing product a host runs: the part of a version that patches leave alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.namespaces import namespaces_of
from scanner.observations import OsRelease, Package

_DAEMONS = {
    "apache": "apache2|httpd",
    "bind": r"bind|bind9(\.[0-9]+)?",
    "caddy": "caddy",
    "dnsmasq": "dnsmasq(-base)?",
    "dovecot": "dovecot(-core)?",
    "exim": "exim|exim4-daemon-(light|heavy)",
    "haproxy": "haproxy[0-9]*",
    "lighttpd": "lighttpd",
    "mariadb": r"mariadb|mariadb-server(-[0-9.]+)?",
    "memcached": "memcached",
    "mongodb": r"mongodb(-org)?-server(-core)?",
    "mysql": r"mysql(-community)?-server(-[0-9.]+)?",
    "net-snmp": "snmpd|net-snmp",
    "nfs": "nfs-kernel-server",
    "nginx": "nginx(-(core|light|full|extras))?",
    "openldap": "slapd|openldap-servers",
    "openssh": "openssh-server",
    "openvpn": "openvpn",
    "php-fpm": r"php[0-9.]*-fpm",
    "postfix": "postfix",
    "postgresql": r"postgresql-[0-9.]+|postgresql[0-9]*-server|postgresql[0-9]+",
    "proftpd": "proftpd(-core|-basic)?",
    "rabbitmq": "rabbitmq-server",
    "redis": "redis|redis-server",
    "samba": "samba",
    "squid": "squid(-openssl)?",
    "strongswan": "strongswan(-starter)?",
    "tomcat": "tomcat[0-9]*",
    "unbound": "unbound",
    "valkey": "valkey(-server)?",
    "varnish": "varnish",
    "vsftpd": "vsftpd",
    "xrdp": "xrdp",
}
"""The packages whose version is that of a product that serves the network, as Debian, Ubuntu, Alpine and the rpm families name them."""

_PACKAGES = re.compile("|".join(f"(?P<{product.replace('-', '_')}>{names})" for product, names in _DAEMONS.items()))
_NUMBERS = re.compile(r"(?:[0-9]+:)?v?([0-9]+(?:\.[0-9]+)*)")
_ONE_NUMBER = {"postgresql": 10}
"""Products whose branches have one number, from which on; PostgreSQL 9.6 and 9.5 still were two branches."""


def of_system(system: OsRelease) -> str:
    """The release whose packages are one stream of patches, as in debian:12 or rhel:9; major.minor of any other system."""
    known = namespaces_of(system)
    if known:
        family, _, rest = known[0].partition(":")
        return f"{family}:{rest.partition(':')[0]}"
    return f"{system.id}:{_cut(system.version_id, 2)}"


def of_packages(packages: tuple[Package, ...]) -> Iterator[tuple[str, str]]:
    """Each product that serves the network with its branch, as in ("nginx", "1.22")."""
    for package in packages:
        found = _PACKAGES.fullmatch(package.name)
        if found is not None:
            product = next(name for name, text in found.groupdict().items() if text is not None).replace("_", "-")
            yield product, branch(product, package.version)


def branch(product: str, version: str) -> str:
    """Major and minor of a version, the major alone where a product counts so; a version without numbers stands whole."""
    from_on = _ONE_NUMBER.get(product)
    first = _cut(version, 1)
    return first if from_on is not None and first.isdecimal() and int(first) >= from_on else _cut(version, 2)


def _cut(version: str, numbers: int) -> str:
    found = _NUMBERS.match(version)
    return ".".join(found[1].split(".")[:numbers]) if found is not None else version
