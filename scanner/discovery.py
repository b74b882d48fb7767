"""Discovery: which ports of a host are open and what listens there; which of them nobody declared.

A few ports are knocked at by ourselves, many are asked for by the nmap program; what listens is asked in our own words first, and by
nmap where it stays unknown.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from scanner import nmap_xml
from scanner.observations import GreetingObservation, Method, OpenPort, PortsObservation, Reason, Unobserved, Weakness
from scanner.pacing import FEW, IDENTIFIED_AT_ONCE, TRIES, identifying, side_by_side
from scanner.probes import fence, greeting, knocking, products
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.protocols import UNKNOWN
from scanner.targets import Host, Service, Speaks

OUTPUT_LIMIT = 32 * 1024 * 1024
"""Bytes of XML that are read from nmap; more is unreadable."""
QUESTIONS = 20
"""Connections counted for asking one open port what it is; with light intensity nmap opens a handful."""

_FOR_STRANGERS = ("http", "xmpp", "irc", "nntp", "postgresql")
"""Protocols that greet everybody: that they answer shows nothing, and only a name or a credential would show more."""

_A_TURN = 4.0
"""Seconds that a question to an open port may wait for its turn: less than the time of its connection."""

_SPARE = 2.0
"""Seconds left to nmap to write its report after it has given a host up."""


def look(target: Target, circumstances: Circumstances) -> PortsObservation | Unobserved:
    """The open ports of the host, seen by connecting to them, as root or not."""
    return Nmap().look(target, circumstances)


class _TooMuchError(Exception):
    """More output than is read."""


@dataclass(frozen=True, slots=True)
class Nmap:
    """The program, by the name or path it is started with."""

    program: str = "nmap"
    few: int = FEW
    """Ports at the most that are knocked at without the program."""

    def look(self, target: Target, circumstances: Circumstances) -> PortsObservation | Unobserved:
        """The open ports of the host, or why they could not be seen."""
        asked = ports_asked(target.host, circumstances.ports)
        try:
            report, connections, ends = self._opened(target, asked, circumstances)
            ends = min(ends, time.monotonic() + circumstances.deadline) + identifying(len(report.ports), circumstances.turn)
            known = identified(target, report.ports, replace(circumstances, deadline=max(1.0, ends - time.monotonic())))
            connections += sum(opened for _, opened in known)
            for port, _ in known:
                report.open[port.port, port.transport] = port
            unknown = [port for port in report.ports if port not in [found for found, _ in known]]
            if unknown:
                connections += len(unknown) * QUESTIONS
                fence.count(target.address, len(unknown) * QUESTIONS)
                asked_again = ",".join(str(port.port) for port in unknown)
                report.learn(self._run(target.address, asked_again, ["-sV", "--version-light"], ends))
                for port in unknown:  # nmap says what it may be; that it allows nothing to strangers nobody has seen
                    named = report.open[port.port, port.transport]
                    report.open[port.port, port.transport] = named.model_copy(update={"unclear": tuple(sorted(Weakness))})
        except FileNotFoundError:
            return Unobserved(reason=Reason.TOOL_MISSING, detail=f"{self.program} is not installed")
        except TimeoutError as error:
            return unobserved(error)
        except _TooMuchError:
            return Unobserved(reason=Reason.UNREADABLE, detail=f"nmap wrote more than {OUTPUT_LIMIT} bytes")
        except nmap_xml.UnreadableError as error:
            return unobserved(f"nmap: {error}", Reason.UNREADABLE)
        except _FailedError as error:
            return unobserved(error, Reason.TOOL_FAILED)
        except OSError as error:
            return unobserved(error, None if isinstance(error, PermissionError) else Reason.TOOL_FAILED)
        return _observed(report, target, asked, circumstances, connections)

    def _opened(self, target: Target, asked: str, circumstances: Circumstances) -> tuple[nmap_xml.Report, int, float]:
        """The open ports, the connections that took, and when the look must end: it may have waited for another program first."""
        wanted = numbers(asked)
        if len(wanted) <= self.few:
            ends = time.monotonic() + circumstances.deadline + TRIES * len(wanted) * circumstances.turn
            found = knocking.knocked(target.address, wanted, timeout=circumstances.timeout, ends=ends, turn=circumstances.turn)
            return _knocked(found), found.connections, ends
        with fence.lent(target.address, len(wanted) * TRIES) as rate:
            ends = time.monotonic() + circumstances.deadline + TRIES * len(wanted) / rate
            return self._run(target.address, asked, ["--max-rate", f"{rate:g}"], ends), len(wanted) * TRIES, ends

    def _run(self, address: str, asked: str, more: list[str], ends: float) -> nmap_xml.Report:
        """What nmap reports; raises where it cannot be started, fails, or does not end in time."""
        patience = max(1.0, ends - time.monotonic() - _SPARE)
        words = [self.program, "-n", "-Pn", "-sT", "--unprivileged", "-p", asked]
        words += [*more, "--max-retries", str(TRIES - 1), "--host-timeout", f"{int(patience * 1000)}ms"]
        words += ["-oX", "-", *(["-6"] if ":" in address else []), "--", address]
        with _child(words) as process:
            unreadable: nmap_xml.UnreadableError | None = None
            report = nmap_xml.Report()
            try:
                report = nmap_xml.read(_Output(process, ends))
            except nmap_xml.UnreadableError as error:
                unreadable = error
            status = _status(process, ends)
        if status != 0:
            raise _FailedError(f"nmap was killed by signal {-status}" if status < 0 else f"nmap ended with status {status}")
        if unreadable is not None:
            raise unreadable
        if report.trouble:
            raise _FailedError(f"nmap: {report.trouble}")
        return report


def _knocked(found: knocking.Knocked) -> nmap_xml.Report:
    report = nmap_xml.Report(hosts=1, up=True, answered=found.answered, finished=True, program=False)
    report.open.update({(port, "tcp"): OpenPort(port=port, transport="tcp", service="") for port in found.open})
    return report


class _FailedError(Exception):
    """nmap ended without a report that counts."""


def identified(target: Target, ports: tuple[OpenPort, ...], circumstances: Circumstances) -> list[tuple[OpenPort, int]]:
    """The ports whose service tells itself to our own first questions, and the connections that took; nmap waits longer for less."""
    declared_names = {service.port: service.name for service in target.host.services if service.transport == "tcp"}

    def ask(port: OpenPort) -> tuple[OpenPort, int] | None:
        service = Service(port=port.port, speaks=Speaks.OTHER, name=declared_names.get(port.port))
        seen = greeting.look(replace(target, subject=f"{target.host.id}:{port.port}", service=service), circumstances)
        if isinstance(seen, Unobserved) or seen.protocol in (UNKNOWN, "tls"):
            return None
        found = products.product(seen.said)
        told = port.model_copy(
            update={
                "service": seen.protocol,
                "product": found.name,
                "version": found.version,
                "tls": seen.encrypted,
                "cpes": found.cpes,
                "weaknesses": weaknesses(seen),
                "unclear": unclear(seen),
            }
        )
        return told, seen.seen.connections

    with ThreadPoolExecutor(max_workers=side_by_side(IDENTIFIED_AT_ONCE, circumstances.turn, _A_TURN)) as pool:
        return [told for told in pool.map(ask, ports) if told is not None]


def weaknesses(seen: GreetingObservation) -> tuple[Weakness, ...]:
    """What the service was seen to allow."""
    served = (Weakness.SERVES_STRANGERS,) if seen.answers_unauthenticated is True else ()
    return tuple(sorted({*seen.weaknesses, *served}))


def unclear(seen: GreetingObservation) -> tuple[Weakness, ...]:
    """What could not be found out; of a web server nobody asks whether it serves strangers."""
    unknown = isinstance(seen.answers_unauthenticated, Unobserved) and seen.protocol not in _FOR_STRANGERS
    return tuple(sorted({*seen.unclear, *((Weakness.SERVES_STRANGERS,) if unknown else ())}))


def ports_asked(host: Host, ports: str) -> str:
    """The ports to ask for, in nmap's notation: those of the run and every declared one."""
    known = numbers(ports)
    more = sorted({port for port in declared(host) if port not in known})
    return ",".join([ports, *map(str, more)])


