"""Silent addresses: our sweep for undeclared hosts beside nmap on the same addresses and ports, and nmap's host discovery.

`python -m benchmarks.silent_addresses [ADDRESSES ...]` prints the ratios. The addresses are those of a namespace of this machine, behind a
machine that drops everything; nothing else can be reached from there.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network

from scanner.observations import NeighboursObservation, Vantage
from scanner.probes import fence, neighbours
from scanner.probes.looking import Circumstances, Ground
from scanner.targets import Permit, Person, RunKind, Window

SIZES = (16, 64, 256)
PORTS = ",".join(map(str, neighbours.PORTS))
PREFIX = {16: 28, 64: 26, 256: 24}


def network(count: int) -> str:
    """A network of so many addresses, all of them silent."""
    return str(ip_network(f"10.9.1.0/{PREFIX[count]}"))


def ours(count: int) -> str:
    """Our sweep, as the probe does it by default."""
    circumstances = Circumstances(vantage=Vantage(zone="bench", address="10.9.0.1"), now=lambda: datetime.now(UTC))
    found = neighbours.look(Ground((network(count),), ()), circumstances)
    if not isinstance(found, NeighboursObservation) or found.answering or found.rest is not True:
        raise AssertionError(found)
    return f"{found.asked} addresses, {found.seen.connections} connections"


def gently_ours(count: int) -> str:
    """Our sweep through the fence, at the rate of a permit that names none."""
    now, person = datetime.now(UTC), Person(person="bench", organisation="bench")
    permit = Permit(
        kind=RunKind.SELF_CHECK,
        decision="1",
        agency="BENCH",
        permitted_by=person,
        inspectors=(person,),
        addresses=(network(count),),
        window=Window(begins=now - timedelta(hours=1), ends=now + timedelta(hours=1)),
    )
    with fence.raised(fence.Fence(permit, lambda: datetime.now(UTC))):
        return ours(count)


def nmap(count: int, *words: str) -> str:
    """Nmap without name resolution, with these words."""
    command = ["nmap", "-n", *words, network(count)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True).stdout
    return said.strip().splitlines()[-1]


def measured(name: str, look: Callable[[], str]) -> float:
    """The seconds it takes; prints them."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = time.process_time()
    result = look()
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = time.process_time() - own + after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"  {name:<34} {seconds:7.2f} s  {cpu:6.2f} s CPU  {result}", flush=True)
    return seconds


def on_the_island(sizes: tuple[int, ...]) -> None:
    """Measures; only to be called where nothing but silent addresses can be reached."""
    for count in sizes:
        print(f"{count} addresses that drop everything, ports {PORTS}")
        mine = measured("clearance neighbours", partial(ours, count))
        gently = measured("the same at 50 connections/s", partial(gently_ours, count))
        print(f"  the permit's default rate costs {gently - mine:.1f} s of it")
        ways = {"nmap -Pn -sT": ("-Pn", "-sT", "-p", PORTS), "nmap -sn (host discovery)": ("-sn",)}
        for name, words in ways.items():
            theirs = measured(name, partial(nmap, count, *words))
            print(f"  {name} / clearance: {theirs / mine:.1f}")


def main() -> None:
    """Runs itself in a namespace of its own."""
    if sys.argv[1:2] == ["--here"]:
        on_the_island(tuple(map(int, sys.argv[2:])))
        return
    from tests.lab.island import on_an_island

    words = [sys.executable, "-m", "benchmarks.silent_addresses", "--here", *(sys.argv[1:] or map(str, SIZES))]
    print(on_an_island(words, timeout=3_600), end="")


if __name__ == "__main__":
    main()
