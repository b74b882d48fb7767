"""Questions in the form of DNS messages: recursion, multicast DNS asked directly, and NetBIOS names."""

from __future__ import annotations

import struct

from scanner.observations import Reply
from scanner.probes.datagrams.question import Question, Read, mark

_HEADER = struct.Struct("!6H")
_NS, _PTR, _NBSTAT, _IN = 2, 12, 33, 1
_RESPONSE, _RECURSION_DESIRED, _RECURSION_AVAILABLE = 0x8000, 0x0100, 0x0080
_CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_OF_RECURSION = (0, 2, 3)
"""Codes of an answer that was looked for: found, could not be found out, found absent."""


def recursion() -> Question:
    """The root's name servers, recursion desired: every resolver holds them already, so no further server has to be asked."""
    asked, payload = _question(b"\x00", _NS, _RECURSION_DESIRED)

    def read(data: bytes) -> Read | None:
        header = _header(data, asked)
        if header is None:
            return None
        flags, answers = header
        code = flags & 0x0F
        available = bool(flags & _RECURSION_AVAILABLE)
        said = f"{_CODES.get(code, code)}, recursion {'available' if available else 'not available'}, {answers} answers"
        return (Reply.SERVED if available and code in _OF_RECURSION else Reply.DECLINED), said

    return Question("dns_recursion", 53, payload, read)


def mdns() -> Question:
    """The services the host announces (RFC 6763 section 9), asked of it alone and not of its group."""
    name = b"\x09_services\x07_dns-sd\x04_udp\x05local\x00"
    return _announced("mdns", 5_353, *_question(name, _PTR, 0))


def netbios() -> Question:
    """The names of the node (RFC 1002 section 4.2.17); the star asks for all."""
    name = b"\x20" + b"CK" + b"A" * 30 + b"\x00"
    return _announced("netbios", 137, *_question(name, _NBSTAT, 0))


def _announced(name: str, port: int, asked: int, payload: bytes) -> Question:
    def read(data: bytes) -> Read | None:
        header = _header(data, asked)
        return None if header is None else (Reply.SERVED, f"{header[1]} answers")

    return Question(name, port, payload, read)


def _question(name: bytes, kind: int, flags: int) -> tuple[int, bytes]:
    asked = int.from_bytes(mark(2), "big")
    return asked, _HEADER.pack(asked, flags, 1, 0, 0, 0) + name + struct.pack("!2H", kind, _IN)


def _header(data: bytes, asked: int) -> tuple[int, int] | None:
    """The flags and the number of answers of a response to this question."""
    if len(data) < _HEADER.size:
        return None
    found, flags, _, answers, _, _ = _HEADER.unpack_from(data)
    return (flags, answers) if found == asked and flags & _RESPONSE else None
