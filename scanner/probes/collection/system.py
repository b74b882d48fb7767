"""The system itself: its kernel, its release, its listening sockets."""

from __future__ import annotations

import re
from ipaddress import ip_address

from scanner.observations import OpenPort, OsRelease, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, text_lines
from scanner.record import escaped

SHELL = r"""
release() { if [ -r /etc/os-release ]; then cat /etc/os-release; else cat /usr/lib/os-release; fi; }
section uname uname -sr
section kernel-version uname -v
section user id -u
section os-release release
section listening ss -H -tuln
"""

_KERNEL = re.compile(rb"Linux ([!-~]{1,200})")
_LISTENING = re.compile(r"(?:(tcp)\s+LISTEN|(udp)\s+UNCONN)\s+\d+\s+\d+\s+(\S+):(\d{1,5})\s.*")
_OS_RELEASE = re.compile(r"""\s*(ID|VERSION_ID|PRETTY_NAME)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']*))\s*""")


def kernel(found: Collected) -> str | Unobserved:
    """The running kernel's release; unobserved where the host is no Linux, which nothing else here understands."""
    section = found.sections.get("uname")
    if section is None:
        return found.absent("uname", Reason.UNSUPPORTED, "not there")
    match = _KERNEL.fullmatch(section.text.strip())
    if match is None or section.status != 0:
        named = escaped(section.text.strip(), limit=100) or "unknown"
        return Unobserved(reason=Reason.UNSUPPORTED, detail=f"unsupported operating system: {named}")
    return match[1].decode()


def kernel_version(found: Collected) -> str | Unobserved:
    """When and by whom the running kernel was built (`uname -v`)."""

    def read(text: bytes) -> str:
        said = text.strip()
        if not said or b"\n" in said:
            raise CollectionError("it is not one line")
        return escaped(said, limit=300)

    return found.read("kernel-version", read, Reason.UNREADABLE)


def os_release(found: Collected) -> OsRelease | Unobserved:
    """The operating system by its own word (os-release(5))."""

    def read(text: bytes) -> OsRelease:
        values: dict[str, str] = {}
        for line in text_lines(text):
            match = _OS_RELEASE.fullmatch(line)
            if match is not None:
                values[match[1]] = next(group for group in match.groups()[1:] if group is not None)
            elif line.lstrip().startswith(("ID=", "VERSION_ID=", "PRETTY_NAME=")):
                raise CollectionError("a line is no assignment")
        if not values.get("ID"):
            raise CollectionError("it names no ID")
        named = {name: escaped(re.sub(r"\\(.)", r"\1", values.get(name, "")), limit=200) for name in _NAMES}
        return OsRelease(id=named["ID"], version_id=named["VERSION_ID"], pretty_name=named["PRETTY_NAME"])

    return found.read("os-release", read, Reason.UNSUPPORTED)


_NAMES = ("ID", "VERSION_ID", "PRETTY_NAME")


def listening(found: Collected) -> tuple[OpenPort, ...] | Unobserved:
    """TCP and UDP ports on which something listens on other than loopback addresses."""

    def read(text: bytes) -> tuple[OpenPort, ...]:
        ports: dict[tuple[int, str], OpenPort] = {}
        for line in filter(None, text_lines(text)):
            match = _LISTENING.fullmatch(f"{line} ")
            if match is None or int(match[4]) > 65_535:
                raise CollectionError("a line is no listening socket")
            if not _loopback(match[3]):
                port = OpenPort(port=int(match[4]), transport="tcp" if match[1] else "udp", service="")
                ports[port.port, port.transport] = port
        return tuple(port for _, port in sorted(ports.items()))

    return found.read("listening", read, Reason.UNSUPPORTED)


def _loopback(shown: str) -> bool:
    bare = shown.partition("%")[0].strip("[]")
    if bare in ("", "*"):
        return False
    try:
        address = ip_address(bare)
    except ValueError:
        raise CollectionError("a line names no address") from None
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
