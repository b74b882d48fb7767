"""The SSH probe against real sshd with many keys and algorithms, and against peers that are no SSH servers or bad ones."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.observations import KeyAlgorithm, Reason, SshObservation, Unobserved
from scanner.probes import ssh, ssh_packets
from scanner.probes.ssh_packets import Offer, PacketError, Reader
from scanner.targets import Speaks
from tests.lab.processes import started
from tests.scanner.probes.talkers import circumstances, talking, target

HERE = "127.44.0.1"


def free_port() -> int:
    with socket.create_server((HERE, 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def sshd(folder: Path, *lines: str, keys: tuple[tuple[str, int], ...] = (("ed25519", 0),)) -> Iterator[int]:
    """A real sshd with these host keys and settings; its port."""
    for number, (kind, bits) in enumerate(keys):
        size = ["-b", str(bits)] if bits else []
        subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-f", folder / f"key{number}"], check=True, timeout=60)
    port = free_port()
    config = [f"ListenAddress {HERE}", f"Port {port}", "PidFile none", "UsePAM no", *lines]
    config += [f"HostKey {folder}/key{number}" for number in range(len(keys))]
    (folder / "sshd_config").write_text("\n".join(config) + "\n")
    script = 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f "$0"'
    with ExitStack() as stack:
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")]
        if os.geteuid() == 0:  # as root it wants an empty directory of its own
            command = ["unshare", "-m", "sh", "-c", script, command[-1]]
        started(stack, command, folder / "sshd.log", [(HERE, port)])
        yield port


def look(port: int, **changes: object) -> SshObservation | Unobserved:
    return ssh.look(target(HERE, port, Speaks.SSH), circumstances(**changes))


def seen(result: SshObservation | Unobserved) -> SshObservation:
    assert isinstance(result, SshObservation), result
    return result


def fingerprints(folder: Path) -> set[str]:
    found = set()
    for path in folder.glob("key?.pub"):
        said = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout.split()
        found.add(f"{said[0]} {said[1]}")
    return found


def test_every_host_key_is_proven_with_one_connection_each(tmp_path: Path) -> None:
    keys = (("ed25519", 0), ("ecdsa", 256), ("rsa", 2_048))
    with sshd(tmp_path, keys=keys) as port:
        found = seen(look(port))
    assert not isinstance(found.host_keys, Unobserved), found.host_keys
    assert {f"{key.bits} {key.sha256}" for key in found.host_keys} == fingerprints(tmp_path)
    assert {key.algorithm for key in found.host_keys} == {KeyAlgorithm.ED25519, KeyAlgorithm.EC, KeyAlgorithm.RSA}
    assert found.seen.connections == 4  # and one to be handed a group
    assert found.protocol == "2.0"
    assert found.banner.startswith("SSH-2.0-OpenSSH_")


@pytest.mark.parametrize("curve", [384, 521])
def test_each_curve_has_its_bits(tmp_path: Path, curve: int) -> None:
    with sshd(tmp_path, keys=(("ecdsa", curve),)) as port:
        found = seen(look(port))
    assert not isinstance(found.host_keys, Unobserved)
    assert [key.bits for key in found.host_keys] == [curve]


def test_a_weak_rsa_key_is_seen_with_its_size(tmp_path: Path) -> None:
    with sshd(tmp_path, keys=(("rsa", 1_024),)) as port:
        found = seen(look(port))
    assert not isinstance(found.host_keys, Unobserved)
    assert [(key.type, key.bits) for key in found.host_keys] == [("ssh-rsa", 1_024)]


@pytest.mark.parametrize(
    "kex",
    [
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
    ],
)
def test_the_host_key_is_proven_in_every_key_exchange(tmp_path: Path, kex: str) -> None:
    with sshd(tmp_path, f"KexAlgorithms {kex}") as port:
        found = seen(look(port))
    assert not isinstance(found.host_keys, Unobserved), found.host_keys
    assert {f"{key.bits} {key.sha256}" for key in found.host_keys} == fingerprints(tmp_path)
    assert kex in found.kex


@pytest.mark.parametrize("algorithm", ["ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"])
def test_an_rsa_key_is_proven_with_every_hash(tmp_path: Path, algorithm: str) -> None:
    with sshd(tmp_path, f"HostKeyAlgorithms {algorithm}", keys=(("rsa", 2_048),)) as port:
        found = seen(look(port))
    assert found.host_key_algorithms == (algorithm,)
    assert not isinstance(found.host_keys, Unobserved), found.host_keys
    assert len(found.host_keys) == 1


def test_the_algorithms_are_those_the_server_was_given_in_its_order(tmp_path: Path) -> None:
    with sshd(tmp_path, "Ciphers aes256-ctr,3des-cbc", "MACs hmac-sha1,hmac-md5", "Compression no") as port:
        found = seen(look(port))
    assert found.ciphers == ("aes256-ctr", "3des-cbc")
    assert found.macs == ("hmac-sha1", "hmac-md5")
    assert found.compression == ("none",)


def test_where_no_key_exchange_is_known_the_offer_is_seen_and_the_keys_are_not(tmp_path: Path) -> None:
    with sshd(tmp_path, "KexAlgorithms sntrup761x25519-sha512@openssh.com") as port:
        found = seen(look(port))
    assert isinstance(found.host_keys, Unobserved)
    assert found.host_keys.reason is Reason.UNSUPPORTED
    assert found.kex[0] == "sntrup761x25519-sha512@openssh.com"


def test_the_server_takes_no_offence(tmp_path: Path) -> None:
    with sshd(tmp_path, keys=(("ed25519", 0), ("rsa", 2_048))) as port:
        look(port)
    said = (tmp_path / "sshd.log").read_text()
    assert "Received disconnect" in said
    assert "Unable to negotiate" not in said
    assert "incorrect" not in said


def _says(*pieces: bytes) -> Callable[[socket.socket], None]:
    def talk(peer: socket.socket) -> None:
        for piece in pieces:
            peer.sendall(piece)
        with suppress(OSError):
            while peer.recv(4_096):
                pass

    return talk


def _closes(*pieces: bytes) -> Callable[[socket.socket], None]:
    def talk(peer: socket.socket) -> None:
        for piece in pieces:
            peer.sendall(piece)
        peer.recv(64)

    return talk


_IDENT = b"SSH-2.0-Test_1.0\r\n"
_OFFER = Offer(("curve25519-sha256",), ("ssh-ed25519",), ("aes128-ctr",), ("hmac-sha2-256",), ("none",))
_KEXINIT = ssh_packets.packet(ssh_packets.kexinit("curve25519-sha256", "ssh-ed25519", _OFFER))


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (_says(), Reason.SILENT),
        (_closes(b"HTTP/1.1 400 Bad Request\r\n\r\n<html><script>alert(1)</script>"), Reason.NOT_SPOKEN),
        (_says(b"\x15\x03\x01\x00\x02\x02\x28"), Reason.NOT_SPOKEN),
        (_says(b"\xff\xfd\x18\xff\xfd\x20\r\nlogin: "), Reason.NOT_SPOKEN),
        (_says(b"A" * 10_000_000), Reason.NOT_SPOKEN),
        (_says(b"spam\r\n" * 10_000), Reason.NOT_SPOKEN),
        (_says(b"SSH-2.0-" + b"A" * 300), Reason.UNREADABLE),
        (_says(b"SSH-\r\n"), Reason.UNREADABLE),
        (_says(_IDENT, b"\xff\xff\xff\xff\x04" + b"A" * 40), Reason.UNREADABLE),
        (_says(_IDENT, ssh_packets.packet(b"\x14" + b"\0" * 16 + b"\xff\xff\xff\xff")), Reason.UNREADABLE),
        (_says(_IDENT, ssh_packets.packet(b"\x02" + b"x") * 40), Reason.UNREADABLE),
        (_closes(_IDENT), Reason.RESET),
        (_closes(b"Not allowed at this time\r\n"), Reason.BLOCKED),
        (_closes(b"Exceeded MaxStartups\r\n"), Reason.BLOCKED),
        (_says(_IDENT), Reason.TIMED_OUT),
        (_says(_IDENT, ssh_packets.packet(ssh_packets.disconnect())), Reason.BLOCKED),
    ],
)
def test_whatever_is_no_sound_ssh_server_is_an_outcome(talk: Callable[[socket.socket], None], reason: Reason) -> None:
    with talking(HERE, talk) as (port, _):
        result = look(port, timeout=0.5, deadline=3.0)
    assert isinstance(result, Unobserved), result
    assert result.reason is reason, result


def test_a_closed_port_is_refused() -> None:
    result = look(free_port())
    assert isinstance(result, Unobserved)
    assert result.reason is Reason.REFUSED


def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    def talk(peer: socket.socket) -> None:
        while True:
            peer.sendall(b"A")
            if peer.recv(1) == b"":
                return

    with talking(HERE, lambda peer: talk(peer)) as (port, _):
        result = look(port, timeout=0.2, deadline=1.0)
    assert isinstance(result, Unobserved)


def test_terminal_escapes_and_bytes_that_are_no_text_stand_escaped_in_the_banner() -> None:
    with talking(HERE, _says(b"SSH-2.0-\x1b[31mred\xff<b>\r\n", _KEXINIT)) as (port, _):
        found = seen(look(port, timeout=0.5))
    assert found.banner == r"SSH-2.0-\x1b[31mred\xff<b>"
    assert isinstance(found.host_keys, Unobserved)


def test_lines_before_the_identification_are_passed_over() -> None:
    with talking(HERE, _says(b"Welcome\r\nto the province\r\n", _IDENT, _KEXINIT)) as (port, _):
        found = seen(look(port, timeout=0.5))
    assert found.banner == "SSH-2.0-Test_1.0"


def test_an_ssh_1_server_is_seen_as_such() -> None:
    with talking(HERE, _says(b"SSH-1.5-Cisco-1.25\r\n")) as (port, _):
        found = seen(look(port, timeout=0.5))
    assert found.protocol == "1.5"
    assert found.kex == ()
    assert isinstance(found.host_keys, Unobserved)


def test_a_key_whose_signature_does_not_verify_is_not_proven() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(_IDENT + _KEXINIT)
        buffer = b""
        while not buffer.startswith(b"\x1e"):  # its identification, its KEXINIT, and then its half of the exchange
            more = peer.recv(4_096)
            if not more:
                return
            buffer = (buffer + more).removeprefix(b"SSH-2.0-Clearance\r\n")
            while found := ssh_packets.unpacked(buffer):
                buffer = found[0] if found[0].startswith(b"\x1e") else buffer[found[1] :]
                if buffer.startswith(b"\x1e"):
                    break
        blob = ssh_packets.string(b"ssh-ed25519") + ssh_packets.string(bytes(31) + b"\x01")
        signature = ssh_packets.string(b"ssh-ed25519") + ssh_packets.string(bytes(64))
        point = b"\x09" + bytes(31)
        peer.sendall(
            ssh_packets.packet(b"\x1f" + ssh_packets.string(blob) + ssh_packets.string(point) + ssh_packets.string(signature))
        )
        peer.recv(64)

    with talking(HERE, talk) as (port, _):
        found = seen(look(port, timeout=1.0))
    assert isinstance(found.host_keys, Unobserved)
    assert found.host_keys.reason is Reason.UNREADABLE
    assert "verify" in found.host_keys.detail or "read" in found.host_keys.detail


def test_a_reset_after_the_offer_leaves_the_offer_and_no_keys() -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(_IDENT + _KEXINIT)
        peer.recv(20)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with talking(HERE, talk) as (port, _):
        found = seen(look(port, timeout=1.0))
    assert found.kex == ("curve25519-sha256",)
    assert isinstance(found.host_keys, Unobserved)


def test_a_host_key_of_an_unknown_kind_leaves_the_keys_unobserved() -> None:
    offer = Offer(("curve25519-sha256",), ("x509v3-sign-rsa",), ("aes128-ctr",), ("hmac-sha2-256",), ("none",))
    body = ssh_packets.packet(ssh_packets.kexinit("curve25519-sha256", "x509v3-sign-rsa", offer))
    with talking(HERE, _says(_IDENT, body)) as (port, met):
        found = seen(look(port, timeout=0.5))
        assert len(met) == 1
    assert isinstance(found.host_keys, Unobserved)
    assert found.host_keys.reason is Reason.UNSUPPORTED


def test_no_server_meets_more_connections_than_the_budget() -> None:
    with talking(HERE, _closes(_IDENT)) as (port, met):
        look(port)
        assert len(met) <= ssh.BUDGET


@given(st.binary(max_size=200))
def test_any_bytes_are_a_packet_or_a_packet_error(data: bytes) -> None:
    with suppress(PacketError):
        found = ssh_packets.unpacked(data)
        assert found is None or found[1] <= len(data)
    with suppress(PacketError):
        ssh_packets.read_kexinit(b"\x14" + data)
    with suppress(PacketError):
        reader = Reader(data)
        reader.string()
        reader.mpint()


@given(st.binary(max_size=3_000))
def test_what_is_packed_is_read_again(payload: bytes) -> None:
    assert ssh_packets.unpacked(ssh_packets.packet(payload))[0] == payload  # type: ignore[index]
