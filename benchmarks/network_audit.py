"""A whole network audit of many hosts with four services each: our scan beside the programs people run one after the other.

`python -m benchmarks.network_audit [HOSTS ...]` starts HOSTS machines on loopback (SSH, HTTPS, HTTP that redirects, redis), scans them with
the national baseline's plan, then runs `nmap -sV`, sslyze and ssh-audit on the same ports, and prints the ratios of each run.
It exits non-zero where the others find an open port, a TLS version, a suite or an SSH algorithm that we do not.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import parse

from scanner.observations import PortsObservation, SshObservation, TlsObservation

NAME = "bench.mau.test"
SSH, HTTP, HTTPS, REDIS = 9_422, 9_480, 9_443, 9_479
PORTS = (SSH, HTTPS, REDIS, HTTP)
_ADDRESSES = 12
"""Addresses one redis or sshd listens on; either takes sixteen at the most."""

Found = dict[str, set[str]]
"""What is known of one host: open ports, TLS versions and suites, SSH algorithms."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one way to audit took, and what it found of each host."""

    wall: float
    cpu: float
    connections: int
    found: dict[str, Found]


def addresses(count: int) -> list[str]:
    """The addresses of so many hosts."""
    return [f"127.110.{number // 200}.{number % 200 + 1}" for number in range(count)]


@contextmanager
def served(hosts: list[str]) -> Iterator[None]:
    """The four services on every host, until the block ends."""
    from tests.lab import pki
    from tests.lab.processes import started
    from tests.lab.servers import Site
    from tests.lab.servers import nginx as start_nginx

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        authority = pki.Authority(folder / "pki")
        key = authority.issue(pki.Wanted(NAME, rsa_bits=2_048), "portal")
        sites = [Site((host, HTTPS), NAME, key) for host in hosts]
        sites += [Site((host, HTTP), NAME, redirect_to=HTTPS) for host in hosts]
        start_nginx(stack, folder / "nginx", tuple(sites))
        for first in range(0, len(hosts), _ADDRESSES):
            some = hosts[first : first + _ADDRESSES]
            config = folder / f"redis{first}.conf"
            config.write_text(f'bind {" ".join(some)}\nport {REDIS}\ndir {folder}\nsave ""\nrequirepass bench\n')
            started(stack, ["redis-server", config], folder / f"redis{first}.log", [(host, REDIS) for host in some])
        _start_sshd(stack, folder, hosts)
        yield


def _start_sshd(stack: ExitStack, folder: Path, hosts: list[str]) -> None:
    from tests.lab.processes import started

    Path("/run/sshd").mkdir(exist_ok=True)
    keys = []
    for kind in ("ed25519", "rsa"):
        keys.append(folder / f"host_{kind}")
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", keys[-1]], check=True)
    common = [*(f"HostKey {key}" for key in keys), f"PidFile {folder}/sshd.pid", "UsePAM no", "MaxStartups 200"]
    for first in range(0, len(hosts), _ADDRESSES):
        some = hosts[first : first + _ADDRESSES]
        config = folder / f"sshd{first}.conf"
        config.write_text("\n".join([*(f"ListenAddress {host}:{SSH}" for host in some), *common]) + "\n")
        ready = [(host, SSH) for host in some]
        started(stack, ["/usr/sbin/sshd", "-D", "-e", "-f", config], folder / f"sshd{first}.log", ready)


def ours(hosts: list[str], folder: Path) -> dict[str, Found]:
    """The command a person runs, and what its observations hold."""
    _write_inputs(hosts, folder)
    words: list[str | Path] = [
        sys.executable,
        "-m",
        "scanner.cli",
        "-q",
        "scan",
        folder / "scope.yaml",
        "--permit",
        folder / "permit.yaml",
    ]
    words += ["--rate", "fast", "--ports", ",".join(map(str, PORTS)), "--out", folder / "run"]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    from scanner.store import Run as Folder
    from scanner.store import sightings

    found: dict[str, Found] = {f"h{number}": {} for number in range(len(hosts))}
    for sight, (sighting, _digest) in sightings(Folder.opened(folder / "run").files()).items():
        host, seen = found[sight.subject.partition(":")[0]], sighting.result
        match seen:
            case PortsObservation():
                host["ports"] = {str(port.port) for port in seen.open}
            case TlsObservation():
                host["tls"] = {f"{each.version.value} {suite}" for each in seen.versions for suite in each.accepted}
            case SshObservation():
                host["ssh"] = {*seen.kex, *seen.ciphers, *seen.macs}
            case _:
                pass
    return {hosts[int(name[1:])]: host for name, host in found.items()}