def counted(host: Host, ports: str) -> int:
    """How many ports of the host are asked for."""
    return len(numbers(ports_asked(host, ports)))


def declared(host: Host) -> set[int]:
    """The TCP ports the agency declared, that of the login among them."""
    tcp = {service.port for service in host.services if service.transport == "tcp"}
    return tcp | ({host.login.port} if host.login else set())


def numbers(ports: str) -> set[int]:
    """The port numbers in nmap's notation of ports and ranges."""
    found: set[int] = set()
    for part in ports.split(","):
        first, _dash, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _observed(
    report: nmap_xml.Report, target: Target, asked: str, circumstances: Circumstances, connections: int
) -> PortsObservation | Unobserved:
    if report.timed_out:
        return Unobserved(reason=Reason.TIMED_OUT, detail="nmap gave the host up before it was done")
    if not report.up or not report.answered:
        return Unobserved(reason=Reason.UNREACHABLE, detail="no port of the host answered at all")
    opened, named = {port.port for port in report.ports if port.transport == "tcp"}, declared(target.host)
    return PortsObservation(
        seen=circumstances.seen(Method.HANDSHAKE, f"clearance{', nmap' if report.program else ''}", connections=connections),
        asked=asked,
        open=report.ports,
        undeclared=tuple(sorted(opened - named)),
        unanswered=tuple(sorted(named - opened)),
    )


class _Output:
    """A child's output as a file of bytes: no more than the limit, and not after the deadline."""

    def __init__(self, process: subprocess.Popen[bytes], ends: float) -> None:
        if process.stdout is None:
            raise AssertionError("the child was started with a pipe")
        self._file, self._ends, self._left = process.stdout.fileno(), ends, OUTPUT_LIMIT

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""
        ready, _, _ = select.select([self._file], [], [], max(0.0, self._ends - time.monotonic()))
        if not ready:
            raise TimeoutError("nmap did not end in time")
        data = os.read(self._file, 65_536 if size < 0 else min(size, 65_536))
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuchError
        return data


_children: set[subprocess.Popen[bytes]] = set()


@contextmanager
def _child(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a process group of its own, which does not outlive the block, nor this program."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "HOME": "/nonexistent"}
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    ) as process:
        _children.add(process)
        try:
            yield process
        finally:
            _end(process)
            _children.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _status(process: subprocess.Popen[bytes], ends: float) -> int:
    try:
        return process.wait(max(0.1, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError("nmap did not end in time") from None


@atexit.register
def _end_all() -> None:
    """Ends what is still running when a scan was interrupted: its probe never gets to end it."""
    for process in tuple(_children):
        _end(process)
