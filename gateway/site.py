"""A gateway's site: which proxy runs there, where, and how it is tested and reloaded. Every value is one a configuration can hold."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from scanner.i18n import _
from scanner.record import Record, Sha256, explained
from scanner.strict_yaml import InputError

_LIMIT = 64 * 1024


class Proxy(StrEnum):
    """The proxies that files are written for."""

    NGINX = "nginx"
    HAPROXY = "haproxy"


def _address(text: str) -> str:
    host, gap, port = text.rpartition(":")
    if not gap or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65_535 or str(int(port)) != port:
        raise ValueError("an address is written as 192.0.2.1:443 or [2001:db8::1]:443")
    bare = host.removeprefix("[").removesuffix("]")
    if (host != bare) != (ip_address(bare).version == 6):
        raise ValueError("an IPv6 address stands in brackets, and an IPv4 address does not")
    return text


def _plain(path: str) -> str:
    if ".." in path.split("/") or "//" in path:
        raise ValueError("a path is absolute, without .. in it")
    return path


Address = Annotated[str, StringConstraints(max_length=60, pattern=r"^[0-9A-Fa-f.:\[\]]+$"), AfterValidator(_address)]
FilePath = Annotated[str, StringConstraints(max_length=300, pattern=r"^/[A-Za-z0-9._/-]+$"), AfterValidator(_plain)]
HostName = Annotated[str, StringConstraints(max_length=253, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[\x20-\x7e]+$")]
Command = Annotated[tuple[Word, ...], Field(min_length=1, max_length=40)]


class Site(Record):
    """One gateway."""

    proxy: Proxy
    folder: FilePath
    """Where the states lie; `current` in it is the one in force."""
    trust: FilePath
    """The trust root."""
    trust_sha256: Sha256 | None = None
    """Its digest, as another channel told it: that root and no other."""
    listen: Address
    probe: Address | None = None
    """Where the proxy is tried out; `listen` where it is not given."""
    server_name: HostName
    server_certificate: FilePath
    server_key: FilePath
    official: Address
    """Where official connections go."""
    sandbox: Address
    """Where trial connections go, and no others."""
    test: Command
    """Tests the proxy's whole configuration, the new state in it; {state} stands for the new state's file."""
    reload: Command

    @model_validator(mode="after")
    def _key_of_haproxy(self) -> Self:
        if self.proxy is Proxy.HAPROXY and self.server_key != f"{self.server_certificate}.key":
            raise ValueError(
                "HAProxy finds a key beside its certificate only: server_key is server_certificate with .key behind it"
            )
        return self

    @property
    def probed(self) -> tuple[str, int]:
        """Where the proxy is tried out."""
        host, _gap, port = (self.probe or self.listen).rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)


def read_site(path: Path) -> Site:
    """The site in this TOML file; raises InputError with what is wrong and where."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if len(data) > _LIMIT:
        raise InputError(_("{path}: larger than {limit} bytes").format(path=path, limit=_LIMIT))
    try:
        value = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(_("{path}: not TOML: {why}").format(path=path, why=error)) from None
    try:
        return Site.model_validate(value, strict=False)
    except ValidationError as error:
        raise InputError(f"{path}: {explained(error)}") from None
