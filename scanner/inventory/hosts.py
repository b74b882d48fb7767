"""From rows to the hosts of a scope: every fault of every row with its place, and renamed units for a person to confirm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from ipaddress import ip_address
from typing import Any

from pydantic import TypeAdapter, ValidationError

from scanner.i18n import _
from scanner.inventory.rows import OF_A_SERVICE, Fault, Row, Table, heading_of
from scanner.inventory.units import plain, renamed
from scanner.strict_yaml import complaints
from scanner.targets import DnsName, Host, Speaks

WELL_KNOWN = {
    21: Speaks.FTP, 22: Speaks.SSH, 25: Speaks.SMTP, 53: Speaks.DNS, 80: Speaks.HTTP, 110: Speaks.POP3, 123: Speaks.NTP,
    143: Speaks.IMAP, 161: Speaks.SNMP, 389: Speaks.LDAP, 443: Speaks.HTTPS, 465: Speaks.TLS, 587: Speaks.SMTP, 636: Speaks.TLS,
    993: Speaks.TLS, 995: Speaks.TLS, 1433: Speaks.MSSQL, 3306: Speaks.MYSQL, 3389: Speaks.RDP, 5432: Speaks.POSTGRES,
    8443: Speaks.HTTPS,
}  # fmt: skip
"""What a port is taken to speak where the inventory does not say; each time it is noted."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_KEY = re.compile(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}")
_NUMBERS = re.compile(r"[0-9.]+")
_FORMULA = ("=", "+", "-", "@")
_DNS = TypeAdapter(DnsName)


@dataclass(slots=True)
class Inventory:
    """What an inventory declares, and all that is wrong with it."""

    table: Table
    hosts: list[Host] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    renames: list[tuple[str, str, str]] = field(default_factory=list)
    """Where a unit stands under a name that ended, the name, and that of today."""
    left_out: list[str] = field(default_factory=list)
    """The hosts of which a row is faulty: none of their rows counts, for half a host would pass for the whole."""
    good: int = 0
    """Rows of the hosts that are whole."""

    @property
    def bad(self) -> int:
        """Rows that count for nothing: faulty ones, and those of the same hosts."""
        return len(self.table.rows) - self.good


@dataclass(slots=True)
class _Draft:
    """A host as its rows make it."""

    row: Row
    value: dict[str, Any]
    said: dict[str, str]
    services: list[dict[str, Any]] = field(default_factory=list)
    ports: dict[tuple[int, str], str] = field(default_factory=dict)


@dataclass(slots=True)
class _Met:
    """What the rows so far have declared."""

    drafts: dict[str, _Draft] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    """Hosts whose first row is faulty; their other rows are no faults of their own."""
    faulty: dict[str, None] = field(default_factory=dict)
    """Hosts with any faulty row, as they stand in the file."""


def declared(table: Table, on: date) -> Inventory:
    """The inventory these rows declare on this day; a host with a faulty row counts for nothing, and each fault has its place."""
    found, met = Inventory(table), _Met()
    for row in table.rows:
        faults = [*row.faults]
        _take(row, met, found, faults, on)
        found.faults += faults
        if faults:
            met.faulty[row.values.get("host", "")] = None
    for name, draft in met.drafts.items():
        if name in met.faulty:
            continue
        try:
            found.hosts.append(Host.model_validate_json(json.dumps({**draft.value, "services": draft.services})))
        except ValidationError as error:
            told = [Fault(draft.row.at, f"{'.'.join(map(str, place))}: {message}") for place, message in complaints(error)]
            found.faults += told
            met.faulty[name] = None
    found.left_out = [name for name in met.faulty if name]
    found.good = sum(row.values.get("host", "") not in met.faulty for row in table.rows)
    return found


