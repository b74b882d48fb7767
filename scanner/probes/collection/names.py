"""Whom the host asks: resolvers for the names of machines, and sources for accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from scanner.observations import Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, Files, files
from scanner.record import escaped

SHELL = r"""
section resolvers lines /etc/resolv.conf /run/systemd/resolve/resolv.conf
section nsswitch lines /etc/nsswitch.conf /usr/etc/nsswitch.conf
"""

_OWN, _UPSTREAM = "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"
_STUBS = ("127.0.0.53", "127.0.0.54")
"""Where systemd-resolved listens, which asks others."""
_SOURCE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def resolvers(found: Collected) -> tuple[str, ...] | Unobserved:
    """The addresses that are asked; the host's own where none is named (resolv.conf(5)); those behind systemd-resolved for itself."""
    return found.read("resolvers", lambda text: tuple(_resolvers(files(text))), Reason.UNREADABLE)


def _resolvers(held: Files) -> set[str]:
    named = {*_named(held.get(_OWN, []))} or {"127.0.0.1"}
    upstream = {*_named(held.get(_UPSTREAM, []))}
    if not named.isdisjoint(_STUBS) and not upstream:
        raise CollectionError("whom systemd-resolved asks is not shown")
    return {address for address in named | upstream if address not in _STUBS}


def _named(lines: list[str]) -> Iterator[str]:
    for words in map(str.split, lines):
        if words[:1] == ["nameserver"]:
            try:
                yield escaped(str(ip_address("".join(words[1:2]))), limit=100)
            except ValueError:
                raise CollectionError("a resolver is no address") from None


def account_sources(found: Collected) -> tuple[str, ...] | Unobserved:
    """The sources of accounts by nsswitch.conf(5): its own files where it does not say."""
    return found.read("nsswitch", lambda text: _account_sources(files(text)), Reason.UNREADABLE)


def _account_sources(held: Files) -> tuple[str, ...]:
    lines = held.get("/etc/nsswitch.conf") or held.get("/usr/etc/nsswitch.conf", [])
    named: dict[str, list[str]] = {}
    for database, colon, words in (line.partition("#")[0].partition(":") for line in lines):
        if colon:
            named[database.strip()] = re.sub(r"\[[^\]]*\]", " ", words).split()
    sources = named.get("passwd") or ["files"]
    if "compat" in sources:
        sources = sources + named.get("passwd_compat", ["nis"])
    if not all(_SOURCE.fullmatch(source) for source in sources):
        raise CollectionError("a source has no name")
    return tuple(sources)
