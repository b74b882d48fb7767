"""Checks that what a host has on its disk is what it runs: no replaced file in use, no restart due."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, ReplacedFile, fact
from scanner.specimens import host

_SHOWN = 5
"""How many of them a finding names; it counts the others."""

_OLD = ReplacedFile(process="nginx", path="/usr/lib/x86_64-linux-gnu/libssl.so.3")


def _few(names: list[str]) -> str:
    """The first of these names, and how many there are beside them."""
    left = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f", +{left}" if left > 0 else "")


@check(
    "host-no-replaced-files",
    observes=HostObservation,
    facts=("replaced_files",),
    passes=(host(),),
    fails=(
        host(replaced_files=(_OLD,)),
        host(replaced_files=tuple(ReplacedFile(process=f"worker{number}", path="/usr/sbin/nginx") for number in range(40))),
    ),
    fixes={
        "debian": "systemctl restart SERVICE for each process that is named, systemctl daemon-reexec for systemd; or systemctl reboot",
        "rhel": "needs-restarting -s (of yum-utils) names the services: systemctl restart SERVICE for each; or systemctl reboot",
    },
    retests={
        "debian": Retest("grep -lE '\\.so[^ ]* \\(deleted\\)$' /proc/[0-9]*/maps", "prints nothing"),
        "rhel": Retest("needs-restarting -s", "prints nothing"),
    },
)
def no_replaced_files(host: HostObservation, _: Parameters) -> Verdict:
    """No process runs a program or library that was replaced.

    Fails where a process outside of containers still runs a file that was deleted or replaced by another: what an update mended is
    not mended there before the process is started again (TCVN 14423:2026 clause 5.7.2.2). Scripts, which are read and not mapped,
    are not seen.
    """
    files = [f"{file.process}: {file.path}" for file in fact(host.replaced_files)]
    return Fail(said("still runs replaced files: {files}", files=_few(files))) if files else Pass()


@check(
    "host-no-restart-due",
    observes=HostObservation,
    facts=("restart_required",),
    passes=(host(),),
    fails=(host(restart_required=("linux-image-6.1.0-42-amd64",)), host(restart_required=("reboot-required",))),
    fixes={
        "debian": 'systemctl reboot; Unattended-Upgrade::Automatic-Reboot "true"; in /etc/apt/apt.conf.d/50unattended-upgrades',
        "rhel": "systemctl reboot; reboot = when-needed in /etc/dnf/automatic.conf lets it happen by itself",
    },
    retests={
        "debian": Retest("ls /run/reboot-required", "finds no such file"),
        "rhel": Retest("needs-restarting -r", "says Reboot should not be necessary"),
    },
)
def no_restart_due(host: HostObservation, _: Parameters) -> Verdict:
    """The host does not wait for a restart.

    Fails where /run/reboot-required stands, as packages of Debian and Ubuntu make it, or where rpm has installed a kernel, the C
    library, systemd, dbus or firmware since the host was started (TCVN 14423:2026 clause 5.7.2.2). A Debian host without
    unattended-upgrades, update-notifier or the like never says that it waits.
    """
    packages = list(fact(host.restart_required))
    return Fail(said("waits for a restart because of {packages}", packages=_few(packages))) if packages else Pass()
