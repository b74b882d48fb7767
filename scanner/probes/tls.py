"""What an endpoint accepts in a TLS handshake: versions, suites, and the facts of its first flight. No opinion.

About 30 connections for a modern server. A version whose question met silence is `unasked`, never refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from scanner.observations import Method, Reason, TlsObservation, TlsVersion, TlsVersionSupport, Unobserved
from scanner.probes import hello, sslv2
from scanner.probes.handshakes import Accepted, Answer, Client, Dropped, Refused, Unclear
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.sslyze_engine import BY, Engine, suites
from scanner.record import escaped
from scanner.targets import Service

_NEWEST_FIRST = (TlsVersion.TLS_1_3, TlsVersion.TLS_1_2, TlsVersion.TLS_1_1, TlsVersion.TLS_1_0, TlsVersion.SSL_3_0)
_CHUNK = 64
"""Suites in one hello; some stacks fail on more than about 128."""

_SHARE = 0.9
"""How much of the deadline handshakes may take; the rest is for the last questions."""


@dataclass
class _Sweep:
    """What is known so far of one endpoint."""

    accepted: dict[TlsVersion, set[str]] = field(default_factory=dict)
    unclear: dict[TlsVersion, Unobserved] = field(default_factory=dict)
    dropped: set[TlsVersion] = field(default_factory=set)
    dh_bits: dict[str, int | None] = field(default_factory=dict)
    """The group of each suite that exchanges keys by finite-field Diffie-Hellman; None where it could not be read."""

    @property
    def spoken(self) -> list[TlsVersion]:
        """The versions that are accepted and whose answer is clear, oldest first."""
        return sorted(version for version, found in self.accepted.items() if found and version not in self.unclear)


class _Look:
    """One look at one endpoint."""

    def __init__(self, target: Target, service: Service, circumstances: Circumstances) -> None:
        self.target = target
        self.port = service.port
        self.name = hello.server_name(service.name)
        self.circumstances = circumstances
        self.own_connections = 0
        ends = time.monotonic() + circumstances.deadline * _SHARE
        self.engine = Engine(target.address, self.port, self.name, timeout=circumstances.timeout, ends=ends)
        self.ends = ends

    def greet(self, offered: tuple[int, ...] = hello.COMMON) -> hello.Flight:
        """The answer to a hello of our own."""
        self.own_connections += 1
        return hello.greet(self.target, self.port, self.name, self.circumstances, offered)


def look(target: Target, circumstances: Circumstances) -> TlsObservation | Unobserved:
    """What the endpoint accepts, or why that could not be seen."""
    if target.service is None:
        return unobserved("a host as a whole has no TLS port", Reason.NOT_ASKED)
    at = _Look(target, target.service, circumstances)
    try:
        first = at.greet()
        return hello.refusal(first, target, at.port, circumstances) or _observed(at, first)
    except OSError as error:
        return unobserved(error)


def _observed(at: _Look, first: hello.Flight) -> TlsObservation | Unobserved:
    with ThreadPoolExecutor(max_workers=1) as aside:  # a healthy server lets this question wait for its time-out
        bleeding = aside.submit(at.engine.heartbleed, first.hello.version) if first.hello else None
        sweep = _swept(at)
        if not sweep.spoken:
            return _nothing(sweep)
        weakest = _weakest(at, sweep)
        heartbleed = bleeding.result() if bleeding else _heartbleed(at, sweep)
    return TlsObservation(
        seen=at.circumstances.seen(Method.HANDSHAKE, BY, at.engine.connections + at.own_connections),
        sni=escaped(at.name),
        versions=tuple(
            TlsVersionSupport(version=version, accepted=tuple(sweep.accepted.get(version, ())))
            for version in TlsVersion
            if version not in sweep.unclear
        ),
        unasked=tuple(sweep.unclear),
        compression=_of_first(first, sweep, lambda picked: picked.compression, without=False),
        secure_renegotiation=_of_first(first, sweep, lambda picked: picked.secure_renegotiation, without=True),
        heartbleed=heartbleed,
        weakest_dh_bits=weakest,
    )


def _swept(at: _Look) -> _Sweep:
    sweep = _Sweep()
    for version in _NEWEST_FIRST:
        sweep.accepted[version] = set()
        for client in Client:
            _eliminate(at, sweep, version, client)
    _ask_ssl2(at, sweep)
    _weigh_drops(at, sweep)
    return sweep


def _eliminate(at: _Look, sweep: _Sweep, version: TlsVersion, client: Client) -> None:
    """Offers all suites, takes away the one picked, until the rest is refused."""
    for left in _chunks(suites(version, client), sweep.accepted[version]):
        while left and version not in sweep.unclear:
            match _asked(at, version, tuple(left), client):
                case Accepted(suite, dh_bits):
                    left.remove(suite)
                    sweep.accepted[version].add(suite)
                    if _by_dh(suite):
                        sweep.dh_bits[suite] = min(filter(None, (dh_bits, sweep.dh_bits.get(suite))), default=None)
                case Refused(version=True):
                    return
                case Refused():
                    break
                case Dropped():
                    sweep.dropped.add(version)
                    break
                case Unclear(why):
                    sweep.unclear[version] = why


def _asked(at: _Look, version: TlsVersion, offered: tuple[str, ...], client: Client) -> Answer:
    """The answer, asked for a second time where there was none."""
    answer = at.engine.ask(version, offered, client)
    if isinstance(answer, Unclear) and time.monotonic() < at.ends:
        return at.engine.ask(version, offered, client)
    return answer


def _chunks(known: dict[str, str], accepted: set[str]) -> Iterator[list[str]]:
    left = [name for name in known if name not in accepted]
    return (left[start : start + _CHUNK] for start in range(0, len(left), _CHUNK))


def _ask_ssl2(at: _Look, sweep: _Sweep) -> None:
    at.own_connections += 1
    match sslv2.accepted(at.target, at.port, at.circumstances):
        case Unobserved() as why:
            sweep.unclear[TlsVersion.SSL_2_0] = why
        case found:
            sweep.accepted[TlsVersion.SSL_2_0] = set(found)


def _weigh_drops(at: _Look, sweep: _Sweep) -> None:
    """A closed connection is a refusal, as some stacks refuse, only while the server still answers what it accepts."""
    asked = [version for version in sweep.spoken if version is not TlsVersion.SSL_2_0]
    if not sweep.dropped or not asked:
        return
    suite = min(sweep.accepted[asked[-1]])
    client = next(client for client in Client if suite in suites(asked[-1], client))
    if not isinstance(_asked(at, asked[-1], (suite,), client), Accepted):
        trouble = unobserved("the server no longer answers what it accepted before", Reason.BLOCKED)
        sweep.unclear |= dict.fromkeys(sweep.dropped, trouble)


def _nothing(sweep: _Sweep) -> Unobserved:
    if sweep.unclear:
        return next(iter(sweep.unclear.values()))
    return unobserved("answers no TLS version with a suite of ours", Reason.NOT_SPOKEN)


def _of_first(
    first: hello.Flight, sweep: _Sweep, fact: Callable[[hello.ServerHello], bool], *, without: bool
) -> bool | Unobserved:
    """A fact of the first server hello; `without` where the server speaks TLS 1.3 alone, which has neither."""
    if first.hello:
        return fact(first.hello)
    if sweep.spoken == [TlsVersion.TLS_1_3] and not sweep.unclear:
        return without
    return unobserved("the server did not answer a hello that shows it", Reason.NOT_ASKED)


def _heartbleed(at: _Look, sweep: _Sweep) -> bool | Unobserved:
    """For a server that did not answer the first hello: in TLS 1.3 alone there is no heartbeat to answer."""
    older = [version for version in sweep.spoken if version not in (TlsVersion.SSL_2_0, TlsVersion.TLS_1_3)]
    if older:
        return at.engine.heartbleed(older[-1])
    if sweep.spoken == [TlsVersion.TLS_1_3] and not sweep.unclear:
        return False
    return unobserved("no version was accepted in which it can be asked", Reason.NOT_ASKED)


def _by_dh(suite: str) -> bool:
    return "_DHE_" in suite or "_DH_anon_" in suite


def _weakest(at: _Look, sweep: _Sweep) -> int | Unobserved | None:
    """The smallest group; those OpenSSL refuses to read are read from the wire, by elimination as well."""
    old = [why for version, why in sweep.unclear.items() if version not in (TlsVersion.SSL_2_0, TlsVersion.TLS_1_3)]
    if old:
        return old[0]
    bits = [size for size in sweep.dh_bits.values() if size]
    if None in sweep.dh_bits.values():
        read = list(_read_groups(at))
        if not read:
            return unobserved("a Diffie-Hellman group that could not be read", Reason.UNREADABLE)
        bits += read
    return min(bits, default=None)


def _read_groups(at: _Look) -> Iterator[int]:
    left = list(hello.EPHEMERAL_DH)
    while left and time.monotonic() < at.ends:
        answer = at.greet(tuple(left))
        if not answer.hello or answer.hello.suite not in left:
            return
        left.remove(answer.hello.suite)
        if answer.dh_bits:
            yield answer.dh_bits
