"""Path building from a served chain to the operator's trust anchors (RFC 5280 section 6), saying what is wrong.

Written for private government CAs as they are: without key identifiers a chain is led by name and signature alone.
Revocation and names of the peer are not judged here; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import pairwise
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import Certificate
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from scanner.observations import ChainFault
from scanner.probes.certificates import alternative_names, attempted

_LONGEST = 8
_STEPS = 400
"""Certificates looked at in all; a hostile chain can be arranged to have very many paths."""

_EVALUATED = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.NAME_CONSTRAINTS,
    ExtensionOID.CERTIFICATE_POLICIES,
}
"""Extensions that may be critical: any other critical one makes a path invalid (RFC 5280 section 4.2)."""

_SERVER = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a path."""

    kind: ChainFault
    detail: str


Path = tuple[Certificate, ...]
V = TypeVar("V", bound=x509.ExtensionType)


def faults(served: Sequence[Certificate], anchors: Sequence[Certificate], at: datetime) -> tuple[Fault, ...]:
    """What is wrong with the best path from the first certificate to an anchor; nothing where one is valid now."""
    ranked = sorted((tuple(_of_path(path, anchors, at)) for path in _paths(served, anchors)), key=_badness)
    return ranked[0]


def _badness(found: tuple[Fault, ...]) -> tuple[bool, int]:
    """Paths that reach an anchor come before those that do not, then those with fewer faults."""
    unanchored = {ChainFault.SELF_SIGNED, ChainFault.UNKNOWN_ROOT, ChainFault.MISSING_INTERMEDIATE}
    return any(fault.kind in unanchored for fault in found), len(found)


def _paths(served: Sequence[Certificate], anchors: Sequence[Certificate]) -> Iterator[Path]:
    """Every path that ends in an anchor or where no issuer is known."""
    waiting: list[Path] = [(served[0],)]
    for _step in range(_STEPS):
        if not waiting:
            return
        path = waiting.pop(0)
        issuers = [] if path[-1] in anchors or len(path) >= _LONGEST else _issuers(path, served, anchors)
        if issuers:
            waiting += [(*path, issuer) for issuer in issuers]
        else:
            yield path
    yield from waiting[:1]


def _issuers(path: Path, served: Sequence[Certificate], anchors: Sequence[Certificate]) -> list[Certificate]:
    """Those who may have issued the last certificate; by their name alone only where nobody's key verifies it."""
    last = path[-1]
    named = [one for one in dict.fromkeys((*anchors, *served)) if one not in path and _may_issue(one, last)]
    return [one for one in named if _signed(last, one) is None] or [one for one in named if _key_fits(one, last)]


def _may_issue(issuer: Certificate, subject: Certificate) -> bool:
    name = attempted(lambda: issuer.subject)
    return name is not None and name == attempted(lambda: subject.issuer)


def _key_fits(issuer: Certificate, subject: Certificate) -> bool:
    """Whether the key identifiers agree, as far as both are there."""
    wanted, shown = _value(subject, x509.AuthorityKeyIdentifier), _value(issuer, x509.SubjectKeyIdentifier)
    return wanted is None or shown is None or wanted.key_identifier in (None, shown.digest)


def _signed(subject: Certificate, issuer: Certificate) -> Fault | None:
    """What is wrong with the issuer's signature; None where it verifies."""
    try:
        subject.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return Fault(ChainFault.BAD_SIGNATURE, f"the signature on {_called(subject)} does not verify")
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        return Fault(ChainFault.OTHER, f"the signature on {_called(subject)} cannot be verified: {error}")
    return None


def _of_path(path: Path, anchors: Sequence[Certificate], at: datetime) -> Iterator[Fault]:
    if path[-1] not in anchors:
        yield _end(path)
    for certificate in path:
        yield from _in_time(certificate, at)
    for subject, issuer in pairwise(path):
        fault = _signed(subject, issuer)
        if fault:
            yield fault
    yield from _extensions(path, anchors)


def _end(path: Path) -> Fault:
    """Why a path ends without an anchor."""
    last = path[-1]
    if len(path) >= _LONGEST:
        return Fault(ChainFault.OTHER, f"a path longer than {_LONGEST} certificates")
    if _may_issue(last, last):
        if len(path) == 1 and not _forged(last):
            return Fault(ChainFault.SELF_SIGNED, "the certificate is its own issuer and no trust anchor")
        return Fault(ChainFault.UNKNOWN_ROOT, f"{_called(last)} is no trust anchor")
    if len(path) == 1:
        return Fault(ChainFault.MISSING_INTERMEDIATE, f"its issuer {_issuer(last)} was not served and is no trust anchor")
    return Fault(ChainFault.UNKNOWN_ROOT, f"{_issuer(last)}, issuer of {_called(last)}, is no trust anchor")


