"""Two agencies of the invented province of Mau on loopback addresses: one well kept, one badly kept, all servers real."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from tests.lab import pki
from tests.lab.machines import BADLY, USER, WELL, Kept, Machine, keygen
from tests.lab.processes import Talker
from tests.lab.servers import Site, nginx, redis


@dataclass(frozen=True, slots=True)
class Ports:
    """The lab's ports: the real ones as root, high ones as an ordinary user; never one on which this machine itself listens."""

    https: int
    http: int
    ssh: int
    telnet: int
    undeclared: int
    redis: int
    faulty: tuple[int, ...]
    """The ports with a faulty chain each."""
    asked: str
    """What discovery should ask for, in nmap's notation."""

    @classmethod
    def usable(cls) -> Self:
        """The ports that may be bound here on any loopback address."""
        lowest = 1 if os.geteuid() == 0 else int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        busy = _bound_on_every_address()

        def free(*wanted: int) -> int:
            return next(port for port in wanted if port >= lowest and port not in busy)

        asked = range(1, 1_025) if lowest <= 22 else range(2_000, 3_000)
        return cls(
            https=free(443, *range(8_443, 8_500)),
            http=free(80, *range(8_080, 8_200)),
            ssh=free(22, *range(2_222, 2_322)),
            telnet=free(23, *range(2_323, 2_400)),
            undeclared=free(*reversed(asked)),
            redis=free(*range(6_379, 6_400)),
            faulty=tuple(port for port in range(4_430, 4_500) if port not in busy)[: len(pki.faults(""))],
            asked=_ranges(port for port in asked if port not in busy),
        )


def _bound_on_every_address() -> set[int]:
    """TCP ports on which something of this machine listens on all addresses, the lab's among them."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A" and set(address) == {"0"}:
                found.add(int(port, 16))
    return found


def _ranges(ports: Iterable[int]) -> str:
    """These ports in nmap's notation."""
    runs: list[list[int]] = []
    for port in ports:
        if runs and runs[-1][-1] == port - 1:
            runs[-1][-1:] = [port]
        else:
            runs.append([port, port])
    return ",".join(f"{first}-{last}" if first != last else str(first) for first, last in runs)


@dataclass(frozen=True, slots=True)
class LabAgency:
    """One agency's files, as its own people and the inspector would hold them."""

    code: str
    folder: Path
    scope: Path
    permit: Path
    """For an inspection; still to be signed."""
    self_check_permit: Path
    anchors: Path
    """The CA store a scan should trust."""
    client_key: Path
    client_csr: Path
    login_key: Path
    ports: str


@dataclass(frozen=True, slots=True)
class Lab:
    """The running province."""

    good: LabAgency
    bad: LabAgency

    @classmethod
    @contextmanager
    def start(cls, folder: Path, base: str = "127.10") -> Iterator[Self]:
        """Starts every server under `base`.1.x and `base`.2.x, files in `folder`; stops them all at the end."""
        folder.mkdir(parents=True, exist_ok=True)
        ports = Ports.usable()
        with ExitStack() as stack:
            good = _Agency(folder / "good", "H98", f"{base}.1", ports)
            bad = _Agency(folder / "bad", "H99", f"{base}.2", ports)
            yield cls(_well_kept(stack, good), _badly_kept(stack, bad))


