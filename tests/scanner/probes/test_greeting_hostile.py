"""The greeting probe against servers that are silent, rude, endless or hostile, and within its permit."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from checks import exposure_services
from scanner.check import Parameters
from scanner.findings import Pass
from scanner.observations import GreetingObservation, Reason, Unobserved
from scanner.probes import desktops, directories, greeting, shares, stores
from scanner.probes.fence import raised
from scanner.targets import Speaks
from tests.scanner.probes import web_peers
from tests.scanner.probes.issuing import Made, kept
from tests.scanner.probes.talkers import Talk, circumstances, talking, target
from tests.scanner.probes.test_greeting import answers, says
from tests.scanner.probes.test_web_fence import fence

HERE = "127.45.2.1"


def look(port: int, **changes: object) -> GreetingObservation | Unobserved:
    return greeting.look(target(HERE, port, Speaks.OTHER), circumstances(**changes))


def why(result: GreetingObservation | Unobserved) -> Reason:
    assert isinstance(result, Unobserved), result
    return result.reason


def seen(result: GreetingObservation | Unobserved) -> GreetingObservation:
    assert isinstance(result, GreetingObservation), result
    return result


def test_a_server_that_never_says_a_word_is_silent() -> None:
    with talking(HERE, answers({b"": b""})) as (port, met):
        assert why(look(port, timeout=0.2)) is Reason.SILENT
        assert len(met) == greeting.BUDGET


def test_a_server_that_hangs_up_on_everything_is_silent() -> None:
    with talking(HERE, answers({})) as (port, met):
        assert why(look(port, timeout=0.2)) is Reason.SILENT
        assert len(met) == greeting.BUDGET


def test_a_server_that_closes_at_once_is_silent() -> None:
    with talking(HERE, lambda peer: peer.close()) as (port, met):
        assert why(look(port, timeout=0.2)) is Reason.SILENT
        assert len(met) == greeting.BUDGET


def _reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_a_server_that_resets_at_once_is_left_alone() -> None:
    with talking(HERE, _reset) as (port, met):
        assert why(look(port)) is Reason.RESET
        assert len(met) == 1


def test_what_was_said_before_a_reset_stands() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(b"mystery ")
        peer.settimeout(0.1)
        with suppress(TimeoutError):
            peer.recv(1)
        _reset(peer)

    with talking(HERE, talk) as (port, _):
        found = seen(look(port))
    assert (found.protocol, found.said) == ("unknown", "mystery ")


def test_a_closed_port_is_refused() -> None:
    with socket.create_server((HERE, 0)) as server:
        port = int(server.getsockname()[1])
    assert why(look(port)) is Reason.REFUSED


def test_a_banner_of_ten_megabytes_is_cut() -> None:
    with talking(HERE, says(b"A" * 10_000_000)) as (port, _):
        found = seen(look(port))
    assert found.protocol == "unknown"
    assert found.said.startswith("AAAA")
    assert found.said.endswith("(4096 bytes)")


@pytest.mark.parametrize(
    "said",
    [
        b"\x1b]0;owned\x07\xff\xfe<script>alert(1)</script>\r\n",
        "gi\N{COMBINING ACUTE ACCENT}a\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
        bytes(range(256)),
        b"\0" * 300,
    ],
)
def test_escapes_and_broken_text_are_kept_as_printable_ascii(said: bytes) -> None:
    with talking(HERE, says(said)) as (port, _):
        found = seen(look(port))
    assert found.protocol == "unknown"
    assert found.said.isascii()
    assert found.said.isprintable()
    assert isinstance(found.answers_unauthenticated, Unobserved)
    assert GreetingObservation.read(found.written()) == found


def _dripping(byte: bytes, every: float) -> Talk:
    def talk(peer: socket.socket) -> None:
        peer.settimeout(every)
        with suppress(OSError):
            while True:
                peer.sendall(byte)
                with suppress(TimeoutError):
                    if not peer.recv(4_096):
                        return

    return talk


@pytest.mark.parametrize(("deadline", "most"), [(1.0, 15), (10.0, 45)])
def test_a_server_that_drips_forever_is_left_after_a_while_or_at_the_deadline(deadline: float, most: int) -> None:
    with talking(HERE, _dripping(b"A", 0.1)) as (port, met):
        found = seen(look(port, deadline=deadline))
        assert len(met) == 1
    assert found.protocol == "unknown"
    assert 3 <= len(found.said) < most


def test_a_server_that_drips_a_byte_a_second_is_heard_as_far_as_it_got() -> None:
    with talking(HERE, _dripping(b"\n", 1.0)) as (port, met):
        found = seen(look(port))
        assert len(met) == 1
    assert (found.protocol, found.said) == ("unknown", "\\x0a")


def test_a_silent_server_is_left_at_the_deadline_which_is_not_the_same_as_silence() -> None:
    with talking(HERE, answers({b"": b""})) as (port, met):
        assert why(look(port, timeout=0.4, deadline=1.0)) is Reason.TIMED_OUT
        assert len(met) < greeting.BUDGET


def test_a_permit_without_room_for_another_connection_is_not_silence() -> None:
    with talking(HERE, answers({b"": b""})) as (port, met), raised(fence(f"{HERE}/32", budget=2)):
        assert why(look(port, timeout=0.2)) is Reason.BUDGET_SPENT
        assert len(met) == 2


def test_outside_the_permit_nothing_is_connected_to() -> None:
    with talking(HERE, says(b"220 ftp\r\n")) as (port, met), raised(fence("127.45.2.9/32")) as guard:
        assert why(look(port)) is Reason.NOT_PERMITTED
        assert guard.spent.total() == 0
        assert met == []


def test_what_is_known_when_the_budget_is_spent_is_kept(tmp_path: Path) -> None:
    """It speaks TLS: that stands; whether it serves strangers could not be asked any more."""
    with (
        web_peers.listening(HERE, web_peers.tls(*kept(tmp_path, Made()))) as peer,
        raised(fence(f"{HERE}/32", budget=2)) as guard,
    ):
        found = seen(look(peer.port, timeout=0.3))
        assert found.seen.connections == guard.spent[HERE] == 2
    assert (found.protocol, found.encrypted) == ("tls", True)
    assert isinstance(found.answers_unauthenticated, Unobserved)
    assert found.answers_unauthenticated.reason is Reason.BUDGET_SPENT


@pytest.mark.parametrize(
    ("inside", "protocol", "strangers"),
    [(b"* OK IMAP4rev1 ready\r\n", "imap", False), (b"mystery\r\n", "tls", None)],
)
def test_a_service_that_speaks_first_inside_tls_is_heard(
    inside: bytes, protocol: str, strangers: bool | None, tmp_path: Path
) -> None:
    talk = web_peers.tls(*kept(tmp_path, Made()), web_peers.saying(inside, first=True))
    with web_peers.listening(HERE, talk) as peer:
        found = seen(look(peer.port, timeout=0.5))
    assert (found.protocol, found.encrypted) == (protocol, True)
    assert found.spoken_in_clear is None
    assert found.answers_unauthenticated is strangers or isinstance(found.answers_unauthenticated, Unobserved)
    assert strangers is not None or isinstance(found.answers_unauthenticated, Unobserved)


def test_bytes_that_only_begin_like_tls_are_not_taken_for_tls() -> None:
    with talking(HERE, answers({b"\x16\x03": b"\x16\x03\x01" + b"\xff" * 40})) as (port, _):
        assert seen(look(port, timeout=0.2)).encrypted is False


@pytest.mark.parametrize("alert", [b"\x15\x03\x01\x00\x02\x02\x28", b"\x15\x03\x03\x00\x02\x02\x70"])
def test_a_server_that_refuses_the_handshake_in_words_of_tls_speaks_tls(alert: bytes) -> None:
    with talking(HERE, answers({b"\x16\x03": alert})) as (port, met):
        found = seen(look(port, timeout=0.2))
        assert len(met) == 2
    assert (found.protocol, found.encrypted) == ("tls", True)
    assert isinstance(found.answers_unauthenticated, Unobserved)


def test_a_recognised_service_that_is_no_store_leaves_no_control_open() -> None:
    for said in (b"220 (vsFTPd 3.0.3)\r\n", b"220 mail ESMTP\r\n", b"SSH-2.0-x\r\n", b"\r\nlogin: "):
        with talking(HERE, says(said)) as (port, _):
            found = seen(look(port))
        assert isinstance(exposure_services.authenticated_stores(found, Parameters()), Pass)


def test_nothing_is_said_that_could_be_a_credential_or_change_anything() -> None:
    heard: list[bytes] = []

    def talk(peer: socket.socket) -> None:
        while said := peer.recv(4_096):
            heard.append(said)

    with talking(HERE, talk) as (port, _):
        look(port, timeout=0.2)
    said = [each for each in heard if not each.startswith(b"\x16\x03")]
    mongo = next(each for each in said if each[12:16] == struct.pack("<i", 2_013))
    assert b"hello" in mongo
    known = [stores.PING, b"GET / HTTP/1.0", stores.SSL_REQUEST, mongo, desktops.rdp_request(desktops.STANDARD)]
    known += [shares.smb2_negotiate(), shares.smb1_negotiate(), directories.root(), shares.DUMP, desktops.X11_SETUP]
    assert [each[: len(wanted)] for each, wanted in zip(said, known, strict=True)] == known
