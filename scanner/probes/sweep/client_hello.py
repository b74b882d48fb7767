"""ClientHellos for SSL 3.0 to TLS 1.3, written byte by byte (RFC 6101, RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2)."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address

from scanner.observations import TlsVersion
from scanner.probes.sweep.registry import GROUPS, OLD_GROUPS

WIRE_VERSIONS = {
    TlsVersion.SSL_3_0: 0x0300,
    TlsVersion.TLS_1_0: 0x0301,
    TlsVersion.TLS_1_1: 0x0302,
    TlsVersion.TLS_1_2: 0x0303,
    TlsVersion.TLS_1_3: 0x0304,
}
FALLBACK_SCSV = 0x5600
"""Says that an older version is offered only because a newer one failed (RFC 7507)."""


def groups_of(version: TlsVersion) -> tuple[int, ...]:
    """The groups that may be offered in a version; TLS 1.3 forbids the old curves (RFC 8446 section 4.2.7)."""
    return tuple(GROUPS) if version is TlsVersion.TLS_1_3 else (*GROUPS, *OLD_GROUPS)


class Extension(IntEnum):
    """The extensions that are sent or read."""

    SERVER_NAME = 0
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    HEARTBEAT = 15
    ALPN = 16
    ENCRYPT_THEN_MAC = 22
    EXTENDED_MASTER_SECRET = 23
    SESSION_TICKET = 35
    SUPPORTED_VERSIONS = 43
    KEY_SHARE = 51
    RENEGOTIATION_INFO = 0xFF01


_SIGNATURES = bytes.fromhex(
    "0403 0503 0603 0807 0808 0804 0805 0806 0809 080a 080b 081a 081b 081c 0708 0904 0905 0906"
    "0401 0501 0601 0301 0303 0201 0203 0202 0402 0502 0602 eeee efef eded"
)
"""Signature algorithms, old and new, GOST and ML-DSA among them: a server should never refuse for want of one."""
_OLD_SIGNATURES = bytes.fromhex("0201 0203 0202 0101")
"""SHA-1 with RSA, ECDSA and DSA, and MD5 with RSA."""


@dataclass(frozen=True, slots=True)
class Hello:
    """One question: this version, these suites, these groups."""

    version: TlsVersion
    suites: tuple[int, ...]
    name: str = ""
    """Sent as SNI; empty for none."""
    groups: tuple[int, ...] = ()
    """All that its version knows where none are named."""
    curious: bool = False
    """Whether it also asks for what a server answers in its hello: tickets, stapling, ALPN, heartbeats and the like."""
    old_signatures: bool = False
    """Whether it knows no signatures but those with SHA-1 and MD5."""


def server_name(name: str | None) -> str:
    """The name to send as SNI; empty where there is none, for an address has no place there (RFC 6066 section 3)."""
    try:
        return str(ip_address(name or "")) and ""
    except ValueError:
        return name or ""


def encoded(hello: Hello) -> bytes:
    """The hello as one record."""
    wire = WIRE_VERSIONS[hello.version]
    body = min(wire, 0x0303).to_bytes(2) + os.urandom(32)
    body += sized(os.urandom(32), 1) if hello.version is TlsVersion.TLS_1_3 else b"\0"
    body += sized(_words(hello.suites), 2)
    body += b"\x01\0" if hello.version is TlsVersion.TLS_1_3 else b"\x02\x01\0"
    if hello.version is not TlsVersion.SSL_3_0:  # SSL 3.0 knows none, and some of its servers stumble over them
        body += sized(b"".join(kind.to_bytes(2) + sized(data, 2) for kind, data in _extensions(hello).items()), 2)
    return b"\x16" + min(wire, 0x0301).to_bytes(2) + sized(b"\x01" + sized(body, 3), 2)


def sized(data: bytes, width: int) -> bytes:
    """The data behind its length."""
    return len(data).to_bytes(width) + data


def _words(numbers: tuple[int, ...]) -> bytes:
    """These numbers, two bytes each."""
    return struct.pack(f">{len(numbers)}H", *numbers)


def _extensions(hello: Hello) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    if hello.name:
        found[Extension.SERVER_NAME] = sized(b"\0" + sized(hello.name.encode("ascii", "replace"), 2), 2)
    found[Extension.SUPPORTED_GROUPS] = sized(_words(hello.groups or groups_of(hello.version)), 2)
    found[Extension.EC_POINT_FORMATS] = b"\x01\0"
    if hello.version >= TlsVersion.TLS_1_2:
        found[Extension.SIGNATURE_ALGORITHMS] = sized(_OLD_SIGNATURES if hello.old_signatures else _SIGNATURES, 2)
    if hello.version is TlsVersion.TLS_1_3:
        found[Extension.SUPPORTED_VERSIONS] = sized(b"\x03\x04", 1)
        found[Extension.KEY_SHARE] = b"\0\0"  # none: the server names the group it wants (RFC 8446 section 4.2.8)
    else:
        found[Extension.RENEGOTIATION_INFO] = b"\0"
    if hello.curious:
        found |= {
            Extension.STATUS_REQUEST: b"\x01\0\0\0\0",
            Extension.HEARTBEAT: b"\x01",
            Extension.ALPN: sized(sized(b"h2", 1) + sized(b"http/1.1", 1), 2),
            Extension.ENCRYPT_THEN_MAC: b"",
            Extension.EXTENDED_MASTER_SECRET: b"",
            Extension.SESSION_TICKET: b"",
        }
    return found
