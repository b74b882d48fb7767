"""Full TLS handshakes made by sslyze's two OpenSSLs, one connection each. sslyze's classes stop in this file."""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, cast

from cryptography.utils import CryptographyDeprecationWarning

from scanner.observations import Reason, TlsVersion, Unobserved
from scanner.probes.fence import BudgetSpentError, NotPermittedError
from scanner.probes.looking import unobserved
from scanner.probes.sweep.client_hello import server_name
from scanner.probes.upgrades import Stream, UpgradeError, upgraded
from scanner.probes.wire import Wire
from scanner.targets import Service

with warnings.catch_warnings():  # sslyze's bundled stores hold roots with serial numbers that cryptography frowns upon
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from nassl._nassl import OpenSSLError
    from nassl.legacy_ssl_client import LegacySslClient
    from nassl.ssl_client import (
        BaseSslClient,
        ClientCertificateRequested,
        OpenSslEarlyDataStatusEnum,
        SslClient,
    )
    from sslyze.connection_helpers.tls_connection import NoCiphersAvailableBugInSSlyze, SslConnection
    from sslyze.errors import (
        ConnectionToServerFailed,
        ConnectionToServerTimedOut,
        ServerRejectedConnection,
        ServerRejectedTlsHandshake,
        TlsHandshakeFailed,
        TlsHandshakeTimedOut,
    )
    from sslyze.plugins.heartbleed_plugin import HeartbleedImplementation
    from sslyze.plugins.openssl_ccs_injection_plugin import OpenSslCcsInjectionImplementation
    from sslyze.plugins.plugin_base import ScanJob, ScanJobResult
    from sslyze.plugins.robot._robot_tester import RobotScanResultEnum, ServerDoesNotSupportRsa
    from sslyze.plugins.robot.implementation import RobotImplementation
    from sslyze.server_connectivity import (
        ClientAuthRequirementEnum,
        ServerConnectivityInfo,
        ServerTlsProbingResult,
        TlsVersionEnum,
    )
    from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

BY = f"sslyze {installed('sslyze')}"

_VERSIONS = {
    TlsVersion.SSL_3_0: TlsVersionEnum.SSL_3_0,
    TlsVersion.TLS_1_0: TlsVersionEnum.TLS_1_0,
    TlsVersion.TLS_1_1: TlsVersionEnum.TLS_1_1,
    TlsVersion.TLS_1_2: TlsVersionEnum.TLS_1_2,
    TlsVersion.TLS_1_3: TlsVersionEnum.TLS_1_3,
}
_ALL = "ALL:COMPLEMENTOFALL:-PSK:-SRP"
_READ_LIMIT = 4 * 1024 * 1024
"""Bytes read from one connection: a handshake with the longest chain, and a bleeding heart."""
_PATIENCE = 3
"""One handshake may take this many times the time for one answer, however slowly it drips."""


