"""The neighbours probe: which addresses inside the permit answer although no declared host has them.

A connect to each of a few ports, all waiting at the same time; a refusal is an answer too, so most addresses in use cost one
connection. At most MOST addresses are asked in one run: what lies beyond is said to be unasked, and never taken for empty.
"""

from __future__ import annotations

import errno
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from scanner.observations import LeftOut, Method, Neighbour, NeighboursObservation, Reason, Unobserved
from scanner.probes.looking import Circumstances, Ground, unobserved

PORTS = (443, 22, 80, 445, 3_389)
"""What servers and desktops of every make answer or refuse; one after the other until an address answers."""
MOST = 1_024
"""Addresses asked in one run at the most."""

_PATIENCE = 2.0
"""Seconds to wait for one address, at the same time as for all others; no order makes it less, for silence passes as nobody there."""
_AT_ONCE = 512
"""Connections waited for at the same time."""
_ANSWERS: Mapping[int, bool] = {0: True, errno.ECONNREFUSED: False, errno.ECONNRESET: False}
"""How an address answers a connect, and whether it accepted."""
_NOBODY = (errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ETIMEDOUT)
"""How the network says that nobody is there."""
_WAIT = (errno.EINPROGRESS, errno.EAGAIN)

_NOBODYS = {socket.AF_INET: "240.0.0.1", socket.AF_INET6: "100::1"}
"""Addresses that no machine has (RFC 1112, RFC 6666): where even these can be bound, binding tells nothing."""


def look(ground: Ground, circumstances: Circumstances) -> NeighboursObservation | Unobserved:
    """What answers inside the permitted networks beside the declared hosts."""
    around = surroundings(ground)
    sweep = Sweep(patience=_PATIENCE, ends=time.monotonic() + circumstances.deadline)
    sweep.run(tuple(around.asked))
    return NeighboursObservation(
        seen=circumstances.seen(Method.HANDSHAKE, "clearance neighbours", connections=sweep.opened),
        networks=ground.networks,
        ports=",".join(map(str, sorted(PORTS))),
        asked=len(around.asked),
        left_out=tuple(LeftOut(what=what, why=why) for what, why in around.left_out.items()),
        answering=tuple(sweep.answered.values()),
        rest=sweep.trouble or around.beyond or True,
    )


@dataclass(slots=True)
class Surroundings:
    """The addresses to ask, and what is not asked."""

    asked: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    beyond: Unobserved | None = None
    """Why not all of the rest is asked; None where it is."""


def surroundings(ground: Ground) -> Surroundings:
    """The permitted networks without what is declared, what is this machine's own, and what no host can have."""
    found, declared = Surroundings(), {str(ip_address(address)) for address in ground.declared}
    for network in map(ip_network, ground.networks):
        if network.is_loopback:
            found.left_out[str(network)] = "loopback: the machine that looks"
        elif network.is_multicast:
            found.left_out[str(network)] = "multicast is never probed"
        else:
            found.left_out |= _ends(network)
            _enter(found, network, declared)
    return found


def _ends(network: IPv4Network | IPv6Network) -> dict[str, str]:
    if network.num_addresses <= 2:
        return {}
    first = {str(network.network_address): "the network's own address"}
    return first | ({str(network.broadcast_address): "the network's broadcast address"} if network.version == 4 else {})


def _enter(found: Surroundings, network: IPv4Network | IPv6Network, declared: set[str]) -> None:
    for address in network.hosts():
        name = str(address)
        if name in declared or name in found.asked:
            continue
        if own(name):
            found.left_out[name] = "an address of the machine that looks"
        elif len(found.asked) == MOST:
            detail = f"at most {MOST} addresses are asked in one run, and more are permitted"
            found.beyond = Unobserved(reason=Reason.NOT_ASKED, detail=detail)
            return
        else:
            found.asked[name] = None


def own(address: str) -> bool:
    """Whether this machine has the address: only then can a socket be bound to it. Sends nothing."""
    return _bound(address) and not _bound(_NOBODYS[_family(address)])


def _bound(address: str) -> bool:
    with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@dataclass(slots=True)
class Sweep:
    """Connects to many addresses, all waited for at the same time."""

    patience: float
    ends: float
    answered: dict[str, Neighbour] = field(default_factory=dict)
    opened: int = 0
    trouble: Unobserved | None = None
    """Why the sweep is not whole; None where every address was asked at every port, or answered before."""
    _waiting: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self, addresses: Sequence[str]) -> None:
        """Asks them, port by port; whoever has answered is left alone."""
        with ExitStack() as stack:
            stack.callback(self._waiting.close)
            stack.callback(self._drop_all)
            for address, port in self._turns(addresses):
                if time.monotonic() >= self.ends:
                    self.trouble = Unobserved(reason=Reason.TIMED_OUT, detail="the time for the sweep was over before its end")
                    break
                try:
                    self._open(address, port)
                except OSError as error:
                    self.trouble = unobserved(error)
                    break
                self._hear(0.0)
            while self._waiting.get_map():
                self._hear(0.05)

    def _turns(self, addresses: Sequence[str]) -> Iterator[tuple[str, int]]:
        for port in PORTS:
            for address in addresses:
                if address not in self.answered:
                    yield address, port

    def _open(self, address: str, port: int) -> None:
        while len(self._waiting.get_map()) >= _AT_ONCE:
            self._hear(0.05)
        line = socket.socket(_family(address), socket.SOCK_STREAM)
        line.settimeout(0.0)
        try:
            status = line.connect_ex((address, port))
        except BaseException:
            line.close()
            raise
        self.opened += 1
        if status in _WAIT:
            until = min(time.monotonic() + self.patience, self.ends)
            self._waiting.register(line, selectors.EVENT_WRITE, (address, port, line, until))
            return
        line.close()
        self._take(address, port, status)

    def _hear(self, seconds: float) -> None:
        for key, _ in self._waiting.select(seconds):
            address, port, line, _until = key.data
            status = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._drop(line)
            self._take(address, port, status)
        now = time.monotonic()
        for key in list(self._waiting.get_map().values()):
            if key.data[3] > now:
                break  # they were opened in this order, and wait equally long
            self._drop(key.data[2])

    def _take(self, address: str, port: int, status: int) -> None:
        if status in _ANSWERS:
            self.answered.setdefault(address, Neighbour(address=address, port=port, accepted=_ANSWERS[status]))
        elif status not in _NOBODY and self.trouble is None:
            self.trouble = unobserved(OSError(status, errno.errorcode.get(status, "unknown trouble")))

    def _drop(self, line: socket.socket) -> None:
        self._waiting.unregister(line)
        line.close()

    def _drop_all(self) -> None:
        for key in list(self._waiting.get_map().values()):
            self._drop(key.data[2])
