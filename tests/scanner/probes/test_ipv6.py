"""IPv6 wherever IPv4 is: each kind of probe against a real server on ::1, and what a scope says of IPv6 addresses and names."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from scanner import discovery
from scanner.observations import (
    GreetingObservation,
    HostObservation,
    HttpObservation,
    PeerCertificateObservation,
    PortsObservation,
    SshObservation,
    TlsObservation,
    TlsVersion,
    Unobserved,
    UpgradeObservation,
)
from scanner.probes import fence, greeting, host, http, peer_certificate, resolution, ssh, tls, upgrade
from scanner.probes.looking import Target
from scanner.targets import Host, Login, Service, Speaks
from tests.lab.machines import Machine, keygen
from tests.scanner.permits import permit
from tests.scanner.probes.issuing import Made, intermediate, kept
from tests.scanner.probes.login_hosts import KEPT
from tests.scanner.probes.web_peers import NAME, Peer, circumstances, nginx

HERE = "::1"


def free_port() -> int:
    with socket.create_server((HERE, 0), family=socket.AF_INET6) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """A web server on ::1 that repeats the Host it was asked for."""
    folder, port = tmp_path_factory.mktemp("site"), free_port()
    chain, key = kept(folder, Made(), intermediate())
    server = (
        f"server {{ listen [{HERE}]:{port} ssl; ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;"
        " add_header X-Asked $http_host always; location / { return 200 hello; } }"
    )
    with nginx(folder, HERE, port, server) as peer:
        yield peer


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Path]]:
    """A host with an SSH server on ::1, and the key that opens it."""
    folder = tmp_path_factory.mktemp("machine")
    key = folder / "inspection"
    found = Machine(folder / "machine", HERE, free_port(), KEPT, keygen(key, "ed25519"))
    with ExitStack() as stack:
        found.start(stack)
        yield found, key


def test_tls_is_swept_by_our_own_hellos_and_by_the_second_engine(site: Peer) -> None:
    seen = tls.look(site.target(), circumstances())
    assert isinstance(seen, TlsObservation), seen
    accepted = {support.version for support in seen.versions if support.accepted}
    assert accepted == {TlsVersion.TLS_1_2, TlsVersion.TLS_1_3}
    assert seen.secure_renegotiation is True


def test_the_certificate_is_read(site: Peer) -> None:
    seen = peer_certificate.look(site.target(), circumstances())
    assert isinstance(seen, PeerCertificateObservation), seen
    assert seen.name_matches is True


@pytest.mark.parametrize("name", [NAME, None])
def test_http_is_asked_with_the_address_in_brackets(site: Peer, name: str | None) -> None:
    seen = http.look(site.target(name=name), circumstances())
    assert isinstance(seen, HttpObservation), seen
    assert seen.root.status == 200
    assert seen.root.header("x-asked") == f"{name or f'[{HERE}]'}:{site.port}"


def test_the_greeting_of_a_service_is_heard(site: Peer) -> None:
    seen = greeting.look(site.target(speaks=Speaks.OTHER), circumstances())
    assert isinstance(seen, GreetingObservation), seen
    assert (seen.protocol, seen.encrypted) == ("http", True)


def test_ssh_is_read_and_the_login_shows_the_host(machine: tuple[Machine, Path]) -> None:
    server, key = machine
    login = Login(user="audit", port=server.ssh[1], key=str(key), host_keys=server.host_keys)
    service = Service(port=server.ssh[1], speaks=Speaks.SSH)
    declared = Host(id="app1", address=HERE, services=(service,), login=login)
    seen = ssh.look(Target(f"app1:{service.port}", declared, service, HERE), circumstances())
    assert isinstance(seen, SshObservation), seen
    assert not isinstance(seen.host_keys, Unobserved)
    shown = host.look(Target("app1", declared, None, HERE), circumstances())
    assert isinstance(shown, HostObservation), shown
    assert not isinstance(shown.listening, Unobserved)


@contextmanager
def mail_server() -> Iterator[int]:
    """A server that offers STARTTLS, in recorded words."""

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                wire, _ = listener.accept()
                with wire, suppress(OSError):
                    wire.sendall(b"220 mail.lab ESMTP\r\n")
                    while said := wire.recv(1_024):
                        wire.sendall(b"250-mail.lab\r\n250 STARTTLS\r\n" if said[:4].upper() == b"EHLO" else b"220 go ahead\r\n")
                        if said[:8].upper() == b"STARTTLS":
                            break

    with socket.create_server((HERE, 0), family=socket.AF_INET6, backlog=16) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_change_to_tls_is_offered() -> None:
    with mail_server() as port:
        seen = upgrade.look(Peer(HERE, port).target(speaks=Speaks.SMTP), circumstances())
    assert isinstance(seen, UpgradeObservation), seen
    assert seen.offered is True


def test_discovery_finds_open_ports_through_the_fence(site: Peer) -> None:
    given = replace(circumstances(), ports=str(site.port))
    target = replace(site.target(), service=None, subject="web1")
    with fence.raised(fence.Fence(permit("::1/128"), lambda: datetime.now(UTC))) as guard:
        seen = discovery.look(target, given)
    assert isinstance(seen, PortsObservation), seen
    assert [port.port for port in seen.open] == [site.port]
    assert guard.spent[HERE] > 0
    assert seen.undeclared == ()


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("2001:db8::7", ("2001:db8::/64",), True),
        ("2001:db8:0:1::7", ("2001:db8::/64",), False),
        ("::1", ("::/0",), False),
        ("::1", ("::1/128",), True),
        ("fe80::1", ("2000::/3", "::/0"), False),
        ("fe80::1%eth0", ("fe80::/10",), True),
        ("::ffff:192.0.2.7", ("192.0.2.0/24",), True),
        ("::ffff:192.0.2.7", ("::/0",), False),
        ("ff02::1", ("::/0", "ff02::/16"), False),
    ],
)
def test_the_permit_holds_ipv6_addresses_as_it_holds_others(address: str, networks: tuple[str, ...], *, inside: bool) -> None:
    assert (permit(*networks).outside(address) is None) is inside


@pytest.mark.parametrize(("written", "read"), [("2001:DB8:0:0::7", "2001:db8::7"), ("::1", "::1")])
def test_an_address_has_one_spelling(written: str, read: str) -> None:
    assert Host(id="web1", address=written).address == read
    assert resolution.resolve(Host(id="web1", address=written)) == (read,)


@pytest.mark.parametrize("written", ["[::1]", "2001:db8::/64", "::1::", "12345::"])
def test_what_is_no_address_is_no_host(written: str) -> None:
    with pytest.raises(ValidationError):
        Host(id="web1", address=written)


def test_a_name_has_all_its_addresses_of_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::7", 0, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert resolution.resolve(Host(id="web1", address="dvc.example.vn")) == ("192.0.2.7", "2001:db8::7")
