"""The datagram probes against Debian's snmpd, dnsmasq, atftpd and memcached, over IPv4 and IPv6."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.observations import Datagram, DatagramsObservation, Reason, Reply, ReplyObservation, Unobserved
from scanner.probes.ber import INTEGER, SEQUENCE, STRING, elements, encoded, inside
from scanner.probes.datagrams import host as looking
from scanner.probes.datagrams import service
from scanner.probes.looking import Target
from scanner.targets import Host, Service, Speaks
from tests.scanner.probes.talkers import circumstances
from tests.scanner.probes.udp_peers import answering, came_back, debian, free_port, put, question

EACH_FAMILY = pytest.mark.parametrize("here", ["127.102.1.1", "::1"])
HERE = "127.102.1.1"
_ROOT_ZONE = b"\x00\x00\x02\x00\x01" + b"\x00\x00\x02\x00\x01\x00\x00\x0e\x10\x00\x14\x01a\x0croot-servers\x03net\x00"


def host_looked_at(monkeypatch: pytest.MonkeyPatch, address: str, **ports: int) -> DatagramsObservation:
    """What the probe sees of a host whose services have these ports instead of their own."""
    nobody = free_port(address)
    asked = looking.questions()
    monkeypatch.setattr(looking, "_QUIET", 0.2)
    monkeypatch.setattr(looking, "questions", lambda: tuple(replace(one, port=ports.get(one.name, nobody)) for one in asked))
    host = Host(id="ns1", address=address)
    found = looking.look(Target("ns1", host, None, address), circumstances(timeout=0.2))
    assert isinstance(found, DatagramsObservation)
    return found


def reply(fact: Datagram | Unobserved) -> Reply:
    assert isinstance(fact, Datagram), fact
    return fact.reply


@contextmanager
def snmpd(folder: Path, address: str) -> Iterator[int]:
    """Net-SNMP's agent with one community and one user."""
    port = free_port(address)
    transport = f"udp6:[{address}]:{port}" if ":" in address else f"udp:{address}:{port}"
    directive = "rocommunity6" if ":" in address else "rocommunity"
    (folder / "snmpd.conf").write_text(
        f"agentaddress {transport}\n{directive} lab default\ncreateUser audit SHA laboratory1\nrouser audit auth\n"
    )
    command = ("snmpd", "-f", "-Lo", "-C", "-c", folder / "snmpd.conf", "-I", "-smux", "-p", folder / "snmpd.pid")
    environment = {"SNMP_PERSISTENT_DIR": str(folder)}
    with debian(folder, address, port, "env", *(f"{name}={value}" for name, value in environment.items()), *command):
        yield port


