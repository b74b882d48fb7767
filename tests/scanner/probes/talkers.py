"""Small servers that say given bytes, for peers that cannot be had here or that misbehave; and circumstances to look at them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from scanner.observations import Vantage
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Host, Service, Speaks

Talk = Callable[[socket.socket], None]


@contextmanager
def talking(address: str, talk: Talk) -> Iterator[tuple[int, list[int]]]:
    """A listener that lets `talk` speak on each connection; its port, and a list that grows by one for each connection."""
    met: list[int] = []
    with socket.create_server((address, 0), backlog=64) as server:

        def attend(peer: socket.socket) -> None:
            with suppress(OSError), peer:
                peer.settimeout(10)
                talk(peer)

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                met.append(1)
                threading.Thread(target=attend, args=(peer,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1]), met
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(5)


def circumstances(**changes: object) -> Circumstances:
    """Circumstances of a test: short patience, one vantage."""
    given = {"timeout": 2.0, "deadline": 10.0} | changes
    return Circumstances(
        vantage=Vantage(zone="test", address="127.0.0.1"),
        now=lambda: datetime.now(UTC).replace(microsecond=0),
        **given,  # type: ignore[arg-type]
    )


def target(address: str, port: int, speaks: Speaks) -> Target:
    """An endpoint at this address."""
    service = Service(port=port, speaks=speaks)
    return Target(f"web:{port}", Host(id="web", address=address, services=(service,)), service, address)
