"""Elimination: offers everything, takes away what was picked, until the rest is refused. Asks through a function it is given.

Each answer shows one suite or one group, so the questions are as many as there are things accepted, and a few refusals. What got
no clear answer is never taken for refused. Groups that were seen go to the end of the offer, so that servers which take the client's
order show another one with each suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle, islice

from scanner.observations import Reason, TlsVersion, Unobserved
from scanner.probes.looking import unobserved
from scanner.probes.sweep.answers import Answer, Dropped, Picked, Refused, Unclear, answer_of, strange
from scanner.probes.sweep.client_hello import FALLBACK_SCSV, Extension, Hello, groups_of
from scanner.probes.sweep.group_elimination import SeenGroups
from scanner.probes.sweep.registry import FINITE_FIELD, NEW_SUITES, OLD_SUITES, by_curve, group_name, is_cbc, is_signed
from scanner.probes.sweep.server_flight import Flight, ServerHello, Spoke

NEWEST_FIRST = (TlsVersion.TLS_1_3, TlsVersion.TLS_1_2, TlsVersion.TLS_1_1, TlsVersion.TLS_1_0, TlsVersion.SSL_3_0)
NEW, OLD = tuple(NEW_SUITES), tuple(OLD_SUITES)
CHUNK = 120
"""Suites in one hello to a server that was not seen to read them all at once: some stacks fail on more than about 128."""
SMALL_CHUNK = 32
"""Suites in one hello to a server that gave no answer to a large one."""

_INAPPROPRIATE_FALLBACK = 86
_OLD_HASHES = (1, 2)
"""MD5 and SHA-1 in TLS 1.2's names of signatures (RFC 5246 section 7.4.1.4.1)."""

Ask = Callable[[Hello], Flight]


@dataclass
class Swept:
    """What is known of one endpoint, as far as it answered."""

    accepted: dict[TlsVersion, list[int]] = field(default_factory=dict)
    """The suites of each version, in the order in which the server picked them."""
    unclear: dict[TlsVersion, Unobserved] = field(default_factory=dict)
    dropped: set[TlsVersion] = field(default_factory=set)
    dh_primes: set[int] = field(default_factory=set)
    """The moduli seen in finite-field Diffie-Hellman."""
    unread_dh: bool = False
    """A server key exchange whose group could not be read."""
    groups: list[int] | Unobserved = field(default_factory=list)
    prefers_own_order: bool | Unobserved | None = None
    """None where no version accepts two suites."""
    fallback_scsv: bool | Unobserved | None = None
    """None where no older version could be fallen back to."""
    encrypt_then_mac: bool | Unobserved | None = None
    """None where no suite in CBC mode is accepted."""
    signs_with_sha1: bool | Unobserved | None = None
    """Whether it signs a key exchange of TLS 1.2 with SHA-1 or MD5 for a client that knows no other; None where it signs none."""
    curious: ServerHello | None = None
    """The hello of the newest version before TLS 1.3 to a hello that asked for everything; None where there is none."""

    @property
    def spoken(self) -> list[TlsVersion]:
        """The versions that are accepted and whose answer is clear, oldest first."""
        return sorted(version for version, found in self.accepted.items() if found and version not in self.unclear)

    @property
    def old(self) -> TlsVersion | None:
        """The newest version before TLS 1.3 that is spoken; None where none is."""
        return next((version for version in reversed(self.spoken) if version is not TlsVersion.TLS_1_3), None)


