"""nmap's XML, read as it is written: hosts and open ports as facts. Trusts neither the program's output nor what peers put in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, Literal, Protocol
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from scanner.observations import OpenPort
from scanner.record import escaped


class Source(Protocol):
    """Where the XML comes from: bytes in pieces, bounded and in time by whoever made it."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""


class UnreadableError(ValueError):
    """Output that is not a whole report of nmap."""


@dataclass(slots=True)
class Report:
    """What one run of nmap said of one host."""

    open: dict[tuple[int, str], OpenPort] = field(default_factory=dict)
    hosts: int = 0
    up: bool = False
    answered: bool = False
    """Whether at least one port said that it is open or closed; a host that drops everything never does."""
    timed_out: bool = False
    """nmap gave the host up before it was done; its ports are then not all of them."""
    finished: bool = False
    trouble: str = ""
    """nmap's own word for why it failed; empty where it ended well."""
    program: bool = True
    """Whether nmap had a part in it; ports may be found without."""

    @property
    def ports(self) -> tuple[OpenPort, ...]:
        """The open ports, in order."""
        return tuple(self.open[key] for key in sorted(self.open))

    def learn(self, later: Report) -> None:
        """Takes over what a later report on the same host says of the ports found here; none is lost, none added."""
        self.open |= {key: port for key, port in later.open.items() if key in self.open}
        self.timed_out |= later.timed_out
        self.program |= later.program


def read(source: Source | IO[bytes]) -> Report:
    """The report in nmap's XML; raises UnreadableError where it is broken, hostile, or not finished."""
    report = Report()
    try:
        for event, element in iterparse(source, ("start", "end"), forbid_dtd=False, forbid_entities=True, forbid_external=True):
            if event == "end":
                _keep(report, element)
            elif element.tag == "host":
                _begin_host(report, element)
    except ParseError as error:
        raise UnreadableError(f"not well-formed XML: {error}") from None
    except DefusedXmlException:
        raise UnreadableError("XML with entities of its own is not read") from None
    except (ValueError, LookupError) as error:
        raise UnreadableError(f"not nmap's XML: {error}") from None
    if not report.finished:
        raise UnreadableError("the report has no end")
    return report


def _begin_host(report: Report, element: Element) -> None:
    report.hosts += 1
    if report.hosts > 1:
        raise UnreadableError("a report on more than one host")
    report.timed_out = element.get("timedout") == "true"


def _keep(report: Report, element: Element) -> None:
    match element.tag:
        case "status":
            report.up = element.get("state") == "up"
        case "state" | "extraports":
            report.answered |= element.get("state") in ("open", "closed", "unfiltered")
        case "port":
            _keep_port(report, element)
        case "finished":
            report.finished = True
            if element.get("exit") != "success":
                report.trouble = escaped(element.get("errormsg") or "no reason given", limit=200)
    if element.tag not in ("state", "service", "cpe"):
        element.clear()  # a port's own parts are still needed when the port ends


def _keep_port(report: Report, element: Element) -> None:
    state = element.find("state")
    transport = _transport(element.get("protocol"))
    if transport is None or state is None or state.get("state") != "open":
        return
    port, service = int(element.get("portid") or ""), element.find("service")
    said = service.attrib if service is not None else {}
    report.open[port, transport] = OpenPort(
        port=port,
        transport=transport,
        service=escaped(said.get("name", ""), limit=200),
        product=escaped(said.get("product", ""), limit=200),
        version=escaped(said.get("version", ""), limit=200),
        tls=said.get("tunnel") == "ssl",
        cpes=tuple(sorted({escaped(cpe.text or "", limit=200) for cpe in element.iter("cpe")})[:32]),
    )


def _transport(said: str | None) -> Literal["tcp", "udp"] | None:
    return "tcp" if said == "tcp" else "udp" if said == "udp" else None
