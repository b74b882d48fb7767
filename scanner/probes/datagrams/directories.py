"""Questions in BER: SNMP versions 1 and 2c with no community at all, SNMPv3's discovery, and LDAP over UDP (CLDAP)."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.observations import Reply
from scanner.probes.ber import INTEGER, NULL, OID, SEQUENCE, STRING, BerError, encoded, inside, integer
from scanner.probes.datagrams.question import Question, Read, mark

_SYSTEM_DESCRIPTION = bytes.fromhex("2b06010201010100")
"""1.3.6.1.2.1.1.1.0, sysDescr: every agent has it."""
_GET, _RESPONSE, _REPORT = 0xA0, 0xA2, 0xA8
_REFUSALS = (b"\x06", b"\x10")
"""The errors noAccess and authorizationError (RFC 3416 section 3); any other is an answer given without a credential."""
_VERSIONS = {"snmp_v1": 0, "snmp_v2c": 1}
_SEARCH_ENTRY, _SEARCH_DONE = 0x64, 0x65


def snmp(name: str) -> Question:
    """A read of sysDescr in version 1 or 2c with the empty community, which is no credential: none other is ever tried."""
    asked = mark(4)
    binding = encoded(SEQUENCE, encoded(OID, _SYSTEM_DESCRIPTION), encoded(NULL))
    request = encoded(_GET, encoded(INTEGER, asked), integer(0), integer(0), encoded(SEQUENCE, binding))
    payload = encoded(SEQUENCE, integer(_VERSIONS[name]), encoded(STRING), request)

    def read(data: bytes) -> Read | None:
        try:
            message = inside(data, SEQUENCE)
            if len(message) < 3 or message[0] != (INTEGER, bytes([_VERSIONS[name]])) or message[2][0] != _RESPONSE:
                return None
            response = inside(encoded(_RESPONSE, message[2][1]), _RESPONSE)
            if len(response) < 4 or response[0] != (INTEGER, asked):
                return None
            if response[1][1] in _REFUSALS:
                return Reply.DECLINED, f"error {response[1][1][0]}"
            return Reply.SERVED, _value(response)
        except (BerError, OverflowError):
            return None

    return Question(name, 161, payload, read)


def _value(response: Sequence[tuple[int, bytes]]) -> bytes:
    """The value of the one binding; empty where the agent gave another error or none."""
    bindings = inside(encoded(*response[3]), response[3][0])
    binding = inside(encoded(*bindings[0]), SEQUENCE) if bindings else []
    return binding[1][1] if len(binding) > 1 else b""


def snmp_discovery() -> Question:
    """Discovery of the engine (RFC 3414 section 4): no user, no key, answered with a report that names the engine."""
    asked = mark(4)
    header = encoded(SEQUENCE, encoded(INTEGER, asked), integer(65_507), encoded(STRING, b"\x04"), integer(3))
    security = encoded(SEQUENCE, encoded(STRING), integer(0), integer(0), encoded(STRING), encoded(STRING), encoded(STRING))
    request = encoded(_GET, encoded(INTEGER, asked), integer(0), integer(0), encoded(SEQUENCE))
    scoped = encoded(SEQUENCE, encoded(STRING), encoded(STRING), request)
    payload = encoded(SEQUENCE, integer(3), header, encoded(STRING, security), scoped)

    def read(data: bytes) -> Read | None:
        try:
            message = inside(data, SEQUENCE)
            if len(message) < 4 or message[0] != (INTEGER, b"\x03"):
                return None
            answered = inside(encoded(*message[1]), SEQUENCE)
            if not answered or answered[0] != (INTEGER, asked):
                return None
            engine = inside(message[2][1], SEQUENCE)[0][1]
        except (BerError, OverflowError, IndexError):
            return None
        return Reply.SERVED, f"engine {engine[:32].hex()}"

    return Question("snmp_v3", 161, payload, read)


def cldap() -> Question:
    """The directory's own entry (rootDSE), which any client may read (RFC 4512 section 5.1)."""
    asked = mark(3)
    present = encoded(0x87, b"objectClass")
    search = encoded(
        0x63,
        encoded(STRING),
        encoded(0x0A, b"\x00"),
        encoded(0x0A, b"\x00"),
        integer(1),
        integer(1),
        encoded(0x01, b"\x00"),
        present,
        encoded(SEQUENCE, encoded(STRING, b"supportedLDAPVersion")),
    )
    payload = encoded(SEQUENCE, encoded(INTEGER, asked), search)

    def read(data: bytes) -> Read | None:
        try:
            message = inside(data, SEQUENCE)
        except BerError:
            return None
        if len(message) < 2 or message[0] != (INTEGER, asked) or message[1][0] not in (_SEARCH_ENTRY, _SEARCH_DONE):
            return None
        return Reply.SERVED, "a directory answers"

    return Question("cldap", 389, payload, read)
