"""SSL 2.0: the one question whether a server still speaks it, and with which suites. One connection, no cryptography.

The server's hello lists every suite it has in common with the client, so nothing more needs to be asked.
"""

from __future__ import annotations

import os

from scanner.observations import Unobserved
from scanner.probes.looking import unobserved
from scanner.probes.sweep.asking import Asker
from scanner.probes.upgrades import Stream, UpgradeError

SUITES = {
    0x010080: "SSL_CK_RC4_128_WITH_MD5",
    0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
    0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5",
    0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
    0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
    0x080080: "SSL_CK_RC4_64_WITH_MD5",
}
_SERVER_HELLO = 4
_LIMIT = 32_769
"""A record of SSL 2.0 is no longer."""


def accepted(asker: Asker) -> tuple[str, ...] | Unobserved:
    """The suites accepted, none where SSL 2.0 is refused; unobserved where the server neither answers nor closes."""
    try:
        with asker.stream(_LIMIT) as stream:
            stream.send(client_hello())
            return suites(_record(stream))
    except ConnectionResetError:
        return ()
    except UpgradeError as error:
        return error.why
    except OSError as error:
        return unobserved(error)


def client_hello() -> bytes:
    """A hello of SSL 2.0 that offers all of its suites."""
    offered = b"".join(code.to_bytes(3) for code in SUITES)
    body = b"\x01\x00\x02" + len(offered).to_bytes(2) + b"\0\0" + b"\0\x10" + offered + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2) + body


def suites(record: bytes) -> tuple[str, ...]:
    """The suites a server's hello lists; none where these bytes are no such hello."""
    if len(record) < 11 or record[0] != _SERVER_HELLO or record[3:5] != b"\0\x02":
        return ()
    start = 11 + int.from_bytes(record[5:7])
    listed = record[start : start + int.from_bytes(record[7:9])]
    codes = (int.from_bytes(listed[at : at + 3]) for at in range(0, len(listed) - 2, 3))
    return tuple(sorted({SUITES[code] for code in codes if code in SUITES}))


def _record(stream: Stream) -> bytes:
    data = b""
    while len(data) < 2 or (data[0] & 0x80 and len(data) < 2 + (int.from_bytes(data[:2]) & 0x7FFF)):
        more = stream.read()
        if not more:
            break
        data += more
    return data[2:] if data and data[0] & 0x80 else b""
