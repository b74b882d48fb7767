"""Peers for the probes of TLS and HTTP: real servers on loopback, and sockets that misbehave on purpose."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scanner.observations import Vantage
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Host, Service, Speaks

NAME = "portal.lab.gov.vn"

Talk = Callable[[socket.socket], None]


@dataclass
class Peer:
    """A listening socket and how many connections it took."""

    address: str
    port: int
    taken: list[float] = field(default_factory=list)

    def target(self, *, name: str | None = NAME, speaks: Speaks = Speaks.HTTPS, port: int | None = None) -> Target:
        """This peer as a probe is given it."""
        service = Service(port=port or self.port, speaks=speaks, name=name)
        host = Host(id="web1", address=self.address, services=(service,))
        return Target(subject=f"web1:{service.port}", host=host, service=service, address=self.address)


def circumstances(
    timeout: float = 2.0, deadline: float = 30.0, anchors: Path | None = None, crls: Path | None = None
) -> Circumstances:
    """Limits that suit a test."""
    vantage = Vantage(zone="lab", address="127.0.0.1")
    return Circumstances(
        vantage=vantage, now=lambda: datetime.now(UTC), timeout=timeout, deadline=deadline, trust_anchors=anchors, crls=crls
    )


@contextmanager
def listening(address: str, talk: Talk) -> Iterator[Peer]:
    """A peer that lets `talk` deal with each connection, until the block ends."""
    listener = socket.create_server((address, 0), backlog=64)
    peer, over, open_now = Peer(address, listener.getsockname()[1]), threading.Event(), []

    def deal(wire: socket.socket) -> None:
        with suppress(OSError, ValueError), wire:
            talk(wire)

    def accept() -> None:
        while not over.is_set():
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            peer.taken.append(time.monotonic())
            open_now.append(wire)
            threading.Thread(target=deal, args=(wire,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for wire in open_now:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def silent(wire: socket.socket) -> None:
    """Accepts and says nothing, for as long as the peer stays."""
    while wire.recv(4_096):
        pass


def saying(data: bytes, *, first: bool = False) -> Talk:
    """Says this, at once or after it was spoken to, and closes when the peer does."""

    def talk(wire: socket.socket) -> None:
        if not first:
            wire.recv(4_096)
        wire.sendall(data)
        silent(wire)

    return talk


def dripping(data: bytes) -> Talk:
    """Says this one byte at a time, slowly, and over and over."""

    def talk(wire: socket.socket) -> None:
        wire.recv(4_096)
        while True:
            for byte in data:
                wire.sendall(bytes([byte]))
                time.sleep(0.1)

    return talk


def tls(chain: Path, key: Path, then: Talk = silent, *, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Talk:
    """Speaks TLS with this certificate chain, then lets `then` go on inside."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():  # Python frowns upon the old versions that are wanted here
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = newest
        context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
    context.load_cert_chain(chain, key)

    def talk(wire: socket.socket) -> None:
        with context.wrap_socket(wire, server_side=True) as inside:
            then(inside)

    return talk


@contextmanager
def running(command: list[str], address: str, port: int, environment: dict[str, str] | None = None) -> Iterator[Peer]:
    """A program that listens there, from when it answers until the block ends."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _await(process, address, port)
        yield Peer(address, port)
    finally:
        process.kill()
        process.communicate()


def _await(process: subprocess.Popen[bytes], address: str, port: int) -> None:
    patience = time.monotonic() + 10
    while time.monotonic() < patience:
        if process.poll() is not None:
            raise RuntimeError(f"it ended: {process.communicate()[1].decode(errors='replace')[-400:]}")
        with suppress(OSError), socket.create_connection((address, port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError("it does not listen")


def free_port(address: str) -> int:
    """A port nobody listens on at this address."""
    with socket.create_server((address, 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def nginx(folder: Path, address: str, port: int, servers: str, environment: dict[str, str] | None = None) -> Iterator[Peer]:
    """nginx with these server blocks, all its files in this folder."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    settings = folder / "nginx.conf"
    settings.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{servers}\n}}"
    )
    command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(settings)]
    with running(command, address, port, environment) as peer:
        yield peer
