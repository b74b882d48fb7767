"""A conversation inside TLS on a wire: to hear what a service says there. Judges no certificate and no version."""

from __future__ import annotations

import ssl
import warnings

from scanner.probes.upgrades import Stream

_LEGACY_SERVER_CONNECT = 4
"""OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT, which Python 3.11 has no name for: servers without RFC 5746 are heard too."""


class Sealed:
    """A TLS session inside a wire, with the wire's limits."""

    def __init__(self, wire: Stream, name: str) -> None:
        self._wire = wire
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = _anything_goes().wrap_bio(self._incoming, self._outgoing, server_hostname=name or None)
        self.answered = b""
        """The first bytes of the answer to the ClientHello."""

    def handshake(self) -> None:
        """Shakes hands; raises ssl.SSLError where the peer does not speak TLS or refuses, TimeoutError where it is silent."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._more():
                    raise ConnectionResetError("closed in the handshake") from None
            else:
                return self._flush()

    def patience(self, seconds: float) -> None:
        """Waits no longer than this for the next bytes."""
        self._wire.patience(seconds)

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self._tls.write(data)
        self._flush()

    def read(self) -> bytes:
        """The next bytes, none where the peer closed or the limit is reached; raises TimeoutError when none come."""
        while True:
            try:
                return self._tls.read(16_384)
            except ssl.SSLWantReadError:
                self._flush()
                if not self._more():
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _more(self) -> bool:
        data = self._wire.read()
        if len(self.answered) < 64:
            self.answered += data[:64]
        self._incoming.write(data)
        return bool(data)

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._wire.send(data)


def _anything_goes() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.options |= _LEGACY_SERVER_CONNECT
    with warnings.catch_warnings():  # Python frowns upon the old versions, which a service may still speak
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context