def _take(row: Row, met: _Met, found: Inventory, faults: list[Fault], on: date) -> None:
    """Takes the row into its host; what is wrong in the row is added to the faults."""
    name = row.values.get("host", "")
    if not _ID.fullmatch(name):
        faults.append(Fault(row.place("host"), _bad_id(name)))
    if name in met.failed:
        _service(row, found, faults)
        return
    draft = met.drafts.get(name)
    if draft is None:
        draft = _begin(row, met, found, faults, on)
        if draft is None:
            met.failed.add(name)
            _service(row, found, faults)
            return
    else:
        faults += _disagreements(row, draft, on)
    before = len(faults)
    service = _service(row, found, faults)
    if service is None and not faults and draft.row is not row:
        faults.append(Fault(row.at, _("{host} stands already at {place}").format(host=name, place=draft.row.at)))
    if service is None or len(faults) > before:
        return
    port = (service["port"], service.get("transport", "tcp"))
    if port in draft.ports:
        text = _("{host} port {port}/{transport} stands already at {place}")
        said = text.format(host=name, port=port[0], transport=port[1], place=draft.ports[port])
        faults.append(Fault(row.place("port"), said))
    elif not faults:
        draft.ports[port] = row.at
        draft.services.append(service)


def _begin(row: Row, met: _Met, found: Inventory, faults: list[Fault], on: date) -> _Draft | None:
    name = row.values.get("host", "")
    value = _host(row, found, faults, on)
    address = value["address"]
    if address in met.addresses:
        text = _("{address} is declared already, as {host}: one address is one host; give it one id")
        faults.append(Fault(row.place("address"), text.format(address=address, host=met.addresses[address])))
    if faults:
        return None
    met.addresses[address] = name
    met.drafts[name] = _Draft(row, value, _of_host(row))
    return met.drafts[name]


def _of_host(row: Row) -> dict[str, str]:
    return {column: text for column, text in row.values.items() if text and column not in OF_A_SERVICE}


def _disagreements(row: Row, draft: _Draft, on: date) -> Iterator[Fault]:
    for column, text in _of_host(row).items():
        if draft.said.get(column, "") != text and (column != "unit" or renamed(text, on) != draft.value.get("unit")):
            message = _("{text!r} is not what {host} has at {place}; a host has one “{column}”")
            place = draft.row.place(column)
            said = message.format(text=text[:60], host=draft.value["id"], place=place, column=heading_of(column))
            yield Fault(row.place(column), said)


def _host(row: Row, found: Inventory, faults: list[Fault], on: date) -> dict[str, Any]:
    values = row.values
    value: dict[str, Any] = {"id": values.get("host", ""), "address": _address(row, "address", faults)}
    unit = values.get("unit", "")
    if unit:
        value["unit"] = _unit(row, unit, found, faults, on)
    login = _account(row, "login", faults)
    via = _account(row, "via", faults)
    if via is not None:
        via["address"] = _address(row, "via_address", faults, names=False)
        if login is None:
            faults.append(Fault(row.place("via_user"), _("a machine to go through, and no account on the host; give Login user")))
        else:
            login["via"] = via
    if login is not None:
        value["login"] = login
    return value


def _account(row: Row, prefix: str, faults: list[Fault]) -> dict[str, Any] | None:
    parts = {key: row.values.get(f"{prefix}_{key}", "") for key in ("user", "port", "key", "host_keys", "address")}
    if not any(parts.values()):
        return None
    account: dict[str, Any] = {"user": parts["user"]}
    if not _USER.fullmatch(parts["user"]):
        text = _("{text!r} is no account's name; small letters, digits, dash and underscore")
        faults.append(Fault(row.place(f"{prefix}_user"), text.format(text=parts["user"][:60])))
    if parts["port"]:
        account["port"] = _port(row, f"{prefix}_port", faults)
    if "PRIVATE KEY" in parts["key"] or len(parts["key"]) > 1_000:
        faults.append(Fault(row.place(f"{prefix}_key"), _("write the path of the key's file here, never the key")))
    elif parts["key"]:
        account["key"] = parts["key"]
    keys = [" ".join(key.split()[:2]) for key in re.split(r"[;\n]", parts["host_keys"]) if key.strip()]
    account["host_keys"] = keys
    if not keys or not all(_KEY.fullmatch(key) and len(key) <= 4_000 for key in keys):
        text = _(
            "an account needs the host's public keys as `type base64`, more than one with ; between (ssh-keyscan shows them)"
        )
        faults.append(Fault(row.place(f"{prefix}_host_keys"), text))
    return account


