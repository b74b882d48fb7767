"""Checks of what confines programs on a host: from where they may be started at all, and by whose rules they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import AccessControl, AppArmor, HostObservation, Mount, fact
from scanner.specimens import host

_ALL = ("nodev", "noexec", "nosuid")


class MountOptions(Parameters):
    """Places with the options each must be mounted with, and those of them that must be mounts of their own."""

    places: Annotated[Mapping[str, tuple[str, ...]], Stricter.NONE] = {"/dev/shm": _ALL, "/tmp": _ALL, "/var/tmp": _ALL}
    own: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("/dev/shm", "/tmp")


class Profiles(Parameters):
    """How many profiles of AppArmor must be enforced at least, and how many may only complain; any number where that is not said."""

    enforced: Annotated[int, Stricter.HIGHER] = 1
    complaining: Annotated[int | None, Stricter.LOWER] = None


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
    retests={
        "any": Retest("findmnt -no OPTIONS PLACE", "names every option that was asked for"),
    },
)
def mount_options(host: HostObservation, parameters: MountOptions) -> Verdict:
    """Nothing can be started from where everybody may write.

    Fails on places that are mounted without an option asked for, or that must be mounts of their own and are not (CIS Debian 12
    1.1.2). Another place that is part of a larger file system is not judged. The mounts are those that the login sees.
    """
    held = {mount.path: mount.options for mount in fact(host.mounts)}
    own = [place for place in sorted(parameters.own) if place not in held]
    lacking = []
    judged = [place for place in sorted(parameters.places) if place in held]
    for place in judged:
        missing = sorted(set(parameters.places[place]) - set(held[place]))
        lacking += [f"{place} without {', '.join(missing)}"] if missing else []
    if own and lacking:
        return Fail(said("mounted {places}; no mounts of their own: {own}", places="; ".join(lacking), own=", ".join(own)))
    if own:
        return Fail(said("no mounts of their own: {own}", own=", ".join(own)))
    if lacking:
        return Fail(said("mounted {places}", places="; ".join(lacking)))
    return Pass() if judged else NotApplicable(said("none of these places is a mount of its own"))


def _controlled(
    selinux: Literal["enforcing", "permissive"] | None = None, *, enforced: int | None = None, complaining: int = 0
) -> HostObservation:
    apparmor = None if enforced is None else AppArmor(enforced=enforced, complaining=complaining, unconfined=9)
    return host(access_control=AccessControl(selinux=selinux, apparmor=apparmor))


@check(
    "host-mandatory-access-control",
    observes=HostObservation,
    facts=("access_control",),
    parameters=Profiles,
    passes=(
        host(),
        _controlled("enforcing"),
        _controlled(enforced=1, complaining=3),
        _controlled("permissive", enforced=1),
        (_controlled(enforced=5, complaining=1), Profiles(enforced=5, complaining=1)),
    ),
    fails=(
        _controlled(),
        _controlled("permissive"),
        _controlled(enforced=0),
        _controlled(enforced=0, complaining=7),
        (_controlled(enforced=5, complaining=1), Profiles(complaining=0)),
        (_controlled(enforced=5), Profiles(enforced=6)),
    ),
    fixes={
        "debian": "apt install apparmor apparmor-profiles, lsm= or apparmor=0 out of /etc/default/grub, update-grub, restart; aa-enforce PROFILE",
        "ubuntu": "apparmor=0 out of /etc/default/grub, update-grub, systemctl enable apparmor, restart; aa-enforce PROFILE",
        "rhel": "SELINUX=enforcing in /etc/selinux/config and no selinux=0 in /proc/cmdline (grubby); touch /.autorelabel and restart",
    },
    retests={
        "any": Retest("aa-status", "says that profiles are loaded, and in enforce mode"),
        "rhel": Retest("getenforce", "prints Enforcing"),
    },
)
def mandatory_access_control(host: HostObservation, parameters: Profiles) -> Verdict:
    """Programs are confined by rules that they cannot change.

    Fails unless SELinux is enforcing, or as many profiles of AppArmor as asked for are enforced and no more than allowed only complain
    (CIS Debian 12 1.3.1). Which programs the rules are about is not judged.
    """
    held = fact(host.access_control)
    if held.selinux == "enforcing":
        return Pass(said("SELinux: {mode}", mode=held.selinux))
    if held.apparmor is None:
        return Fail(said("SELinux: {mode}; AppArmor: -", mode=held.selinux or "-"))
    most = parameters.complaining
    enough = held.apparmor.enforced >= max(1, parameters.enforced) and (most is None or held.apparmor.complaining <= most)
    seen = said(
        "AppArmor enforces {enforced} profiles, {complaining} only complain",
        enforced=held.apparmor.enforced,
        complaining=held.apparmor.complaining,
    )
    return Pass(seen) if enough else Fail(seen)
