"""Checks of what confines programs on a host: from where they may be started at all."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.check import Parameters, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import HostObservation, Mount, fact
from scanner.specimens import host

_ALL = ("nodev", "noexec", "nosuid")


class MountOptions(Parameters):
    """Places with the options each must be mounted with, and those of them that must be mounts of their own."""

    places: Mapping[str, tuple[str, ...]] = {"/dev/shm": _ALL, "/tmp": _ALL, "/var/tmp": _ALL}
    own: tuple[str, ...] = ("/dev/shm", "/tmp")


_LENIENT = MountOptions(own=())


def _mounted(*places: str, options: tuple[str, ...] = _ALL) -> HostObservation:
    root = Mount(path="/", type="ext4", options=("rw",))
    return host(mounts=(root, *(Mount(path=place, type="tmpfs", options=("rw", *options)) for place in places)))


@check(
    "host-mount-options",
    observes=HostObservation,
    facts=("mounts",),
    parameters=MountOptions,
    passes=(
        host(),
        _mounted("/dev/shm", "/tmp"),
        (_mounted("/tmp"), _LENIENT),
        (_mounted("/srv", options=("nosuid",)), MountOptions(places={"/srv": ("nosuid",)}, own=())),
    ),
    fails=(
        _mounted("/dev/shm"),
        _mounted("/tmp", "/var/tmp"),
        _mounted("/dev/shm", "/tmp", options=("nodev", "nosuid")),
        _mounted("/dev/shm", "/tmp", "/var/tmp", options=("nosuid", "noexec", "dev")),
        _mounted("/dev/shm/x", "/tmp/x"),
        (_mounted("/var/tmp", options=()), _LENIENT),
    ),
    fixes={
        "debian": "tmpfs /tmp tmpfs rw,nosuid,nodev,noexec 0 0 in /etc/fstab, and the same for /dev/shm; then mount -o remount PLACE",
        "rhel": "systemctl edit tmp.mount: Options=mode=1777,strictatime,nosuid,nodev,noexec; /dev/shm in /etc/fstab; then remount",
    },
)
def mount_options(host: HostObservation, parameters: MountOptions) -> Verdict:
    """Nothing can be started from where everybody may write.

    Fails on places that are mounted without an option asked for, or that must be mounts of their own and are not (CIS Debian 12
    1.1.2). Another place that is part of a larger file system is not judged. The mounts are those that the login sees.
    """
    held = {mount.path: mount.options for mount in fact(host.mounts)}
    lacking = [f"{place}: no mount of its own" for place in sorted(parameters.own) if place not in held]
    judged = [place for place in sorted(parameters.places) if place in held]
    for place in judged:
        missing = sorted(set(parameters.places[place]) - set(held[place]))
        lacking += [f"{place} without {', '.join(missing)}"] if missing else []
    if lacking:
        return Fail(said("mounted {places}", places="; ".join(lacking)))
    return Pass() if judged else NotApplicable(said("none of these places is a mount of its own"))
