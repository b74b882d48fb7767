"""Trying a gateway out as a client would: is the new state in force, and is a certificate kept out that must be."""

from __future__ import annotations

import http.client
import socket
import ssl
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.fault import GatewayError
from gateway.site import Site
from scanner.findings import said

PATIENCE = 20.0
"""Seconds until a reload must have taken effect."""
KEPT_OUT = frozenset({400, 403})
"""How a proxy refuses over HTTP: without a valid certificate, or by the register. Any other answer means that it was let in."""
_WAIT = 5.0
_PATH = "/v1/verify"
_BODY_LIMIT = 65_536
_IN_A_ROW = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered; no status where it ended the connection instead."""

    status: int | None
    state: str | None = None

    @property
    def let_in(self) -> bool:
        """Whether the request got past the decision."""
        return self.status is not None and self.status not in KEPT_OUT


def asked(site: Site, client_pem: bytes | None) -> Answer:
    """What the gateway answers to a request with this certificate and key, on a connection of its own.

    Raises GatewayError where nothing answers there, or another server than the site's.
    """
    with _connected(site) as plain:
        try:
            with _context(client_pem).wrap_socket(plain, server_hostname=site.server_name) as secured:
                return _request(site, secured, "close")
        except (OSError, http.client.HTTPException):
            # In TLS 1.3 a refused client certificate shows only when the answer is read.
            return Answer(None)


class Canary:
    """A connection kept open to the state that is in force before a reload: when the proxy ends it, that state serves nobody new."""

    def __init__(self, site: Site, client_pem: bytes | None) -> None:
        self._secured: ssl.SSLSocket | None = None
        with suppress(OSError, http.client.HTTPException, GatewayError):
            # Where this fails nothing is kept open, and `in_force` alone tells.
            self._secured = _context(client_pem).wrap_socket(_connected(site), server_hostname=site.server_name)
            _request(site, self._secured, "keep-alive")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._secured is not None:
            self._secured.close()

    def ended(self) -> None:
        """Returns when the proxy has ended it; raises GatewayError where that takes too long."""
        if self._secured is None:
            return
        self._secured.settimeout(PATIENCE)
        try:
            while self._secured.recv(4_096):
                pass
        except TimeoutError:
            raise GatewayError(said("the proxy was reloaded and its old state goes on serving")) from None
        except OSError:
            return


def in_force(site: Site, client_pem: bytes | None, state: str) -> None:
    """Returns where new connections meet this state, several times in a row; raises GatewayError where they do not for too long."""
    until = time.monotonic() + PATIENCE
    met = 0
    while met < _IN_A_ROW:
        try:
            seen = asked(site, client_pem).state
        except GatewayError:
            if time.monotonic() > until:
                raise
            seen = None
        met = met + 1 if seen == state else 0
        if time.monotonic() > until:
            raise GatewayError(said("the proxy was reloaded and does not show state {state}", state=state))
        time.sleep(0.02)


def _context(client_pem: bytes | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the server is known by its very certificate
    if client_pem is not None:
        with tempfile.NamedTemporaryFile(prefix="clearance-probe-") as file:
            file.write(client_pem)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _connected(site: Site) -> socket.socket:
    try:
        return socket.create_connection(site.probed, timeout=_WAIT)
    except OSError as error:
        message = said("the gateway does not answer on {place}: {why}", place=site.probe or site.listen, why=str(error))
        raise GatewayError(message) from None


def _request(site: Site, secured: ssl.SSLSocket, then: str) -> Answer:
    _insist_on_own(site, secured)
    secured.sendall(f"GET {_PATH} HTTP/1.1\r\nHost: {site.server_name}\r\nConnection: {then}\r\n\r\n".encode())
    answer = http.client.HTTPResponse(secured)
    answer.begin()
    answer.read(_BODY_LIMIT)
    return Answer(answer.status, answer.getheader("Clearance-State"))


def _insist_on_own(site: Site, secured: ssl.SSLSocket) -> None:
    own = x509.load_pem_x509_certificates(Path(site.server_certificate).read_bytes())[0]
    if secured.getpeercert(binary_form=True) != own.public_bytes(Encoding.DER):
        raise GatewayError(said("another server than the gateway answers on {place}", place=site.probe or site.listen))
