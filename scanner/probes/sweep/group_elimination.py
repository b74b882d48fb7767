"""The groups a server exchanges keys in: seen in its picks, then offered without what was seen, until the rest is refused.

Before TLS 1.3 a server can sign with an elliptic-curve certificate only for a client that offers the certificate's curve (RFC 8422
section 5.1), so that curve stays in the offer, at its end.
"""

from __future__ import annotations

from collections.abc import Callable

from scanner.observations import Reason, TlsVersion, Unobserved
from scanner.probes.looking import unobserved
from scanner.probes.sweep.answers import Answer, Dropped, Picked, Refused, Unclear
from scanner.probes.sweep.client_hello import Hello, groups_of
from scanner.probes.sweep.registry import GROUPS, OLD_GROUPS

_CODES = {name: code for code, name in (GROUPS | OLD_GROUPS).items()}
_USUAL = (0x17, 0x18, 0x19)
"""The curves of the certificates that one meets: taken where a certificate cannot be read."""


class SeenGroups:
    """The groups of one endpoint, in the order in which they were seen."""

    def __init__(self) -> None:
        self.found: list[int] = []
        self._curves: dict[int, None] = {}
        """The curves of the certificates' keys."""
        self._leaf = b""

    def last_in(self, version: TlsVersion) -> tuple[int, ...]:
        """What to offer in this version: those not seen yet before the others; empty, for all in their usual order, where none was."""
        known = groups_of(version)
        return tuple(sorted(known, key=self.found.__contains__)) if self.found else ()

    def note(self, version: TlsVersion, answer: Picked) -> int | None:
        """The group of a pick, kept; None where it shows none that could have been offered."""
        group = answer.hello.group if version is TlsVersion.TLS_1_3 else answer.flight.curve
        for leaf in answer.flight.chain[:1]:
            if leaf != self._leaf:
                self._leaf = leaf
                self._curves |= dict.fromkeys(_curves(leaf))
        if group is None or group not in groups_of(version):
            return None
        if group not in self.found:
            self.found.append(group)
        return group

    def eliminate(self, asked: Callable[[Hello], Answer], hello: Hello) -> Unobserved | None:
        """Finds the groups that this hello's suites are accepted with and that were not seen; the reason where that stays unclear."""
        kept = [] if hello.version is TlsVersion.TLS_1_3 else [curve for curve in self._curves if curve in self.found]
        left = [group for group in groups_of(hello.version) if group not in self.found]
        while left:
            offered = (*left, *kept)
            match asked(Hello(hello.version, hello.suites, hello.name, groups=offered)):
                case Picked() as answer:
                    group = self.note(hello.version, answer)
                    if group in left:
                        left.remove(group)
                    elif group in kept:
                        kept.remove(group)  # it prefers this one to all that are left: who knows it is never given another
                    else:
                        return None if self.found else unobserved("a group that was not offered", Reason.UNREADABLE)
                case Refused():
                    return None
                case Dropped():
                    return None if self.found else unobserved("the connection was closed", Reason.RESET)
                case Unclear(why):
                    return why
        return None


def _curves(leaf: bytes) -> tuple[int, ...]:
    """The curve of this certificate's key; none for a key of another kind, the usual ones where it cannot be read."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    try:
        key = x509.load_der_x509_certificate(leaf).public_key()
    except Exception:  # noqa: BLE001 - a hostile certificate fails in many ways, and its curve is only guessed then
        return _USUAL
    if not isinstance(key, EllipticCurvePublicKey):
        return ()
    code = _CODES.get(key.curve.name)
    return () if code is None else (code,)
