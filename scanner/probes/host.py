"""The login probe: one pinned, read-only login over SSH, one collection, one round trip."""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import socket
import time
from pathlib import Path

import paramiko

from scanner.observations import HostObservation, Method, Reason, Unobserved
from scanner.probes import collection
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.record import escaped
from scanner.targets import Login

OUTPUT_LIMIT = 8 * 1024 * 1024
"""Bytes of output that are read from a host; more is unreadable."""

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)  # it would log the peer's own words


class _LoginError(Exception):
    """A login that ended without a collection, with the reason to record."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def look(target: Target, circumstances: Circumstances) -> HostObservation | Unobserved:
    """What a login to the host shows; without a usable login, why there was none."""
    login = target.host.login
    if login is None:
        return Unobserved(reason=Reason.NO_CREDENTIAL, detail="the scope declares no login for this host")
    ends = time.monotonic() + circumstances.deadline
    nonce = secrets.token_hex(16)
    try:
        keys = _keys(login)
        with socket.create_connection((target.address, login.port), timeout=circumstances.timeout) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(connection)
            try:
                shown = _logged_in(transport, login, keys, circumstances)
                output = _collected(transport, collection.script(nonce), ends)
            finally:
                transport.close()
        return _observed(collection.sections(output, nonce), login, shown, circumstances)
    except _LoginError as error:
        return unobserved(error, error.reason)
    except collection.CollectionError as error:
        return unobserved(error, Reason.UNSUPPORTED)
    except OSError as error:
        return unobserved(error)
    except (paramiko.SSHException, EOFError) as error:
        return unobserved(f"{type(error).__name__}: the SSH session could not be set up", Reason.UNREADABLE)


def _keys(login: Login) -> list[paramiko.PKey]:
    if login.key is None:
        found: list[paramiko.PKey] = list(paramiko.Agent().get_keys())
        if not found:
            raise _LoginError(Reason.NO_CREDENTIAL, "no key file is named and the SSH agent holds no key")
        return found
    path = Path(login.key)
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return [kind.from_private_key_file(str(path))]
        except paramiko.PasswordRequiredException:
            raise _LoginError(Reason.NO_CREDENTIAL, f"{path.name} is encrypted: put it into the SSH agent") from None
        except OSError as error:
            raise _LoginError(Reason.NO_CREDENTIAL, f"{path.name}: {error.strerror}") from None
        except (paramiko.SSHException, ValueError):
            continue
    raise _LoginError(Reason.NO_CREDENTIAL, f"{path.name} holds no private key that can be used")


def _logged_in(transport: paramiko.Transport, login: Login, keys: list[paramiko.PKey], circumstances: Circumstances) -> str:
    """The fingerprint of the host's key, after a login; refuses a host that shows another key before it sends any credential."""
    transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = circumstances.timeout
    pinned = {entry.split(" ")[0] for entry in login.host_keys}
    wanted = tuple(kind for kind in transport.get_security_options().key_types if _family(kind) in pinned)
    if not wanted:
        raise _LoginError(Reason.UNSUPPORTED, "none of the pinned host key types is supported")
    transport.get_security_options().key_types = wanted
    try:
        transport.start_client(timeout=circumstances.timeout)
    except (paramiko.SSHException, EOFError) as error:
        reason = Reason.HOST_KEY_CHANGED if "host key" in str(error).lower() else Reason.UNREADABLE
        raise _LoginError(reason, f"no SSH session: {escaped(str(error), limit=120)}") from None
    shown = transport.get_remote_server_key()
    if f"{shown.get_name()} {shown.get_base64()}" not in login.host_keys:
        raise _LoginError(Reason.HOST_KEY_CHANGED, f"the host shows {_fingerprint(shown)}, which the scope does not pin")
    for key in keys:
        try:
            if not transport.auth_publickey(login.user, key):
                return _fingerprint(shown)
        except paramiko.AuthenticationException:
            continue
    raise _LoginError(Reason.LOGIN_REFUSED, f"{login.user} is not let in with this key")


def _family(kind: str) -> str:
    return "ssh-rsa" if kind.startswith("rsa-sha2-") else kind


def _fingerprint(key: paramiko.PKey) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


def _collected(transport: paramiko.Transport, script: bytes, ends: float) -> bytes:
    channel = transport.open_session(timeout=max(0.1, ends - time.monotonic()))
    channel.settimeout(max(0.1, ends - time.monotonic()))
    channel.set_combine_stderr(False)
    channel.exec_command("/bin/sh")
    channel.sendall(script)
    channel.shutdown_write()
    output = bytearray()
    while True:
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the collection did not end in time")
        channel.settimeout(left)
        piece = channel.recv(65_536)
        if not piece:
            return bytes(output)
        output += piece
        if len(output) > OUTPUT_LIMIT:
            raise _LoginError(Reason.UNREADABLE, f"more than {OUTPUT_LIMIT} bytes of output")


def _observed(
    found: dict[str, collection.Section], login: Login, shown: str, circumstances: Circumstances
) -> HostObservation | Unobserved:
    system = collection.system(found)
    if not system.startswith("Linux "):
        return Unobserved(reason=Reason.UNSUPPORTED, detail=f"unsupported operating system: {system or 'unknown'}")
    return HostObservation(
        seen=circumstances.seen(Method.LOGIN, f"paramiko {paramiko.__version__}", connections=1),
        user=login.user,
        host_key=shown,
        os=collection.os_release(found),
        packages=collection.packages(found),
        sshd=collection.sshd(found),
        kernel=system.removeprefix("Linux "),
        listening=collection.listening(found),
    )