@EACH_FAMILY
def test_an_snmp_agent_is_discovered_and_ignores_who_names_no_community(
    here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with snmpd(tmp_path, here) as port:
        found = host_looked_at(monkeypatch, here, snmp_v1=port, snmp_v2c=port, snmp_v3=port)
    assert reply(found.snmp_v3) is Reply.SERVED
    assert isinstance(found.snmp_v3, Datagram)
    assert found.snmp_v3.said.startswith("engine 80001f88")
    assert (reply(found.snmp_v1), reply(found.snmp_v2c)) == (Reply.IGNORED, Reply.IGNORED)
    assert reply(found.tftp) is Reply.REFUSED


@pytest.mark.parametrize("name", ["snmp_v1", "snmp_v2c"])
def test_the_question_is_one_that_a_real_agent_answers_to_who_knows_its_community(name: str, tmp_path: Path) -> None:
    with snmpd(tmp_path, HERE) as port:
        asked = question(name, port)
        version, _none, (_, request) = inside(asked.payload, SEQUENCE)
        knowing = encoded(SEQUENCE, encoded(*version), encoded(STRING, b"lab"), encoded(0xA0, request))
        found = put(HERE, replace(asked, payload=knowing))[name]
    assert isinstance(found, Datagram)
    assert found.reply is Reply.SERVED
    assert found.said.startswith("Linux ")


def test_no_community_is_ever_sent() -> None:
    for name in ("snmp_v1", "snmp_v2c"):
        assert inside(question(name, 161).payload, SEQUENCE)[1] == (STRING, b"")
    version, _header, security, _scoped = inside(question("snmp_v3", 161).payload, SEQUENCE)
    assert version == (INTEGER, b"\x03")
    user = elements(security[1])[0][1]
    assert elements(user)[3:] == [(STRING, b"")] * 3


@EACH_FAMILY
def test_a_resolver_that_looks_names_up_for_strangers_is_told_from_one_that_refuses(here: str, tmp_path: Path) -> None:
    def upstream(data: bytes) -> bytes:
        return data[:2] + struct.pack("!5H", 0x8580, 1, 1, 0, 0) + _ROOT_ZONE

    port = free_port(here)
    plain = (
        "dnsmasq",
        "-k",
        "-C",
        "/dev/null",
        "-R",
        "-h",
        f"--port={port}",
        f"--listen-address={here}",
        "--bind-interfaces",
        "--user=root",
    )
    with debian(tmp_path, here, port, *plain, "--pid-file="):
        refusing = came_back(here, "dns_recursion", port)
    assert refusing.reply is Reply.DECLINED
    assert refusing.said.startswith("REFUSED")
    with (
        answering(HERE, upstream) as (above, heard),
        debian(tmp_path, here, port, *plain, "--pid-file=", f"--server={HERE}#{above}"),
    ):
        open_to_all = came_back(here, "dns_recursion", port)
        assert heard
    assert open_to_all.reply is Reply.SERVED
    assert "recursion available" in open_to_all.said
    assert open_to_all.received > open_to_all.sent


def test_a_tftp_server_is_there_once_it_says_that_there_is_no_such_file(tmp_path: Path) -> None:
    port, folder = free_port(HERE), tmp_path / "tftp"
    folder.mkdir()
    command = ("atftpd", "--daemon", "--no-fork", "--bind-address", HERE, "--port", port, "--user", "root", "--group", "root")
    with debian(tmp_path, HERE, port, *map(str, command), "--logfile", tmp_path / "log", folder):
        found = came_back(HERE, "tftp", port)
    assert found.reply is Reply.SERVED
    assert found.said == "File not found"


@EACH_FAMILY
def test_memcached_tells_its_version_over_udp(here: str, tmp_path: Path) -> None:
    port = free_port(here)
    with debian(tmp_path, here, port, "memcached", "-u", "root", "-l", here, "-p", "0", "-U", str(port)):
        found = came_back(here, "memcached", port)
    assert found.reply is Reply.SERVED
    assert found.said.startswith("VERSION 1.")


@EACH_FAMILY
def test_a_host_on_which_nothing_listens_says_so_for_each_question(here: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = host_looked_at(monkeypatch, here)
    facts = [value for value in vars(found).values() if isinstance(value, Datagram)]
    assert len(facts) == len(looking.questions())
    assert {fact.reply for fact in facts} == {Reply.REFUSED}
    assert found.seen.connections == len(facts)


# --- Declared UDP services -----------------------------------------------------------------------


def declared(address: str, port: int, speaks: Speaks) -> ReplyObservation | Unobserved:
    named = Service(port=port, transport="udp", speaks=speaks)
    host = Host(id="ns1", address=address, services=(named,))
    return service.look(Target(f"ns1:{port}/udp", host, named, address), circumstances(timeout=0.2))


@EACH_FAMILY
def test_a_declared_agent_is_asked_in_its_own_protocol(here: str, tmp_path: Path) -> None:
    with snmpd(tmp_path, here) as port:
        found = declared(here, port, Speaks.SNMP)
        wrongly = declared(here, port, Speaks.DNS)
    assert isinstance(found, ReplyObservation)
    assert (found.asked, found.spoken) == ("snmp", True)
    assert isinstance(wrongly, Unobserved)
    assert wrongly.reason is Reason.SILENT
    gone = declared(here, port, Speaks.SNMP)
    assert isinstance(gone, Unobserved)
    assert gone.reason is Reason.REFUSED


def test_a_service_that_answers_in_another_protocol_does_not_speak_what_is_declared() -> None:
    with answering(HERE, lambda _: b"HTTP/1.1 400 Bad Request\r\n") as (port, _):
        found = declared(HERE, port, Speaks.NTP)
    assert isinstance(found, ReplyObservation)
    assert found.spoken is False


def test_a_service_of_no_known_protocol_is_there_where_it_answers_and_no_more_is_said() -> None:
    with answering(HERE, lambda _: b"\x00hello") as (port, _):
        found = declared(HERE, port, Speaks.OTHER)
    assert isinstance(found, ReplyObservation)
    assert found.said == "\\x00hello"
    assert isinstance(found.spoken, Unobserved)
