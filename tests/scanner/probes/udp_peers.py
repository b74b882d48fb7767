"""Servers over UDP for tests: Debian's own as child processes, and small ones that say recorded bytes where none can be had."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from scanner.observations import Datagram, Unobserved
from scanner.probes.datagrams.asking import asked
from scanner.probes.datagrams.host import questions
from scanner.probes.datagrams.question import Question
from tests.lab.processes import started

PATIENCE = 0.2
Answer = Callable[[bytes], bytes | None]


def question(name: str, port: int) -> Question:
    """The question of this name, put to this port."""
    return replace(next(one for one in questions() if one.name == name), port=port)


def put(address: str, *every: Question, patience: float = PATIENCE) -> dict[str, Datagram | Unobserved]:
    """What comes back to these questions."""
    return asked(address, every, patience, time.monotonic() + 20)[0]


def came_back(address: str, name: str, port: int) -> Datagram:
    """What comes back to one question, which must be seen."""
    found = put(address, question(name, port), patience=0.5)[name]
    assert isinstance(found, Datagram), found
    return found


def free_port(address: str) -> int:
    """A UDP port nobody has."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((address, 0))
        return int(one.getsockname()[1])


@contextmanager
def answering(address: str, answer: Answer, *, says_from: str = "", times: int = 1) -> Iterator[tuple[int, list[bytes]]]:
    """A UDP server that answers each datagram as `answer` says, or not at all; its port, and what it has heard.

    `says_from` is another address to answer from, on a port of its own; `times` is how often it says it.
    """
    heard: list[bytes] = []
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))
        server.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while True:
                try:
                    data, peer = server.recvfrom(65_535)
                except TimeoutError:
                    if stop.is_set():
                        return  # only once nothing is waiting to be heard
                    continue
                except OSError:
                    continue  # who asked is gone: its port refused an earlier answer
                with suppress(OSError):
                    heard.append(data)
                    said = answer(data)
                    for _ in range(times if said is not None else 0):
                        _say(server, said or b"", peer, says_from)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1]), heard
        finally:
            stop.set()
            thread.join(5)


def _say(server: socket.socket, said: bytes, peer: tuple[str, int], says_from: str) -> None:
    if not says_from:
        server.sendto(said, peer)
        return
    with socket.socket(server.family, socket.SOCK_DGRAM) as other:
        other.bind((says_from, 0))
        other.sendto(said, peer)


@contextmanager
def debian(folder: Path, address: str, port: int, *command: str | Path) -> Iterator[None]:
    """A server of Debian's in the foreground, once it has bound its UDP port at this address."""
    assert shutil.which(str(command[0]), path="/usr/sbin:/usr/bin:/sbin:/bin"), (
        f"{command[0]} is missing: tools/system-packages.sh"
    )
    with ExitStack() as stack:
        log = folder / f"{command[0]}.log"
        started(stack, command, log, ())
        patience = time.monotonic() + 10
        while not bound(address, port):
            assert time.monotonic() < patience, log.read_text(errors="replace")
            time.sleep(0.02)
        yield


def bound(address: str, port: int) -> bool:
    """Whether a UDP socket of this machine has this port at this address."""
    listed = subprocess.run(["ss", "-H", "-uln", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return f"{address}:{port}" in listed.replace("[", "").replace("]", "")