def _forged(self_issued: Certificate) -> bool:
    fault = _signed(self_issued, self_issued)
    return fault is not None and fault.kind is ChainFault.BAD_SIGNATURE


def _in_time(certificate: Certificate, at: datetime) -> Iterator[Fault]:
    if at > certificate.not_valid_after_utc:
        yield Fault(ChainFault.EXPIRED, f"{_called(certificate)} expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if at < certificate.not_valid_before_utc:
        yield Fault(
            ChainFault.NOT_YET_VALID,
            f"{_called(certificate)} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}",
        )


def _extensions(path: Path, anchors: Sequence[Certificate]) -> Iterator[Fault]:
    if not all(map(_readable, path)):
        yield Fault(ChainFault.OTHER, "a certificate whose extensions cannot be read")
        return
    for certificate in path:
        for extension in certificate.extensions:
            if extension.critical and extension.oid not in _EVALUATED:
                yield Fault(ChainFault.OTHER, f"{_called(certificate)} has a critical extension {extension.oid.dotted_string}")
        if not _may_serve(certificate):
            yield Fault(ChainFault.WRONG_USAGE, f"{_called(certificate)} is not for TLS servers")
    if not _may_handshake(path[0]):
        yield Fault(ChainFault.WRONG_USAGE, "the key usage allows neither signatures nor key exchange")
    for below, issuer in enumerate(path[1:]):
        if not _may_certify(issuer, below, anchor=issuer in anchors):
            yield Fault(ChainFault.WRONG_USAGE, f"{_called(issuer)} may not issue this certificate")
        if not _within_constraints(path[0], issuer):
            yield Fault(ChainFault.WRONG_USAGE, f"a name lies outside the name constraints of {_called(issuer)}")


def _may_serve(certificate: Certificate) -> bool:
    usage = _value(certificate, x509.ExtendedKeyUsage)
    return usage is None or bool(_SERVER & set(usage))


def _may_handshake(leaf: Certificate) -> bool:
    usage = _value(leaf, x509.KeyUsage)
    return usage is None or usage.digital_signature or usage.key_encipherment or usage.key_agreement


def _may_certify(issuer: Certificate, below: int, *, anchor: bool) -> bool:
    """Whether it is a CA for a path with this many CAs below it; an anchor of X.509 version 1 has no way to say so."""
    basic, usage = _value(issuer, x509.BasicConstraints), _value(issuer, x509.KeyUsage)
    if basic is None:
        return anchor and issuer.version is x509.Version.v1
    within = basic.path_length is None or below <= basic.path_length
    return basic.ca and within and (usage is None or usage.key_cert_sign)


def _within_constraints(leaf: Certificate, issuer: Certificate) -> bool:
    constraints, names = _value(issuer, x509.NameConstraints), alternative_names(leaf)
    if constraints is None or names is None:
        return True
    return _all_within(names.dns, x509.DNSName, constraints) and _all_within(names.addresses, x509.IPAddress, constraints)


def _all_within(names: tuple[str, ...], kind: type[x509.GeneralName], constraints: x509.NameConstraints) -> bool:
    permitted = [one for one in constraints.permitted_subtrees or () if isinstance(one, kind)]
    excluded = [one for one in constraints.excluded_subtrees or () if isinstance(one, kind)]
    return all(
        (not permitted or any(_covers(one, name) for one in permitted)) and not any(_covers(one, name) for one in excluded)
        for name in names
    )


def _covers(subtree: x509.GeneralName, name: str) -> bool:
    match subtree.value:
        case IPv4Network() | IPv6Network() as network:
            return ip_address(name) in network
        case str(domain):
            wanted = domain.lower().removeprefix(".")
            return not wanted or name.lower() == wanted or name.lower().endswith(f".{wanted}")
        case _:
            return False


def _readable(certificate: Certificate) -> bool:
    return attempted(lambda: certificate.extensions) is not None


def _value(certificate: Certificate, kind: type[V]) -> V | None:
    """The value of an extension; None where it is absent or unreadable (which is a fault of its own)."""
    if not _readable(certificate):
        return None
    return next((one.value for one in certificate.extensions if isinstance(one.value, kind)), None)


def _called(certificate: Certificate) -> str:
    name = attempted(certificate.subject.rfc4514_string)
    return f"'{name}'" if name else "a certificate without a readable subject"


def _issuer(certificate: Certificate) -> str:
    name = attempted(certificate.issuer.rfc4514_string)
    return f"'{name}'" if name else "an issuer without a readable name"
