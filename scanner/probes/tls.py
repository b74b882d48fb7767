"""What an endpoint accepts in a TLS handshake: versions, suites, groups, and the facts of its first flight. No opinion.

One connection for each suite and group accepted and some thirty more. A version whose question met silence is `unasked`, never
refused. sslyze is asked only where a full handshake is needed and the first flight says that it can apply.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from scanner.observations import Method, Reason, TlsObservation, TlsVersion, TlsVersionSupport, Unobserved
from scanner.probes import sslv2
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.sslyze_engine import BY, Engine
from scanner.probes.sweep.asking import Asker, no_tls
from scanner.probes.sweep.client_hello import Extension, Hello, server_name
from scanner.probes.sweep.elimination import OLD, Sweep, Swept
from scanner.probes.sweep.primes import is_prime
from scanner.probes.sweep.registry import group_name, suite_name
from scanner.probes.sweep.server_flight import Flight, ServerHello, Spoke
from scanner.probes.upgrades import UpgradeError
from scanner.record import escaped
from scanner.targets import Service, Speaks

_SHARE = 0.9
"""How much of the deadline the sweep may take; the rest is for the last questions."""
_CONFIRMED = (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
"""The versions that the second engine is asked for as well."""
_COMMON = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256", "AES_128_CBC_SHA", "AES_256_CBC_SHA")
"""Endings of suites that every client knows."""
_FEW = OLD[:24]


@dataclass(slots=True)
class _Look:
    """One look at one endpoint."""

    target: Target
    service: Service
    circumstances: Circumstances
    asker: Asker
    engine: Engine

    @property
    def name(self) -> str:
        """The name that is sent as SNI."""
        return server_name(self.service.name)

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self.asker.opened + self.engine.connections


def look(target: Target, circumstances: Circumstances) -> TlsObservation | Unobserved:
    """What the endpoint accepts, or why that could not be seen."""
    if target.service is None:
        return unobserved("a host as a whole has no TLS port", Reason.NOT_ASKED)
    ends = time.monotonic() + circumstances.deadline * _SHARE
    asker = Asker(target, target.service, circumstances, ends)
    engine = Engine(target.address, target.service, timeout=circumstances.timeout, ends=ends)
    at = _Look(target, target.service, circumstances, asker, engine)
    try:
        first = asker.first(Hello(TlsVersion.TLS_1_2, OLD, at.name, curious=True))
        return _no_tls(at, first) or _observed(at)
    except UpgradeError as error:
        return error.why
    except OSError as error:
        return unobserved(error)


def _no_tls(at: _Look, first: Flight) -> Unobserved | None:
    """Why there is no TLS here; a server that is silent to a large and new hello is asked a small and old one before."""
    if first.spoke is Spoke.SILENT:
        small = at.asker.ask(Hello(TlsVersion.TLS_1_0, _FEW, at.name, groups=(0x17, 0x18, 0x19)))
        if small.spoke is Spoke.HELLO:
            return None
    return no_tls(first, at.asker)


def _observed(at: _Look) -> TlsObservation | Unobserved:
    sweep = Sweep(at.asker.ask, at.name).run()
    _ask_ssl2(at, sweep)
    if not sweep.spoken and not sweep.accepted.get(TlsVersion.SSL_2_0):
        return _nothing(sweep)
    heartbleed, ccs_injection, robot = _defects(at, sweep)
    confirmed = _confirmed(at, sweep)
    accepted = {
        version: [sslv2.SUITES.get(code) or suite_name(code) for code in codes] for version, codes in sweep.accepted.items()
    }
    return TlsObservation(
        seen=at.circumstances.seen(Method.HANDSHAKE, f"clearance hello sweep, {BY}", at.connections),
        sni=escaped(at.name),
        versions=tuple(
            TlsVersionSupport(version=version, accepted=tuple(accepted.get(version, ())))
            for version in TlsVersion
            if version not in sweep.unclear
        ),
        unasked=tuple(sweep.unclear),
        disagreements=confirmed.disagreements,
        compression=_of_hello(sweep, lambda hello: hello.compression, without=False),
        secure_renegotiation=_of_hello(sweep, lambda hello: hello.secure_renegotiation, without=True),
        extended_master_secret=_of_hello(sweep, _has(Extension.EXTENDED_MASTER_SECRET), without=True),
        session_tickets=_of_hello(sweep, _has(Extension.SESSION_TICKET), without=None),
        ocsp_stapling=_of_hello(sweep, _has(Extension.STATUS_REQUEST), without=None),
        encrypt_then_mac=sweep.encrypt_then_mac,
        fallback_scsv=sweep.fallback_scsv,
        prefers_own_order=sweep.prefers_own_order,
        groups=sweep.groups if isinstance(sweep.groups, Unobserved) else tuple(map(group_name, sweep.groups)),
        heartbleed=heartbleed,
        ccs_injection=ccs_injection,
        robot=robot,
        weakest_dh_bits=_weakest(sweep),
        composite_dh=_composite(sweep),
        signs_with_sha1=sweep.signs_with_sha1,
        client_renegotiation=confirmed.renegotiation,
        early_data=confirmed.early_data,
    )


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """What full handshakes of the second engine add."""

    disagreements: tuple[TlsVersion, ...]
    renegotiation: bool | Unobserved
    early_data: bool | Unobserved


def _confirmed(at: _Look, sweep: Swept) -> _Confirmed:
    """Each version asked again in a full handshake, by a library that is not ours, and what only such a handshake shows."""
    engine, asked = at.engine, [version for version in _CONFIRMED if version not in sweep.unclear]
    with ThreadPoolExecutor(max_workers=len(_CONFIRMED)) as side_by_side:
        answers = dict(zip(asked, side_by_side.map(engine.accepts, asked), strict=True))
    contrary = [version for version, answer in answers.items() if _contradicts(sweep, version, answer)]
    old, new = sweep.old, TlsVersion.TLS_1_3 in sweep.spoken
    web = at.service.speaks is Speaks.HTTPS
    return _Confirmed(
        disagreements=tuple(version for version in contrary if _contradicts(sweep, version, engine.accepts(version))),
        renegotiation=engine.renegotiates(old) if old and old > TlsVersion.SSL_2_0 else _renegotiation_of_new(sweep),
        early_data=(engine.early_data() if web else unobserved("asked of web servers only", Reason.NOT_ASKED)) if new else False,
    )


def _contradicts(sweep: Swept, version: TlsVersion, handshake: bool | Unobserved) -> bool:  # noqa: FBT001 - it is an answer
    """Whether a handshake shows the contrary of the sweep; that the engine speaks no suite the server accepts is no contradiction."""
    suites = sweep.accepted.get(version, [])
    if isinstance(handshake, Unobserved):
        return False
    return not suites if handshake else any(suite_name(code).endswith(_COMMON) for code in suites)


def _renegotiation_of_new(sweep: Swept) -> bool | Unobserved:
    """TLS 1.3 and SSL 2.0 have no renegotiation; where another version gave no clear answer, it might."""
    return next(iter(sweep.unclear.values()), False)


def _composite(sweep: Swept) -> bool | Unobserved | None:
    """Whether a modulus that was shown is no prime."""
    answers = [is_prime(modulus) for modulus in sweep.dh_primes]
    if False in answers:
        return True
    if None in answers or sweep.unread_dh:
        return unobserved("a Diffie-Hellman group that could not be tested", Reason.UNREADABLE)
    return False if answers else None


def _ask_ssl2(at: _Look, sweep: Swept) -> None:
    match sslv2.accepted(at.asker):
        case Unobserved() as why:
            sweep.unclear[TlsVersion.SSL_2_0] = why
        case found:
            sweep.accepted[TlsVersion.SSL_2_0] = [code for code, name in sslv2.SUITES.items() if name in found]


def _nothing(sweep: Swept) -> Unobserved:
    if sweep.unclear:
        return next(iter(sweep.unclear.values()))
    return unobserved("answers no TLS version with a suite of ours", Reason.NOT_SPOKEN)


def _has(extension: Extension) -> Callable[[ServerHello], bool]:
    return lambda hello: extension in hello.extensions


def _of_hello(sweep: Swept, fact: Callable[[ServerHello], bool], *, without: bool | None) -> bool | Unobserved:
    """A fact of a hello before TLS 1.3; `without` where the server speaks TLS 1.3 alone, which says it in another way or not at all."""
    if sweep.curious is not None:
        return fact(sweep.curious)
    if without is not None and sweep.spoken == [TlsVersion.TLS_1_3] and not sweep.unclear:
        return without
    return unobserved("the server did not answer a hello that shows it", Reason.NOT_ASKED)


def _defects(at: _Look, sweep: Swept) -> list[bool | Unobserved]:
    """Heartbleed, ChangeCipherSpec injection and ROBOT: asked side by side, each only where the first flights say it can apply.

    Only a server that offers heartbeats bleeds (RFC 6520). One that knows the extended master secret (RFC 7627, 2015) is younger
    than the mending of the injection (2014). Without RSA key exchange there is nothing to tell apart.
    """
    hello = sweep.curious
    if hello is None:
        only_new = sweep.spoken == [TlsVersion.TLS_1_3] and not sweep.unclear
        return [False if only_new else unobserved("no version was accepted in which it can be asked", Reason.NOT_ASKED)] * 3
    version, engine = hello.version, at.engine
    by_rsa = [
        name for version in sweep.spoken for name in map(suite_name, sweep.accepted[version]) if name.startswith("TLS_RSA_")
    ]
    unclear = next(iter(sweep.unclear.values()), None)
    with ThreadPoolExecutor(max_workers=3) as side_by_side:
        asked = [
            side_by_side.submit(engine.heartbleed, version) if Extension.HEARTBEAT in hello.extensions else None,
            side_by_side.submit(engine.ccs_injection, version)
            if Extension.EXTENDED_MASTER_SECRET not in hello.extensions
            else None,
            side_by_side.submit(engine.robot, version) if by_rsa else None,
        ]
        answers: list[bool | Unobserved] = [job.result() if job else False for job in asked]
    if asked[2] is None and unclear is not None:
        answers[2] = unclear  # a version that gave no clear answer may know RSA key exchange
    return answers


def _weakest(sweep: Swept) -> int | Unobserved | None:
    """The smallest finite-field group that was shown."""
    old = [why for version, why in sweep.unclear.items() if version not in (TlsVersion.SSL_2_0, TlsVersion.TLS_1_3)]
    if old:
        return old[0]
    if sweep.unread_dh:
        return unobserved("a Diffie-Hellman group that could not be read", Reason.UNREADABLE)
    return min((modulus.bit_length() for modulus in sweep.dh_primes), default=None)
