"""A scope file whose hosts are replaced: all else in it, comments too, stays as the person wrote it."""

from __future__ import annotations

import re
from typing import Any

from scanner.i18n import _
from scanner.inventory.nested import as_yaml
from scanner.strict_yaml import InputError, parse
from scanner.targets import Scope

_HOSTS = re.compile(r"^hosts:.*\n?(?:(?:[ \t#-].*|[ \t]*)(?:\n|\Z))*", re.MULTILINE)


def with_hosts(text: str, hosts: list[dict[str, Any]], name: str) -> tuple[str, Scope]:
    """The file's text with these hosts, and the scope it then is; raises InputError where they do not make one."""
    found = _HOSTS.search(text)
    block = as_yaml(hosts)
    new = f"{text.rstrip()}\n{block}" if found is None else text[: found.start()] + block + text[found.end() :]
    elsewhere = f"{name}: " + _("its hosts cannot be replaced in place; write `hosts:` at the start of a line of its own")
    try:
        document = parse(new.encode(), name)
    except InputError:  # the scope could be read before, as one that is written as JSON can
        raise InputError(elsewhere) from None
    scope = document.as_record(Scope)
    if [host.model_dump(mode="json", exclude_defaults=True) for host in scope.hosts] != hosts:
        raise InputError(elsewhere)
    return new, scope


def hosts_in(text: str, name: str) -> dict[str, dict[str, Any]]:
    """The hosts that stand in a scope file now, by their ids; none in a scope that was just begun."""
    value = parse(text.encode(), name).value
    hosts = value.get("hosts") if isinstance(value, dict) else None
    if not hosts:
        return {}
    scope = parse(text.encode(), name).as_record(Scope)
    return {host.id: host.model_dump(mode="json", exclude_defaults=True) for host in scope.hosts}
