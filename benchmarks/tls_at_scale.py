"""Many TLS endpoints at once: our sweep beside sslyze's suite commands and nmap's script; connections, wall, CPU and memory.

`python -m benchmarks.tls_at_scale [ENDPOINTS ...]` prints the ratios; each scanner runs in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PORTS = tuple(range(9_440, 9_448))
NAME = "bench.mau.test"
WORKERS = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one scanner took."""

    wall: float
    cpu: float
    memory: float
    """MB at the most; 0 where it is not known: a program's own high-water mark begins with that of the process that starts it."""
    connections: int


def endpoints(count: int) -> list[tuple[str, int]]:
    """The first so many endpoints: eight profiles an address."""
    return [(f"127.91.{number // 8}.1", PORTS[number % 8]) for number in range(count)]


@contextmanager
def served(count: int) -> Iterator[None]:
    """Servers on these endpoints: five sound profiles and three that accept old versions, of RSA and EC keys."""
    from tests.lab import pki
    from tests.lab.servers import Site
    from tests.lab.servers import nginx as started

    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        authority = pki.Authority(Path(folder) / "pki")
        keys = [authority.issue(pki.Wanted(NAME, rsa_bits=bits), f"key{bits}") for bits in (0, 2_048)]
        sites = [Site(at, NAME, keys[number % 2], old=number % 8 >= 5) for number, at in enumerate(endpoints(count))]
        started(stack, Path(folder) / "nginx", tuple(sites), weak=True)
        yield


def sweep(count: int) -> None:
    """Our hello sweep over all endpoints: versions, suites, groups, sizes and extensions."""
    from scanner.observations import TlsVersion, Vantage
    from scanner.probes.looking import Circumstances, Target
    from scanner.probes.sweep.asking import Asker
    from scanner.probes.sweep.elimination import Sweep
    from scanner.targets import Host, Service, Speaks

    circumstances = Circumstances(
        vantage=Vantage(zone="bench", address="127.0.0.1"), now=lambda: datetime.now(UTC).replace(microsecond=0)
    )

    def look(at: tuple[str, int]) -> bool:
        service = Service(port=at[1], speaks=Speaks.TLS, name=NAME)
        host = Host(id="bench", address=at[0], services=(service,))
        asker = Asker(Target(f"bench:{at[1]}", host, service, at[0]), service, circumstances, time.monotonic() + 60)
        return TlsVersion.TLS_1_2 in Sweep(asker.ask, NAME).run().spoken

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        assert all(pool.map(look, endpoints(count)))


def sslyze(count: int) -> None:
    """Sslyze's suite commands over all endpoints."""
    from sslyze.plugins.scan_commands import ScanCommand
    from sslyze.scanner.models import ServerScanRequest
    from sslyze.scanner.scanner import Scanner
    from sslyze.server_setting import ServerNetworkConfiguration, ServerNetworkLocation

    commands = {
        ScanCommand[f"{name}_CIPHER_SUITES"] for name in ("SSL_2_0", "SSL_3_0", "TLS_1_0", "TLS_1_1", "TLS_1_2", "TLS_1_3")
    }
    scanner = Scanner()
    scanner.queue_scans(
        [
            ServerScanRequest(
                ServerNetworkLocation(hostname=NAME, ip_address=address, port=port),
                ServerNetworkConfiguration(NAME),
                scan_commands=commands,
            )
            for address, port in endpoints(count)
        ]
    )
    assert len([result for result in scanner.get_results() if result.scan_result]) == count


def nmap(count: int) -> list[str]:
    """The command of nmap's ssl-enum-ciphers over all endpoints."""
    addresses = sorted({address for address, _ in endpoints(count)})
    ports = ",".join(map(str, sorted({port for _, port in endpoints(count)})))
    words = ["nmap", "-n", "-Pn", "-sT", "-p", ports, "--script", "ssl-enum-ciphers", "--script-args", f"tls.servername={NAME}"]
    return [*words, "-oN", "/dev/null", *addresses]


PARTS = {"sweep": sweep, "sslyze": sslyze}
SCANNERS = (*PARTS, "nmap")


def measured(name: str, count: int) -> Cost:
    """The cost of this scanner in a process of its own."""
    from benchmarks.tls_against_others import connections_opened

    before, began = connections_opened(), time.perf_counter()
    own = [sys.executable, "-W", "ignore", "-m", "benchmarks.tls_at_scale", "--one", name, str(count)]
    command = own if name in PARTS else nmap(count)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    if status:
        raise SystemExit(f"{name} failed on {count} endpoints")
    wall = time.perf_counter() - began
    memory = int(said) / 1_024 if name in PARTS else 0
    return Cost(wall, used.ru_utime + used.ru_stime, memory, connections_opened() - before)


def main() -> int:
    """Prints the tables."""
    if sys.argv[1:2] == ["--one"]:
        PARTS[sys.argv[2]](int(sys.argv[3]))
        status = Path("/proc/self/status").read_text()
        print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
        return 0
    counts = [int(word) for word in sys.argv[1:]] or [1, 16, 64]
    print(
        f"{'endpoints':<11}{'scanner':<11}{'wall s':>8}{'ratio':>8}{'CPU s':>8}{'ratio':>8}{'MB':>7}{'ratio':>7}{'conn.':>8}{'ratio':>7}"
    )
    for count in counts:
        with served(count):
            ours = measured("sweep", count)
            for name in SCANNERS:
                cost = ours if name == "sweep" else measured(name, count)
                print(
                    f"{count:<11}{name:<11}{cost.wall:>8.2f}{cost.wall / ours.wall:>7.1f}x{cost.cpu:>8.2f}{cost.cpu / ours.cpu:>7.1f}x"
                    f"{cost.memory:>7.0f}{cost.memory / ours.memory:>6.1f}x{cost.connections:>8}{cost.connections / ours.connections:>6.1f}x",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
