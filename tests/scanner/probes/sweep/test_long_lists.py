"""Servers that cannot read a long list of suites, and certificates whose curve every hello must offer. Real OpenSSL behind a relay.

The relay stands for stacks that no longer can be had: it answers a list of more than 128 suites as such a stack does, or reads only its
beginning, and hands every other hello on as it is.
"""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from scanner.observations import TlsObservation
from scanner.probes import tls
from scanner.probes.looking import Target
from scanner.targets import Host, Service, Speaks
from tests.lab.processes import started
from tests.scanner.probes.issuing import Made, intermediate, kept
from tests.scanner.probes.web_peers import NAME, circumstances, free_port

HERE = "127.50.0.2"
LONGEST = 128
ALERT_DECODE_ERROR = bytes.fromhex("1503010002 0232")
Treat = Callable[[bytes], bytes | None]
"""What becomes of a long hello: other bytes to hand on, or None where the relay answers with an alert, or raises EOFError to close."""


def truncated(hello: bytes) -> bytes:
    """The hello as a stack sees it that reads the first 128 suites only."""
    at = 44 + hello[43]
    suites = hello[at + 2 : at + 2 + 2 * LONGEST]
    body = hello[9:at] + len(suites).to_bytes(2) + suites + hello[at + 2 + int.from_bytes(hello[at : at + 2]) :]
    message = b"\x01" + len(body).to_bytes(3) + body
    return hello[:3] + len(message).to_bytes(2) + message


def refused(_: bytes) -> None:
    """An alert, which says that the hello could not be read."""


def closed(_: bytes) -> None:
    """The connection is closed."""
    raise EOFError


def _suites(hello: bytes) -> int:
    at = 44 + hello[43]
    return int.from_bytes(hello[at : at + 2]) // 2


def _relay(client: socket.socket, upstream: int, treat: Treat) -> None:
    with client, suppress(OSError, EOFError, IndexError):
        client.settimeout(5)
        hello = client.recv(16_384)
        if hello[:1] == b"\x16" and hello[5:6] == b"\x01" and _suites(hello) > LONGEST:
            handed = treat(hello)
            if handed is None:
                client.sendall(ALERT_DECODE_ERROR)
                return
            hello = handed
        with socket.create_connection((HERE, upstream), timeout=5) as server:
            server.sendall(hello)
            both = {client: server, server: client}
            threads = [threading.Thread(target=_pump, args=pair, daemon=True) for pair in both.items()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(16_384):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(upstream: int, treat: Treat) -> Iterator[int]:
    """The port of a relay to this one."""
    with socket.create_server((HERE, 0), backlog=64) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=_relay, args=(client, upstream, treat), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("chains")
    made = {"rsa": Made(subject="rsa", bits=2_048), "ec": Made(subject="ec")}
    return {kind: kept(folder, wanted, intermediate()) for kind, wanted in made.items()}


@contextmanager
def s_server(chain: tuple[Path, Path], folder: Path, *more: str) -> Iterator[int]:
    port = free_port(HERE)
    command = ["openssl", "s_server", "-quiet", "-accept", f"{HERE}:{port}", "-cert", chain[0], "-cert_chain", chain[0]]
    with ExitStack() as stack:
        started(stack, [str(word) for word in (*command, "-key", chain[1], *more)], folder / "server.log", [(HERE, port)])
        yield port


def look(port: int) -> TlsObservation:
    service = Service(port=port, speaks=Speaks.TLS, name=NAME)
    host = Host(id="web", address=HERE, services=(service,))
    found = tls.look(Target(f"web:{port}", host, service, HERE), circumstances(2, 60))
    assert isinstance(found, TlsObservation), found
    return found


@pytest.mark.parametrize("treat", [truncated, refused, closed], ids=lambda treat: treat.__name__)
def test_a_stack_that_cannot_read_long_lists_hides_no_suite(
    chains: dict[str, tuple[Path, Path]], treat: Treat, tmp_path: Path
) -> None:
    with s_server(chains["rsa"], tmp_path, "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0") as port, relayed(port, treat) as through:
        plain, hampered = look(port), look(through)
    assert hampered.unasked == ()
    assert len(plain.accepted_suites) > 60
    assert hampered.accepted_suites == plain.accepted_suites
    assert hampered.accepted_versions == plain.accepted_versions
    assert hampered.seen.connections <= plain.seen.connections + 20
    assert hampered.encrypt_then_mac == plain.encrypt_then_mac is True


def test_curves_behind_that_of_the_certificate_are_seen(chains: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    """A server refuses everyone who does not offer its certificate's curve (P-256 here), whatever other groups it takes."""
    with s_server(
        chains["ec"], tmp_path, "-tls1_2", "-groups", "secp192k1:P-256:sect163k1:P-521", "-cipher", "ALL:@SECLEVEL=0"
    ) as port:
        found = look(port)
        refuses = subprocess.run(
            ["openssl", "s_client", "-connect", f"{HERE}:{port}", "-groups", "P-521", "-tls1_2"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert "handshake failure" in refuses.stderr  # as the test supposes
    assert isinstance(found.groups, tuple)
    assert set(found.groups) == {"secp192k1", "secp256r1", "sect163k1", "secp521r1"}


def test_a_server_that_prefers_the_curve_of_its_certificate_gives_no_other(
    chains: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    with s_server(chains["ec"], tmp_path, "-no_tls1_3", "-serverpref", "-groups", "P-521:P-256:X25519") as port:
        assert set(look(port).groups) == {"secp521r1", "secp256r1"}
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"{HERE}:{port}", "-groups", "X25519", "-tls1_2"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert "handshake failure" in done.stderr
