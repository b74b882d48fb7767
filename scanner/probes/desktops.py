"""The questions to remote desktops, and what their answers show: RDP's security (MS-RDPBCGR 2.2.1.1) and X displays. Pure; trusts no byte."""

from __future__ import annotations

import struct

STANDARD, TLS = 0, 1
"""What an RDP client may ask for: RDP's own security, or TLS; with CredSSP beside it, which is what NLA means, neither is asked for alone."""

NEGOTIATED = 2
"""The answer that names the chosen protocol."""
_CONFIRM = 0xD0
X11_SETUP = struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0)
"""A connection setup without any authorisation (X Window System Protocol, section 8)."""


def rdp_request(protocols: int) -> bytes:
    """An X.224 connection request that asks for these protocols alone."""
    request = b"\xe0\0\0\0\0\0" + struct.pack("<BBHI", 1, 0, 8, protocols)
    return struct.pack(">BBHB", 3, 0, 5 + len(request), len(request)) + request


def is_rdp(said: bytes) -> bool:
    """Whether this is a connection confirm."""
    return len(said) >= 11 and said[0] == 3 and said[5] & 0xF0 == _CONFIRM and int.from_bytes(said[2:4]) <= 512


def accepts(said: bytes, protocols: int) -> bool:
    """Whether the confirm lets in a client that knows these protocols only; one without an answer knows RDP's own security only."""
    answer = said[11:19]
    if len(answer) < 8:
        return protocols == STANDARD
    return answer[0] == NEGOTIATED and int.from_bytes(answer[4:8], "little") == protocols


def x11(said: bytes) -> bool | None:
    """Whether a display lets in a client without authorisation; None where this is no display's answer."""
    if len(said) < 8 or said[0] > 2:
        return None
    major, length = int.from_bytes(said[2:4], "little"), int.from_bytes(said[6:8], "little")
    if said[0] == 2:  # Authenticate has no version
        return False if len(said) >= 8 + 4 * length > 8 else None
    return None if major != 11 or not length else said[0] == 1
