"""What an agency declared and what may be touched: Scope, Host, Service, Permit. No network, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from scanner.addresses import Network
from scanner.decision import Level
from scanner.faults import WrongValueError
from scanner.i18n import N_
from scanner.record import BilingualText, Instant, Name, Record, Text

__all__ = [
    "AGENCY",
    "Address",
    "Agency",
    "BilingualText",
    "DnsName",
    "Host",
    "Jump",
    "Level",
    "Login",
    "Network",
    "Pace",
    "Permit",
    "Person",
    "Port",
    "Rate",
    "RunKind",
    "Scope",
    "Service",
    "Speaks",
    "System",
    "Window",
]

AGENCY = "agency"
"""The subject of what concerns the agency as a whole."""

Port = Annotated[int, Field(ge=1, le=65_535)]
DnsName = Annotated[
    str,
    StringConstraints(
        max_length=253, pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$"
    ),
]
Address = IPv4Address | IPv6Address


def _an_address_or_name(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


class Speaks(StrEnum):
    """What the agency says a service speaks; decides which kinds of observation are planned."""

    HTTPS = "https"
    TLS = "tls"
    HTTP = "http"
    SSH = "ssh"
    SMTP = "smtp"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    SIEVE = "sieve"
    NNTP = "nntp"
    IRC = "irc"
    FTP = "ftp"
    LDAP = "ldap"
    XMPP_CLIENT = "xmpp-client"
    XMPP_SERVER = "xmpp-server"
    POSTGRES = "postgres"
    MYSQL = "mysql"
    MSSQL = "mssql"
    RDP = "rdp"
    DNS = "dns"
    NTP = "ntp"
    SNMP = "snmp"
    OTHER = "other"

    @property
    def upgrades(self) -> bool:
        """Whether it begins in clear and changes to TLS in words of its own (STARTTLS and its like)."""
        return self not in _WITHOUT_UPGRADE


_WITHOUT_UPGRADE = (Speaks.HTTPS, Speaks.TLS, Speaks.HTTP, Speaks.SSH, Speaks.DNS, Speaks.NTP, Speaks.SNMP, Speaks.OTHER)


class Agency(Record):
    """The administrative body that applies for a connection."""

    code: Name
    name: BilingualText
    echelon: Name
    """Central, province, district or commune; data with validity dates, so not an enumeration."""


class System(Record):
    """The information system that is to be connected."""

    id: Name
    name: BilingualText
    level: Level
    operator: Text
    """The unit that runs the system; an inspector may not belong to it (Decree 331/2026 art. 31.2c)."""


class Service(Record):
    """One declared listening port and what it speaks."""

    port: Port
    transport: Literal["tcp", "udp"] = "tcp"
    speaks: Speaks
    name: DnsName | None = None
    """The name clients use: sent as SNI and Host, and looked for in the peer's certificate."""


class _Account(Record):
    """An account on an SSH server, and how its server proves itself."""

    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
    port: Port = 22
    key: Text | None = None
    """A private key file; without it the SSH agent is asked."""
    host_keys: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}$", max_length=4_000)], ...] = (
        Field(min_length=1)
    )
    """The host's public keys as `type base64`; a host that shows another key is not logged in to."""


class Jump(_Account):
    """A machine through which a host is reached; the permit lists its address, like every other that is connected to."""

    address: Annotated[str, AfterValidator(lambda text: str(ip_address(text)))]


class Login(_Account):
    """How to log in to a host read-only; a reference to the key, never the key."""

    via: Jump | None = None
    """The machine to go through; none where the host is reached directly."""


class Host(Record):
    """One declared machine."""

    id: Name
    address: (
        Annotated[DnsName, AfterValidator(_an_address_or_name)]
        | Annotated[str, AfterValidator(lambda text: str(IPv6Address(text)))]
    )
    unit: Annotated[Text | None, Field(exclude_if=lambda unit: unit is None)] = None
    """The unit that is answerable for it; not written where it is not said, so that older orders keep their bytes."""
    services: tuple[Service, ...] = ()
    login: Login | None = None

    @model_validator(mode="after")
    def _each_port_once(self) -> Self:
        ports = [(service.port, service.transport) for service in self.services]
        if len(set(ports)) != len(ports):
            raise WrongValueError(N_("host {host}: a port is declared twice"), host=self.id)
        if self.id == AGENCY:
            raise ValueError(N_("a host cannot be called 'agency'"))
        return self


