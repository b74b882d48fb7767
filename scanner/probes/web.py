"""Asking a web server: one pinned address, no proxy, no redirect, bounded in bytes and time, every connection counted. No opinion.

Certificates are not verified here, for whether they can be trusted is looked at by peer_certificate; no proxy, netrc or environment
setting has a say, and nothing but the pinned address is connected to.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import BadStatusLine, LineTooLong, RemoteDisconnected
from importlib.metadata import version as installed
from ipaddress import ip_address
from typing import Self

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from scanner.observations import Reason, Unobserved
from scanner.probes.fence import BudgetSpentError, NotPermittedError
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.record import escaped
from scanner.targets import Service, Speaks

BY = f"requests {installed('requests')}"

_BODY = 4_096
"""Bytes of a body that are read."""

_PATIENCE = 4
"""One exchange may take this many times the time for one answer, however slowly it drips."""

_PLAIN_ANSWER = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
)
"""OpenSSL's reasons for an answer that is not TLS."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer as it came."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    """Each line by itself, as latin-1 text."""
    body: bytes
    """Its first bytes; none where the body did not come."""

    def header(self, name: str) -> str:
        """The values of this header, joined by commas; empty where it is absent."""
        return ", ".join(value for known, value in self.headers if known.lower() == name)


class Web:
    """One web server, asked over and over, each question on a connection of its own."""

    def __init__(self, target: Target, service: Service, circumstances: Circumstances) -> None:
        self._service = service
        self._address = target.address
        self._timeout = circumstances.timeout
        self._ends = time.monotonic() + circumstances.deadline
        self._adapter = _Adapter(service.name)
        self._session = requests.Session()

    def __enter__(self) -> Self:
        self._session.trust_env = False
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return len(self._adapter.connected)

    def ask(self, path: str, method: str = "GET") -> Answered | Unobserved:
        """What it answers for this path, or why that could not be seen."""
        scheme, host = "https" if self._service.speaks is Speaks.HTTPS else "http", _literal(self._address)
        named = self._service.name or host
        port = self._service.port
        authority = named if port == {"https": 443, "http": 80}[scheme] else f"{named}:{port}"
        left = min(_PATIENCE * self._timeout, self._ends - time.monotonic())
        if left <= 0:
            return unobserved("the time for this probe is over", Reason.TIMED_OUT)
        self._session.cookies.clear()
        self._adapter.poolmanager.clear()  # whatever the server made of "close"
        with self._adapter.held_to(left):
            try:
                response = self._session.request(
                    method,
                    f"{scheme}://{host}:{port}{path}",
                    headers={
                        "Host": authority,
                        "User-Agent": "clearance",
                        "Accept-Encoding": "identity",
                        "Connection": "close",
                    },
                    timeout=min(self._timeout, left),
                    allow_redirects=False,
                    stream=True,
                    verify=False,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
                return _why(error, self._adapter)
            with response:
                if self._adapter.cut:  # http.client takes an end in the midst of the headers for their end
                    return unobserved("the answer did not end in time", Reason.TIMED_OUT)
                return Answered(
                    url=escaped(f"{scheme}://{authority}{path}"),
                    status=response.status_code,
                    headers=tuple(response.raw.headers.items()),
                    body=_body_start(response),
                )


class _Adapter(HTTPAdapter):
    """Sends to the pinned address, names the declared host in SNI, reads servers of any age, and can be cut off."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self.connected: list[socket.socket] = []
        self.cut = False
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **settings: object) -> None:  # noqa: FBT001, FBT002 - as requests has it
        """Pools whose connections are kept in sight."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=_any_tls(), server_hostname=self._name, **settings)
        plain, secure = _pools(self.connected)
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}

    @contextmanager
    def held_to(self, seconds: float) -> Iterator[None]:
        """Cuts whatever is connected when the time is over."""
        clock = threading.Timer(seconds, self._cut)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def close(self) -> None:
        """Closes the pools and what was kept of them."""
        super().close()
        for wire in self.connected:
            wire.close()

    def _cut(self) -> None:
        self.cut = True
        for wire in tuple(self.connected):
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)


def _body_start(response: requests.Response) -> bytes:
    """The first bytes; none where the body does not come, for the headers are seen all the same."""
    try:
        return bytes(response.raw.read(_BODY, decode_content=False))
    except (urllib3.exceptions.HTTPError, OSError):
        return b""


def _why(error: Exception, adapter: _Adapter) -> Unobserved:
    causes = list(_causes(error))
    fenced = [cause for cause in causes if isinstance(cause, NotPermittedError | BudgetSpentError)]
    if fenced:
        return unobserved(fenced[0])
    if adapter.cut:
        return unobserved("the answer did not end in time", Reason.TIMED_OUT)
    for cause in reversed(causes):
        match cause:
            case RemoteDisconnected():
                return unobserved("closed the connection without an answer", Reason.RESET)
            case BadStatusLine() | LineTooLong():
                return unobserved(f"not an HTTP answer: {str(cause)[:200]}", Reason.NOT_SPOKEN)
            case ssl.SSLError(reason=reason) if not isinstance(cause, TimeoutError):
                return unobserved(f"TLS: {reason}", Reason.NOT_SPOKEN if reason in _PLAIN_ANSWER else Reason.UNREADABLE)
            case TimeoutError() if adapter.connected:
                return unobserved("accepts the connection and says nothing", Reason.SILENT)
            case OSError() if not isinstance(cause, requests.RequestException):
                return unobserved(cause)
    return unobserved(f"{type(causes[-1]).__name__}: {causes[-1]}", Reason.UNREADABLE)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it wraps, outermost first."""
    while error is not None:
        yield error
        wrapped = [one for one in error.args if isinstance(one, BaseException)]
        error = wrapped[0] if wrapped else error.__cause__ or error.__context__


def _literal(address: str) -> str:
    return f"[{address}]" if ip_address(address).version == 6 else address


def _any_tls() -> ssl.SSLContext:
    """A context that speaks with servers of any age, so that what is wrong with them can be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    return context


def _pools(connected: list[socket.socket]) -> tuple[type[HTTPConnectionPool], type[HTTPSConnectionPool]]:
    """Pools whose connections put a second handle of each socket on this list: to count them, and to cut them."""

    def kept(wire: socket.socket) -> socket.socket:
        connected.append(wire.dup())
        return wire

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return kept(super()._new_conn())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return kept(super()._new_conn())

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

        def _validate_conn(self, conn: HTTPConnection) -> None:  # type: ignore[override]
            if conn.is_closed:  # urllib3's own goes on to warn, in the whole process, that nothing is verified here
                conn.connect()

    return PlainPool, SecurePool
