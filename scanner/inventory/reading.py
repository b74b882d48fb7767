"""Which kind of file an inventory is, told by what stands in it, and how it is read and written."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from scanner.i18n import _
from scanner.inventory.rows import Table
from scanner.record import RecordError, parse_json
from scanner.strict_yaml import InputError


class Form(StrEnum):
    """The kinds of file that are read."""

    XLSX = "xlsx"
    CSV = "csv"
    YAML = "yaml"
    JSON = "json"
    ANSIBLE = "ansible"
    NMAP = "nmap"


WRITTEN = (Form.XLSX, Form.CSV, Form.YAML, Form.JSON)
"""The kinds that are written."""
LIMIT = 64 * 1024 * 1024
"""No inventory is larger; each kind has limits of its own besides."""
_ENDINGS = {".xlsx": Form.XLSX, ".csv": Form.CSV, ".tsv": Form.CSV, ".txt": Form.CSV, ".yaml": Form.YAML, ".yml": Form.YAML,
            ".json": Form.JSON, ".xml": Form.NMAP}  # fmt: skip


def form_of(data: bytes, name: str) -> Form:
    """The kind of file this is; by what stands in it first, by its name's ending second."""
    start = data[:4_096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return Form.XLSX
    if start.startswith((b"<?xml", b"<!DOCTYPE nmaprun", b"<nmaprun")):
        return Form.NMAP
    if start.startswith((b"{", b"[")):
        return Form.JSON
    ending = next((form for end, form in _ENDINGS.items() if name.casefold().endswith(end)), None)
    if ending in (Form.CSV, Form.YAML):
        return ending
    text = _("neither a workbook, CSV, YAML, JSON nor nmap's XML; name the kind with --from")
    raise InputError(f"{name}: {text}")


def read(data: bytes, name: str, form: Form | None = None) -> Table:
    """The table in this file; raises InputError where it cannot be read as what it is."""
    match form or form_of(data, name):
        case Form.XLSX:
            from scanner.inventory.sheets import read as read_sheet

            return read_sheet(data, name)
        case Form.CSV:
            from scanner.inventory.separated import read as read_separated

            return read_separated(data, name)
        case Form.YAML:
            from scanner.inventory.nested import read_yaml

            return read_yaml(data, name)
        case Form.NMAP:
            from scanner.inventory.elsewhere import read_nmap

            return read_nmap(data, name)
        case Form.JSON | Form.ANSIBLE as kind:
            return _read_json(data, name, ansible=kind is Form.ANSIBLE)


def _read_json(data: bytes, name: str, *, ansible: bool) -> Table:
    from scanner.inventory.elsewhere import read_ansible
    from scanner.inventory.nested import path_of, table_of

    try:
        value = parse_json(data.removeprefix(b"\xef\xbb\xbf"), limit=LIMIT)
    except RecordError as error:
        if ansible:
            text = _("not Ansible's JSON; write it with `ansible-inventory -i {name} --list` and import that")
            raise InputError(f"{name}: " + text.format(name=name)) from None
        raise InputError(f"{name}: {_(str(error))}") from None
    if isinstance(value, dict) and (ansible or "_meta" in value):
        return read_ansible(value, name)
    return table_of(value, path_of, "JSON", name)


def written(hosts: list[dict[str, Any]], form: Form) -> bytes:
    """The hosts of a scope as such a file; reading it again gives the same hosts."""
    from scanner.inventory.nested import as_json, as_yaml, flattened

    match form:
        case Form.XLSX:
            from scanner.inventory.sheets import write as write_sheet

            return write_sheet([row for host in hosts for row in flattened(host)])
        case Form.CSV:
            from scanner.inventory.separated import write as write_separated

            return write_separated([row for host in hosts for row in flattened(host)])
        case Form.YAML:
            return as_yaml(hosts).encode()
        case Form.JSON:
            return as_json(hosts)
        case _:
            raise InputError(_("an inventory is written as one of {known}").format(known=", ".join(WRITTEN)))
