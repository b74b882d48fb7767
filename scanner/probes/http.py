"""What an endpoint answers to GET / and to a path that cannot exist. Redirects are noted, never followed; no opinion.

Certificates are not verified here, for whether they can be trusted is looked at by peer_certificate; no proxy, netrc or
environment setting has a say, and nothing but the pinned address is connected to.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import BadStatusLine, LineTooLong, RemoteDisconnected
from importlib.metadata import version as installed
from ipaddress import ip_address

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from scanner.observations import HttpAnswer, HttpHeader, HttpObservation, Method, Reason, Unobserved
from scanner.probes.fence import BudgetSpentError, NotPermittedError
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.record import escaped
from scanner.targets import Service, Speaks

BY = f"requests {installed('requests')}"

_BODY = 4_096
"""Bytes of a body that are read."""

_TEXT = 2_000
"""Bytes of a header or body that are kept."""

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


def look(target: Target, circumstances: Circumstances) -> HttpObservation | Unobserved:
    """The answers of the endpoint, or why they could not be seen."""
    if target.service is None:
        return unobserved("a host as a whole has no HTTP port", Reason.NOT_ASKED)
    ends = time.monotonic() + circumstances.deadline
    adapter = _Adapter(target.service.name)
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        root = _answer(session, adapter, target, target.service, "/", circumstances.timeout, ends)
        if isinstance(root, Unobserved):
            return root
        session.cookies.clear()
        path = f"/clearance-{secrets.token_hex(16)}"
        missing = _answer(session, adapter, target, target.service, path, circumstances.timeout, ends)
    return HttpObservation(
        seen=circumstances.seen(Method.HANDSHAKE, BY, len(adapter.connected)),
        tls=target.service.speaks is Speaks.HTTPS,
        root=root,
        missing=missing,
    )


def _answer(
    session: requests.Session,
    adapter: _Adapter,
    target: Target,
    service: Service,
    path: str,
    timeout: float,
    ends: float,
) -> HttpAnswer | Unobserved:
    scheme, host = "https" if service.speaks is Speaks.HTTPS else "http", _literal(target.address)
    named = service.name or host
    authority = named if service.port == {"https": 443, "http": 80}[scheme] else f"{named}:{service.port}"
    left = min(_PATIENCE * timeout, ends - time.monotonic())
    if left <= 0:
        return unobserved("the time for this probe is over", Reason.TIMED_OUT)
    adapter.poolmanager.clear()  # each question on a connection of its own, whatever the server made of "close"
    with adapter.held_to(left):
        try:
            response = session.get(
                f"{scheme}://{host}:{service.port}{path}",
                headers={
                    "Host": authority,
                    "User-Agent": "clearance",
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                },
                timeout=min(timeout, left),
                allow_redirects=False,
                stream=True,
                verify=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            return _why(error, adapter)
        with response:
            if adapter.cut:  # http.client takes an end in the midst of the headers for their end
                return unobserved("the answer did not end in time", Reason.TIMED_OUT)
            return HttpAnswer(
                url=escaped(f"{scheme}://{authority}{path}"),
                status=response.status_code,
                headers=tuple(_headers(response)),
                body_start=_body_start(response),
            )


def _headers(response: requests.Response) -> Iterator[HttpHeader]:
    for name, value in response.raw.headers.items():
        shown = _without_value(value) if name.lower() == "set-cookie" else value
        yield HttpHeader(name=_text(name).lower(), value=_text(shown))


def _without_value(cookie: str) -> str:
    """A cookie's name and attributes: its value lets whoever holds it in, and has no place in evidence."""
    pair, semicolon, attributes = cookie.partition(";")
    name, equals, _value = pair.partition("=")
    return (name if equals else "") + "=" + semicolon + attributes


def _text(header: str) -> str:
    return escaped(header.encode("latin-1", "replace"), limit=_TEXT)


def _body_start(response: requests.Response) -> str:
    """The first bytes; none where the body does not come, for the headers are seen all the same."""
    try:
        return escaped(response.raw.read(_BODY, decode_content=False), limit=_TEXT)
    except (urllib3.exceptions.HTTPError, OSError):
        return ""


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
