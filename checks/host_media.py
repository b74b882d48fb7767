"""A check of what a host does by itself with a medium that is put into it."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import Automounter, HostObservation, fact
from scanner.specimens import host


class Allowed(Parameters):
    """Services that may be there for a reason that is written down: autofs, udisks2."""

    services: Annotated[tuple[str, ...], Stricter.SUBSET] = ()


def _has(name: str, *, enabled: bool = True, running: bool = True) -> HostObservation:
    return host(automounters=(Automounter(name=name, enabled=enabled, running=running),))


@check(
    "host-no-automount",
    observes=HostObservation,
    facts=("automounters",),
    parameters=Allowed,
    passes=(host(), (_has("autofs"), Allowed(services=("autofs",)))),
    fails=(
        _has("udisks2"),
        _has("autofs", running=False),
        _has("udisks2", enabled=False),
        (_has("udisks2"), Allowed(services=("autofs",))),
    ),
    fixes={
        "debian": "systemctl mask --now udisks2.service autofs.service, or apt purge udisks2 autofs where nothing needs them",
        "rhel": "systemctl mask --now udisks2.service autofs.service, or dnf remove udisks2 autofs where nothing needs them",
    },
    retests={
        "any": Retest("systemctl is-enabled udisks2 autofs", "prints masked or not-found for each"),
    },
)
def no_automount(host: HostObservation, parameters: Allowed) -> Verdict:
    """No service mounts media by itself.

    Fails where autofs or udisks2 is running or started by the boot (TCVN 14423:2026 clause 5.10.2.2; CIS Debian 12 2.1.1). What
    a desktop does with a medium, and whether media are scanned, is not seen.
    """
    held = [service for service in fact(host.automounters) if service.name not in parameters.services]
    shown = ", ".join(f"{service.name} ({_state(service)})" for service in held)
    return Fail(said("mounts media by itself: {services}", services=shown)) if held else Pass()


def _state(service: Automounter) -> str:
    return ", ".join(word for word, holds in (("enabled", service.enabled), ("running", service.running)) if holds)
