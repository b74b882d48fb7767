"""The services that mount media by themselves, by systemd's word or, without it, by the names of processes and the links of the boot."""

from __future__ import annotations

import re

from scanner.observations import Automounter, Reason, Unobserved
from scanner.probes.collection.logs import processes
from scanner.probes.collection.protection import properties
from scanner.probes.collection.sections import Collected, CollectionError, text_lines

SHELL = r"""
automounters() { brief systemctl show --no-pager -p Id,ActiveState,UnitFileState autofs.service udisks2.service; }
started() {
  for folder in /etc/runlevels /etc/rc2.d; do if hidden $folder/x; then return 77; fi; done
  for name in autofs udisks2; do
    for file in /etc/runlevels/*/$name /etc/rc[2-5].d/S[0-9][0-9]$name; do if [ -e "$file" ]; then echo $name; fi; done
  done
}
if [ -d /run/systemd/system ]; then section automounters automounters; else section started started; fi
"""

_PROCESSES = {"autofs": "automount", "udisks2": "udisksd"}
_OFF = ("", "bad", "disabled", "masked", "masked-runtime", "static")
"""States of a unit's file in which the boot does not start it."""
_STOPPED = ("", "failed", "inactive")
_WORD = re.compile(r"[a-z-]{0,40}")


def automounters(found: Collected) -> tuple[Automounter, ...] | Unobserved:
    """Those of autofs and udisks2 that the boot starts or that are running."""
    if "automounters" in found.sections:
        return found.read("automounters", _by_systemd, Reason.UNSUPPORTED)
    running = processes(found)
    if isinstance(running, Unobserved):
        return running

    def read(text: bytes) -> tuple[Automounter, ...]:
        started = {line for line in text_lines(text) if line}
        if started - set(_PROCESSES):
            raise CollectionError("a service that was not asked for")
        return _some({name: (name in started, process in running) for name, process in _PROCESSES.items()})

    return found.read("started", read, Reason.UNREADABLE)


def _by_systemd(text: bytes) -> tuple[Automounter, ...]:
    units = {block.get("Id", "").removesuffix(".service"): block for block in properties(text)}
    if set(units) != set(_PROCESSES):
        raise CollectionError("a service that was asked for is not there, or another is")
    states = {name: (unit.get("UnitFileState", "?"), unit.get("ActiveState", "?")) for name, unit in units.items()}
    if not all(_WORD.fullmatch(word) for pair in states.values() for word in pair):
        raise CollectionError("a state is none")
    return _some({name: (kept not in _OFF, active not in _STOPPED) for name, (kept, active) in states.items()})


def _some(services: dict[str, tuple[bool, bool]]) -> tuple[Automounter, ...]:
    return tuple(
        Automounter(name=name, enabled=enabled, running=running)
        for name, (enabled, running) in services.items()
        if enabled or running
    )
