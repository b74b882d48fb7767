"""The questions to file servers, and what their answers show. Pure; trusts no byte.

SMB as in MS-SMB2 and MS-CIFS; NFS by its RPC programs, as in RFC 5531, RFC 1833 and RFC 1813 appendix I.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SMB2_DIALECTS = (0x0202, 0x0210, 0x0300, 0x0302)
_SIGNING_REQUIRED = 2


def _netbios(message: bytes) -> bytes:
    return struct.pack(">I", len(message)) + message


def smb2_negotiate() -> bytes:
    """A NEGOTIATE of SMB 2 and 3."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    body = struct.pack("<HHHHI16sQ", 36, len(_SMB2_DIALECTS), 1, 0, 0, bytes(16), 0)
    return _netbios(header + body + b"".join(dialect.to_bytes(2, "little") for dialect in _SMB2_DIALECTS))


def smb1_negotiate() -> bytes:
    """A NEGOTIATE of SMB 1 that offers its last dialect and no other."""
    header = b"\xffSMB\x72" + struct.pack("<IBHHQHHHHH", 0, 0x18, 0x2801, 0, 0, 0, 0, 0xFEFF, 0, 0)
    dialect = b"\x02NT LM 0.12\0"
    return _netbios(header + b"\0" + len(dialect).to_bytes(2, "little") + dialect)


def smb2_signing(said: bytes) -> bool | None:
    """Whether signing is required; None where this is no answer to a NEGOTIATE of SMB 2."""
    message = said[4:]
    if len(message) < 68 or not message.startswith(b"\xfeSMB") or message[12:14] != b"\0\0" or message[8:12] != bytes(4):
        return None
    return bool(int.from_bytes(message[66:68], "little") & _SIGNING_REQUIRED)


def smb1_accepted(said: bytes) -> bool | None:
    """Whether SMB 1 is spoken; None where this is no answer of its."""
    message = said[4:]
    if len(message) < 35 or not message.startswith(b"\xffSMB\x72"):
        return None
    return message[5:9] == bytes(4) and message[32] > 1 and message[33:35] != b"\xff\xff"


# --- RPC over TCP ---

PORTMAPPER, MOUNT = 100_000, 100_005
_DUMP, _EXPORT = 4, 5
_LONGEST = 1_000
"""Entries of a list at the most."""


@dataclass(frozen=True, slots=True)
class Program:
    """One registered RPC program."""

    number: int
    version: int
    protocol: int
    port: int


def call(program: int, version: int, procedure: int) -> bytes:
    """A call without arguments and without a credential (AUTH_NONE)."""
    body = struct.pack(">10I", 0x434C5231, 0, 2, program, version, procedure, 0, 0, 0, 0)
    return struct.pack(">I", 0x8000_0000 | len(body)) + body


DUMP, EXPORT = call(PORTMAPPER, 2, _DUMP), call(MOUNT, 3, _EXPORT)


def programs(said: bytes) -> tuple[Program, ...] | None:
    """The programs a portmapper lists; None where this is no such list."""
    words = _words(said)
    if words is None:
        return None
    found: list[Program] = []
    at = 0
    while at + 5 <= len(words) and words[at] == 1 and len(found) < _LONGEST:
        found.append(Program(*words[at + 1 : at + 5]))
        at += 5
    return tuple(found) if at < len(words) and words[at] == 0 else None


def _reply(said: bytes) -> bytes | None:
    """The results of a reply that was accepted and executed; None for everything else."""
    if len(said) < 28 or not int.from_bytes(said[:4]) & 0x8000_0000:
        return None
    size = int.from_bytes(said[:4]) & 0x7FFF_FFFF
    body = said[4 : 4 + size]
    if len(body) < size or struct.unpack(">3I", body[:12]) != (0x434C5231, 1, 0):
        return None
    verifier = int.from_bytes(body[16:20])
    start = 20 + verifier
    return body[start + 4 :] if verifier <= 400 and body[start : start + 4] == bytes(4) else None


def _words(said: bytes) -> tuple[int, ...] | None:
    results = _reply(said)
    return None if results is None or len(results) % 4 else struct.unpack(f">{len(results) // 4}I", results)


def exported_to_all(said: bytes) -> bool | None:
    """Whether a directory is exported to everybody; None where this is no list of exports."""
    results = _reply(said)
    if results is None:
        return None
    at, everybody = 0, False
    for _ in range(_LONGEST):
        more, at = int.from_bytes(results[at : at + 4]), at + 4
        if more == 0:
            return everybody if at <= len(results) else None
        _, at = _text(results, at)
        groups: list[bytes] = []
        while int.from_bytes(results[at : at + 4]) == 1 and at < len(results) and len(groups) < _LONGEST:
            group, at = _text(results, at + 4)
            groups.append(group)
        at += 4
        everybody |= not groups or bool({b"*", b"(everyone)", b"0.0.0.0/0", b"::/0"} & set(groups))
        if at > len(results):
            return None
    return None


def _text(results: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(results[at : at + 4])
    if size > 1_024:
        return b"", len(results) + 4
    return results[at + 4 : at + 4 + size], at + 4 + (size + 3) // 4 * 4
