"""Questions of fixed form: NTP, TFTP, IPMI, the RPC port mapper, memcached and SSDP."""

from __future__ import annotations

import struct

from scanner.observations import Reply
from scanner.probes.datagrams.question import Question, Read, mark

_PROGRAMS = {100_000: "portmapper", 100_003: "nfs", 100_004: "nis", 100_005: "mountd", 100_021: "nlockmgr", 100_024: "status"}


def ntp_time() -> Question:
    """The time, as any client asks for it (RFC 5905): shows that the server can be reached."""
    asked = mark(8)

    def read(data: bytes) -> Read | None:
        if len(data) < 48 or data[0] & 0x07 != 4 or data[24:32] != asked:
            return None
        return Reply.SERVED, f"version {data[0] >> 3 & 7}, stratum {data[1]}"

    return Question("ntp_time", 123, b"\x23" + bytes(39) + asked, read)


def ntp_control() -> Question:
    """Mode 6, read the system's variables (RFC 9327)."""
    asked = mark(2)

    def read(data: bytes) -> Read | None:
        if len(data) < 12 or data[0] & 0x07 != 6 or data[1] & 0x9F != 0x82 or data[2:4] != asked:
            return None
        return (Reply.DECLINED, "an error") if data[1] & 0x40 else (Reply.SERVED, data[12:212])

    return Question("ntp_control", 123, b"\x16\x02" + asked + bytes(8), read)


def ntp_private() -> Question:
    """Mode 7, system information: of the same family as the client list that attacks amplify with, in one small answer."""

    def read(data: bytes) -> Read | None:
        if len(data) < 8 or data[0] & 0x87 != 0x87 or data[3] != 4:
            return None
        error = data[4] >> 4
        return (Reply.DECLINED, f"error {error}") if error else (Reply.SERVED, f"{len(data)} bytes of system information")

    return Question("ntp_private", 123, b"\x17\x00\x03\x04" + bytes(4), read)


def tftp() -> Question:
    """A read of a file that cannot exist: the answer proves the server, and nothing is read (RFC 1350)."""
    name = b"clearance-" + mark(8).hex().encode()

    def read(data: bytes) -> Read | None:
        if len(data) < 4 or data[0] or data[1] not in (3, 5, 6):
            return None
        return Reply.SERVED, data[4:104].split(b"\0")[0] if data[1] == 5 else "serves the name asked for"

    return Question("tftp", 69, b"\x00\x01" + name + b"\x00octet\x00", read, from_any_port=True)


def ipmi() -> Question:
    """RMCP's presence ping (ASF 2.0)."""
    asked = mark(1)

    def read(data: bytes) -> Read | None:
        if len(data) < 12 or data[0] != 6 or data[3] != 6 or data[4:8] != b"\x00\x00\x11\xbe" or data[8:10] != b"\x40" + asked:
            return None
        return Reply.SERVED, "a management controller answers"

    return Question("ipmi", 623, b"\x06\x00\xff\x06\x00\x00\x11\xbe\x80" + asked + b"\x00\x00", read)


def ipmi_ciphers() -> Question:
    """Get Channel Cipher Suites (IPMI 2.0 section 22.15), outside any session; suite zero comes first where it is offered."""
    asked = mark(1)[0] & 0xFC
    request = _checked(b"\x20\x18") + _checked(bytes([0x81, asked, 0x54, 0x0E, 0x00, 0x80]))
    payload = b"\x06\x00\xff\x07" + b"\x06\x00" + bytes(8) + struct.pack("<H", len(request)) + request

    def read(data: bytes) -> Read | None:
        answer = data[16:]
        if len(answer) < 8 or data[0] != 6 or data[3] != 7 or answer[4] != asked or answer[5] != 0x54:
            return None
        if answer[6]:
            return Reply.DECLINED, f"completion code {answer[6]}"
        suites = [answer[at + 1] for at in range(8, len(answer) - 2) if answer[at] == 0xC0]
        return (Reply.SERVED if 0 in suites else Reply.DECLINED), f"cipher suites {', '.join(map(str, suites))}"

    return Question("ipmi_ciphers", 623, payload, read)


def _checked(data: bytes) -> bytes:
    return data + bytes([-sum(data) & 0xFF])


def portmapper() -> Question:
    """The list of programs (RFC 1833, PMAPPROC_DUMP), without credentials."""
    asked = mark(4)

    def read(data: bytes) -> Read | None:
        if len(data) < 12 or data[:8] != asked + b"\x00\x00\x00\x01":
            return None
        if len(data) < 24 or data[8:12] != bytes(4) or data[20:24] != bytes(4):
            return Reply.DECLINED, "answers, and does not list its programs"
        return Reply.SERVED, "programs " + ", ".join(_programs(data[24:]))

    return Question("portmapper", 111, asked + struct.pack("!9I", 0, 2, 100_000, 2, 4, 0, 0, 0, 0), read)


def _programs(data: bytes) -> list[str]:
    found = set()
    for at in range(0, len(data) - 19, 20):
        follows, program = struct.unpack_from("!2I", data, at)
        if follows != 1:
            break
        found.add(program)
    return [_PROGRAMS.get(program, str(program)) for program in sorted(found)[:20]]


def memcached() -> Question:
    """The version, in memcached's frame for datagrams."""
    asked = mark(2)

    def read(data: bytes) -> Read | None:
        if (
            len(data) < 10
            or data[:2] != asked
            or not data[8:].startswith((b"VERSION", b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR"))
        ):
            return None
        return Reply.SERVED, data[8:108].split(b"\r")[0]

    return Question("memcached", 11_211, asked + b"\x00\x00\x00\x01\x00\x00version\r\n", read)


def ssdp() -> Question:
    """What the device announces to searches (UPnP 2.0 section 1.3.2), asked of it alone and not of its group."""
    lines = (b"M-SEARCH * HTTP/1.1", b"HOST: 239.255.255.250:1900", b'MAN: "ssdp:discover"', b"MX: 1", b"ST: upnp:rootdevice")

    def read(data: bytes) -> Read | None:
        return (Reply.SERVED, data[:200]) if data.startswith(b"HTTP/1.") else None

    return Question("ssdp", 1_900, b"\r\n".join((*lines, b"", b"")), read)
