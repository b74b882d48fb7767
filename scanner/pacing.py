"""Pacing: how everything that looks at once shares the rate in force, and how long that alone makes a sight wait.

Pure arithmetic, for the scan, which gives each sight so much time beyond its deadline, and for the forecast, which tells it before.

The rate is one for the whole run, over all hosts. While nmap asks a host for many ports it has half of the rate, one host after the other,
and every connection of our own shares the other half. A wide look so takes its ports divided by half the rate, and twice that where they
stay silent; and no more probes connect at once than get their turn in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from scanner.sights import Sight
from scanner.targets import Permit, Rate

WORKERS = 32
"""Probes under way at once, over all hosts: they wait for peers most of the time."""
DISCOVERY = "ports"
"""The kind that has workers of its own, beside the rest."""
WIDE_DISCOVERERS = 2
"""Hosts at a time where many ports are asked for: one nmap looks for ports with half the permit's rate to itself, while another host's
open ports are asked what they are."""
IDENTIFIED_AT_ONCE = 4
"""Ports of one host asked at the same time what they are."""
FEW = 128
"""Ports at the most that are knocked at by ourselves: silent ones cost a second each time as many as are knocked at together."""
TRIES = 2
"""Connections at most to one port before it is taken for closed to us."""
IDENTIFYING = 6
"""Connections allowed for, to ask one open port in our own words what it is."""
SWEPT = 1_024
"""Addresses that are asked for undeclared hosts, at most."""
KNOCKS = 5
"""Ports asked of an address that answers nothing."""

_A_TURN = 2.0
"""Seconds a connection may wait for its turn, about: less than a probe waits for one answer."""
_SLACK = 2
"""How many times the usual connections of a sight it is given time for."""

COST: Mapping[str, tuple[int, float]] = {
    "tls": (60, 1.0),
    "upgrade": (3, 0.5),
    "peer-certificate": (3, 0.2),
    "ssh": (3, 0.4),
    "http": (2, 0.2),
    "web-paths": (22, 0.5),
    "greeting": (3, 4.0),
    "host": (1, 3.0),
    "datagrams": (16, 1.0),
    "reply": (2, 1.0),
    "ports": (10, 8.0),
    "neighbours": (0, 10.0),
}
"""Connections and seconds of a sight, as counted by the fence against the lab's servers; ports and neighbours cost more by their numbers."""


def swept(permit: Permit) -> int:
    """How many addresses the permit gives a survey to ask, about; none on loopback, which is the machine that looks."""
    networks = [network for network in map(ip_network, permit.addresses) if not network.is_loopback]
    return min(SWEPT, sum(network.num_addresses for network in networks))


@dataclass(frozen=True, slots=True)
class Pacing:
    """What shares the rate of one run."""

    rate: Rate
    ports: Mapping[str, int]
    """How many TCP ports are asked of each host where open ones are looked for."""
    hosts: int = 1
    swept: int = 0
    """Addresses asked for undeclared hosts."""

    @property
    def wide(self) -> tuple[str, ...]:
        """The hosts of which so many ports are asked that nmap does it."""
        return tuple(host for host, ports in self.ports.items() if ports > FEW)

    @property
    def kept(self) -> float:
        """Connections a second of our own while everything is under way."""
        return self.rate.lent if self.wide else float(self.rate.connections_per_second)

    @property
    def at_once(self) -> int:
        """Probes of hosts that connect at the same time, so that each connection has its turn in time; a survey comes on top."""
        return max(1, min(WORKERS, self.hosts * self.rate.parallel_per_host, int(self.kept * _A_TURN)))

    @property
    def turn(self) -> float:
        """Seconds a connection of our own waits for its turn at the most, about."""
        identifying = IDENTIFIED_AT_ONCE * min(WIDE_DISCOVERERS, len(self.wide))
        return (self.at_once + identifying + bool(self.swept)) / self.kept

    def connections(self, sight: Sight) -> int:
        """About as many connections as this sight takes."""
        usual = COST.get(sight.kind, (1, 1.0))[0]
        return usual + (TRIES * self.ports.get(sight.subject, 0) if sight.kind == DISCOVERY else 0) + self._knocks(sight)

    def patience(self, sight: Sight) -> float:
        """Seconds that this sight waits under the rate at the most, beyond what it takes by itself."""
        if sight.kind == DISCOVERY:
            ports = self.ports.get(sight.subject, 0)
            looking = TRIES * ports * (1 / self.rate.lent if ports > FEW else self.turn)
            return looking + identifying(ports, self.turn)
        connections = _SLACK * COST.get(sight.kind, (1, 1.0))[0] + self._knocks(sight)
        return self.turn * min(connections, max(self.rate.connections_per_host, self._knocks(sight)))

    def spent(self, sight: Sight, *, silent: bool = False) -> float:
        """Seconds that the rate alone makes this sight take where nothing else connects; `silent`: where no port answers."""
        if sight.kind == DISCOVERY and sight.subject in self.wide:
            return self.ports[sight.subject] * (TRIES if silent else 1) / self.rate.lent
        return self.connections(sight) / self.kept

    def _knocks(self, sight: Sight) -> int:
        return KNOCKS * self.swept if sight.kind == "neighbours" else 0


def identifying(open_ports: int, turn: float) -> float:
    """Seconds that asking these open ports what they are waits under the rate at the most; many more than hosts have get no more."""
    return turn * IDENTIFYING * min(open_ports, FEW)


def side_by_side(most: int, turn: float, seconds: float) -> int:
    """How many connections one probe may have wait together, so that each has its turn within so many seconds; one at least."""
    return most if turn <= 0 else max(1, min(most, int(seconds / turn)))


def ports_looked_for(planned: Iterable[Sight], asked: Mapping[str, int]) -> dict[str, int]:
    """Of these numbers of ports by host, those of the hosts where the plan looks for open ports."""
    return {sight.subject: asked[sight.subject] for sight in planned if sight.kind == DISCOVERY and sight.subject in asked}
