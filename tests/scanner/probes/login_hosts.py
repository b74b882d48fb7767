"""A host to log in to: a real SSH server with sudoers and files of its own, and accounts that behave each in its own way."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_PARTIALLY_SUCCESSFUL, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from scanner.probes.looking import Target
from scanner.targets import Host, Login
from tests.lab.machines import Kept, Machine, keygen
from tests.scanner.probes.web_peers import Peer, listening

DOCS = Path(__file__).resolve().parents[3] / "docs" / "host-access.md"
SUDOERS = re.findall(r"```sudoers\n(.*?)\n```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
"""The blocks an administrator is told to put into sudoers."""
KEY_OPTIONS = re.findall(r'^(restrict,from="192\.0\.2\.10") ssh-ed25519', DOCS.read_text(encoding="utf-8"), re.MULTILINE)
"""The options an administrator is told to put before the inspector's key."""

CSH = """#!/bin/sh
# Understands plain words only: whatever a csh would read differently from a POSIX shell, it refuses.
[ "$1" = -c ] || exit 1
case "$2" in *[!a-zA-Z0-9/_.-]*) echo "Badly placed ()'s." >&2; exit 1 ;; esac
exec "$2"
"""

COMMANDS = {
    "motd": 'printf "Welcome to Mau Province\\n\\033[2Jno line end"; echo warning >&2; exec /bin/sh',
    "echo": 'script=$(cat); printf "%s\\n" "$script"; printf "%s\\n" "$script" | /bin/sh',
    "parrot": "exec cat",
    "hangs": "cat >/dev/null; exec sleep 8",
    "stuck": "sed -e 's/^section listening .*/section listening sleep 20/' -e 's/sleep 10/sleep 1/' | /bin/sh",
    "trickles": "/bin/sh; i=0; while [ $i -lt 80 ]; do printf x; sleep 0.1; i=$((i+1)); done",
    "floods": "exec head -c 104857600 /dev/zero",
    "complains": "head -c 5000000 /dev/zero | tr '\\0' e >&2; exec /bin/sh",
    "complains-on": "head -c 104857600 /dev/zero >&2; exec /bin/sh",
    "cut-in-uname": "/bin/sh | sed '/ begin uname$/q'",
    "cut-in-packages": "/bin/sh | sed '/ begin dpkg$/{n;q}'",
    "cut-before-done": "/bin/sh | sed '/ begin done$/{N;q}'",
    "exits": "exit 0",
    "false": "exec /bin/false",
    "nologin": "exec /usr/sbin/nologin",
    "windows": r"printf \"'/bin/sh' is not recognized as an internal or external command,\\r\\n\" >&2; exit 1".replace(
        '\\"', '"'
    ),
    "cygwin": "/bin/sh | sed 's/^Linux .*/MINGW64_NT-10.0-20348 3.4.10/'",
    "nul": "printf '\\000\\377\\n'; exec /bin/sh",
}
"""What the server runs instead of the command it is asked for, by the name of the account for which it does so."""

KEPT = Kept(
    ("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
    (("openssh-server", "1:9.2p1-2+deb12u7"), ("libssl3", "3.0.17-1~deb12u3")),
    "",
    2_048,
)

_DPKG = """\
Package: telnetd
Status: {status}
Maintainer: Lab <lab@mau.test>
Architecture: amd64
Source: netkit-telnet (0.17-41)
Version: 0.17-41.2
Description: lab
Config-Version: 0.17-41.2

"""


@dataclass
class Premises:
    """A host and the key that opens its accounts: root, audit, guest, csh, and one for each of COMMANDS."""

    machine: Machine
    key: Path

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self.machine.folder / "sshd.log").read_text(errors="replace")

    def target(self, user: str = "audit", *, key: Path | None = None, pinned: tuple[str, ...] = ()) -> Target:
        """This host as the probe is given it; the login goes by the agent where `key` is the path of nothing."""
        path = None if key == Path() else str(key or self.key)
        address, port = self.machine.ssh
        return target(address, Login(user=user, port=port, key=path, host_keys=pinned or self.machine.host_keys))


def target(address: str, login: Login | None) -> Target:
    """A host at this address with this login."""
    return Target(subject="app1", host=Host(id="app1", address=address, login=login), service=None, address=address)


