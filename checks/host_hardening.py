"""Checks of how a host is closed: what its packet filter refuses, how it starts, and who can read its private keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import Disk, FilterChain, HostObservation, KernelParameter, KeyFile, fact
from scanner.specimens import PARAMETERS, host


class Expected(Parameters):
    """The values that parameters of the kernel may have."""

    values: Annotated[Mapping[str, tuple[str, ...]], Stricter.NONE] = {
        "net.ipv4.tcp_syncookies": ("1",),
        "net.ipv4.conf.all.accept_redirects": ("0",),
        "net.ipv4.conf.all.accept_source_route": ("0",),
        "kernel.randomize_va_space": ("2",),
        "fs.suid_dumpable": ("0",),
    }


def _chain(hook: str, *, family: str = "inet", denies: bool = True) -> FilterChain:
    return FilterChain.model_validate({"family": family, "table": "filter", "name": hook, "hook": hook, "denies": denies})


def _refuses(host: HostObservation, hook: str) -> Verdict:
    """A packet must pass every chain, so one that refuses is enough; it has to stand for IPv4 and for IPv6."""
    chains = [chain for chain in fact(host.packet_filter) if chain.hook == hook]
    closed = {family for chain in chains if chain.denies for family in _families(chain)}
    if closed == {"ip", "ip6"}:
        return Pass()
    open_to = ", ".join(sorted({"ip": "IPv4", "ip6": "IPv6"}[family] for family in {"ip", "ip6"} - closed))
    return Fail(said("{hook}: nothing refuses the rest of {families}", hook=hook, families=open_to))


def _families(chain: FilterChain) -> tuple[str, ...]:
    return ("ip", "ip6") if chain.family == "inet" else (chain.family,)


@check(
    "host-firewall-refuses-input",
    observes=HostObservation,
    facts=("packet_filter",),
    passes=(
        host(),
        host(packet_filter=(_chain("input", family="ip"), _chain("input", family="ip6"))),
        host(packet_filter=(_chain("input"), _chain("input", family="ip", denies=False))),
    ),
    fails=(
        host(packet_filter=()),
        host(packet_filter=(_chain("input", denies=False),)),
        host(packet_filter=(_chain("input", family="ip"),)),
        host(packet_filter=(_chain("forward"), _chain("output"))),
    ),
    fixes={
        "debian": "apt install nftables; a chain with hook input and policy drop in /etc/nftables.conf; systemctl enable nftables",
        "ubuntu": "ufw default deny incoming && ufw allow from ADMIN to any port 22 proto tcp && ufw enable",
        "rhel": "systemctl enable --now firewalld",
    },
    retests={
        "debian": Retest("nft list ruleset | grep 'hook input'", "shows policy drop"),
        "ubuntu": Retest("ufw status verbose", "says Status: active and deny (incoming)"),
        "rhel": Retest("firewall-cmd --state", "prints running"),
    },
)
def firewall_refuses_input(host: HostObservation, _: Parameters) -> Verdict:
    """The host's own firewall refuses what is not allowed in.

    Fails unless, for IPv4 and for IPv6, a chain for incoming packets has the policy to drop or ends in a rule that refuses
    everything (TCVN 14423:2026 clauses 5.5.2.1b and 5.13.2.2; CIS Debian 12 4.2). What its other rules allow is not judged.
    """
    return _refuses(host, "input")


@check(
    "host-firewall-refuses-output",
    observes=HostObservation,
    facts=("packet_filter",),
    passes=(host(),),
    fails=(host(packet_filter=()), host(packet_filter=(_chain("input"), _chain("output", denies=False)))),
    fixes={
        "debian": "A chain with hook output and policy drop in /etc/nftables.conf that accepts what the services need",
        "ubuntu": "ufw default deny outgoing, after ufw allow out for each destination that is needed",
        "rhel": "A firewalld policy from HOST to ANY with target REJECT and rich rules for what is needed",
    },
    retests={
        "debian": Retest("nft list ruleset | grep 'hook output'", "shows policy drop"),
        "ubuntu": Retest("ufw status verbose", "says Status: active and deny (outgoing)"),
        "rhel": Retest("firewall-cmd --info-policy=NAME", "shows the target REJECT, from HOST to ANY"),
    },
)
def firewall_refuses_output(host: HostObservation, _: Parameters) -> Verdict:
    """The host's own firewall refuses what is not allowed out.

    Fails unless, for IPv4 and for IPv6, a chain for outgoing packets refuses what no rule allows (TCVN 14423:2026 clause
    5.12.2.4d). Firewalls before the host, which may do the same, are not seen.
    """
    return _refuses(host, "output")


@check(
    "host-firewall-logs",
    observes=HostObservation,
    facts=("filter_logs",),
    passes=(host(),),
    fails=(host(filter_logs=False),),
    fixes={
        "debian": 'log prefix "refused " level info before the last rule of the input chain in /etc/nftables.conf',
        "ubuntu": "ufw logging low",
        "rhel": "firewall-cmd --set-log-denied=all",
    },
    retests={
        "debian": Retest("nft list ruleset | grep log", "shows a log statement in the input chain"),
        "ubuntu": Retest("ufw status verbose", "says Logging: on"),
        "rhel": Retest("firewall-cmd --get-log-denied", "prints all"),
    },
)
def firewall_logs(host: HostObservation, _: Parameters) -> Verdict:
    """The host's own firewall writes a log.

    Fails where no rule of it writes to the log (TCVN 14423:2026 clause 5.8.2.1a; CIS Debian 12 4.2). Which connections are written
    down is not judged, and what a firewall before the host writes is not seen.
    """
    return Pass() if fact(host.filter_logs) else Fail(said("no rule of the packet filter writes to the log"))


@check(
    "host-no-automatic-login",
    observes=HostObservation,
    facts=("automatic_logins",),
    passes=(host(),),
    fails=(host(automatic_logins=("/etc/gdm3/daemon.conf: AutomaticLoginEnable=true",)),),
    fixes={"any": "Take the line out, then systemctl daemon-reload and restart the display manager or the getty."},
    retests={
        "any": Retest(
            "grep -rE '^[^#]*(autologin|AutomaticLogin *=)' /etc/systemd/system /etc/gdm* /etc/lightdm /etc/sddm*",
            "finds no such line",
        ),
    },
)
def no_automatic_login(host: HostObservation, _: Parameters) -> Verdict:
    """Nobody is logged in automatically.

    Fails where getty, gdm, lightdm or sddm is told to let an account in unasked (TCVN 14423:2026 clause 5.5.2.1b).
    """
    lines = fact(host.automatic_logins)
    return Fail(said("logs in by itself: {lines}", lines="; ".join(lines))) if lines else Pass()


@check(
    "host-private-key-files",
    observes=HostObservation,
    facts=("exposed_keys",),
    passes=(host(),),
    fails=(host(exposed_keys=(KeyFile(path="/etc/ssl/private/dvc.key", mode="-rw-r--r--", owner="root"),)),),
    fixes={"any": "chmod 600 FILE && chown root FILE; then replace the key: it may have been read"},
    retests={
        "any": Retest("stat -c '%U %a %n' FILE", "prints root 600 before the file's name"),
    },
)
def private_key_files(host: HostObservation, _: Parameters) -> Verdict:
    """Private keys are for their owners' eyes.

    Fails where a file under /etc that by its name holds a private key can be read by everybody or changed by a group (TCVN
    14423:2026 clause 5.4.2.4c). Keys elsewhere and under other names are not seen.
    """
    files = [f"{file.path} {file.mode} {file.owner}" for file in fact(host.exposed_keys)]
    return Fail(said("open to others: {files}", files=", ".join(files))) if files else Pass()


@check(
    "host-kernel-parameters",
    observes=HostObservation,
    facts=("kernel_parameters",),
    parameters=Expected,
    passes=(host(), (host(), Expected(values={"net.ipv4.ip_forward": ("0", "1")}))),
    fails=(
        host(kernel_parameters=tuple(KernelParameter(name=name, value="9") for name in PARAMETERS)),
        host(kernel_parameters=()),
    ),
    fixes={"any": "NAME = VALUE in /etc/sysctl.d/60-hardening.conf, then sysctl --system"},
    retests={
        "any": Retest("sysctl NAME", "prints the value that was asked for"),
    },
)
def kernel_parameters(host: HostObservation, parameters: Expected) -> Verdict:
    """The kernel's parameters harden it.

    Fails on parameters that have another value than asked for, or that the kernel does not show (CIS Debian 12 3.3 and 1.5).
    """
    held = {parameter.name: parameter.value for parameter in fact(host.kernel_parameters)}
    wrong = [
        f"{name} = {held.get(name, '?')}" for name, allowed in sorted(parameters.values.items()) if held.get(name) not in allowed
    ]
    return Fail(said("has {wrong}", wrong=", ".join(wrong))) if wrong else Pass()


@check(
    "host-disks-encrypted",
    observes=HostObservation,
    facts=("disks",),
    passes=(host(), host(disks=(Disk(mounted="/boot", encrypted=False), Disk(mounted="/", encrypted=True)))),
    fails=(host(disks=(Disk(mounted="/", encrypted=True), Disk(mounted="/srv", encrypted=False))),),
    fixes={"any": "Put the file systems that hold data on LUKS (cryptsetup luksFormat) and restore them from the backup."},
    retests={
        "any": Retest("lsblk -o NAME,TYPE,MOUNTPOINT", "shows crypt on the way to each file system that holds data"),
    },
)
def disks_encrypted(host: HostObservation, _: Parameters) -> Verdict:
    """File systems lie on encrypted devices.

    Fails on what is mounted from a device without dm-crypt, /boot and the EFI partition aside (TCVN 14423:2026 clause
    5.4.2.4a). A database that encrypts by itself, or storage that does beneath the host, is not seen.
    """
    found = fact(host.disks)
    if not found:
        return NotApplicable(said("nothing is mounted from a block device of the host"))
    plain = [disk.mounted for disk in found if not disk.encrypted and not disk.mounted.startswith("/boot")]
    return Fail(said("not encrypted: {places}", places=", ".join(plain))) if plain else Pass()
