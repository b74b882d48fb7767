"""Name resolution: once for each host, before anything is connected to; every address a name has is held to the permit."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from scanner.targets import Host


class UnresolvedError(Exception):
    """A declared name that has no address here."""


def resolve(host: Host) -> tuple[str, ...]:
    """Every IP address of a declared host, IPv4 and IPv6; raises UnresolvedError where its name has none."""
    try:
        return (str(ip_address(host.address)),)
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host.address, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnresolvedError(f"{host.address}: {getattr(error, 'strerror', None) or 'not a name'}") from None
    return tuple(sorted({str(entry[4][0]) for entry in found}))
