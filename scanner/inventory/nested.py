"""Inventories as YAML or JSON: the hosts of a scope as they stand there, or flat rows by the names of the columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scanner.i18n import _
from scanner.inventory.rows import COLUMNS, OF_A_SERVICE, Fault, Row, Table
from scanner.strict_yaml import Document, InputError, parse

Place = tuple[str | int, ...]
Where = Callable[[Place], str]
_ACCOUNT = ("user", "port", "key", "host_keys")
_PARTS = ("services", "login")


def read_yaml(data: bytes, name: str) -> Table:
    """The hosts in this YAML file, each value with its line."""
    document: Document = parse(data, name)

    def where(place: Place) -> str:
        return _("line {line}").format(line=document.line(place))

    return table_of(document.value, where, "YAML", name)


def table_of(value: Any, where: Where, what: str, name: str) -> Table:
    """The hosts in this value: a list, or a mapping (a whole scope, too) that holds them under `hosts`."""
    table, place = Table(what), ()
    hosts: Any = value
    if isinstance(value, dict):
        hosts, place = value.get("hosts"), ("hosts",)  # type: ignore[assignment]  # a place is as long as it is
    if not isinstance(hosts, list):
        raise InputError(f"{name}: " + _("holds no list of hosts"))
    for number, host in enumerate(hosts):
        for row in _rows(host, (*place, number), where, table):
            table.add(row, name)
    return table


def path_of(place: Place) -> str:
    """A place in a JSON value as a person writes it: hosts[3].services[0].port."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "top level"


def flattened(host: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of a host of a scope, every column in each; the first row holds what belongs to the host."""
    rows = [dict(row.values) for row in _rows(host, (), path_of, Table(""))]
    return [{column: row.get(column, "") for column in COLUMNS} for row in rows]


def as_json(hosts: list[dict[str, Any]]) -> bytes:
    """The hosts as JSON that a person can read."""
    return json.dumps({"hosts": hosts}, ensure_ascii=False, indent=2).encode() + b"\n"


def as_yaml(hosts: list[dict[str, Any]]) -> str:
    """The hosts as the block `hosts:` of a scope, every text in quotes."""
    lines = ["hosts:"]
    for host in hosts:
        lead = "  - "
        for key in ("id", "address", "unit"):
            if host.get(key) is not None:
                lines.append(f"{lead}{key}: {_quoted(host[key])}")
                lead = "    "
        if host.get("services"):
            lines.append("    services:")
            lines += [f"      - {_flow(service)}" for service in host["services"]]
        if host.get("login"):
            lines.append(f"    login: {_flow(host['login'])}")
    return "\n".join(lines) + "\n"


def _rows(host: Any, place: Place, where: Where, table: Table) -> Iterator[Row]:
    if not isinstance(host, dict):
        yield Row({}, {}, where(place), (Fault(where(place), _("not a host with id and address")),))
        return
    faults: list[Fault] = []
    values: dict[str, str] = {}
    places: dict[str, str] = {}

    def take(column: str, value: Any, at: Place) -> None:
        values[column], places[column] = _text(value, where(at), faults, table), where(at)

    for key, value in host.items():
        column = "host" if key == "id" else key
        if column in COLUMNS:
            take(column, value, (*place, key))
        elif key == "login" and isinstance(value, dict):
            _take_login(value, (*place, key), take, where, faults)
        elif key not in _PARTS or (key == "login" and value is not None):
            faults.append(Fault(where((*place, key)), _("no key is called {key!r} here").format(key=str(key)[:60])))
    services = host.get("services") or []
    if not isinstance(services, list):
        faults.append(Fault(where((*place, "services")), _("services are a list")))
        services = []
    if not services:
        yield Row(values, places, where(place), tuple(faults))
    for number, service in enumerate(services):
        at, first = (*place, "services", number), number == 0
        own = dict(values) if first else {"host": values.get("host", "")}
        own_places, own_faults = dict(places), faults if first else []
        _take_service(service, at, own, own_places, own_faults, where, table)
        yield Row(own, own_places, where(at), tuple(own_faults))


def _take_service(
    service: Any, at: Place, own: dict[str, str], places: dict[str, str], faults: list[Fault], where: Where, table: Table
) -> None:
    if not isinstance(service, dict):
        faults.append(Fault(where(at), _("not a service with port and speaks")))
        return
    for key, value in service.items():
        if key in OF_A_SERVICE:
            own[key], places[key] = _text(value, where((*at, key)), faults, table), where((*at, key))
        else:
            faults.append(Fault(where((*at, key)), _("no key is called {key!r} here").format(key=str(key)[:60])))


def _take_login(login: Mapping[str, Any], place: Place, take: Callable[..., None], where: Where, faults: list[Fault]) -> None:
    for key, value in login.items():
        if key in _ACCOUNT:
            take(f"login_{key}", value, (*place, key))
        elif key == "via" and isinstance(value, dict):
            for inner, of_jump in value.items():
                if inner in (*_ACCOUNT, "address"):
                    take(f"via_{inner}", of_jump, (*place, key, inner))
                else:
                    at = where((*place, key, inner))
                    faults.append(Fault(at, _("no key is called {key!r} here").format(key=str(inner)[:60])))
        elif not (key == "via" and value is None):
            faults.append(Fault(where((*place, key)), _("no key is called {key!r} here").format(key=str(key)[:60])))


def _text(value: Any, place: str, faults: list[Fault], table: Table) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return table.text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return table.text("; ".join(value))
    faults.append(Fault(place, _("not text and not a whole number")))
    return ""


def _quoted(text: Any) -> str:
    return json.dumps(text, ensure_ascii=False)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _quoted(value)
