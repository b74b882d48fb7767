"""The packet filter, the kernel's parameters, disks and the modes of files that hold private keys; never their contents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from scanner.observations import Disk, FilterChain, KernelParameter, KeyFile, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, text_lines
from scanner.record import escaped

NFT = "/usr/sbin/nft -t list ruleset"
IPTABLES = "/usr/sbin/iptables -S"
IP6TABLES = "/usr/sbin/ip6tables -S"
KEYS = "/usr/bin/find /etc -xdev -type f ( -name *.key -o -name *key.pem -o -name ssh_host_*_key -o -name id_* ) -perm /027 -ls"
_KEYS = "/usr/bin/find /etc -xdev -type f '(' -name '*.key' -o -name '*key.pem' -o -name 'ssh_host_*_key' -o -name 'id_*' ')' -perm /027 -ls"
PRIVILEGED = (NFT, IPTABLES, IP6TABLES, _KEYS)

SHELL = rf"""
if [ -x /usr/sbin/nft ]; then section nft asroot {NFT}
elif [ -x /usr/sbin/iptables ]; then section iptables asroot {IPTABLES}; section ip6tables asroot {IP6TABLES}
elif ! command -v nft >/dev/null && ! command -v iptables >/dev/null; then section no-filter true
fi
section keys asroot {_KEYS}
parameters() {{
  for name in net/ipv4/ip_forward net/ipv4/tcp_syncookies net/ipv4/conf/all/accept_redirects net/ipv4/conf/all/send_redirects \
    net/ipv4/conf/all/accept_source_route net/ipv4/conf/all/rp_filter net/ipv4/conf/all/log_martians \
    net/ipv4/conf/all/secure_redirects net/ipv4/icmp_echo_ignore_broadcasts net/ipv4/icmp_ignore_bogus_error_responses \
    net/ipv6/conf/all/forwarding net/ipv6/conf/all/accept_redirects net/ipv6/conf/all/accept_source_route \
    net/ipv6/conf/all/accept_ra kernel/randomize_va_space kernel/yama/ptrace_scope fs/suid_dumpable
  do if [ -r /proc/sys/$name ]; then printf '%s ' $name; cat /proc/sys/$name; fi
  done
}}
section parameters parameters
section disks brief lsblk -rnso TYPE,MOUNTPOINT
"""

_PARAMETER = re.compile(r"([a-z0-9_/]{1,100}) (-?[0-9]{1,20})")
_TABLE = re.compile(r"table (ip|ip6|inet|arp|bridge|netdev) (\S+) \{")
_CHAIN = re.compile(r"chain (\S+) \{")
_HOOK = re.compile(r"type filter hook (input|forward|output) (?:device .*)?priority [^;]+;(?: policy (accept|drop);)?")
_FINAL = re.compile(r"(?:counter(?: packets \d+ bytes \d+)? )?(?:drop|reject(?: with .+)?)(?: comment \".*\")?")
_ACCEPT = re.compile(r"(?:counter(?: packets \d+ bytes \d+)? )?accept(?: comment \".*\")?")
_LOGS = re.compile(r"^\s+(?:.*\s)?log(?:\s|$)")
_LOG_TARGET = re.compile(r"\s-j N?F?LOG(?:\s|$)")
_QUOTED = re.compile(r"\"[^\"]*\"|#.*")
_POLICY = re.compile(r"-P (INPUT|FORWARD|OUTPUT) (ACCEPT|DROP)")
_REFUSAL = re.compile(r"-A (INPUT|FORWARD|OUTPUT) -j (?:DROP|REJECT)(?: --reject-with \S+)?")
_KIND = re.compile(r"[a-z0-9_]{1,20}")
_IMAGES = ("loop", "rom")
"""Kinds of device that show a file, as snaps do, or a disc."""
_HOOKS: dict[str, Literal["input", "forward", "output"]] = {"input": "input", "forward": "forward", "output": "output"}
_FAMILIES: dict[str, Literal["ip", "ip6", "inet"]] = {"ip": "ip", "ip6": "ip6", "inet": "inet"}
_LISTED = re.compile(r"\s*\d+\s+\d+\s+([-d][a-zA-Z-]{9}[.+@]?)\s+\d+\s+(\S+)\s+\S+\s+\d+\s+\w{3}\s+\d+\s+[\d:]+\s+(/.*)")


def packet_filter(found: Collected) -> tuple[FilterChain, ...] | Unobserved:
    """The chains that decide on packets; none where nothing filters."""
    if "no-filter" in found.sections:
        return ()
    if "nft" in found.sections or "iptables" not in found.sections:
        return found.privileged("nft", NFT, lambda text: tuple(_nft(text)))
    four = found.privileged("iptables", IPTABLES, lambda text: tuple(_iptables(text, "ip")))
    six = found.privileged("ip6tables", IP6TABLES, lambda text: tuple(_iptables(text, "ip6")))
    if isinstance(four, Unobserved):
        return four
    return six if isinstance(six, Unobserved) else four + six


def filter_logs(found: Collected) -> bool | Unobserved:
    """Whether any rule writes to the log."""
    if "no-filter" in found.sections:
        return False
    if "nft" in found.sections or "iptables" not in found.sections:
        return found.privileged("nft", NFT, lambda text: any(_LOGS.search(_QUOTED.sub("", line)) for line in text_lines(text)))
    return found.privileged("iptables", IPTABLES, lambda text: any(_LOG_TARGET.search(line) for line in text_lines(text)))


def kernel_parameters(found: Collected) -> tuple[KernelParameter, ...] | Unobserved:
    """The parameters of the running kernel that harden it or its network."""

    def read(text: bytes) -> tuple[KernelParameter, ...]:
        matches = [_PARAMETER.fullmatch(line) for line in filter(None, text_lines(text))]
        if not matches or None in matches:
            raise CollectionError("a line is no parameter")
        return tuple(KernelParameter(name=match[1].replace("/", "."), value=match[2]) for match in matches if match)

    return found.read("parameters", read, Reason.UNREADABLE)


def exposed_keys(found: Collected) -> tuple[KeyFile, ...] | Unobserved:
    """Files under /etc that by their name hold private keys, and that others may read or a group may change."""

    def read(text: bytes) -> tuple[KeyFile, ...]:
        files = [file for file in listed(text) if not file[0].endswith(".pub")]
        return tuple(KeyFile(path=escaped(path), mode=mode, owner=escaped(owner)) for path, mode, owner in files)

    return found.privileged("keys", KEYS, read)


def listed(text: bytes) -> Iterator[tuple[str, str, str]]:
    """Path, mode and owner of each file or folder that `find -ls` shows."""
    for line in filter(None, text_lines(text)):
        match = _LISTED.fullmatch(line)
        if match is None:
            raise CollectionError("a line is no file")
        yield match[3], match[1], match[2]


def disks(found: Collected) -> tuple[Disk, ...] | Unobserved:
    """What is mounted from block devices, each whether through dm-crypt."""
    return found.read("disks", lambda text: tuple(_disks(text)), Reason.UNSUPPORTED)


def _disks(text: bytes) -> Iterator[Disk]:
    """Of `lsblk -s`: a device, and below it, without a mount of their own, those it stands on."""
    mounted, encrypted = "", False
    for line in [*filter(None, text_lines(text)), "end "]:
        kind, _, where = line.partition(" ")
        if not _KIND.fullmatch(kind):
            raise CollectionError("a line is no device")
        if where or kind == "end":
            if mounted:
                yield Disk(mounted=mounted, encrypted=encrypted)
            mounted, encrypted = "" if kind in _IMAGES else escaped(where), False
        encrypted = encrypted or kind == "crypt"


def _nft(text: bytes) -> Iterator[FilterChain]:
    """The base chains of an nft ruleset; what stands in sets, maps and other chains decides nothing by itself."""
    family = table = name = last = ""
    opens = False
    hook: re.Match[str] | None = None
    depth = 0
    for line in (line.strip() for line in text_lines(text)):
        if line.startswith("#") or not line:
            continue
        opened, chain = _TABLE.fullmatch(line), _CHAIN.fullmatch(line)
        if depth == 0 and opened is None:
            raise CollectionError("a line stands in no table")
        if opened is not None:
            family, table = opened[1], opened[2]
        elif depth == 1 and chain is not None:
            name, hook, last, opens = chain[1], None, "", False
        elif depth == 2 and line != "}":
            found = _HOOK.fullmatch(line)
            hook, last = (found, last) if found else (hook, line)
            opens = opens or _ACCEPT.fullmatch(line) is not None
        elif line == "}" and depth == 2 and hook is not None and family in _FAMILIES:
            denies = not opens and (hook[2] == "drop" or _FINAL.fullmatch(last) is not None)
            yield FilterChain(
                family=_FAMILIES[family], table=escaped(table), name=escaped(name), hook=_HOOKS[hook[1]], denies=denies
            )
            hook = None
        depth += (line.endswith("{")) - (line == "}")
    if depth:
        raise CollectionError("a table does not end")


def _iptables(text: bytes, family: Literal["ip", "ip6"]) -> Iterator[FilterChain]:
    lines = [line for line in text_lines(text) if line]
    if any(not line.startswith(("-P ", "-A ", "-N ")) for line in lines):
        raise CollectionError("a line is no rule")
    policies = [match for line in lines if (match := _POLICY.fullmatch(line))]
    if len(policies) != 3:
        raise CollectionError("the three policies are not there")
    for chain, policy in ((match[1], match[2]) for match in policies):
        last = next((line for line in reversed(lines) if line.startswith(f"-A {chain} ")), "")
        denies = f"-A {chain} -j ACCEPT" not in lines and (policy == "DROP" or _REFUSAL.fullmatch(last) is not None)
        yield FilterChain(family=family, table="filter", name=chain, hook=_HOOKS[chain.lower()], denies=denies)
