"""Logging in over SSH: our key, the pinned host, one script for /bin/sh. No terminal, no forwarding, no password, no guessing."""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn, cast

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from scanner.i18n import N_
from scanner.observations import Reason
from scanner.probes import fence
from scanner.probes.credentials import CredentialError, keys
from scanner.probes.looking import Circumstances
from scanner.record import escaped
from scanner.targets import Jump, Login

BY = f"paramiko {paramiko.__version__}"

OUTPUT_LIMIT = 8 * 1024 * 1024
"""Bytes of output, errors included, that are read from a host; a host that writes more is not read further."""

SESSION_LIMIT = 12 * 1024 * 1024
"""Bytes taken from the network in one session, so that no length a peer announces is ever waited for or stored."""

TRIES = 5
"""Keys of the agent that are offered; more would look like guessing, and most servers end the connection by then."""

_KEPT_ERRORS = 4_096
_TICK = 0.05
_GRACE = 0.5

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)  # it would log the peer's own words


_NOT_PINNED = N_("the host shows a key that the scope does not pin")


class LoginError(Exception):
    """A login that ended without an answer, with the reason to record."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class IncompatibleError(LoginError):
    """The host and this client have no algorithm in common."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host wrote while it ran the script, and the fingerprint of the key it proved."""

    host_key: str
    output: bytes
    errors: bytes
    """The beginning of what it wrote as errors; the rest was read and dropped."""


def answer(address: str, login: Login, script: bytes, circumstances: Circumstances) -> Answer:
    """What the host answers to the script, within the deadline; raises LoginError, or OSError for trouble of the network."""
    ends = time.monotonic() + circumstances.deadline
    with ExitStack() as stack:
        try:
            offered = keys(login, stack)
        except CredentialError as error:
            raise LoginError(Reason.NO_CREDENTIAL, str(error)) from None
        try:
            transport = _reached(address, login, circumstances, ends, stack)
            shown = _recognised(transport, login, circumstances.timeout)
            _let_in(transport, login.user, offered)
            return _answer(transport, script, ends, shown)
        except (paramiko.SSHException, EOFError) as error:
            if time.monotonic() >= ends:
                raise TimeoutError("the host did not answer in time") from None
            raise LoginError(Reason.UNREADABLE, f"the SSH session broke: {_said(error)}") from None


def _reached(address: str, login: Login, circumstances: Circumstances, ends: float, stack: ExitStack) -> paramiko.Transport:
    """An SSH client on a connection to the host, through another machine where the scope says so."""
    if login.via is None:
        return stack.enter_context(
            _transport(_connected((address, login.port), circumstances.timeout), circumstances.timeout, ends)
        )
    jump = login.via
    fence.count(address, 1)  # inside the jump host's session the fence sees no connection, so it is asked before
    try:
        offered = keys(jump, stack)
        outer = stack.enter_context(
            _transport(_connected((jump.address, jump.port), circumstances.timeout), circumstances.timeout, ends)
        )
        _recognised(outer, jump, circumstances.timeout)
        _let_in(outer, jump.user, offered)
    except CredentialError as error:
        raise LoginError(Reason.NO_CREDENTIAL, f"jump host {jump.address}: {error}") from None
    except LoginError as error:
        raise LoginError(error.reason, f"jump host {jump.address}: {error}") from None
    try:
        channel = outer.open_channel("direct-tcpip", (address, login.port), ("127.0.0.1", 0), timeout=_left(ends))
    except paramiko.ChannelException as error:
        raise LoginError(Reason.BLOCKED, f"jump host {jump.address} does not lead to the host: {_said(error)}") from None
    return stack.enter_context(_transport(_Through(channel), circumstances.timeout, ends))


class _Through:
    """A channel through a jump host, as a socket that counts what it took; the outer session bounds it."""

    taken = 0

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel

    def recv(self, size: int) -> bytes:
        """The next bytes."""
        piece = self._channel.recv(size)
        self.taken += len(piece)
        return piece

    def send(self, data: bytes) -> int:
        """Sends some of it."""
        return self._channel.send(data)

    def settimeout(self, seconds: float | None) -> None:
        """Waits no longer than this."""
        self._channel.settimeout(seconds)

    def close(self) -> None:
        """Ends the channel."""
        self._channel.close()

    @property
    def _closed(self) -> bool:
        """Whether it has ended: paramiko asks its socket when it stops."""
        return self._channel.closed


class _Bounded(socket.socket):
    """A connected socket that ends after SESSION_LIMIT bytes and counts what it took."""

    taken = 0

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        if self.taken > SESSION_LIMIT:
            return b""
        piece = super().recv(min(bufsize, 65_536), flags)
        self.taken += len(piece)
        return piece


def _connected(where: tuple[str, int], timeout: float) -> _Bounded:
    connection = socket.create_connection(where, timeout=timeout)
    bounded = _Bounded(fileno=connection.detach())
    bounded.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bounded


@contextmanager
def _transport(connection: _Bounded | _Through, timeout: float, ends: float) -> Iterator[paramiko.Transport]:
    """An SSH client on this connection, which is closed with the block and shortly after the deadline at the latest.

    paramiko waits for some answers without limit; closing its connection is what ends that.
    """
    with closing(connection):
        transport = paramiko.Transport(cast("socket.socket", connection))
        transport.banner_timeout = transport.handshake_timeout = timeout + 1
        transport.auth_timeout = timeout
        watchdog = threading.Timer(max(0.0, ends - time.monotonic()) + _GRACE, transport.close)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield transport
        finally:
            watchdog.cancel()
            transport.close()


# --- The host's key ------------------------------------------------------------------------------


