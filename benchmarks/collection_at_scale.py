"""One collection from many hosts: our login side by side, the ssh program in a loop, and the same commands one at a time.

`python -m benchmarks.collection_at_scale [HOSTS ...]` starts one real SSH server on as many loopback addresses, and a relay that adds 20 ms
for the last comparison; prints wall times and ratios.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import paramiko

from scanner.observations import HostObservation, Vantage
from scanner.probes import collection, host
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Host, Login
from tests.lab.machines import keygen
from tests.lab.processes import started

PORT, RELAYED = 9_422, 9_423
DELAY = 0.02
SIDE_BY_SIDE = 16
_ADDRESSES = 12
"""Addresses one sshd listens on; it takes sixteen at the most."""

COMMANDS = (
    "uname -sr",
    "cat /etc/os-release",
    "dpkg-query -W -f '${Package} ${Version}\\n'",
    "ss -H -tuln",
    "cat /etc/passwd",
    "cat /etc/group",
    "cat /etc/login.defs",
    "cat /etc/pam.d/common-auth",
    "cat /etc/pam.d/common-password",
    "cat /proc/sys/net/ipv4/ip_forward",
    "cat /proc/sys/kernel/randomize_va_space",
    "lsblk -rnso TYPE,MOUNTPOINT",
    "lastlog",
    "cat /etc/ssh/sshd_config",
)
"""What a script of separate commands would ask for, so that the round trips can be counted."""


def addresses(count: int) -> list[str]:
    """The addresses of so many hosts."""
    return [f"127.113.0.{number + 1}" for number in range(count)]


@contextmanager
def served(hosts: list[str]) -> Iterator[tuple[Path, str]]:
    """Real SSH servers at these addresses; the key that opens them, and their host key."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        host_key, key = keygen(folder / "host", "ed25519"), folder / "key"
        public = keygen(key, "ed25519")
        (folder / "authorized").write_text(f"{public}\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        for first in range(0, len(hosts), _ADDRESSES):
            some = hosts[first : first + _ADDRESSES]
            lines = [
                *(f"ListenAddress {address}:{PORT}" for address in some),
                f"HostKey {folder}/host",
                "UsePAM no",
                "MaxStartups 300",
            ]
            lines += [
                f"AuthorizedKeysFile {folder}/authorized",
                "StrictModes no",
                "PermitRootLogin yes",
                f"PidFile {folder}/pid{first}",
            ]
            config = folder / f"sshd{first}.conf"
            config.write_text("\n".join(lines) + "\n")
            ready = [(address, PORT) for address in some]
            started(stack, ["/usr/sbin/sshd", "-D", "-e", "-f", config], folder / f"log{first}", ready)
        yield key, host_key


@contextmanager
def relayed(hosts: list[str]) -> Iterator[None]:
    """A relay beside each server that passes every piece on 20 ms later."""
    words = [sys.executable, "-m", "benchmarks.collection_at_scale", "--relay", *hosts]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        if process.stdout is not None:
            process.stdout.readline()
        yield
    finally:
        process.terminate()
        process.wait(10)


async def _relay(hosts: list[str]) -> None:
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(65_536):
            loop.call_later(DELAY / 2, writer.write, data)
        loop.call_later(DELAY / 2, writer.close)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here = writer.get_extra_info("sockname")[0]
        there = await asyncio.open_connection(here, PORT)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer), return_exceptions=True)

    servers = [await asyncio.start_server(pass_on, address, RELAYED) for address in hosts]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def ours(hosts: list[str], key: Path, host_key: str, port: int = PORT) -> None:
    """The login probe, as a scan runs it."""
    circumstances = Circumstances(
        vantage=Vantage(zone="bench", address="127.0.0.1"), now=lambda: datetime.now(UTC).replace(microsecond=0)
    )

    def look(address: str) -> bool:
        login = Login(user="root", port=port, key=str(key), host_keys=(host_key,))
        found = host.look(Target("h", Host(id="h", address=address, login=login), None, address), circumstances)
        return isinstance(found, HostObservation)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        assert all(pool.map(look, hosts))


def ssh_in_a_loop(hosts: list[str], key: Path, _host_key: str) -> None:
    """The ssh program, one host after the other, with the very same script."""
    script = collection.script("0" * 32)
    for address in hosts:
        words = ["ssh", "-p", str(PORT), "-i", str(key), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        words += ["-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", f"root@{address}", "/bin/sh"]
        subprocess.run(words, input=script, check=True, stdout=subprocess.DEVNULL)


def one_at_a_time(hosts: list[str], key: Path, _host_key: str, port: int = RELAYED) -> None:
    """The same client and as many hosts side by side, but a round trip for each of a script's commands."""

    def look(address: str) -> None:
        with paramiko.SSHClient() as client:
            client.set_missing_host_key_policy(paramiko.MissingHostKeyPolicy())
            client.connect(address, port, "root", key_filename=str(key), look_for_keys=False, allow_agent=False)
            for command in COMMANDS:
                _, out, _ = client.exec_command(command)
                out.read()

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(look, hosts))


def main() -> int:
    """Prints the table."""
    if sys.argv[1:2] == ["--relay"]:
        asyncio.run(_relay(sys.argv[2:]))
        return 0
    print(f"{'hosts':<7}{'way':<46}{'wall s':>8}{'ratio':>8}")
    for count in [int(word) for word in sys.argv[1:]] or [1, 16, 64]:
        hosts = addresses(count)
        with served(hosts) as (key, host_key), relayed(hosts):
            for name, way, beside in (
                ("ssh program in a loop", ssh_in_a_loop, PORT),
                ("commands one at a time, 20 ms round trip", one_at_a_time, RELAYED),
            ):
                began = time.perf_counter()
                ours(hosts, key, host_key, beside)
                mine, began = time.perf_counter() - began, time.perf_counter()
                way(hosts, key, host_key)
                other = time.perf_counter() - began
                print(
                    f"{count:<7}{'clearance' + (', 20 ms round trip' if beside == RELAYED else ''):<46}{mine:>8.2f}{1.0:>7.1f}x"
                )
                print(f"{count:<7}{name:<46}{other:>8.2f}{other / mine:>7.1f}x", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