def _service(row: Row, found: Inventory, faults: list[Fault]) -> dict[str, Any] | None:
    values = {column: row.values.get(column, "") for column in ("port", "transport", "speaks", "name")}
    if not any(values.values()):
        return None
    if not values["port"]:
        if not row.faults:
            faults.append(Fault(row.place("port"), _("a service without its port")))
        return None
    port = _port(row, "port", faults)
    service: dict[str, Any] = {"port": port}
    transport = values["transport"].casefold() or "tcp"
    if transport not in ("tcp", "udp"):
        faults.append(Fault(row.place("transport"), _("{text!r} is neither tcp nor udp").format(text=transport[:60])))
    elif transport == "udp":
        service["transport"] = "udp"
    if values["speaks"]:
        service["speaks"] = _spoken(row, faults)
    elif port is not None:
        service["speaks"] = str(WELL_KNOWN.get(port, Speaks.OTHER))
        text = _("what port {port} speaks is not said; taken as {speaks}")
        found.table.notes.append(Fault(row.place("speaks"), text.format(port=port, speaks=service["speaks"])))
    if values["name"]:
        service["name"] = values["name"]
        if not _is_name(values["name"]):
            text = _("{text!r} is no domain name; as clients use it, without https:// and path")
            faults.append(Fault(row.place("name"), text.format(text=values["name"][:60])))
    return service


def _spoken(row: Row, faults: list[Fault]) -> str:
    said = row.values["speaks"]
    spoken = plain(said).replace(" ", "-")
    if spoken not in tuple(Speaks):
        text = _("{text!r} is nothing a service speaks; one of {known}")
        faults.append(Fault(row.place("speaks"), text.format(text=said[:60], known=", ".join(Speaks))))
    return spoken


def _port(row: Row, column: str, faults: list[Fault]) -> int | None:
    text = row.values.get(column, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        message = _("{text!r} is no port; one number a row, from 1 to 65535")
        faults.append(Fault(row.place(column), message.format(text=text[:60])))
        return None
    number = int(text)
    if not 1 <= number <= 65_535:
        message = _("port {port} > 65535") if number else _("port 0 is no port")
        faults.append(Fault(row.place(column), message.format(port=number)))
        return None
    return number


def _address(row: Row, column: str, faults: list[Fault], *, names: bool = True) -> str:
    text = row.values.get(column, "")
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    shown = repr(text[:60])
    if not text:
        message = _("no address; write the IP address, or the name it is found by")
    elif "/" in text or re.fullmatch(r"[0-9.]+\s*-\s*[0-9.]+", text):
        message = _("{text} is a range; declare each host with its own address").format(text=shown)
    elif not names or _NUMBERS.fullmatch(text) or ":" in text:
        message = _("{text} is not an IP address").format(text=shown)
    elif not _is_name(text):
        message = _(
            "{text} is neither an IP address nor a name: a name holds letters without accents, digits, dashes and dots, as in dvc.example.vn"
        ).format(text=shown)
    else:
        return text
    faults.append(Fault(row.place(column), message))
    return text


def _unit(row: Row, unit: str, found: Inventory, faults: list[Fault], on: date) -> str:
    if unit.startswith(_FORMULA) or len(unit) > 200 or not unit.isprintable():
        faults.append(Fault(row.place("unit"), _("{text!r} is no name of a unit").format(text=unit[:60])))
        return unit
    today = renamed(unit, on)
    if today != unit:
        found.renames.append((row.place("unit"), unit, today))
    return today


def _bad_id(name: str) -> str:
    if not name:
        return _("the host has no id; write a short one, as in web1")
    offered = plain(name).replace(" ", "-")[:60]
    text = _("{name!r} is no id: letters without accents, digits, dot and dash, as in {offered}")
    return text.format(name=name[:60], offered=offered or "web1")


def _is_name(text: str) -> bool:
    try:
        _DNS.validate_python(text)
    except ValidationError:
        return False
    return True


def hosts_as_data(hosts: Iterable[Host]) -> list[dict[str, Any]]:
    """The hosts as a scope writes them: only what was said."""
    return [host.model_dump(mode="json", exclude_defaults=True) for host in hosts]
