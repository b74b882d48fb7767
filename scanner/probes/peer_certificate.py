"""The certificate chain an endpoint serves, as sent, and whether it leads to the operator's trust anchors."""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import Certificate, ocsp

from scanner.observations import Method, PeerCertificateObservation, Reason, Revocation, Seen, TlsVersion, Trust, Unobserved
from scanner.probes import paths, revocation
from scanner.probes.certificates import UnreadableError, alternative_names, facts, loaded, matches
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.sslyze_engine import BY, Engine, Shown
from scanner.probes.sweep.asking import Asker, no_tls
from scanner.probes.sweep.client_hello import Hello, server_name
from scanner.probes.sweep.registry import OLD_SUITES
from scanner.probes.sweep.server_flight import Flight
from scanner.probes.upgrades import UpgradeError
from scanner.record import escaped, sha256
from scanner.targets import Service

_COMMON = tuple(OLD_SUITES)[:100]
LONGEST = 20
"""Certificates of one chain that are read; a chain that is longer is unreadable, for a part could mislead."""


def look(target: Target, circumstances: Circumstances) -> PeerCertificateObservation | Unobserved:
    """The chain the endpoint serves, or why it could not be seen."""
    if target.service is None:
        return unobserved("a host as a whole has no TLS port", Reason.NOT_ASKED)
    try:
        asker = Asker(target, target.service, circumstances, time.monotonic() + circumstances.deadline)
        first = asker.first(Hello(TlsVersion.TLS_1_2, _COMMON, server_name(target.service.name)))
        elsewise = no_tls(first, asker)
        if elsewise:
            return elsewise
        engine = _engine(target, target.service, circumstances)
        shown = _shown(engine, first)
    except UpgradeError as error:
        return error.why
    except OSError as error:
        return unobserved(error)
    chain = shown.chain
    if not chain:
        return unobserved(f"no certificate was shown in the first {circumstances.read_limit} bytes", Reason.UNREADABLE)
    if len(chain) > LONGEST:
        return unobserved(f"{len(chain)} certificates where at most {LONGEST} are read", Reason.UNREADABLE)
    seen = circumstances.seen(Method.HANDSHAKE, BY, engine.connections + asker.opened)
    try:
        return _observed(target.service, shown, seen, circumstances)
    except UnreadableError as error:
        return unobserved(error, Reason.UNREADABLE)


def _engine(target: Target, service: Service, circumstances: Circumstances) -> Engine:
    ends = time.monotonic() + circumstances.deadline - 2 * circumstances.timeout
    return Engine(target.address, service, timeout=circumstances.timeout, ends=ends)


def _shown(engine: Engine, first: Flight) -> Shown:
    """The chain of the newest version's handshake, which proves the key; else the one sent in clear, however large."""
    versions = [TlsVersion.TLS_1_3, *([first.hello.version] if first.hello else [])]
    for version in versions:
        found = engine.shown(version)
        if found.chain:
            return found
    return Shown(first.chain, None)


def _observed(service: Service, shown: Shown, seen: Seen, circumstances: Circumstances) -> PeerCertificateObservation:
    chain = shown.chain
    certificates = [loaded(der) for der in chain]
    return PeerCertificateObservation(
        seen=seen,
        sni=escaped(server_name(service.name)),
        chain=tuple(facts(certificate, der) for certificate, der in zip(certificates, chain, strict=True)),
        trust=_trust(certificates, seen, circumstances),
        name_matches=_name_matches(certificates[0], service.name),
        revocation=_revocation(certificates, seen, circumstances),
        stapled=_stapled(certificates[0], shown.staple),
    )


def _trust(certificates: list[Certificate], seen: Seen, circumstances: Circumstances) -> Trust | Unobserved:
    if circumstances.trust_anchors is None:
        return unobserved("no trust anchors were given", Reason.NOT_GIVEN)
    try:
        store = circumstances.trust_anchors.read_bytes()
        anchors = anchors_in(store)
    except (OSError, ValueError) as error:
        return unobserved(f"trust anchors: {error}", Reason.UNREADABLE)
    found = paths.faults(certificates, anchors, seen.observed_at)
    detail = "; ".join(fault.detail for fault in found)
    return Trust(anchors=sha256(store), faults=tuple(fault.kind for fault in found), detail=escaped(detail, limit=1_000))


def _revocation(certificates: list[Certificate], seen: Seen, circumstances: Circumstances) -> Revocation | Unobserved:
    if circumstances.crls is None:
        return unobserved("no CRL was given", Reason.NOT_GIVEN)
    try:
        given = circumstances.crls.read_bytes()
        anchors = anchors_in(circumstances.trust_anchors.read_bytes()) if circumstances.trust_anchors else ()
        found = revocation.looked_up(certificates, anchors, revocation.crls_in(given), seen.observed_at)
    except (OSError, ValueError) as error:
        return unobserved(f"CRLs: {error}", Reason.UNREADABLE)
    if isinstance(found, Unobserved):
        return unobserved(found.detail, found.reason)
    return Revocation(crls=sha256(given), revoked=found.revoked, detail=escaped(found.detail, limit=500))


def _stapled(leaf: Certificate, staple: bytes | None) -> bool | Unobserved:
    """Whether the OCSP response is about this certificate and says that all is well; its signature is the client's to verify."""
    if staple is None:
        return unobserved("the handshake that would show it did not come about", Reason.NOT_ASKED)
    if not staple:
        return False
    with suppress(ValueError, UnsupportedAlgorithm):
        response = ocsp.load_der_ocsp_response(staple)
        return response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL and response.serial_number == leaf.serial_number
    return False


@lru_cache(maxsize=4)
def anchors_in(store: bytes) -> tuple[Certificate, ...]:
    """The certificates of a CA store in PEM."""
    with warnings.catch_warnings():  # widely installed stores hold roots with serial numbers that cryptography frowns upon
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return tuple(x509.load_pem_x509_certificates(store))


def _name_matches(leaf: Certificate, name: str | None) -> bool | Unobserved:
    if name is None:
        return unobserved("no name is declared", Reason.NOT_GIVEN)
    names = alternative_names(leaf)
    if names is None:
        return unobserved("the certificate's extensions cannot be read", Reason.UNREADABLE)
    return matches(name, names)
