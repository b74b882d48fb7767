"""Checks of the UDP sockets a host itself lists: they decide where a firewall keeps the network silent."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import HostObservation, OpenPort, fact
from scanner.specimens import host


class DatagramPorts(Parameters):
    """UDP ports, and what a socket on one of them means."""

    ports: Annotated[tuple[int, ...], Stricter.SUPERSET] = (69,)
    refused: Annotated[bool, Stricter.TRUE] = True
    """Whether a socket is enough to fail; else it only says that the question put over the network has to decide."""


def _listens(*ports: int) -> HostObservation:
    return host(
        listening=(
            OpenPort(port=22, transport="tcp", service=""),
            *(OpenPort(port=port, transport="udp", service="") for port in ports),
        )
    )


_AT_69_OVER_TCP = host(listening=(OpenPort(port=69, transport="tcp", service=""),))


@check(
    "host-no-datagram-sockets",
    observes=HostObservation,
    parameters=DatagramPorts,
    facts=("listening",),
    passes=(host(), _listens(68, 123), _AT_69_OVER_TCP, (_listens(69), DatagramPorts(ports=(161,), refused=False))),
    fails=(_listens(69), (_listens(68, 111), DatagramPorts(ports=(111, 11_211)))),
    fixes={
        "debian": "ss -ulpn names the program; then systemctl disable --now UNIT, or apt purge PACKAGE, or bind it to loopback.",
        "rhel": "ss -ulpn names the program; then systemctl disable --now UNIT, or dnf remove PACKAGE.",
        "any": "Where the service is meant to be there, let the inspector's address reach it: what it answers then decides.",
    },
    retests={
        "any": Retest("ss -Huln", "lists declared ports, or loopback addresses, only"),
    },
)
def no_datagram_sockets(found: HostObservation, parameters: DatagramPorts) -> Verdict:
    """No program of the host listens on these UDP ports.

    Passes where the host's own list of sockets has none of them on other than loopback addresses. Where one is there it
    fails, or, for services that can be run soundly, leaves the verdict to what the network shows (TCVN 14423:2026 clause
    5.5.2.1c).
    """
    sockets = {port.port for port in fact(found.listening) if port.transport == "udp"}
    there = ", ".join(f"{port}/udp" for port in sorted(sockets & set(parameters.ports)))
    asked = ", ".join(f"{port}/udp" for port in sorted(parameters.ports))
    if not there:
        return Pass(said("nothing listens on {ports}", ports=asked))
    if parameters.refused:
        return Fail(said("something listens on {ports}", ports=there))
    return NotApplicable(said("something listens on {ports}: what it answers decides", ports=there))