class _Agency:
    """What both agencies have: a folder, a certificate authority, a login key and the files written about them."""

    def __init__(self, folder: Path, code: str, net: str, ports: Ports) -> None:
        self.folder, self.code, self.net, self.ports = folder.resolve(), code, net, ports
        self.folder.mkdir(parents=True)
        self.authority = pki.Authority(self.folder / "pki")
        self.login_key = self.folder / "audit-key"
        self.login_public = keygen(self.login_key, "ed25519")
        self.hosts: list[dict[str, object]] = []

    def machine(self, stack: ExitStack, name: str, number: int, kept: Kept, services: list[dict[str, object]]) -> str:
        """Starts a host with its SSH server and declares it with these services; its address."""
        address = f"{self.net}.{number}"
        machine = Machine(self.folder / name, address, self.ports.ssh, kept, self.login_public)
        machine.start(stack)
        login = {"user": USER, "port": self.ports.ssh, "key": str(self.login_key), "host_keys": list(machine.host_keys)}
        declared = [{"port": self.ports.ssh, "speaks": "ssh"}, *services]
        self.hosts.append({"id": name, "address": address, "services": declared, "login": login})
        return address

    def written(self, name_vi: str, name_en: str) -> LabAgency:
        """Writes scope, permits and the client's request."""
        key, csr = pki.client(self.folder, f"{self.code}.mau.test")
        scope = {
            "schema_version": 1,
            "agency": {"code": self.code, "name": {"vi": name_vi, "en": name_en}, "echelon": "province"},
            "system": {
                "id": "portal",
                "name": {"vi": "Cổng dịch vụ công", "en": "Public service portal"},
                "level": 3,
                "operator": f"Trung tâm CNTT {self.code}",
            },
            "hosts": self.hosts,
        }
        return LabAgency(
            code=self.code,
            folder=self.folder,
            scope=self._yaml("scope.yaml", scope),
            permit=self._yaml("permit.yaml", self._permit("inspection", "vu.hai", "UBND tỉnh Mẫu", "tran.binh", "A05")),
            self_check_permit=self._yaml("self-check.yaml", self._permit("self-check", "do.lan", name_vi, "ho.nam", name_vi)),
            anchors=self.authority.anchors,
            client_key=key,
            client_csr=csr,
            login_key=self.login_key,
            ports=self.ports.asked,
        )

    def _permit(self, kind: str, by: str, organisation: str, inspector: str, of: str) -> dict[str, object]:
        now = datetime.now(UTC).replace(microsecond=0)
        return {
            "schema_version": 1,
            "kind": kind,
            "decision": f"12/QD-{self.code}",
            "agency": self.code,
            "permitted_by": {"person": by, "organisation": organisation},
            "inspectors": [{"person": inspector, "organisation": of}],
            "addresses": [f"{self.net}.0/24"],
            "window": {"begins": (now - timedelta(hours=1)).isoformat(), "ends": (now + timedelta(days=30)).isoformat()},
            "rate": {"connections_per_second": 1_000, "parallel_per_host": 4, "connections_per_host": 20_000},
        }

    def _yaml(self, name: str, value: object) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")  # JSON is YAML 1.2
        return path


def _well_kept(stack: ExitStack, agency: _Agency) -> LabAgency:
    ports, name = agency.ports, "dichvucong.mau.test"
    web = agency.machine(
        stack, "web", 10, WELL,
        [{"port": ports.https, "speaks": "https", "name": name}, {"port": ports.http, "speaks": "http", "name": name}],
    )  # fmt: skip
    cache = agency.machine(stack, "cache", 20, WELL, [{"port": ports.redis, "speaks": "other"}])
    served = agency.authority.issue(pki.Wanted(name), "portal")
    nginx(
        stack,
        agency.folder / "nginx",
        (Site((web, ports.https), name, served), Site((web, ports.http), name, redirect_to=ports.https)),
    )
    redis(stack, agency.folder / "redis", (cache, ports.redis), secrets.token_hex(16))
    return agency.written("Cơ quan Mẫu Một", "Model Agency One")


def _badly_kept(stack: ExitStack, agency: _Agency) -> LabAgency:
    ports, name = agency.ports, "motcua.mau.test"
    faults = dict(zip(ports.faulty, pki.faults(name).items(), strict=True))
    web = agency.machine(
        stack, "web", 10, BADLY,
        [{"port": ports.https, "speaks": "https", "name": name}, {"port": ports.http, "speaks": "http", "name": name}],
    )  # fmt: skip
    apps = agency.machine(
        stack, "apps", 20, BADLY,
        [{"port": ports.redis, "speaks": "other"}, {"port": ports.telnet, "speaks": "other"}]
        + [{"port": port, "speaks": "https", "name": name} for port in faults],
    )  # fmt: skip
    served = agency.authority.issue(pki.Wanted(name, rsa_bits=2_048), "portal")
    sites = [Site((web, ports.https), name, served, old=True), Site((web, ports.http), name)]
    sites += [Site((apps, port), name, agency.authority.issue(wanted, fault)) for port, (fault, wanted) in faults.items()]
    nginx(stack, agency.folder / "nginx", tuple(sites), weak=True)
    redis(stack, agency.folder / "redis", (apps, ports.redis), None)
    for address in ((apps, ports.telnet), (web, ports.undeclared)):
        stack.callback(Talker(address).stop)
    return agency.written("Cơ quan Mẫu Hai", "Model Agency Two")