def _write_inputs(hosts: list[str], folder: Path) -> None:
    spoken = {SSH: "ssh", HTTPS: "https", HTTP: "http", REDIS: "other"}
    services = [{"port": port, "speaks": spoken[port], "name": NAME} for port in PORTS]
    both = {"vi": "Thử", "en": "Bench"}
    scope = {
        "agency": {"code": "B1", "name": both, "echelon": "province"},
        "system": {"id": "S1", "name": both, "level": 3, "operator": "Bench"},
        "hosts": [{"id": f"h{number}", "address": host, "services": services} for number, host in enumerate(hosts)],
    }
    at = datetime.now(UTC).replace(microsecond=0)
    permit = {
        "kind": "self-check",
        "decision": "1/BENCH",
        "agency": "B1",
        "permitted_by": {"person": "P1", "organisation": "B1"},
        "inspectors": [{"person": "P2", "organisation": "B1"}],
        "addresses": ["127.110.0.0/16"],
        "window": {
            "begins": f"{at - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "ends": f"{at + timedelta(hours=9):%Y-%m-%dT%H:%M:%SZ}",
        },
        "rate": {"connections_per_second": 1_000, "parallel_per_host": 8},
    }
    (folder / "scope.yaml").write_text(json.dumps(scope))
    (folder / "permit.yaml").write_text(json.dumps(permit))


def theirs(hosts: list[str], folder: Path) -> dict[str, Found]:
    """Three programs, one after the other, on the same ports."""
    ports = ",".join(map(str, PORTS))
    report = folder / "nmap.xml"
    subprocess.run(["nmap", "-n", "-Pn", "-sT", "-sV", "-p", ports, "-oX", report, *hosts], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Found] = {host: {"ports": set(), "ssh": set()} for host in hosts}
    for each in parse(report).iter("host"):
        address = next(entry.get("addr", "") for entry in each.iter("address"))
        found[address]["ports"] = {port.get("portid", "") for port in each.iter("port") if _is_open(port)}
    for host, seen in _sslyze(hosts, folder).items():
        found[host]["tls"] = seen
    listed = folder / "ssh-targets"
    listed.write_text("".join(f"{host}:{SSH}\n" for host in hosts))
    words: list[str | Path] = [Path(sys.executable).parent / "ssh-audit", "--skip-rate-test", "--json", "--targets", listed]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    for said in json.loads(done.stdout):
        host = said["target"].rpartition(":")[0]
        found[host]["ssh"] = {entry["algorithm"] for group in ("kex", "enc", "mac") for entry in said[group]}
    return found


def _is_open(port: Element) -> bool:
    state = port.find("state")
    return state is not None and state.get("state") == "open"


def _sslyze(hosts: list[str], folder: Path) -> dict[str, set[str]]:
    report = folder / "sslyze.json"
    targets = [f"{NAME}:{HTTPS}{{{host}}}" for host in hosts]
    asked = "sslv2 sslv3 tlsv1 tlsv1_1 tlsv1_2 tlsv1_3 certinfo heartbleed openssl_ccs robot reneg compression fallback ems elliptic_curves"
    words: list[str | Path] = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "sslyze",
        "--json_out",
        report,
        "--mozilla_config",
        "disable",
    ]
    words += [*(f"--{each}" for each in asked.split()), *targets]
    subprocess.run(words, check=False, stdout=subprocess.DEVNULL)
    kinds = {f"{name}_cipher_suites" for name in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2", "tls_1_3")}
    found = {}
    for server in json.loads(report.read_text())["server_scan_results"]:
        results = {kind: each["result"] for kind, each in server["scan_result"].items() if kind in kinds and each["result"]}
        found[server["server_location"]["ip_address"]] = {
            f"{kind[:3].upper()} {kind[4:7].replace('_', '.')} {suite['cipher_suite']['name']}"
            for kind, result in results.items()
            for suite in result["accepted_cipher_suites"]
        }
    return found


def measured(audit: str, hosts: list[str]) -> Run:
    """One audit from start to end."""
    from benchmarks.tls_against_others import connections_opened

    before, began = connections_opened(), time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        found = (ours if audit == "clearance" else theirs)(hosts, Path(folder))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Run(time.perf_counter() - began, cpu, connections_opened() - before, found)


def missed(mine: dict[str, Found], other: dict[str, Found]) -> list[str]:
    """What the others found and we did not."""
    return [
        f"{host}: {kind} {', '.join(sorted(more))}"
        for host, found in other.items()
        for kind, values in found.items()
        if (more := values - mine[host].get(kind, set()))
    ]


def main() -> int:
    """Prints the table; 1 where the others found more."""
    os.environ["PATH"] += ":/usr/sbin"
    counts = [int(word) for word in sys.argv[1:]] or [1, 16, 64]
    print(f"{'hosts':<7}{'audit':<26}{'wall s':>8}{'ratio':>8}{'CPU s':>8}{'ratio':>8}{'conn.':>9}{'ratio':>7}")
    worst: list[str] = []
    for count in counts:
        hosts = addresses(count)
        with served(hosts):
            mine = measured("clearance", hosts)
            other = measured("nmap, sslyze, ssh-audit", hosts)
        for name, run in (("clearance", mine), ("nmap, sslyze, ssh-audit", other)):
            print(
                f"{count:<7}{name:<26}{run.wall:>8.1f}{run.wall / mine.wall:>7.1f}x{run.cpu:>8.1f}{run.cpu / mine.cpu:>7.1f}x"
                f"{run.connections:>9}{run.connections / mine.connections:>6.1f}x",
                flush=True,
            )
        worst += missed(mine.found, other.found)
    for line in worst:
        print(f"missed at {line}")
    return 1 if worst else 0


if __name__ == "__main__":
    sys.exit(main())
