"""Apache's settings from its files, put together as their includes say: its server prints the whole only with mod_info.

A section that holds under a condition (<IfModule>, <IfDefine>, <If>) may or may not be in force, so what it sets stands beside what
was set before; where one of the two is wrong, it is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from scanner.observations import PolicySetting, ServiceSettings
from scanner.probes.collection.sections import CollectionError, Files, files
from scanner.record import escaped

SHELL = r"""
apache() {
  lines /etc/apache2/apache2.conf /etc/apache2/ports.conf /etc/apache2/mods-enabled/* /etc/apache2/conf-enabled/* \
    /etc/apache2/sites-enabled/* /etc/httpd/conf/httpd.conf /etc/httpd/conf.d/*.conf /etc/httpd/conf.modules.d/*.conf
}
if [ -e /etc/apache2/apache2.conf ] || [ -e /etc/httpd/conf/httpd.conf ]; then section apache apache; fi
"""

_MAINS = {"/etc/apache2/apache2.conf": "/etc/apache2", "/etc/httpd/conf/httpd.conf": "/etc/httpd"}
_OPENS = re.compile(r"<([A-Za-z]+)\s*([^>]*?)\s*>?")
_CLOSES = re.compile(r"</([A-Za-z]+)>")
_TLS = "ifmodule ssl"
"""A condition that holds wherever it matters: without that module there is no TLS."""
_JUDGED = {
    "servertokens": ["Full"],
    "serversignature": ["Off"],
    "traceenable": ["On"],
    "sslprotocol": ["all -SSLv3"],
    "sslengine": ["off"],
    "options": [],
}
"""The directives that are judged, and what each is where nothing sets it."""
_DEPTH = 16
_LINES = 50_000


@dataclass
class Scope:
    """The server, or one of its virtual hosts: what is set there, and what its folders set."""

    name: str
    held: dict[str, list[str]] = field(default_factory=dict)

    def set(self, name: str, value: str, *, beside: list[str] | None) -> None:
        """One directive; beside what stands without it, where it may not be in force or holds for a part alone."""
        self.held[name] = [value] if beside is None else [*self.held.get(name, beside), value]


def apache_settings(text: bytes) -> ServiceSettings:
    """The settings of the server itself and of each virtual host, which inherits what it does not set."""
    held = files(text)
    main = next((name for name in _MAINS if name in held), None)
    if main is None:
        raise CollectionError("its main file is not there, or nothing stands in it")
    reader = _Reader(held, _MAINS[main])
    reader.read(main, 0)
    if reader.open:
        raise CollectionError("a section does not end")
    return ServiceSettings(settings=tuple(_settings(reader.scopes)))


class _Reader:
    """Reads files in the order of their includes."""

    def __init__(self, held: Files, root: str) -> None:
        self._held, self._root = held, root
        self._count = 0
        self.scopes = [Scope("server")]
        self.open: list[str] = []

    def read(self, name: str, depth: int) -> None:
        """One file and what it includes."""
        if depth > _DEPTH:
            raise CollectionError("its includes do not come to an end")
        for line in _joined(self._held[name]):
            self._count += 1
            if self._count > _LINES:
                raise CollectionError("it has too many lines, or its includes do not come to an end")
            opens, closes = _OPENS.fullmatch(line), _CLOSES.fullmatch(line)
            if closes is not None:
                if not self.open or self.open.pop().split()[0] != closes[1].lower():
                    raise CollectionError("sections overlap")
            elif opens is not None:
                section = opens[1].lower()
                self.open.append(_TLS if section == "ifmodule" and "ssl" in opens[2] else section)
                if section == "virtualhost":
                    self.scopes.append(Scope(f"{len(self.scopes)}: {opens[2]}"))
            else:
                self._directive(line, depth)

    def _directive(self, line: str, depth: int) -> None:
        name, _, value = line.partition(" ") if "\t" not in line else line.expandtabs(1).partition(" ")
        name, value = name.lower(), value.strip().strip('"')
        if name in ("include", "includeoptional"):
            self._include(value, depth)
        elif name in _JUDGED:
            scope = self.scopes[-1] if "virtualhost" in self.open else self.scopes[0]
            partly = name == "options" or any(section not in ("virtualhost", _TLS) for section in self.open)
            scope.set(name, value, beside=self.scopes[0].held.get(name) or _JUDGED[name] if partly else None)

    def _include(self, value: str, depth: int) -> None:
        pattern = value if value.startswith("/") else f"{self._root}/{value}"
        names = sorted(name for name in self._held if fnmatchcase(name, pattern))
        read = ("mods-enabled/", "conf-enabled/", "sites-enabled/", "conf.d/", "conf.modules.d/", "ports.conf")
        if not pattern.startswith(f"{self._root}/") or (not names and not pattern[len(self._root) + 1 :].startswith(read)):
            raise CollectionError("it includes files elsewhere, which are not read")
        for name in names:
            self.read(name, depth + 1)


def _joined(lines: list[str]) -> Iterator[str]:
    """Lines, each with those that a backslash at its end adds to it."""
    whole = ""
    for line in lines:
        whole += line
        if whole.endswith("\\"):
            whole = whole[:-1] + " "
        else:
            yield whole.strip()
            whole = ""
    if whole:
        raise CollectionError("a line does not end")


def _settings(scopes: list[Scope]) -> Iterator[PolicySetting]:
    server = scopes[0].held
    for scope in scopes:
        for name, default in _JUDGED.items():
            for value in scope.held.get(name) or server.get(name) or default:
                yield PolicySetting(file=escaped(scope.name, limit=200), name=name, value=escaped(value, limit=500))
