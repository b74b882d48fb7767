"""The SSH probe: banner and algorithms from one KEXINIT, then one key exchange for each type of host key. Never logs in."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from scanner.observations import Method, Reason, SshHostKey, SshObservation, Unobserved
from scanner.probes import ssh_packets
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.ssh_exchange import METHODS, Transcript, UnprovenError, chosen_group, proven_key
from scanner.probes.ssh_packets import Offer, PacketError
from scanner.probes.wire import Wire
from scanner.record import escaped

BUDGET = 8
"""Connections to one server at the most. OpenSSH 9.8 and later bars an address for a while that comes too often without
logging in; eight stay below its default."""

_IDENT = b"SSH-2.0-Clearance"
_LINE = 255
"""Bytes of the identification line (RFC 4253 section 4.2)."""
_BEFORE = 16_384
"""Bytes of lines that a server may send before it identifies itself."""
_UNASKED = 16
"""Packets of no interest (ignore, debug, unimplemented) that are read before the one that is waited for."""
_BARRED = (b"not allowed at this time", b"exceeded maxstartups")

_FAMILIES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256",),
    ("ecdsa-sha2-nistp384",),
    ("ecdsa-sha2-nistp521",),
    ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"),
    ("ssh-dss",),
    ("ssh-ed448",),
)
"""The algorithms that prove one and the same host key, the best first."""
_GROUP_EXCHANGE = "diffie-hellman-group-exchange-"
_SMALLEST_ASKED, _LARGEST_GROUP = (512, 1_024), 8_192
"""Bits that are asked for, the second where a server ends the connection on the first; and the most, as every server knows it."""
_CERTIFIED = "-cert-v01@openssh.com"


class _NotSshError(Exception):
    """The peer is no SSH server, or not one for us now; with the reason to record."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass
class _Looking:
    """One look: where to, how long, and what it has cost."""

    target: Target
    circumstances: Circumstances
    ends: float
    opened: int = 0
    keys: list[SshHostKey] = field(default_factory=list)


def look(target: Target, circumstances: Circumstances) -> SshObservation | Unobserved:
    """What the server offers and the host keys it proves; where the keys cannot be had, the offer alone."""
    if target.service is None:
        raise AssertionError("the SSH probe looks at endpoints")
    looking = _Looking(target, circumstances, time.monotonic() + circumstances.deadline)
    try:
        with _Connection(looking) as connection:
            if not connection.version.startswith(("2.", "1.99")):
                return _observed(looking, connection, Offer((), (), (), (), ()), _unsupported("it speaks no SSH 2"))
            offer = connection.offer()
            asked = _asked(offer)
            trouble = connection.prove(offer, asked[0], looking.keys) if asked else None
    except _NotSshError as error:
        return unobserved(error, error.reason)
    except PacketError as error:
        return unobserved(error, Reason.UNREADABLE)
    except OSError as error:
        return unobserved(error)
    keys = trouble or _rest(looking, offer, asked)
    return _observed(looking, connection, offer, keys, _smallest_group(looking, offer, asked))


def _rest(looking: _Looking, offer: Offer, asked: list[str]) -> tuple[SshHostKey, ...] | Unobserved:
    """All host keys; the first is proven already, the others want a connection each."""
    for algorithm in asked[1:]:
        if looking.opened >= BUDGET:
            return Unobserved(
                reason=Reason.BUDGET_SPENT, detail=f"the server offers more key types than {BUDGET} connections show"
            )
        try:
            with _Connection(looking) as connection:
                trouble = connection.prove(connection.offer(), algorithm, looking.keys)
        except _NotSshError as error:
            return unobserved(error, error.reason)
        except PacketError as error:
            return unobserved(error, Reason.UNREADABLE)
        except OSError as error:
            return _cut(error)
        if trouble:
            return trouble
    unknown = _unknown(offer, looking.keys)
    if unknown:
        return _unsupported(f"host keys of other kinds cannot be asked for: {escaped(', '.join(unknown), limit=200)}")
    return tuple(sorted(set(looking.keys), key=lambda key: (key.type, key.sha256)))


