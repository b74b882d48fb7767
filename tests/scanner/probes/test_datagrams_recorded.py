"""The datagram probes against recorded bytes of servers that cannot be had here, against silence, and against hostile answers."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import Datagram, DatagramsObservation, Reason, Reply, Unobserved
from scanner.probes import fence
from scanner.probes.ber import INTEGER, OID, SEQUENCE, STRING, encoded, inside
from scanner.probes.datagrams import host as looking
from scanner.probes.datagrams.asking import TRIES
from scanner.probes.looking import Target
from scanner.record import escaped
from scanner.targets import Host, Permit
from tests.scanner.permits import permit
from tests.scanner.probes.talkers import circumstances
from tests.scanner.probes.udp_peers import PATIENCE, answering, came_back, free_port, put, question

HERE = "127.102.2.1"
NAMES = [one.name for one in looking.questions()]


def agent(version: int, error: int = 0) -> Callable[[bytes], bytes]:
    """An agent that asks for no community, as some printers and controllers do; or answers with this error."""

    def answer(data: bytes) -> bytes:
        asked = inside(encoded(0xA0, inside(data, SEQUENCE)[2][1]), 0xA0)[0][1]
        value = encoded(STRING, b"Printer 1\x1b[31m")
        binding = encoded(SEQUENCE, encoded(OID, bytes.fromhex("2b06010201010100")), value)
        response = encoded(0xA2, encoded(INTEGER, asked), bytes([2, 1, error]) + b"\x02\x01\x00", encoded(SEQUENCE, binding))
        return encoded(SEQUENCE, bytes([2, 1, version]), encoded(STRING), response)

    return answer


def pong(data: bytes) -> bytes:
    return b"\x06\x00\xff\x06\x00\x00\x11\xbe\x40" + data[9:10] + b"\x00\x10" + b"\x00\x00\x11\xbe\x00\x00\x00\x00\x81" + bytes(7)


def ciphers(*suites: int) -> Callable[[bytes], bytes]:
    """A management controller that lists these cipher suites (IPMI 2.0 section 22.15)."""

    def answer(data: bytes) -> bytes:
        records = b"".join(bytes([0xC0, suite, 0x01, 0x41, 0x81]) for suite in suites)
        said = b"\x81\x1c\x63\x20" + data[20:22] + b"\x00\x0e" + records
        return data[:14] + struct.pack("<H", len(said) + 1) + said + b"\x00"

    return answer


def ntp(control: bool | None, private: int | None) -> Callable[[bytes], bytes | None]:
    """A time server: whether it answers mode 6 (None: not at all), and with which error mode 7."""

    def answer(data: bytes) -> bytes | None:
        mode = data[0] & 7
        if mode == 3:
            return b"\x24\x02\x06\xe9" + bytes(20) + data[40:48] + bytes(16)
        if mode == 6 and control is not None:
            return bytes([0x16, 0x82 if control else 0xC2]) + data[2:4] + bytes(8) + b'version="ntpd 4.2.6p5"'
        return b"\x97\x00\x03\x04" + bytes([private << 4, 0, 0, 0]) + bytes(40) if mode == 7 and private is not None else None

    return answer


@pytest.mark.parametrize(
    ("name", "answer", "reply", "said"),
    [
        ("snmp_v1", agent(0), Reply.SERVED, "Printer 1\\x1b[31m"),
        ("snmp_v2c", agent(1), Reply.SERVED, "Printer 1\\x1b[31m"),
        ("snmp_v2c", agent(1, error=16), Reply.DECLINED, "error 16"),
        ("snmp_v2c", agent(1, error=5), Reply.SERVED, "Printer 1\\x1b[31m"),
        ("ipmi", pong, Reply.SERVED, "a management controller answers"),
        ("ipmi_ciphers", ciphers(0, 3, 17), Reply.SERVED, "cipher suites 0, 3, 17"),
        ("ipmi_ciphers", ciphers(3, 17), Reply.DECLINED, "cipher suites 3, 17"),
        ("ntp_time", ntp(None, None), Reply.SERVED, "version 4, stratum 2"),
        ("ntp_control", ntp(True, None), Reply.SERVED, 'version="ntpd 4.2.6p5"'),
        ("ntp_control", ntp(False, None), Reply.DECLINED, "an error"),
        ("ntp_private", ntp(None, 0), Reply.SERVED, "48 bytes of system information"),
        ("ntp_private", ntp(None, 7), Reply.DECLINED, "error 7"),
        (
            "dns_recursion",
            lambda data: data[:2] + b"\x80\x05" + data[4:],
            Reply.DECLINED,
            "REFUSED, recursion not available, 0 answers",
        ),
        (
            "dns_recursion",
            lambda data: data[:2] + b"\x81\x82" + data[4:],
            Reply.SERVED,
            "SERVFAIL, recursion available, 0 answers",
        ),
        ("mdns", lambda data: data[:2] + b"\x84\x00\x00\x01\x00\x03\x00\x00\x00\x00" + data[12:], Reply.SERVED, "3 answers"),
        ("netbios", lambda data: data[:2] + b"\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00", Reply.SERVED, "1 answers"),
        (
            "ssdp",
            lambda _: b"HTTP/1.1 200 OK\r\nSERVER: x\r\n\r\n",
            Reply.SERVED,
            "HTTP/1.1 200 OK\\x0d\\x0aSERVER: x\\x0d\\x0a\\x0d\\x0a",
        ),
        ("cldap", lambda data: encoded(SEQUENCE, data[2:7], encoded(0x65, b"\n\x01\x00")), Reply.SERVED, "a directory answers"),
        ("memcached", lambda data: data[:8] + b"ERROR\r\n", Reply.SERVED, "ERROR"),
        ("portmapper", lambda data: data[:4] + b"\0\0\0\1" + bytes(16), Reply.SERVED, "programs "),
        ("portmapper", lambda data: data[:4] + b"\0\0\0\1\0\0\0\1", Reply.DECLINED, "answers, and does not list its programs"),
    ],
)
def test_each_answer_is_what_it_is(name: str, answer: Callable[[bytes], bytes], reply: Reply, said: str) -> None:
    with answering(HERE, answer) as (port, heard):
        found = came_back(HERE, name, port)
    assert (found.reply, found.said) == (reply, said)
    assert len(heard) == 1


NO_SUCH_FILE = b"\x00\x05\x00\x01no such file\x00"


@pytest.mark.parametrize("here", [HERE, "::1"])
def test_a_tftp_server_answers_from_a_port_of_its_own(here: str) -> None:
    with answering(here, lambda _: NO_SUCH_FILE, says_from=here) as (port, heard):
        found = came_back(here, "tftp", port)
    assert found.reply is Reply.SERVED
    assert found.said == "no such file"
    assert heard[0].startswith(b"\x00\x01clearance-")


def test_what_another_address_says_is_not_heard() -> None:
    with answering(HERE, lambda _: NO_SUCH_FILE, says_from="127.102.2.9") as (port, _):
        assert came_back(HERE, "tftp", port).reply is Reply.SILENT
    with answering(HERE, lambda _: b"HTTP/1.1 200 OK\r\n", says_from=HERE) as (port, _):
        assert came_back(HERE, "ssdp", port).reply is Reply.SILENT


# --- Silence, strangers, hostile bytes -----------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_silence_is_silence_whatever_was_asked(name: str) -> None:
    with answering(HERE, lambda _: None) as (port, heard):
        found = put(HERE, question(name, port), patience=0.05)[name]
    assert isinstance(found, Datagram)
    assert found.reply is Reply.SILENT
    assert len(heard) == TRIES


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_to_something_else_is_neither_silence_nor_an_answer(name: str) -> None:
    with answering(HERE, lambda _: b"\xff" * 40) as (port, _):
        found = put(HERE, question(name, port), patience=0.05)[name]
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.UNREADABLE


def test_many_silent_questions_wait_at_the_same_time() -> None:
    with answering(HERE, lambda _: None) as (port, _):
        began = time.monotonic()
        put(HERE, *(question(one, port) for one in NAMES), patience=0.2)
    assert time.monotonic() - began < 2 * 0.2 * TRIES


def test_a_flood_of_strange_answers_is_read_no_further() -> None:
    with answering(HERE, lambda _: b"\xff" * 400, times=40) as (port, _):
        began = time.monotonic()
        found = put(HERE, question("ssdp", port), patience=5.0)["ssdp"]
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.UNREADABLE
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("name", NAMES)
@given(data=st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_bytes_make_a_reader_raise(name: str, data: bytes) -> None:
    read = question(name, 9).read(data)
    assert read is None or (read[0] in (Reply.SERVED, Reply.DECLINED) and escaped(read[1]).isascii())


ANSWERS: dict[str, Callable[[bytes], bytes | None]] = {
    "snmp_v1": agent(0),
    "snmp_v2c": agent(1),
    "ipmi": pong,
    "ipmi_ciphers": ciphers(0, 3),
    "ntp_control": ntp(True, None),
    "ntp_private": ntp(None, 0),
    "portmapper": lambda data: data[:4] + b"\0\0\0\1" + bytes(16) + struct.pack("!5I", 1, 100_003, 3, 17, 2_049),
}


@pytest.mark.parametrize("name", ANSWERS)
@given(st.data())
@settings(max_examples=80, deadline=None)
def test_no_damage_to_a_sound_answer_makes_a_reader_raise(name: str, data: st.DataObject) -> None:
    asked = question(name, 9)
    good = ANSWERS[name](asked.payload)
    assert good is not None
    assert asked.read(good) is not None
    at = data.draw(st.integers(0, len(good)))
    put_in, cut = data.draw(st.binary(max_size=4)), data.draw(st.integers(0, 4))
    asked.read(good[:at] + put_in + good[at + cut :])


# --- Ignored is not silent -----------------------------------------------------------------------


def seen_at(monkeypatch: pytest.MonkeyPatch, port: int) -> DatagramsObservation:
    """What is seen of a host whose time server has this port."""
    nobody = free_port(HERE)
    ports = {name: port if name.startswith("ntp") else nobody for name in NAMES}
    monkeypatch.setattr(looking, "PATIENCE", PATIENCE)
    monkeypatch.setattr(looking, "_QUIET", 2 * PATIENCE)
    real = tuple(question(name, ports[name]) for name in NAMES)
    monkeypatch.setattr(looking, "questions", lambda: real)
    host = Host(id="time", address=HERE)
    found = looking.look(Target("time", host, None, HERE), circumstances())
    assert isinstance(found, DatagramsObservation)
    return found


def test_a_time_server_that_gives_the_time_and_no_more_ignores_the_other_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(HERE, ntp(None, None)) as (port, _):
        found = seen_at(monkeypatch, port)
    assert [fact.reply for fact in (found.ntp_time, found.ntp_control, found.ntp_private) if isinstance(fact, Datagram)] == [
        Reply.SERVED,
        Reply.IGNORED,
        Reply.IGNORED,
    ]


def test_a_server_that_falls_silent_meanwhile_ignores_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[int] = []

    def once(data: bytes) -> bytes | None:
        times.extend([1] if data[0] & 7 == 3 else [])
        return ntp(None, None)(data) if len(times) == 1 else None

    with answering(HERE, once) as (port, _):
        found = seen_at(monkeypatch, port)
    assert isinstance(found.ntp_control, Datagram)
    assert found.ntp_control.reply is Reply.SILENT


@pytest.mark.parametrize(("control", "seen"), [(True, Reply.SERVED), (None, Reply.IGNORED)])
def test_a_server_that_limits_the_rate_is_asked_again_in_quiet(
    control: bool | None, seen: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = [0.0]

    def limited(data: bytes) -> bytes | None:
        before, last[0] = last[0], time.monotonic()
        return ntp(control, None)(data) if last[0] - before > 1.5 * PATIENCE else None

    with answering(HERE, limited) as (port, _):
        found = seen_at(monkeypatch, port)
    assert isinstance(found.ntp_control, Datagram)
    assert found.ntp_control.reply is seen


def test_what_there_was_no_time_to_ask_is_not_silent() -> None:
    from scanner.probes.datagrams.asking import asked

    found, sent = asked(HERE, looking.questions(), 1.0, ends=0.0)
    assert sent == 0
    assert {fact.reason for fact in found.values() if isinstance(fact, Unobserved)} == {Reason.TIMED_OUT}
    assert not [fact for fact in found.values() if isinstance(fact, Datagram)]


# --- The fence -----------------------------------------------------------------------------------


def fenced(allowed: Permit) -> fence.Fence:
    return fence.Fence(allowed, lambda: datetime.now(UTC))


def test_every_datagram_is_counted_the_repeated_ones_too() -> None:
    with answering(HERE, lambda _: None) as (port, heard), fence.raised(fenced(permit(f"{HERE}/32"))) as guard:
        put(HERE, question("ssdp", port), question("tftp", port), patience=0.05)
    assert guard.spent[HERE] == len(heard) == 2 * TRIES


def test_datagrams_wait_their_turn_under_the_rate() -> None:
    with answering(HERE, lambda _: None) as (port, heard), fence.raised(fenced(permit(f"{HERE}/32", rate=20))):
        began = time.monotonic()
        put(HERE, *(question(name, port) for name in NAMES[:6]), patience=0.01)
    assert time.monotonic() - began >= (len(heard) - 1) / 20


def test_a_spent_budget_leaves_questions_unseen() -> None:
    with answering(HERE, lambda _: None) as (port, heard), fence.raised(fenced(permit(f"{HERE}/32", budget=2))):
        found = put(HERE, *(question(name, port) for name in NAMES[:4]), patience=0.05)
    assert len(heard) == 2
    assert {fact.reason for fact in found.values() if isinstance(fact, Unobserved)} == {Reason.BUDGET_SPENT}
    assert not [fact for fact in found.values() if isinstance(fact, Datagram)]


@pytest.mark.parametrize("address", ["224.0.0.251", "239.255.255.250", "255.255.255.255", "ff02::fb", "0.0.0.0"])
@pytest.mark.parametrize("name", ["mdns", "tftp"])
def test_no_group_and_no_broadcast_address_can_be_asked_whatever_the_permit_says(address: str, name: str) -> None:
    with fence.raised(fenced(permit("0.0.0.0/0", "::/0", "224.0.0.0/4"))):
        found = put(address, question(name, 5_353), patience=0.05)[name]
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.NOT_PERMITTED
