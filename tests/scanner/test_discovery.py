"""Discovery, with the real nmap against real listeners, and with programs that misbehave in its place."""

from __future__ import annotations

import io
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import nmap_xml
from scanner.discovery import Nmap, numbers, ports_asked
from scanner.observations import PortsObservation, Reason, Unobserved, Vantage
from scanner.probes import fence
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Host, Login, Service, Speaks
from tests.scanner.permits import now, permit
from tests.scanner.probes.issuing import Made, intermediate, kept

HERE = "127.42.0.1"
_OPENSSH = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
_HEAD = b'<?xml version="1.0"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner="nmap">'
_HOST = b'<host><status state="up"/><ports><port protocol="tcp" portid="80"><state state="open"/><service name="http"/></port></ports></host>'
_DROPPING = '<host><status state="up"/><ports><extraports state="filtered" count="9"/></ports></host>'
_END = b'<runstats><finished exit="success"/></runstats></nmaprun>'


def circumstances(**changes: object) -> Circumstances:
    given = {"deadline": 30.0, "ports": "9"} | changes
    return Circumstances(vantage=Vantage(zone="test", address="127.0.0.1"), now=now, **given)  # type: ignore[arg-type]


def host(*ports: int, login: Login | None = None, address: str = HERE) -> Host:
    return Host(id="web", address=address, services=tuple(Service(port=port, speaks=Speaks.OTHER) for port in ports), login=login)


@contextmanager
def permitted(budget: int = 5_000, rate: int = 1_000) -> Iterator[fence.Fence]:
    with fence.raised(fence.Fence(permit("127.42.0.0/16", budget=budget, rate=rate), now)) as raised:
        yield raised


def look(program: str, declared: Host, **changes: object) -> PortsObservation | Unobserved:
    with permitted():
        return Nmap(program, few=0).look(Target("web", declared, None, declared.address), circumstances(**changes))


def listener(stack: ExitStack, says: Callable[[socket.socket], None] = lambda peer: None, address: str = HERE) -> int:
    server = stack.enter_context(socket.create_server((address, 0)))
    stack.callback(server.shutdown, socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    def talk(peer: socket.socket) -> None:
        try:
            with peer:
                peer.settimeout(5)
                says(peer)
                while peer.recv(4_096):
                    pass
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    return int(server.getsockname()[1])


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """A program in nmap's place: a shell script."""

    def made(script: str) -> str:
        path = tmp_path / "nmap"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return made


def unobserved(result: PortsObservation | Unobserved, reason: Reason) -> Unobserved:
    assert isinstance(result, Unobserved), result
    assert result.reason is reason, result
    return result


def test_nmap_sees_what_is_open_declared_and_not_and_what_should_be_open_and_is_not() -> None:
    with ExitStack() as stack:
        declared = listener(stack, lambda peer: peer.sendall(_OPENSSH))
        undeclared = listener(stack, lambda peer: peer.sendall(b"220 (vsFTPd 3.0.3)\r\n"))
        seen = look("nmap", host(declared, 9), ports=f"9,{undeclared}")
    assert isinstance(seen, PortsObservation), seen
    assert {port.port for port in seen.open} == {declared, undeclared}
    assert seen.undeclared == (undeclared,)
    assert seen.unanswered == (9,)
    found = {port.port: port for port in seen.open}
    assert found[declared].service == "ssh"
    assert found[declared].product == "OpenSSH"
    assert found[declared].cpes == ("cpe:/a:openbsd:openssh:9.2p1",)
    assert found[undeclared].service == "ftp"
    assert seen.seen.connections > 0
    assert seen.seen.vantage.zone == "test"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Python leaves a socket open whose peer hung up
def test_a_service_inside_tls_is_known_as_such(tmp_path: Path) -> None:
    chain, key = kept(tmp_path, Made(), intermediate())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)

    def speak(peer: socket.socket) -> None:
        with context.wrap_socket(peer, server_side=True, do_handshake_on_connect=False) as tls:
            tls.do_handshake()
            tls.recv(4_096)
            tls.sendall(b"HTTP/1.0 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")

    with ExitStack() as stack:
        port = listener(stack, speak)
        seen = look("nmap", host(port))
    assert isinstance(seen, PortsObservation), seen
    assert [found.tls for found in seen.open] == [True]


def test_the_login_port_counts_as_declared() -> None:
    with ExitStack() as stack:
        port = listener(stack, lambda peer: peer.sendall(_OPENSSH))
        login = Login(user="audit", port=port, host_keys=("ssh-ed25519 AAAA",))
        seen = look("nmap", host(login=login), ports=f"9,{port}")
    assert isinstance(seen, PortsObservation), seen
    assert seen.undeclared == ()


def test_without_nmap_the_ports_are_unobserved() -> None:
    unobserved(look("/nonexistent/nmap", host(80)), Reason.TOOL_MISSING)