def _smallest_group(looking: _Looking, offer: Offer, asked: list[str]) -> int | Unobserved | None:
    """The smallest group the server hands out to a client that takes any; None where it offers no group exchange."""
    kex = next((name for name in offer.kex if name.startswith(_GROUP_EXCHANGE)), None)
    if kex is None:
        return None
    if not asked:
        return _unsupported("no host key of a known type goes with the group exchange")
    trouble: Unobserved | None = None
    for size in _SMALLEST_ASKED:
        if looking.opened >= BUDGET:
            return trouble or Unobserved(reason=Reason.BUDGET_SPENT, detail=f"the {BUDGET} connections went to host keys")
        try:
            with _Connection(looking) as connection:
                return connection.smallest_group(connection.offer(), kex, asked[0], size)
        except _NotSshError as error:
            trouble = unobserved(error, error.reason)
        except PacketError as error:
            trouble = unobserved(error, Reason.UNREADABLE)
        except OSError as error:
            trouble = _cut(error)
    return trouble


def _cut(error: OSError) -> Unobserved:
    """Trouble with a server that answered before: one that now hangs up has had enough of us, and its silence tells nothing."""
    hung_up = isinstance(error, (ConnectionResetError, ConnectionRefusedError, BrokenPipeError))
    return unobserved(f"it answered before and now hangs up: {error}", Reason.BLOCKED) if hung_up else unobserved(error)


def _asked(offer: Offer) -> list[str]:
    """One algorithm for each type of host key on offer."""
    best = (next((name for name in family if name in offer.host_keys), None) for family in _FAMILIES)
    return [name for name in best if name]


def _unknown(offer: Offer, proven: list[SshHostKey]) -> list[str]:
    """Algorithms on offer whose host key nobody proved; a certificate counts as its plain key."""
    types = {key.type for key in proven}
    known = {name for family in _FAMILIES for name in family if types & set(family)}
    return [name for name in offer.host_keys if name.removesuffix(_CERTIFIED) not in known]


def _unsupported(detail: str) -> Unobserved:
    return Unobserved(reason=Reason.UNSUPPORTED, detail=detail)


def _observed(
    looking: _Looking,
    connection: _Connection,
    offer: Offer,
    keys: tuple[SshHostKey, ...] | Unobserved,
    smallest: int | Unobserved | None = None,
) -> SshObservation:
    return SshObservation(
        seen=looking.circumstances.seen(Method.HANDSHAKE, "clearance ssh", connections=looking.opened),
        banner=escaped(connection.ident, limit=_LINE),
        protocol=escaped(connection.version, limit=20),
        kex=_shown(offer.kex),
        host_key_algorithms=_shown(offer.host_keys),
        ciphers=_shown(offer.ciphers),
        macs=_shown(offer.macs),
        compression=_shown(offer.compression),
        host_keys=keys,
        smallest_group_bits=smallest,
    )


