"""Checks of whom a host asks: for the names of machines, and for who its accounts are."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import field_validator

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, fact
from scanner.specimens import host


class Resolvers(Parameters):
    """The resolvers that may be asked, as addresses or networks."""

    approved: Annotated[tuple[str, ...], Stricter.SUBSET] = ()

    @field_validator("approved")
    @classmethod
    def _are_networks(cls, approved: tuple[str, ...]) -> tuple[str, ...]:
        for network in approved:
            ip_network(network)
        return approved


class Sources(Parameters):
    """Sources of accounts that are managed centrally, each with the processes one of which must be running; none where it needs none."""

    central: Annotated[Mapping[str, tuple[str, ...]], Stricter.NONE] = {
        "sss": ("sssd",),
        "winbind": ("winbindd",),
        "ldap": ("nslcd",),
    }


_OWN = Resolvers(approved=("192.0.2.53", "2001:db8::/32"))


@check(
    "host-resolvers",
    observes=HostObservation,
    facts=("resolvers",),
    parameters=Resolvers,
    passes=((host(), _OWN), (host(resolvers=("192.0.2.53", "2001:db8::53")), _OWN)),
    fails=(
        host(),
        (host(resolvers=("192.0.2.53", "198.51.100.8")), _OWN),
        (host(resolvers=("127.0.0.1",)), _OWN),
        (host(resolvers=("fe80::1%eth0",)), _OWN),
        (host(resolvers=()), _OWN),
    ),
    fixes={
        "debian": "nameserver ADDRESS in /etc/resolv.conf, or DNS=ADDRESS in /etc/systemd/resolved.conf; and in the settings of DHCP",
        "rhel": "nmcli connection modify NAME ipv4.dns ADDRESS ipv4.ignore-auto-dns yes && nmcli connection up NAME",
        "any": "Where the agency's resolvers have other addresses, add them to the rule's parameters.",
    },
    retests={
        "debian": Retest("grep ^nameserver /etc/resolv.conf", "names the agency's resolvers only"),
        "rhel": Retest("grep ^nameserver /etc/resolv.conf", "names the agency's resolvers only"),
        "any": Retest("clearance explain host-resolvers --baseline BASELINE", "shows the rule with that parameter"),
    },
)
def resolvers(host: HostObservation, parameters: Resolvers) -> Verdict:
    """Names are asked of the agency's resolvers.

    Fails where a resolver is in force that the parameters do not approve, the host's own among them (TCVN 14423:2026 clause
    5.9.2.2). Whether an approved one filters, and whom a resolver of the host's own asks, is not seen.
    """
    networks = [ip_network(network) for network in parameters.approved]
    asked = fact(host.resolvers)
    strange = [shown for shown in asked if not any(ip_address(shown) in network for network in networks)]
    if strange or not asked:
        return Fail(said("asks {resolvers}", resolvers=", ".join(strange) or "-"))
    return Pass(said("asks {resolvers}", resolvers=", ".join(asked)))


def _asks(*sources: str, running: tuple[str, ...] = ()) -> HostObservation:
    return host(account_sources=sources, processes=("systemd", *running))


@check(
    "host-central-accounts",
    observes=HostObservation,
    facts=("account_sources", "processes"),
    parameters=Sources,
    passes=(
        host(),
        _asks("files", "winbind", running=("winbindd",)),
        (_asks("files", "ldap"), Sources(central={"ldap": ()})),
    ),
    fails=(_asks("files", "systemd"), _asks("sss", "files"), _asks("files", running=("sssd",)), _asks("files", "nis")),
    fixes={
        "debian": "apt install sssd && realm join DOMAIN; passwd: files systemd sss in /etc/nsswitch.conf",
        "rhel": "dnf install sssd realmd && realm join DOMAIN; authselect select sssd with-mkhomedir",
        "any": "Where another product manages the accounts, add its source and its process to the rule's parameters.",
    },
    retests={
        "debian": Retest("getent -s sss passwd NAME", "shows the account of somebody of the domain"),
        "rhel": Retest("getent -s sss passwd NAME", "shows the account of somebody of the domain"),
        "any": Retest("clearance explain host-central-accounts --baseline BASELINE", "shows the rule with that parameter"),
    },
)
def central_accounts(host: HostObservation, parameters: Sources) -> Verdict:
    """Accounts come from a central place.

    Passes where nsswitch.conf names a central source of accounts and what serves it is running (TCVN 14423:2026 clause 5.6.2.3).
    Accounts that a tool for configuration writes into the host's own files are not seen as central.
    """
    running, held = set(fact(host.processes)), fact(host.account_sources)
    central = {source: needed for source, needed in parameters.central.items() if source in held}
    served = sorted(source for source, needed in central.items() if not needed or running & set(needed))
    if served:
        return Pass(said("accounts come from {sources}", sources=", ".join(served)))
    if not central:
        return Fail(said("accounts come from {sources}, none of which is central", sources=", ".join(held)))
    return Fail(said("accounts come from {sources}; not served: {central}", sources=", ".join(held), central=", ".join(central)))
