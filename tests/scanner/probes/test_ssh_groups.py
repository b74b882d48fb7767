"""The groups of a group exchange, and servers that bar who comes too often: real sshd, a server with a small group, recorded bans."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from scanner.observations import Reason, Unobserved
from scanner.probes import ssh, ssh_packets
from scanner.probes.ssh_exchange import _GROUP1
from scanner.probes.ssh_packets import Offer
from tests.scanner.probes.talkers import talking
from tests.scanner.probes.test_ssh import HERE, look, seen, sshd

GEX = "diffie-hellman-group-exchange-sha256"
_IDENT = b"SSH-2.0-Test_1.0\r\n"


def with_small_groups(folder: Path) -> Callable[[socket.socket], None]:
    """A paramiko server that knows one group, of 1024 bits (OpenSSH's own hands out none below 2048)."""
    moduli = folder / "moduli"
    moduli.write_text(f"20260101000000 2 6 100 1023 2 {_GROUP1:X}\n")
    paramiko.Transport.load_server_moduli(str(moduli))
    key = paramiko.RSAKey.generate(2_048)

    def serve(peer: socket.socket) -> None:
        transport = paramiko.Transport(peer)
        transport.get_security_options().kex = (GEX, "curve25519-sha256@libssh.org")
        transport.add_server_key(key)
        with suppress(paramiko.SSHException, EOFError, OSError):
            transport.start_server(server=paramiko.ServerInterface())
        transport.join(5)

    return serve


def test_openssh_hands_out_no_group_below_2048_bits(tmp_path: Path) -> None:
    with sshd(tmp_path, f"KexAlgorithms {GEX},curve25519-sha256") as port:
        found = seen(look(port))
    assert found.smallest_group_bits == 2_048
    assert found.seen.connections == 2


def test_moduli_of_more_bits_are_seen_with_their_size(tmp_path: Path) -> None:
    large = [line for line in Path("/etc/ssh/moduli").read_text().splitlines() if line.split()[4:5] == ["4095"]]
    (tmp_path / "moduli").write_text("\n".join(large[:3]) + "\n")
    with sshd(tmp_path, f"KexAlgorithms {GEX},curve25519-sha256", f"ModuliFile {tmp_path}/moduli") as port:
        assert seen(look(port)).smallest_group_bits == 4_096


def test_a_server_without_group_exchange_hands_out_none(tmp_path: Path) -> None:
    with sshd(tmp_path, "KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha256") as port:
        found = seen(look(port))
    assert found.smallest_group_bits is None
    assert found.seen.connections == 1


def test_a_small_group_is_seen(tmp_path: Path) -> None:
    with talking(HERE, with_small_groups(tmp_path)) as (port, met):
        found = seen(look(port))
        assert len(met) == found.seen.connections <= ssh.BUDGET
    assert found.smallest_group_bits == 1_024


def offering(*kex: str) -> bytes:
    """Recorded bytes: the identification and KEXINIT of a server with these key exchanges."""
    offer = Offer(kex, ("ssh-ed25519", "rsa-sha2-512"), ("aes128-ctr",), ("hmac-sha2-256",), ("none",))
    return _IDENT + ssh_packets.packet(ssh_packets.kexinit(",".join(kex), "ssh-ed25519,rsa-sha2-512", offer))


@pytest.mark.parametrize(
    "group", [b"\x1f" + ssh_packets.mpint(15) + ssh_packets.mpint(2), b"\x1f", b"\x20" * 40, b"\x1f\xff\xff\xff\xff"]
)
def test_a_group_that_makes_no_sense_is_unobserved(group: bytes) -> None:
    def talk(peer: socket.socket) -> None:
        peer.sendall(offering(GEX))
        peer.recv(4_096)
        peer.sendall(ssh_packets.packet(group))
        peer.recv(4_096)

    with talking(HERE, talk) as (port, met):
        found = seen(look(port, timeout=1.0))
        assert len(met) <= ssh.BUDGET
    assert isinstance(found.smallest_group_bits, Unobserved)


class Barring:
    """Recorded behaviour of OpenSSH 9.8 and later, which bars an address for a while: the first connections are met, the rest are not.

    No such server can be had from Debian 12.
    """

    def __init__(self, met: int, last_words: bytes) -> None:
        self.left = met
        self.last_words = last_words

    def __call__(self, peer: socket.socket) -> None:
        self.left -= 1
        if self.left >= 0:
            peer.sendall(offering("curve25519-sha256", GEX))
            peer.recv(4_096)
            return
        if self.last_words:
            peer.sendall(self.last_words)
        else:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_server_that_bars_us_from_the_first_is_blocked() -> None:
    with talking(HERE, Barring(0, b"Not allowed at this time\r\n")) as (port, met):
        found = look(port, timeout=1.0)
        assert len(met) == 1
    assert isinstance(found, Unobserved) and found.reason is Reason.BLOCKED


@pytest.mark.parametrize("last_words", [b"Not allowed at this time\r\n", b"Exceeded MaxStartups\r\n", b""])
def test_a_server_that_bars_us_in_the_middle_leaves_the_rest_unobserved(last_words: bytes) -> None:
    barring = Barring(1, last_words)
    with talking(HERE, barring) as (port, met):
        found = seen(look(port, timeout=1.0))
        assert len(met) <= 3  # it is not asked again and again
    assert found.kex == ("curve25519-sha256", GEX)
    assert isinstance(found.host_keys, Unobserved)
    assert isinstance(found.smallest_group_bits, Unobserved) and found.smallest_group_bits.reason is Reason.BLOCKED