def _shown(listed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(escaped(name, limit=100) for name in listed)


class _Connection:
    """One connection to the server, identified on both sides."""

    def __init__(self, looking: _Looking) -> None:
        self._looking = looking
        self._buffer = b""
        self._kexinit = b""
        self.ident = b""

    def __enter__(self) -> Self:
        target, circumstances = self._looking.target, self._looking.circumstances
        if target.service is None:
            raise AssertionError("the SSH probe looks at endpoints")
        self._wire = Wire(
            target.address,
            target.service.port,
            timeout=circumstances.timeout,
            ends=self._looking.ends,
            limit=circumstances.read_limit,
        )
        self._looking.opened += 1
        try:
            with suppress(ConnectionResetError, BrokenPipeError):  # a server that bars us may have said so and closed already
                self._wire.send(_IDENT + b"\r\n")
            self._identify()
        except BaseException:
            self._wire.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._wire.send(ssh_packets.packet(ssh_packets.disconnect()))
        self._wire.__exit__(None, None, None)

    @property
    def version(self) -> str:
        """The protocol version of the identification, as in 2.0."""
        return self.ident.split(b"-", 2)[1].decode("ascii", "backslashreplace")

    def offer(self) -> Offer:
        """What the server offers in its KEXINIT."""
        self._kexinit = self._answer()
        return ssh_packets.read_kexinit(self._kexinit)

    def prove(self, offer: Offer, algorithm: str, keys: list[SshHostKey]) -> Unobserved | None:
        """Adds the host key that the server proves with this algorithm; where it does not, the reason."""
        kex = next((name for name in METHODS if name in offer.kex), None)
        if kex is None:
            return _unsupported("none of its key exchanges is supported")
        own = ssh_packets.kexinit(kex, algorithm, offer)
        transcript = Transcript(_IDENT, self.ident, own, self._kexinit)
        try:
            self._wire.send(ssh_packets.packet(own))
            keys.append(proven_key(kex, algorithm, transcript, self._ask))
        except UnprovenError as error:
            return unobserved(error, Reason.UNREADABLE)
        except PacketError as error:
            return unobserved(error, Reason.UNREADABLE)
        except _NotSshError as error:
            return unobserved(error, error.reason)
        except OSError as error:
            return unobserved(error)
        return None

    def smallest_group(self, offer: Offer, kex: str, algorithm: str, size: int) -> int:
        """The bits of the group that the server hands out where at least this many are asked for, and no more are wanted."""
        self._wire.send(ssh_packets.packet(ssh_packets.kexinit(kex, algorithm, offer)))
        _, prime, _ = chosen_group((size, size, _LARGEST_GROUP), self._ask)
        return prime.bit_length()

    def _ask(self, payload: bytes) -> bytes:
        self._wire.send(ssh_packets.packet(payload))
        return self._answer()

    def _answer(self) -> bytes:
        """The payload of the next packet of interest."""
        for _ in range(_UNASKED):
            payload = self._payload()
            match payload[:1]:
                case b"":
                    raise PacketError("an empty packet")
                case bytes(kind) if kind[0] in (ssh_packets.IGNORE, ssh_packets.DEBUG, ssh_packets.UNIMPLEMENTED):
                    continue
                case bytes(kind) if kind[0] == ssh_packets.DISCONNECT:
                    raise _NotSshError(Reason.BLOCKED, f"the server disconnects: {_why(payload)}")
            return payload
        raise PacketError("nothing but packets of no interest")

    def _payload(self) -> bytes:
        while True:
            found = ssh_packets.unpacked(self._buffer)
            if found:
                self._buffer = self._buffer[found[1] :]
                return found[0]
            more = self._wire.read()
            if not more:
                raise ConnectionResetError("the server closed the connection in the middle")
            self._buffer += more

    def _identify(self) -> None:
        while not self.ident:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline and line.startswith(b"SSH-") and line.count(b"-") >= 2 and len(line) <= _LINE:
                self.ident, self._buffer = line.rstrip(b"\r"), rest
            elif newline and not line.startswith(b"SSH-"):
                self._passed_over(line)
                self._buffer = rest
            elif line.startswith(b"SSH-") and (newline or len(line) > _LINE):
                raise _NotSshError(Reason.UNREADABLE, "an identification line that is none")
            else:
                self._read_more()

    _before = 0
    _barred = False

    def _passed_over(self, line: bytes) -> None:
        self._before += len(line) + 1
        self._barred |= any(words in line.lower() for words in _BARRED)
        if self._before > _BEFORE:
            raise _NotSshError(Reason.NOT_SPOKEN, "much text and no SSH identification")

    def _read_more(self) -> None:
        if len(self._buffer) > _BEFORE:
            raise _NotSshError(Reason.NOT_SPOKEN, "much text and no SSH identification")
        try:
            more = self._wire.read()
        except ConnectionResetError:
            if not self._before and not self._buffer:
                raise
            more = b""
        except TimeoutError:
            if self._before or self._buffer:
                raise _NotSshError(Reason.NOT_SPOKEN, f"no SSH identification: {escaped(self._buffer, limit=60)}") from None
            raise _NotSshError(Reason.SILENT, "accepts the connection and says nothing") from None
        if not more:
            barred = self._barred or any(words in self._buffer.lower() for words in _BARRED)
            if barred:
                raise _NotSshError(Reason.BLOCKED, "the server bars this address for now")
            if self._before or self._buffer:
                raise _NotSshError(Reason.NOT_SPOKEN, f"no SSH identification: {escaped(self._buffer, limit=60)}")
            raise ConnectionResetError("the server closed the connection before it said anything")
        self._buffer += more


def _why(payload: bytes) -> str:
    try:
        reader = ssh_packets.Reader(payload[1:])
        reader.number()
        return escaped(reader.string(), limit=100)
    except PacketError:
        return "no reason given"