def own_network() -> str:
    """The first three octets of addresses that no other test process uses."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    return f"127.43.{worker + 1}"


@contextmanager
def premises(
    folder: Path, *, sshd: str = "", telnetd: str = "deinstall ok config-files", kept: Kept = KEPT
) -> Iterator[Premises]:
    """The host, up and running; `sshd` is more of its server's configuration, `telnetd` dpkg's status of that package."""
    folder.mkdir(exist_ok=True)
    address = f"{own_network()}.1"
    key = folder / "inspection"
    public = keygen(key, "ed25519")
    machine = Machine(folder / "machine", address, _free_port(address), _kept(sshd, kept), public)
    _furnish(machine, public, telnetd)
    with ExitStack() as stack:
        machine.start(stack)
        yield Premises(machine, key)


def _kept(more: str, kept: Kept) -> Kept:
    forced = "".join(f"Match User {name}\n  ForceCommand /etc/ssh/commands/{name}\n" for name in COMMANDS)
    general = "LogLevel DEBUG1\nPermitRootLogin prohibit-password\nAcceptEnv LANG LC_*\nAcceptEnv TZ\nMaxStartups 100\n"
    return replace(kept, sshd=f"{general}{more}{forced}")


def _furnish(machine: Machine, public: str, telnetd: str) -> None:
    """Gives the machine its commands, its further accounts, the published sudoers, and files with something odd in them."""
    etc = machine.folder / "etc"
    commands = etc / "ssh" / "commands"
    commands.mkdir()
    for name, command in {**COMMANDS, "csh": CSH}.items():
        file = commands / name
        file.write_text(command if name == "csh" else f"#!/bin/sh\n{command}\n")
        file.chmod(0o755)
    with (etc / "passwd").open("a") as accounts, (etc / "shadow").open("a") as shadow:
        for user in ("guest", "csh", *COMMANDS):
            shell = "/etc/ssh/commands/csh" if user == "csh" else "/bin/sh"
            accounts.write(f"{user}:x:2002:65534::/:{shell}\n")
            shadow.write(f"{user}:*:20000:0:99999:7:::\n")
    options = KEY_OPTIONS[0].replace("192.0.2.10", "127.0.0.1")
    for user in ("root", "audit", "guest", "csh", *COMMANDS):
        (etc / "ssh" / "authorized_keys" / user).write_text(f"{options} {public}\n")
    with (etc / "os-release").open("ab") as release:
        release.write(b"\n0123456789abcdef0123456789abcdef begin rpm\nLOGO=\xff\xfe\x1b[2J\nA line that is none\n")
    with (machine.folder / "dpkg" / "status").open("a") as status:
        status.write(_DPKG.format(status=telnetd))


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def agent(folder: Path, *keys: Path, options: tuple[str, ...] = ()) -> Iterator[str]:
    """An SSH agent that holds these keys, by the path of its socket."""
    where = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(where)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        patience = time.monotonic() + 10
        while not where.exists() and time.monotonic() < patience:
            time.sleep(0.01)
        environment = {**os.environ, "SSH_AUTH_SOCK": str(where)}
        for key in keys:
            subprocess.run(["ssh-add", "-q", *options, str(key)], env=environment, check=True, timeout=10)
        yield str(where)
    finally:
        process.terminate()
        process.wait(10)


# --- Hosts that misbehave in the protocol itself -------------------------------------------------


class Odd(paramiko.ServerInterface):
    """Lets everybody in and answers nothing further, unless told to misbehave earlier."""

    def __init__(self, over: threading.Event) -> None:
        self.over = over

    def stall(self) -> None:
        """Answers nothing until the test is over; should the other side wait that long, the test must not pass."""
        if not self.over.wait(12):
            self.outlasted.append(type(self).__name__)

    outlasted: ClassVar[list[str]] = []
    """Whose silence the other side has not ended by itself."""

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self.stall()
        return True


class SilentAtLogin(Odd):
    """Never answers to a key."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.stall()
        return int(AUTH_FAILED)


class TwoFactor(Odd):
    """Wants a second thing after the key."""

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return int(AUTH_PARTIALLY_SUCCESSFUL)


class NoCommands(Odd):
    """Lets everybody in and runs nothing."""

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        return False


class Replayed(paramiko.Ed25519Key):
    """A key that shows another's public half, which it cannot sign for."""

    shows = b""

    def asbytes(self) -> bytes:
        return self.shows or super().asbytes()


@contextmanager
def odd_host(address: str, server: Callable[[threading.Event], Odd], key: paramiko.PKey) -> Iterator[Peer]:
    """A host that speaks SSH by its own lights."""
    over = threading.Event()

    def talk(wire: socket.socket) -> None:
        transport = paramiko.Transport(wire)
        transport.add_server_key(key)
        transport.start_server(threading.Event(), server(over))
        while transport.is_active() and not over.wait(0.02):
            pass
        transport.close()

    try:
        with listening(address, talk) as peer:
            yield peer
            over.set()
    finally:
        over.set()