class _Socket:
    """What nassl takes for a socket: a wire on which TLS has its turn."""

    def __init__(self, wire: Wire, stream: Stream, over: Callable[[], None]) -> None:
        self._wire = wire
        self._stream = stream
        self._over = over
        self._held = b""

    def send(self, data: bytes) -> int:
        """Sends all of it."""
        with self._in_time():
            self._stream.send(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        """At most so many bytes; none where the peer closed."""
        with self._in_time():
            self._held = self._held or self._stream.read()
        data, self._held = self._held[:size], self._held[size:]
        return data

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Tells `over` when the connection's time is up: sslyze takes every time-out for a peer that does not answer."""
        try:
            yield
        except TimeoutError:
            if self._wire.over:
                self._over()
            raise

    def shutdown(self, _how: int) -> None:
        """Cuts the connection: whoever waits on it wakes."""
        self._wire.cut()

    def close(self) -> None:
        """Closes the connection."""
        self._wire.close()


class _Watched:
    """A connection that is cut when its time is over, whatever it waits for."""

    def __init__(self, connection: SslConnection, seconds: float) -> None:
        self.cut = False
        self.connection = connection
        self._clock = threading.Timer(max(0.0, seconds), self.end)
        self._clock.daemon = True
        self._clock.start()

    @property
    def tls(self) -> BaseSslClient:
        """The client half of the connection."""
        return self.connection.ssl_client

    def begin(self) -> None:
        """Connects, and does not shake hands yet."""
        self.connection._do_pre_handshake()  # noqa: SLF001 - sslyze has no other way to send something before the handshake

    def close(self) -> None:
        """Ends the connection; it may have ended by itself."""
        self._clock.cancel()
        with suppress(OSError, OpenSSLError):
            self.connection.close()
        wire = self.tls.get_underlying_socket()
        if wire:
            wire.close()

    def end(self) -> None:
        """Cuts the connection, because its time is over."""
        self.cut = True
        wire = self.tls.get_underlying_socket()
        if wire:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class _Server(ServerConnectivityInfo):
    """What sslyze's plug-ins are given: here each connection they make is watched."""

    watch: Callable[[SslConnection], None]

    def get_preconfigured_tls_connection(
        self,
        override_tls_version: TlsVersionEnum | None = None,
        ca_certificates_path: Path | None = None,
        should_use_legacy_openssl: bool | None = None,  # noqa: FBT001 - as sslyze has it
        should_enable_server_name_indication: bool = True,  # noqa: FBT001, FBT002 - as sslyze has it
    ) -> SslConnection:
        """A connection as sslyze sets it up, under watch."""
        connection = super().get_preconfigured_tls_connection(
            override_tls_version, ca_certificates_path, should_use_legacy_openssl, should_enable_server_name_indication
        )
        self.watch(connection)
        return connection


@dataclass(frozen=True, slots=True)
class Shown:
    """What a peer showed of itself in one handshake."""

    chain: tuple[bytes, ...]
    """Its certificates in DER."""
    staple: bytes | None
    """The OCSP response that came with them; empty where none did, None where the handshake did not get so far."""


class Engine:
    """Handshakes with one endpoint; counts the connections it opens."""

    def __init__(self, address: str, service: Service, *, timeout: float, ends: float) -> None:
        self._address = address
        self._service = service
        self._name = name = server_name(service.name)
        self._timeout = max(1, math.ceil(timeout))  # sslyze counts in whole seconds
        self._ends = ends
        self._opened = 0
        self._lock = threading.Lock()
        self._location = ServerNetworkLocation(hostname=name or address, port=service.port, ip_address=address)
        self._settings = ServerNetworkConfiguration(
            tls_server_name_indication=name or address, network_timeout=self._timeout, network_max_retries=1
        )

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._opened

    def shown(self, version: TlsVersion) -> Shown:
        """The certificates shown in a handshake of this version, none where it ends before they are; and the OCSP response."""
        with self._watched(version) as watched:
            watched.tls.set_tlsext_status_ocsp()
            if version is not TlsVersion.TLS_1_3:
                watched.tls.set_cipher_list(f"{_ALL}:-aNULL")
            trouble = self._handshake(watched)
            try:
                chain = tuple(ssl.PEM_cert_to_DER_cert(pem) for pem in watched.tls.get_received_chain())
            except ValueError:
                return Shown((), None)
            return Shown(chain, None if trouble else _staple(watched))

    def accepts(self, version: TlsVersion) -> bool | Unobserved:
        """Whether a handshake of this version comes about, as far as the server and not this client decides it."""
        with self._watched(version) as watched:
            if version is not TlsVersion.TLS_1_3:
                watched.tls.set_cipher_list(_ALL)
            trouble = self._handshake(watched)
        if trouble is None or isinstance(trouble, ClientCertificateRequested):
            return True
        return False if isinstance(trouble, ServerRejectedTlsHandshake) else _why(trouble)

    def renegotiates(self, version: TlsVersion) -> bool | Unobserved:
        """Whether the server renegotiates when the client asks for it, once, in a version before TLS 1.3."""
        with self._watched(version, old=True) as watched:
            watched.tls.set_cipher_list(_ALL)
            trouble = self._handshake(watched)
            if trouble is not None:
                return _why(trouble)
            try:
                cast("LegacySslClient", watched.tls).do_renegotiate()
            except (OSError, OpenSSLError):
                return unobserved("the renegotiation did not end", Reason.TIMED_OUT) if watched.cut else False
        return True

    def early_data(self) -> bool | Unobserved:
        """Whether data sent before the handshake of a resumed TLS 1.3 session is taken (RFC 8446 section 2.3); HTTPS alone."""
        with self._watched(TlsVersion.TLS_1_3) as watched:
            trouble = self._handshake(watched)
            if trouble is not None:
                return _why(trouble)
            try:
                watched.tls.write(f"GET / HTTP/1.1\r\nHost: {self._name or self._address}\r\n\r\n".encode())
                watched.tls.read(2_048)  # tickets come with the first answer
            except _TROUBLE as error:
                return _why(error)
            session = watched.tls.get_session()
        with self._watched(TlsVersion.TLS_1_3) as watched:
            early = cast("SslClient", watched.tls)
            early.set_session(session)
            try:
                watched.begin()
                early.write_early_data(b"GET")
                early.do_handshake()
            except OpenSSLError as error:
                # said where the session allows none: no ticket, or one without early data
                return False if "function you should not call" in str(error) else _why(error)
            except (OSError, UpgradeError, ConnectionToServerFailed) as error:
                _hold(error)
                return _why(error)
            return bool(early.get_early_data_status() is OpenSslEarlyDataStatusEnum.ACCEPTED)

    def heartbleed(self, version: TlsVersion) -> bool | Unobserved:
        """Whether a heartbeat that claims more than it holds is answered (CVE-2014-0160), in an accepted version."""
        found = self._examined(HeartbleedImplementation, version)
        return found if isinstance(found, Unobserved) else bool(found.is_vulnerable_to_heartbleed)

    def ccs_injection(self, version: TlsVersion) -> bool | Unobserved:
        """Whether a ChangeCipherSpec is taken before there are keys (CVE-2014-0224), in an accepted version."""
        found = self._examined(OpenSslCcsInjectionImplementation, version)
        return found if isinstance(found, Unobserved) else bool(found.is_vulnerable_to_ccs_injection)

    def robot(self, version: TlsVersion) -> bool | Unobserved:
        """Whether the answers to malformed RSA key exchanges differ (ROBOT, CVE-2017-13099 and others), in an accepted version."""
        found = self._examined(RobotImplementation, version)
        if isinstance(found, Unobserved):
            return found
        if found.robot_result is RobotScanResultEnum.UNKNOWN_INCONSISTENT_RESULTS:
            return unobserved("the answers differ from one time to the next", Reason.UNREADABLE)
        return found.robot_result in (RobotScanResultEnum.VULNERABLE_WEAK_ORACLE, RobotScanResultEnum.VULNERABLE_STRONG_ORACLE)

    def _examined(self, implementation: Any, version: TlsVersion) -> Any | Unobserved:
        """The result of one of sslyze's plug-ins, its connections under watch; what kept it from a result otherwise."""
        seen: list[_Watched] = []
        probed = ServerTlsProbingResult(
            _VERSIONS[version], _ALL, ClientAuthRequirementEnum.DISABLED, supports_ecdh_key_exchange=True
        )
        server = _Server(self._location, self._settings, probed, lambda connection: seen.append(self._watch(connection)))
        try:
            found = implementation.result_for_completed_scan_jobs(
                server, [_done(job) for job in implementation.scan_jobs_for_scan_command(server)]
            )
        except _TROUBLE as error:
            _hold(error)
            return _why(error)
        finally:
            for watched in seen:
                watched.close()
        if any(watched.cut for watched in seen) and not _bad(found):
            return unobserved("an answer that did not end", Reason.TIMED_OUT)
        return found

    @contextmanager
    def _watched(self, version: TlsVersion, *, old: bool = False) -> Iterator[_Watched]:
        watched = self._watch(
            SslConnection(
                self._location,
                self._settings,
                _VERSIONS[version],
                should_ignore_client_auth=True,
                should_use_legacy_openssl=old or version < TlsVersion.TLS_1_2,
                should_enable_server_name_indication=bool(self._name),
            )
        )
        try:
            yield watched
        finally:
            watched.close()

    def _watch(self, connection: SslConnection) -> _Watched:
        ends = min(time.monotonic() + _PATIENCE * self._timeout, self._ends)
        watched = _Watched(connection, ends - time.monotonic())
        # sslyze knows nine upgrades and we fifteen, so the connection is ours and sslyze's begins with the handshake
        setattr(connection, "_do_pre_handshake", lambda: self._open(watched, ends))  # noqa: B010 - mypy forbids the plain form
        with self._lock:
            self._opened += 1
        return watched

    def _open(self, watched: _Watched, ends: float) -> None:
        wire = Wire(self._address, self._service.port, timeout=self._timeout, ends=ends, limit=_READ_LIMIT)
        try:
            stream = upgraded(wire, self._service, self._address)
        except BaseException:
            wire.close()
            raise
        watched.tls.set_underlying_socket(cast("socket.socket", _Socket(wire, stream, watched.end)))

    def _handshake(self, watched: _Watched) -> Exception | None:
        """What stopped the handshake, None where nothing did; raises where the permit forbids the connection."""
        if time.monotonic() >= self._ends:
            return TimeoutError("the time for this probe is over")
        try:
            watched.connection.connect(should_retry_connection=False)
        except (
            ConnectionToServerFailed,
            ClientCertificateRequested,
            NoCiphersAvailableBugInSSlyze,
            OSError,
            OpenSSLError,
            UpgradeError,
        ) as error:
            _hold(error)
            return TimeoutError("the handshake did not end") if watched.cut else error
        return None


_TROUBLE = (ConnectionToServerFailed, ClientCertificateRequested, OSError, OpenSSLError, ValueError, LookupError, UpgradeError)


def _staple(watched: _Watched) -> bytes | None:
    response = watched.tls.get_tlsext_status_ocsp_resp()
    if response is None:
        return b""
    read = getattr(response, "as_der_bytes", None)  # the response of the older OpenSSL cannot be had in DER
    return bytes(read()) if read else None


def _done(job: ScanJob) -> ScanJobResult:
    """A job's result; that a server knows no RSA key exchange is one as well."""
    try:
        return ScanJobResult(job.function_to_call(*job.function_arguments), None)
    except ServerDoesNotSupportRsa as error:
        return ScanJobResult(None, error)


def _bad(found: Any) -> bool:
    return bool(
        getattr(found, "is_vulnerable_to_heartbleed", False)
        or getattr(found, "is_vulnerable_to_ccs_injection", False)
        or "WEAK" in str(getattr(found, "robot_result", ""))
        or "STRONG" in str(getattr(found, "robot_result", ""))
    )


def _why(trouble: Exception) -> Unobserved:
    match trouble:
        case UpgradeError():
            return trouble.why
        case ConnectionToServerTimedOut() | TlsHandshakeTimedOut():
            return unobserved(trouble.error_message, Reason.TIMED_OUT)
        case ServerRejectedConnection():
            return unobserved(trouble.error_message, Reason.REFUSED)
        case TlsHandshakeFailed():
            return unobserved(trouble.error_message, Reason.UNREADABLE)
        case ConnectionToServerFailed():
            return unobserved(trouble.error_message, Reason.UNREACHABLE)
        case OSError():
            return unobserved(trouble)
        case _:
            return unobserved(f"{type(trouble).__name__}: {trouble}", Reason.UNREADABLE)


def _hold(error: BaseException | None) -> None:
    """Raises the fence's own error again where sslyze wrapped it."""
    while error is not None:
        if isinstance(error, NotPermittedError | BudgetSpentError):
            raise error
        error = error.__cause__ or error.__context__
