"""Logging in to servers so old that the usual client has no algorithm in common with them: the same login, by asyncssh.

Only algorithms differ: our key, the pinned host key, one script for /bin/sh, bounded in time and bytes; no terminal, no forwarding.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import time
from pathlib import Path

import asyncssh

from scanner.observations import Reason
from scanner.probes.login import OUTPUT_LIMIT, Answer, LoginError
from scanner.probes.looking import Circumstances
from scanner.record import escaped
from scanner.targets import Login

BY = f"asyncssh {asyncssh.__version__}"

_KEX = "+diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1"
_CIPHERS = "+aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc"
_MACS = "+hmac-md5,hmac-sha1-96,hmac-md5-96"
_SIGNATURES = "+ssh-rsa"

logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)  # it would log the peer's own words


def answer(address: str, login: Login, script: bytes, circumstances: Circumstances) -> Answer:
    """What the host answers to the script, within the deadline; raises LoginError, or OSError for trouble of the network."""
    if login.via is not None:
        raise LoginError(Reason.UNSUPPORTED, "a host with algorithms this old is not reached through another machine")
    ends = time.monotonic() + circumstances.deadline
    try:
        return asyncio.run(asyncio.wait_for(_answer(address, login, script, circumstances), circumstances.deadline))
    except TimeoutError:
        raise TimeoutError(
            "the collection did not end in time" if time.monotonic() >= ends else "the host did not answer"
        ) from None
    except asyncssh.HostKeyNotVerifiable:
        raise LoginError(Reason.HOST_KEY_CHANGED, "the host shows a key that the scope does not pin") from None
    except asyncssh.PermissionDenied:
        raise LoginError(Reason.LOGIN_REFUSED, f"{login.user} is not let in with this key") from None
    except asyncssh.KeyExchangeFailed as error:
        raise LoginError(Reason.UNSUPPORTED, f"no algorithm in common: {_said(error)}") from None
    except (asyncssh.Error, ValueError) as error:  # the second for packets that are none
        raise LoginError(Reason.UNSUPPORTED, f"the SSH session broke: {_said(error)}") from None


async def _answer(address: str, login: Login, script: bytes, circumstances: Circumstances) -> Answer:
    pinned = [asyncssh.import_public_key(entry) for entry in login.host_keys]
    async with asyncssh.connect(
        address,
        login.port,
        username=login.user,
        client_keys=_keys(login) if login.key else (),
        agent_path=() if login.key else None,
        known_hosts=(pinned, [], []),
        config=None,
        connect_timeout=circumstances.timeout,
        login_timeout=2 * circumstances.timeout,
        kex_algs=_KEX,
        encryption_algs=_CIPHERS,
        mac_algs=_MACS,
        signature_algs=_SIGNATURES,
        server_host_key_algs=sorted({entry.split(" ")[0] for entry in login.host_keys}),
        preferred_auth="publickey",
        agent_forwarding=False,
    ) as connection:
        shown = connection.get_server_host_key()
        async with connection.create_process("/bin/sh", encoding=None) as process:
            process.stdin.write(script)
            process.stdin.write_eof()
            output = await _bounded(process.stdout)
            errors = await _bounded(process.stderr)
        return Answer(_fingerprint(shown.public_data) if shown else "", output, errors[:4_096])


async def _bounded(stream: asyncssh.SSHReader[bytes]) -> bytes:
    data = bytearray()
    while piece := await stream.read(65_536):
        data += piece
        if len(data) > OUTPUT_LIMIT:
            raise LoginError(Reason.UNREADABLE, f"more than {OUTPUT_LIMIT} bytes of output")
    return bytes(data)


def _keys(login: Login) -> list[asyncssh.SSHKey]:
    try:
        return [asyncssh.read_private_key(str(Path(login.key or "").expanduser()))]
    except (OSError, asyncssh.KeyImportError):  # its own words could quote the file
        raise LoginError(Reason.NO_CREDENTIAL, "the key file holds no private key that can be used") from None


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _said(error: BaseException) -> str:
    return escaped(str(error) or type(error).__name__, limit=120)