class Sweep:
    """The elimination of one endpoint."""

    def __init__(self, ask: Ask, name: str) -> None:
        self._ask = ask
        self._name = name
        self._reads_long: bool | None = None
        """Whether the server was seen to read a list of all old suites to its end."""
        self._seen = SeenGroups()
        self.found = Swept()

    def run(self) -> Swept:
        """Everything that can be read from first flights."""
        for version in NEWEST_FIRST:
            self.found.accepted[version] = []
            self._eliminate(version)
        self._weigh_drops()
        if self.found.spoken:
            self._own_groups()
            self.found.groups = self._groups()
            self.found.prefers_own_order = self._preference()
            self.found.fallback_scsv = self._fallback()
            self.found.encrypt_then_mac = self._encrypt_then_mac()
            self.found.signs_with_sha1 = self._old_signatures()
        return self.found

    def asked(self, hello: Hello) -> Answer:
        """The answer, asked for a second time where there was none."""
        answer = answer_of(hello, self._ask(hello))
        return answer_of(hello, self._ask(hello)) if isinstance(answer, Unclear) else answer

    def _eliminate(self, version: TlsVersion) -> None:
        suites = NEW if version is TlsVersion.TLS_1_3 else OLD
        if suites is OLD and self._reads_long is not False:
            outcome = self._exhaust(version, suites)
            if isinstance(outcome, Refused) and (outcome.version or self._read_to_the_end(version)):
                return
        self._in_chunks(version, tuple(suite for suite in suites if suite not in self.found.accepted[version]))

    def _read_to_the_end(self, version: TlsVersion) -> bool:
        """Whether the server reads a list as long as that of all old suites: it still finds one that it accepts at the end of it."""
        accepted = self.found.accepted[version]
        left = [suite for suite in OLD if suite not in accepted]
        if self._reads_long is None and accepted and left:
            filled = islice(cycle(left), len(OLD) - 1)  # as long as the longest list, whatever was taken away from it
            answer = self.asked(Hello(version, (*filled, accepted[0]), self._name))
            self._reads_long = isinstance(answer, Picked) and answer.hello.suite == accepted[0]
        return self._reads_long is True or not left

    def _in_chunks(self, version: TlsVersion, suites: tuple[int, ...]) -> None:
        size = CHUNK
        chunks = _chunks(suites, size)
        at = 0
        while at < len(chunks):
            outcome = self._exhaust(version, chunks[at])
            if isinstance(outcome, Refused) and outcome.version:
                return
            silent = isinstance(outcome, Dropped | Unclear)
            if silent and size == CHUNK and at == 0 and not self.found.accepted[version] and self._worth_smaller(version):
                size, at, chunks = SMALL_CHUNK, 0, _chunks(suites, SMALL_CHUNK)
                continue
            if isinstance(outcome, Unclear):
                self.found.unclear[version] = outcome.why
                return
            if isinstance(outcome, Dropped):
                self.found.dropped.add(version)
                if not self.found.accepted[version]:
                    return
            at += 1

    def _worth_smaller(self, version: TlsVersion) -> bool:
        """Whether a small hello gets an answer where a large one got none."""
        hello = Hello(version, OLD[:SMALL_CHUNK], self._name, groups=(0x17, 0x18, 0x19))
        return version is not TlsVersion.TLS_1_3 and isinstance(answer_of(hello, self._ask(hello)), Picked)

    def _exhaust(self, version: TlsVersion, suites: tuple[int, ...]) -> Answer:
        """Asks for these suites until they are refused; the last answer."""
        left = list(suites)
        while left:
            curious = version is not TlsVersion.TLS_1_3 and self._curious_about(version)
            answer = self.asked(Hello(version, tuple(left), self._name, groups=self._seen.last_in(version), curious=curious))
            if not isinstance(answer, Picked):
                return answer
            self._keep(version, answer, curious=curious)
            left.remove(answer.hello.suite)
        return Refused(version=False)

    def _curious_about(self, version: TlsVersion) -> bool:
        """Whether all is asked for: until the newest old version has answered, and in that version until a suite in CBC mode has."""
        return self.found.curious is None or (self.found.old is version and self.found.encrypt_then_mac is None)

    def _keep(self, version: TlsVersion, answer: Picked, *, curious: bool) -> None:
        suite, prime = answer.hello.suite, answer.flight.dh_prime
        self.found.accepted[version].append(suite)
        self._seen.note(version, answer)
        if curious:
            self.found.curious = self.found.curious or answer.hello
            if is_cbc(suite) and self.found.old is version:
                self.found.encrypt_then_mac = Extension.ENCRYPT_THEN_MAC in answer.hello.extensions
        if suite in FINITE_FIELD:
            self.found.unread_dh |= prime is None
            if prime is not None:
                self.found.dh_primes.add(prime)

    def _weigh_drops(self) -> None:
        """A closed connection is a refusal, as some stacks refuse, only while the server still answers what it accepts."""
        if not self.found.dropped or not self.found.spoken:
            return
        version = self.found.spoken[-1]
        again = self.asked(Hello(version, (self.found.accepted[version][0],), self._name))
        if not isinstance(again, Picked):
            trouble = unobserved("the server no longer answers what it accepted before", Reason.BLOCKED)
            self.found.unclear |= dict.fromkeys(self.found.dropped, trouble)

    def _groups(self) -> list[int] | Unobserved:
        """The groups of the newest version, and those that only older versions know."""
        new = self.found.accepted[TlsVersion.TLS_1_3] if TlsVersion.TLS_1_3 in self.found.spoken else []
        for version, suites in ((TlsVersion.TLS_1_3, tuple(new)), (self.found.old, by_curve(self._of_old()))):
            if version is not None and suites:
                trouble = self._seen.eliminate(self.asked, Hello(version, suites, self._name))
                if trouble is not None:
                    return trouble
        return self._seen.found

    def _own_groups(self) -> None:
        """The group a server hands out to a client that knows none by name: most clients know none (RFC 7919 section 4)."""
        for version in self.found.spoken:
            suites = tuple(suite for suite in self.found.accepted[version] if suite in FINITE_FIELD)
            if suites:
                curves = tuple(group for group in groups_of(version) if not group_name(group).startswith("ffdhe"))
                hello = Hello(version, suites[:32], self._name, groups=curves)
                match self.asked(hello):
                    case Picked(flight=flight) if flight.dh_prime is not None:
                        self.found.dh_primes.add(flight.dh_prime)
                    case Picked():
                        self.found.unread_dh = True
                    case Refused() | Dropped():
                        pass  # it exchanges keys in named groups only, and those were seen
                    case Unclear(why):
                        self.found.unclear[version] = why

    def _of_old(self) -> list[int]:
        return self.found.accepted[self.found.old] if self.found.old else []

    def _preference(self) -> bool | Unobserved | None:
        """Whether the suite picked first is still picked when it is offered last.

        Not asked where the server, offered all suites at once, passed over one that it accepts for one further back.
        """
        for version in (self.found.old, TlsVersion.TLS_1_3):
            suites = self.found.accepted.get(version, []) if version in self.found.spoken else []
            if version is None or len(suites) < 2:
                continue
            if version is not TlsVersion.TLS_1_3 and self._reads_long and suites != sorted(suites, key=OLD.index):
                return True
            match self.asked(Hello(version, (*reversed(suites[1:]), suites[0]), self._name)):
                case Picked(hello=hello):
                    return hello.suite == suites[0]
                case Unclear(why):
                    return why
                case _:
                    return unobserved("refuses what it accepted before", Reason.UNREADABLE)
        return None

    def _fallback(self) -> bool | Unobserved | None:
        """Whether an older version is refused to a client that says it fell back (RFC 7507)."""
        usable = [version for version in self.found.spoken if version is not TlsVersion.TLS_1_3]
        if not usable or self.found.spoken[-1] == usable[0]:
            return None
        older = usable[-1] if self.found.spoken[-1] is not usable[-1] else usable[-2]
        hello = Hello(older, (*self.found.accepted[older][:8], FALLBACK_SCSV), self._name)
        flight = self._ask(hello)
        if flight.spoke is Spoke.ALERT:
            return True if flight.alert == _INAPPROPRIATE_FALLBACK else strange(flight)
        if flight.spoke is Spoke.HELLO:
            return False
        return unobserved("no answer to a fallback", Reason.RESET)

    def _encrypt_then_mac(self) -> bool | Unobserved | None:
        if self.found.encrypt_then_mac is not None:
            return self.found.encrypt_then_mac
        cbc = tuple(filter(is_cbc, self._of_old()))
        if not cbc or self.found.old is None:
            return None
        match self.asked(Hello(self.found.old, cbc, self._name, curious=True)):
            case Picked(hello=hello):
                return Extension.ENCRYPT_THEN_MAC in hello.extensions
            case Unclear(why):
                return why
            case _:
                return unobserved("refuses what it accepted before", Reason.UNREADABLE)

    def _old_signatures(self) -> bool | Unobserved | None:
        """Whether a client that offers only SHA-1 and MD5 is given a signed key exchange (RFC 5246 section 7.4.1.4.1)."""
        if TlsVersion.TLS_1_2 in self.found.unclear:
            return self.found.unclear[TlsVersion.TLS_1_2]
        signed = tuple(suite for suite in self.found.accepted.get(TlsVersion.TLS_1_2, []) if is_signed(suite))
        if not signed:
            return None
        match self.asked(Hello(TlsVersion.TLS_1_2, signed[:32], self._name, old_signatures=True)):
            case Picked(flight=flight) if flight.signature:
                return flight.signature[0] in _OLD_HASHES  # a server may sign with what was not offered
            case Picked():
                return unobserved("a signature of no readable kind", Reason.UNREADABLE)
            case Refused() | Dropped():
                return False
            case Unclear(why):
                return why


def _chunks(suites: tuple[int, ...], size: int) -> list[tuple[int, ...]]:
    return [suites[start : start + size] for start in range(0, len(suites), size)]