class Scope(Record):
    """What the agency declares: itself, its system, its hosts and their services."""

    schema_version: Literal[1] = 1
    agency: Agency
    system: System
    hosts: tuple[Host, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_host_once(self) -> Self:
        names = [host.id for host in self.hosts]
        if len(set(names)) != len(names):
            raise ValueError(N_("a host id stands twice"))
        return self

    def subjects(self) -> dict[str, tuple[Host | None, Service | None]]:
        """Every subject by its id: the agency, each host (`web1`) and each endpoint (`web1:443`)."""
        found: dict[str, tuple[Host | None, Service | None]] = {AGENCY: (None, None)}
        for host in self.hosts:
            found[host.id] = (host, None)
            found |= {endpoint(host, service): (host, service) for service in host.services}
        return found


def endpoint(host: Host, service: Service) -> str:
    """The id of a declared endpoint, as in `web1:443` or `ns1:53/udp`."""
    return f"{host.id}:{service.port}" + ("" if service.transport == "tcp" else f"/{service.transport}")


class RunKind(StrEnum):
    """A self-check is the agency's own and can never be issued on; an inspection needs a signed permit."""

    SELF_CHECK = "self-check"
    INSPECTION = "inspection"


UNFILLED = "change-me"
"""What stands in a new permit where somebody must be named."""


class Person(Record):
    """A person and the organisation that person acts for."""

    person: Name
    organisation: Text


class Window(Record):
    """The time in which probing is permitted: `begins` inclusive, `ends` exclusive."""

    begins: Instant
    ends: Instant

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.begins >= self.ends:
            raise ValueError(N_("the window ends before it begins"))
        return self


class Rate(Record):
    """How gently to look."""

    connections_per_second: Annotated[int, Field(ge=1, le=1_000)] = 50
    """New connections in all, each second."""
    parallel_per_host: Annotated[int, Field(ge=1, le=16)] = 4
    """Probes at one host at a time."""
    connections_per_host: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    """The hard budget of one host in one run."""

    @property
    def lent(self) -> float:
        """Connections a second that another program may open in our name; as many are left for our own."""
        return self.connections_per_second / 2

    def at_most(self, other: Rate) -> Rate:
        """The gentler of the two, number by number."""
        return Rate(**{name: min(getattr(self, name), getattr(other, name)) for name in Rate.model_fields})


class Pace(StrEnum):
    """How gently the operator wants to look; the permit's rate is never exceeded, whatever the pace."""

    GENTLE = "gentle"
    NORMAL = "normal"
    FAST = "fast"

    @property
    def rate(self) -> Rate:
        """What the pace allows; the budget of one host is the permit's alone."""
        return _PACES[self]


_PACES = {
    Pace.GENTLE: Rate(connections_per_second=5, parallel_per_host=1, connections_per_host=100_000),
    Pace.NORMAL: Rate(connections_per_second=100, parallel_per_host=4, connections_per_host=100_000),
    Pace.FAST: Rate(connections_per_second=1_000, parallel_per_host=16, connections_per_host=100_000),
}


@dataclass(frozen=True, slots=True)
class NotPermitted:
    """Why something may not be touched now: a sentence of the catalogue with its values, translated only when it is shown."""

    text: str
    values: Mapping[str, str]

    def __str__(self) -> str:
        """The sentence in the language of the evidence."""
        return self.text.format_map(self.values)


class Permit(Record):
    """Written authorisation to probe (Decree 333/2026 art. 4.2): who, decision number, addresses, window. No permit, no packet."""

    schema_version: Literal[1] = 1
    kind: RunKind
    decision: Text = Field(min_length=1)
    """The number of the decision or request, as in 12/QD-BCA."""
    agency: Name
    permitted_by: Person
    inspectors: tuple[Person, ...] = Field(min_length=1)
    addresses: tuple[Network, ...] = Field(min_length=1)
    window: Window
    rate: Rate = Rate()

    @property
    def unfilled(self) -> bool:
        """Whether somebody is still called what a new permit says in the place of a name."""
        named = (word for each in (self.permitted_by, *self.inspectors) for word in (each.person, each.organisation))
        return any(word.lower().replace(" ", "-") == UNFILLED for word in named)

    def refusal(self, address: str, at: datetime) -> NotPermitted | None:
        """Why a connection to this address at this instant is not permitted; None where it is."""
        return self.closed(at) or self.outside(address)

    def closed(self, at: datetime) -> NotPermitted | None:
        """Why nothing may be probed at this instant; None inside the window."""
        if at < self.window.begins:
            return NotPermitted("the permit begins on {when}", {"when": f"{self.window.begins:%Y-%m-%d %H:%M} UTC"})
        if at >= self.window.ends:
            return NotPermitted("the permit ended on {when}", {"when": f"{self.window.ends:%Y-%m-%d %H:%M} UTC"})
        return None

    def outside(self, address: str) -> NotPermitted | None:
        """Why this address lies outside the permit; None where it lies inside."""
        try:
            where = ip_address(address)
        except ValueError:
            values = {"address": address}
            return NotPermitted(
                "{address!r} is not an address; names are resolved and checked before they are connected to", values
            )
        if isinstance(where, IPv6Address) and where.ipv4_mapped:
            where = where.ipv4_mapped
        if where.is_multicast or where.is_unspecified or where == IPv4Address("255.255.255.255"):
            return NotPermitted("{address} is never probed", {"address": str(where)})
        around = [network for network in map(ip_network, self.addresses) if _contains(network, where)]
        if not around:
            return NotPermitted("{address} is outside the permitted addresses", {"address": str(where)})
        special = [net for net in _LISTED_LITERALLY if _contains(net, where)]
        if special and not any(_within(network, net) for network in around for net in special):
            values = {"address": str(where), "network": str(special[0])}
            return NotPermitted("{address} lies in {network}, which the permit must list literally", values)
        return None


_LISTED_LITERALLY = tuple(map(ip_network, ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10")))
"""Loopback and link-local (cloud metadata) ranges: a wide permit does not include them by accident."""


def _contains(network: IPv4Network | IPv6Network, where: Address) -> bool:
    return network.version == where.version and where in network


def _within(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)
