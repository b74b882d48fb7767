"""How the services of a host are set up, by their own configuration."""

from __future__ import annotations

from scanner.observations.host_authentication import PolicySetting
from scanner.record import Record, Sorted

PROGRAMS = {
    "nginx": ("nginx",),
    "apache": ("apache2", "httpd"),
    "postgresql": ("postgres",),
    "mysql": ("mariadbd", "mysqld"),
    "redis": ("redis-server",),
}
"""The names under which each product runs."""


class ServiceSettings(Record):
    """The settings of a service that are judged; of each the place it holds for: a server block, a cluster, an instance."""

    settings: Sorted[PolicySetting]

    def places(self) -> tuple[str, ...]:
        """Each place for which anything is set, in order."""
        return tuple(sorted({setting.file for setting in self.settings}))

    def values(self, place: str, name: str) -> tuple[str, ...]:
        """What one setting is at a place; more than one where parts of it differ, none where it is not set."""
        return tuple(setting.value for setting in self.settings if (setting.file, setting.name) == (place, name))