def test_a_program_that_may_not_be_run_is_a_failure_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "nmap").write_text("not a program")
    assert isinstance(look(str(tmp_path / "nmap"), host(80)), Unobserved)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("kill -9 $$", Reason.TOOL_FAILED),
        ("exit 3", Reason.TOOL_FAILED),
        ("echo this is no XML", Reason.UNREADABLE),
        ("true", Reason.UNREADABLE),
        (f"printf '%s' '{(_HEAD + _HOST).decode()}'", Reason.UNREADABLE),
        (f"printf '%s' '{(_HEAD + _HOST).decode()}'; kill -9 $$", Reason.TOOL_FAILED),
        (f"printf '%s' '{(_HEAD + _HOST).decode()}</nmaprun>'", Reason.UNREADABLE),
        (
            f"printf '%s' '{_HEAD.decode()}<runstats><finished exit=\"error\" errormsg=\"out of luck\"/></runstats></nmaprun>'",
            Reason.TOOL_FAILED,
        ),
        (f"printf '%s' '{(_HEAD + _HOST + _END).decode()}'; exit 1", Reason.TOOL_FAILED),
        (f"printf '%s' '{(_HEAD + _END).decode()}'", Reason.UNREACHABLE),
        (f"printf '%s' '{(_HEAD + _HOST + _HOST + _END).decode()}'", Reason.UNREADABLE),
        (f"printf '%s' '{_HEAD.decode()}<host timedout=\"true\"><status state=\"up\"/></host>{_END.decode()}'", Reason.TIMED_OUT),
        (
            f"printf '%s' '{_HEAD.decode()}{_DROPPING}{_END.decode()}'",
            Reason.UNREACHABLE,
        ),
        ("echo '<!DOCTYPE a [<!ENTITY b \"bbbb\">]><nmaprun>&b;</nmaprun>'", Reason.UNREADABLE),
        ("echo '<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><nmaprun/>'", Reason.UNREADABLE),
        ("echo '<nmaprun>'; head -c 40000000 /dev/zero | tr '\\0' ' '", Reason.UNREADABLE),
    ],
)
def test_whatever_goes_wrong_is_a_reason_and_never_a_list_of_ports(
    program: Callable[[str], str], script: str, reason: Reason
) -> None:
    unobserved(look(program(script), host(80)), reason)


def test_a_program_that_hangs_is_ended_with_all_its_children(program: Callable[[str], str], tmp_path: Path) -> None:
    marker = f"4{os.getpid()}{time.monotonic_ns() % 10_000}"
    unobserved(look(program(f"sleep {marker} & sleep {marker}"), host(80), deadline=1.0), Reason.TIMED_OUT)
    said = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"sleep {marker}" not in said


def test_a_report_of_a_well_formed_run_is_taken_over(program: Callable[[str], str]) -> None:
    seen = look(program(f"printf '%s' '{(_HEAD + _HOST + _END).decode()}'"), host(80, 443))
    assert isinstance(seen, PortsObservation)
    assert [port.port for port in seen.open] == [80]
    assert seen.unanswered == (443,)


def test_nothing_of_the_environment_reaches_the_program(program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARANCE_SECRET", "hunter2")
    script = f"env | grep -q hunter2 && exit 9; printf '%s' '{(_HEAD + _HOST + _END).decode()}'"
    assert isinstance(look(program(script), host(80)), PortsObservation)


def test_without_a_permit_no_program_is_started(program: Callable[[str], str], tmp_path: Path) -> None:
    script = program(f"touch {tmp_path}/started")
    result = Nmap(script, few=0).look(Target("web", host(80), None, HERE), circumstances())
    unobserved(result, Reason.NOT_PERMITTED)
    assert not (tmp_path / "started").exists()


def test_an_address_outside_the_permit_and_a_spent_budget_start_no_program(program: Callable[[str], str], tmp_path: Path) -> None:
    script = program(f"touch {tmp_path}/started")
    unobserved(look(script, host(80, address="127.43.0.1")), Reason.NOT_PERMITTED)
    with permitted(budget=10):
        result = Nmap(script, few=0).look(Target("web", host(80), None, HERE), circumstances(ports="1-100"))
    unobserved(result, Reason.BUDGET_SPENT)
    assert not (tmp_path / "started").exists()


def test_nmap_is_told_half_the_permitted_rate_and_the_connections_are_counted(
    program: Callable[[str], str], tmp_path: Path
) -> None:
    script = program(f"printf '%s\\n' \"$*\" >> {tmp_path}/words; printf '%s' '{(_HEAD + _HOST + _END).decode()}'")
    with permitted(rate=40) as raised:
        Nmap(script, few=0).look(Target("web", host(80), None, HERE), circumstances(ports="1-100"))
        assert raised.spent[HERE] >= 200
    first, second = (tmp_path / "words").read_text().splitlines()
    assert "--max-rate 20" in first
    assert "-sV" not in first
    assert "-sV --version-light" in second
    assert "-p 80 " in second


def test_ports_are_asked_for_once_each() -> None:
    assert ports_asked(host(80, 8_443), "1-1024") == "1-1024,8443"
    assert numbers("1-3,9") == {1, 2, 3, 9}


def test_real_reports_are_read(shared_data: Path) -> None:
    report = nmap_xml.read(io.BytesIO((shared_data / "nmap" / "nmap-sV-debian-openssh-apache-nginx.xml").read_bytes()))
    assert {"ssh", "http"} <= {port.service for port in report.ports}
    assert all(port.cpes for port in report.ports if port.product)


@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80), st.sampled_from(("name", "product", "version", "cpe"))
)
def test_whatever_a_peer_makes_nmap_write_is_kept_as_harmless_text(said: str, where: str) -> None:
    quoted = said.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    cpe = f"<cpe>{quoted}</cpe>" if where == "cpe" else ""
    service = f'<service name="{quoted if where == "name" else "x"}" product="{quoted}" version="{quoted}">{cpe}</service>'
    text = (
        _HEAD.decode()
        + f'<host><status state="up"/><ports><port protocol="tcp" portid="80"><state state="open"/>{service}</port>'
    )
    report = nmap_xml.read(io.BytesIO((text + "</ports></host>").encode() + _END))
    for shown in (report.ports[0].service, report.ports[0].product, report.ports[0].version, *report.ports[0].cpes):
        assert shown.isascii()
        assert shown.isprintable()


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_or_unreadable(data: bytes) -> None:
    for text in (data, _HEAD + data + _END):
        with suppress(nmap_xml.UnreadableError):
            assert nmap_xml.read(io.BytesIO(text)).finished
