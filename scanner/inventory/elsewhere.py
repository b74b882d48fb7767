"""Inventories that other programs write: Ansible's (`ansible-inventory --list`) and the XML of nmap (`nmap -oX`)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from scanner.i18n import _
from scanner.inventory.nested import table_of
from scanner.inventory.rows import Fault, Row, Table
from scanner.strict_yaml import InputError
from scanner.targets import Speaks

XML_LIMIT = 64 * 1024 * 1024

_NMAP = {
    "http": Speaks.HTTP, "https": Speaks.HTTPS, "http-proxy": Speaks.HTTP, "http-alt": Speaks.HTTP, "https-alt": Speaks.HTTPS,
    "ssh": Speaks.SSH, "smtp": Speaks.SMTP, "submission": Speaks.SMTP, "lmtp": Speaks.LMTP, "imap": Speaks.IMAP,
    "pop3": Speaks.POP3, "sieve": Speaks.SIEVE, "nntp": Speaks.NNTP, "irc": Speaks.IRC, "ftp": Speaks.FTP, "ldap": Speaks.LDAP,
    "xmpp-client": Speaks.XMPP_CLIENT, "xmpp-server": Speaks.XMPP_SERVER, "postgresql": Speaks.POSTGRES, "mysql": Speaks.MYSQL,
    "ms-sql-s": Speaks.MSSQL, "ms-wbt-server": Speaks.RDP, "domain": Speaks.DNS, "ntp": Speaks.NTP, "snmp": Speaks.SNMP,
    "imaps": Speaks.TLS, "pop3s": Speaks.TLS, "ldaps": Speaks.TLS, "ssl": Speaks.TLS, "smtps": Speaks.TLS,
}  # fmt: skip


def read_ansible(value: Mapping[str, Any], name: str) -> Table:
    """The hosts of an Ansible inventory; services are `clearance_services` of a host, else its SSH port is the only one."""
    meta = value.get("_meta")
    found = meta.get("hostvars") if isinstance(meta, dict) else None
    if not isinstance(found, dict):
        raise InputError(f"{name}: " + _("no _meta.hostvars; write it with `ansible-inventory --list`"))
    names = sorted(set(found) | set(_listed(value)))
    hosts = [_of_ansible(host, found.get(host) or {}) for host in names]

    def where(place: tuple[str | int, ...]) -> str:
        at = place[1] if len(place) > 1 else None
        inner = ".".join(str(part) for part in place[2:])
        return (names[at] if isinstance(at, int) else "hosts") + (f": {inner}" if inner else "")

    table = table_of({"hosts": hosts}, where, "Ansible", name)
    for host in names:
        variables = found.get(host) or {}
        if isinstance(variables, dict) and variables.get("ansible_user") and not variables.get("clearance_host_keys"):
            text = _(
                "logs in as {user}, but its public host key is not known: add clearance_host_keys, or fill in Host keys later"
            )
            table.notes.append(Fault(host, text.format(user=str(variables["ansible_user"])[:60])))
    return table


def _listed(value: Mapping[str, Any]) -> Iterator[str]:
    for group in value.values():
        if isinstance(group, dict) and isinstance(group.get("hosts"), list):
            yield from (host for host in group["hosts"] if isinstance(host, str))


def _of_ansible(host: str, variables: Any) -> Any:
    if not isinstance(variables, dict):
        return None
    port = variables.get("ansible_port", 22)
    found = {
        "id": host,
        "address": variables.get("ansible_host", host),
        "unit": variables.get("clearance_unit"),
        "services": variables.get("clearance_services", [{"port": port, "speaks": "ssh"}]),
    }
    keys = variables.get("clearance_host_keys")
    if variables.get("ansible_user") and keys:
        key = variables.get("ansible_ssh_private_key_file")
        found["login"] = {"user": variables["ansible_user"], "port": port, "host_keys": keys} | ({"key": key} if key else {})
    return found


def read_nmap(data: bytes, name: str) -> Table:
    """The hosts that were up and their open ports; what a port speaks is what nmap called it, for a person to look through."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    if len(data) > XML_LIMIT:
        raise InputError(f"{name}: " + _("larger than {limit} bytes").format(limit=XML_LIMIT))
    table, finished = Table("nmap"), False
    try:
        for _event, element in iterparse(
            io.BytesIO(data), ("end",), forbid_dtd=False, forbid_entities=True, forbid_external=True
        ):
            if element.tag == "host":
                _take_host(table, element, name)
                element.clear()
            finished |= element.tag == "finished"
    except DefusedXmlException:
        raise InputError(f"{name}: " + _("XML with entities of its own is not read")) from None
    except (ParseError, LookupError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        place = ""
        if isinstance(error, ParseError):
            line, column = error.position
            place = " " + _("(line {line}, column {column})").format(line=line, column=column)
        raise InputError(
            f"{name}: " + _("not nmap's XML, or not whole{place}; write it with nmap -oX").format(place=place)
        ) from None
    if not finished:
        raise InputError(f"{name}: " + _("the report has no end: the scan was interrupted; hosts may be missing"))
    return table


def _take_host(table: Table, host: Element, name: str) -> None:
    addresses = [found.get("addr", "") for found in host.findall("address") if found.get("addrtype") in ("ipv4", "ipv6")]
    address = table.text(addresses[0][:100]) if addresses else ""
    named = [found.get("name", "")[:253] for found in host.iter("hostname")]
    state = host.find("status")
    if state is None or state.get("state") != "up" or not address:
        table.notes.append(Fault(address or "?", _("was not up, and is left out")))
        return
    values = {"host": address.replace(":", "-"), "address": address}
    found = False
    for port in host.iter("port"):
        seen = port.find("state")
        if seen is None or seen.get("state") != "open" or port.get("protocol") not in ("tcp", "udp"):
            continue
        found = True
        at = f"{address} {port.get('portid', '')[:8]}/{port.get('protocol')}"
        service = {
            "port": port.get("portid", "")[:8],
            "transport": str(port.get("protocol")),
            "speaks": _spoken(port.find("service"), at, table),
            "name": table.text(named[0]) if named else "",
        }
        table.add(Row(values | service, {}, at), name)
    if not found:
        table.add(Row(values, {}, address), name)


def _spoken(service: Element | None, at: str, table: Table) -> str:
    said = "" if service is None else service.get("name", "")[:60]
    spoken = _NMAP.get(said)
    if service is not None and service.get("tunnel") == "ssl":
        spoken = Speaks.HTTPS if spoken in (Speaks.HTTP, Speaks.HTTPS) else Speaks.TLS
    if spoken is None:
        text = _("nmap calls it {service!r}; taken as other, write what it speaks where you know it")
        table.notes.append(Fault(at, text.format(service=said)))
    return str(spoken or Speaks.OTHER)