def _recognised(transport: paramiko.Transport, login: Login | Jump, timeout: float) -> str:
    """The fingerprint of the key the host proved to hold, which the scope pins; before this nothing of ours was sent."""
    options = transport.get_security_options()
    pinned = {entry.split(" ")[0] for entry in login.host_keys}
    wanted = tuple(kind for kind in options.key_types if _family(kind) in pinned)
    if not wanted:
        raise LoginError(Reason.UNSUPPORTED, "none of the pinned host key types is supported")
    options.key_types = wanted
    try:
        transport.start_client(timeout=timeout)
        if not transport.initial_kex_done:
            raise TimeoutError
    except (OSError, EOFError, paramiko.SSHException) as error:
        _no_session(transport, login, error)
    shown = transport.get_remote_server_key()
    if f"{shown.get_name()} {shown.get_base64()}" not in login.host_keys:
        raise LoginError(Reason.HOST_KEY_CHANGED, f"{_NOT_PINNED}: {_fingerprint(shown)}")
    return _fingerprint(shown)


def _no_session(transport: paramiko.Transport, login: Login | Jump, error: Exception) -> NoReturn:
    old = any(entry.startswith("ssh-rsa ") for entry in login.host_keys)  # a server may know the pinned key by SHA-1 alone
    taken, spoken = getattr(transport.sock, "taken", 0), bool(transport.remote_version)
    said = _said(error)
    match error:
        case TimeoutError():
            reason = Reason.TIMED_OUT if spoken else Reason.NOT_SPOKEN if taken else Reason.SILENT
            said = "the SSH session was not set up in time"
        case IncompatiblePeer() if "host key" not in said or old:
            raise IncompatibleError(Reason.UNSUPPORTED, f"no SSH session: {said}") from None
        case IncompatiblePeer():
            reason = Reason.HOST_KEY_CHANGED
        case paramiko.SSHException() if said.startswith("Signature verification"):
            reason, said = Reason.HOST_KEY_CHANGED, "the host cannot prove the key it shows"
        case _ if not taken:
            reason, said = Reason.RESET, "the host closed the connection before it said anything"
        case _ if not spoken:
            reason = Reason.NOT_SPOKEN
        case EOFError():
            reason, said = Reason.RESET, "the host closed the connection while the SSH session was set up"
        case _:
            reason = Reason.UNREADABLE
    raise LoginError(reason, f"no SSH session: {said}") from None


def _family(kind: str) -> str:
    return "ssh-rsa" if kind.startswith("rsa-sha2-") else kind


def _fingerprint(key: paramiko.PKey) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")


# --- The login and the script --------------------------------------------------------------------


def _let_in(transport: paramiko.Transport, user: str, offered: list[paramiko.PKey]) -> None:
    more = ""
    for tried, key in enumerate(offered[:TRIES]):
        try:
            if not transport.auth_publickey(user, key):
                return
            more = "; the host asks for more than a key"
        except paramiko.AuthenticationException as error:
            if str(error) == "Authentication timeout.":
                raise TimeoutError("the host did not answer to the login in time") from None
            if not transport.is_active():
                if tried == 0:
                    raise LoginError(Reason.RESET, "the host closed the connection during the login") from None
                break
        except paramiko.SSHException as error:
            if "agent" in str(error) or "signing" in str(error):
                raise LoginError(Reason.NO_CREDENTIAL, "the SSH agent does not sign with its key") from None
            raise
    if len(offered) > 1:
        more += f"; the SSH agent holds {len(offered)} keys: name the key file in the scope, or leave one key in the agent"
    raise LoginError(Reason.LOGIN_REFUSED, f"{user} is not let in with this key{more}")


def _answer(transport: paramiko.Transport, script: bytes, ends: float, shown: str) -> Answer:
    channel = transport.open_session(timeout=_left(ends))
    channel.settimeout(_left(ends))
    try:
        channel.exec_command("/bin/sh")
    except paramiko.SSHException as error:
        if time.monotonic() >= ends:
            raise
        raise LoginError(Reason.UNSUPPORTED, f"the host runs no command for this user: {_said(error)}") from None
    try:
        channel.sendall(script)
        channel.shutdown_write()
    except TimeoutError:
        raise
    except OSError:
        pass  # the host has ended already; what it said follows
    return _read(channel, ends, shown)


def _read(channel: paramiko.Channel, ends: float, shown: str) -> Answer:
    output, errors, dropped = bytearray(), bytearray(), 0
    channel.settimeout(_TICK)
    piece: bytes | None = None
    while piece != b"":
        piece = None
        with suppress(TimeoutError):
            piece = channel.recv(65_536)
            output += piece
        while channel.recv_stderr_ready():  # unread errors would fill the window, and the host would wait for ever
            said = channel.recv_stderr(65_536)
            errors += said[: _KEPT_ERRORS - len(errors)]
            dropped += len(said)
            if dropped > OUTPUT_LIMIT:
                break
        if len(output) + dropped > OUTPUT_LIMIT:
            raise LoginError(Reason.UNREADABLE, f"more than {OUTPUT_LIMIT} bytes of output")
        if time.monotonic() >= ends:
            raise TimeoutError("the collection did not end in time")
    _farewell(channel)
    return Answer(shown, bytes(output), bytes(errors))


def _farewell(channel: paramiko.Channel) -> None:
    """Lets the host close its side first, for a moment: it would log a connection cut under it as an error."""
    until = time.monotonic() + _GRACE
    while not channel.closed and time.monotonic() < until:
        time.sleep(0.005)


def _left(ends: float) -> float:
    return max(0.1, ends - time.monotonic())


def _said(error: BaseException) -> str:
    return escaped(str(error) or type(error).__name__, limit=120)
