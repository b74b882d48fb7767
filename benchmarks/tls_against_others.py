"""Our TLS probe beside sslyze's own scan and nmap's script, on the lab's servers: same answers, how many connections, how long.

`python -m benchmarks.tls_against_others`; exits non-zero where the accepted versions and suites differ.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from scanner.observations import TlsObservation, Vantage
from scanner.ordering import read_scope
from scanner.probes import tls
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Host, Service, Speaks
from tests.lab.province import Lab

Answers = dict[str, set[str]]
"""The suites accepted in each version."""


def ours(host: Host, service: Service) -> Answers:
    """What our probe says."""
    circumstances = Circumstances(
        vantage=Vantage(zone="bench", address="127.0.0.1"), now=lambda: datetime.now(UTC).replace(microsecond=0)
    )
    seen = tls.look(Target(f"{host.id}:{service.port}", host, service, host.address), circumstances)
    assert isinstance(seen, TlsObservation), seen
    return {support.version.value: set(support.accepted) for support in seen.versions if support.accepted}


def sslyze(host: Host, service: Service) -> Answers:
    """What sslyze's scanner says."""
    from sslyze.plugins.scan_commands import ScanCommand
    from sslyze.scanner.models import ServerScanRequest
    from sslyze.scanner.scanner import Scanner
    from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

    versions = {
        "SSL 2.0": "ssl_2_0",
        "SSL 3.0": "ssl_3_0",
        "TLS 1.0": "tls_1_0",
        "TLS 1.1": "tls_1_1",
        "TLS 1.2": "tls_1_2",
        "TLS 1.3": "tls_1_3",
    }
    location = ServerNetworkLocation(hostname=service.name or host.address, ip_address=host.address, port=service.port)
    commands = {ScanCommand[f"{name.upper()}_CIPHER_SUITES"] for name in versions.values()}
    scanner = Scanner()
    scanner.queue_scans(
        [ServerScanRequest(location, ServerNetworkConfiguration(service.name or host.address), scan_commands=commands)]
    )
    result = next(iter(scanner.get_results())).scan_result
    assert result is not None
    found = {version: getattr(result, f"{name}_cipher_suites").result for version, name in versions.items()}
    return {
        version: {suite.cipher_suite.name for suite in part.accepted_cipher_suites}
        for version, part in found.items()
        if part.accepted_cipher_suites
    }


def nmap(host: Host, service: Service) -> Answers:
    """What nmap's ssl-enum-ciphers says."""
    names = f"ssl-enum-ciphers.tls.servername={service.name},tls.servername={service.name}"
    command = [
        "nmap",
        "-n",
        "-Pn",
        "-sT",
        "-p",
        str(service.port),
        "--script",
        "ssl-enum-ciphers",
        "--script-args",
        names,
        host.address,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
    found: Answers = {}
    version = ""
    for line in said.splitlines():
        if match := re.search(r"(SSLv3|TLSv1\.\d):", line):
            version = {"SSLv3": "SSL 3.0"}.get(match[1], match[1].replace("TLSv", "TLS "))
        elif match := re.search(r"(TLS_[A-Z0-9_a-z]+) ", line):
            # nmap writes TLS 1.3 suites of its own making: TLS_AKE_WITH_AES_128_GCM_SHA256
            found.setdefault(version, set()).add(match[1].replace("TLS_AKE_WITH_", "TLS_"))
    return found


def counted(function: Callable[[Host, Service], Answers], host: Host, service: Service) -> tuple[Answers, float, int]:
    """Answers, seconds, and TCP connections as the kernel counts them (all of the machine's, so keep it quiet)."""
    before, began = connections_opened(), time.perf_counter()
    answers = function(host, service)
    return answers, time.perf_counter() - began, connections_opened() - before


def connections_opened() -> int:
    """TCP connections this machine has opened since it started."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:")]
    return int(lines[1][lines[0].index("ActiveOpens")])


def main() -> int:
    """Prints the table; 1 where an answer differs."""
    differ = 0
    with tempfile.TemporaryDirectory() as folder, Lab.start(Path(folder) / "lab", "127.90") as lab:
        print(f"{'endpoint':<12}{'scanner':<10}{'seconds':>9}{'ratio':>8}{'connections':>13}{'ratio':>8}  versions and suites")
        for agency in (lab.good, lab.bad):
            for host in read_scope(agency.scope).hosts:
                for service in (service for service in host.services if service.speaks is Speaks.HTTPS):
                    differ += _compared(f"{agency.code}:{service.port}", host, service)
    print(f"\n{differ} differences")
    return int(differ > 0)


def _compared(name: str, host: Host, service: Service) -> int:
    reference, seconds, connections = counted(ours, host, service)
    _line(name, "clearance", seconds, 1.0, connections, 1.0, str({version: len(suites) for version, suites in reference.items()}))
    differ = 0
    for other in (sslyze, nmap):
        answers, took, opened = counted(other, host, service)
        same = answers == reference
        differ += not same
        _line(
            "",
            other.__name__,
            took,
            took / seconds,
            opened,
            opened / max(1, connections),
            "same" if same else _difference(reference, answers),
        )
    return differ


def _difference(mine: Answers, theirs: Answers) -> str:
    parts = []
    for version in sorted({*mine, *theirs}):
        only_mine, only_theirs = (
            mine.get(version, set()) - theirs.get(version, set()),
            theirs.get(version, set()) - mine.get(version, set()),
        )
        if only_mine or only_theirs:
            parts.append(f"{version}: only clearance {sorted(only_mine)}, only the other {sorted(only_theirs)}")
    return "; ".join(parts)


def _line(name: str, scanner: str, seconds: float, slower: float, opened: int, more: float, said: str) -> None:
    print(f"{name:<12}{scanner:<10}{seconds:>9.2f}{slower:>7.1f}x{opened:>13}{more:>7.1f}x  {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
