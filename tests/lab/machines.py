"""A lab host: its own os-release, package database, accounts, sudoers and SSH server, in a mount namespace of its own.

As root the host is a mount namespace with a real sudo. As an ordinary user it is a user namespace with one account;
sudo cannot work there, so a stand-in takes its place that allows exactly the published lines.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scanner.probes.collection import PRIVILEGED
from tests.lab.processes import Address, started

USER = "audit"
_DOCS = Path(__file__).resolve().parents[2] / "docs" / "host-access.md"
SUDOERS = "\n".join(re.findall(r"```sudoers\n(.*?)\n```", _DOCS.read_text(encoding="utf-8"), re.DOTALL)) + "\n"
"""The lines an administrator is told to put into sudoers."""

_STAND_IN_FOR_SUDO = f"""\
#!/bin/sh
[ "$1" = -n ] && shift
while IFS= read -r allowed; do [ "$*" = "$allowed" ] && exec "$@"; done <<'ALLOWED'
{chr(10).join(" ".join(shlex.split(command)) for command in PRIVILEGED)}
ALLOWED
echo "sudo: a password is required" >&2
exit 1
"""
_OWN_SOCKETS = """\
#!/bin/sh
/mnt/ss "$@" | grep -F " {address}:" | sed "s/ {address}:/ 192.0.2.1:/"
exit 0
"""
"""The lab's hosts share the machine's sockets; each lists those at its own address, as a host of its own would: not as loopback."""
_SOUND_SSHD = """\
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,ecdh-sha2-nistp256
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
HostKeyAlgorithms ssh-ed25519,rsa-sha2-512,rsa-sha2-256
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
MaxAuthTries 3
LoginGraceTime 30
ClientAliveInterval 100
ClientAliveCountMax 2
LogLevel VERBOSE
"""
_WEAK_SSHD = """\
KexAlgorithms +diffie-hellman-group1-sha1,diffie-hellman-group14-sha1
Ciphers +3des-cbc,aes128-cbc
MACs +hmac-md5,hmac-sha1-96
HostKeyAlgorithms +ssh-rsa
PubkeyAcceptedAlgorithms +ssh-rsa
PermitRootLogin yes
PasswordAuthentication yes
PermitEmptyPasswords yes
"""

_SOUND_AUTH = """\
auth required pam_faillock.so preauth
auth [success=1 default=ignore] pam_unix.so
auth [default=die] pam_faillock.so authfail
auth required pam_permit.so
"""
_SOUND_PASSWORD = """\
password requisite pam_pwquality.so
password required pam_pwhistory.so remember=10 use_authtok
password required pam_unix.so use_authtok yescrypt
"""
_PAM = {
    "sshd": "@include common-auth\n@include common-password\n",
    "passwd": "@include common-password\n",
    "sudo": "@include common-auth\naccount required pam_permit.so\nsession required pam_permit.so\n",
    "common-auth": "auth required pam_unix.so\n",
    "common-password": "password required pam_unix.so\n",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """How a host is kept: its release, its packages and its SSH server."""

    os: tuple[str, str, str]
    """ID, VERSION_ID, PRETTY_NAME."""
    packages: tuple[tuple[str, str], ...]
    sshd: str
    rsa_bits: int
    accounts: tuple[tuple[str, int, str], ...] = ()
    """More accounts: name, user id, and what stands in the password's field of the shadow file."""
    sudoers: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Files under /etc/pam.d and /etc/security, by path under /etc."""
    over: tuple[tuple[str, str], ...] = ()
    """Files laid over those of /etc that the host shares with the machine, by path under /etc."""


WELL = Kept(
    ("debian", "12", "Debian GNU/Linux 12 (bookworm)"),
    (("openssh-server", "1:9.2p1-2+deb12u7"), ("nginx", "1.22.1-9+deb12u3"), ("openssl", "3.0.17-1~deb12u3")),
    _SOUND_SSHD,
    3_072,
    (("an", 1_000, "$y$j9T$lab$lab"),),
    "%sudo ALL=(ALL:ALL) ALL\n",
    (
        ("security/pwquality.conf", "minlen = 14\nminclass = 4\n"),
        ("security/faillock.conf", "deny = 5\nunlock_time = 43200\n"),
        ("pam.d/common-auth", _SOUND_AUTH),
        ("pam.d/common-password", _SOUND_PASSWORD),
    ),
)
BADLY = Kept(
    ("debian", "10", "Debian GNU/Linux 10 (buster)"),
    (
        ("openssh-server", "1:7.9p1-10+deb10u2"),
        ("telnetd", "0.17-41.2"),
        ("rsh-server", "0.17-22"),
        ("openssl", "1.1.1n-0+deb10u6"),
    ),
    _WEAK_SSHD,
    1_024,
    (("toor", 0, "$1$lab$lab"), ("guest", 1_001, "")),
    "ALL ALL=(ALL:ALL) NOPASSWD: ALL\n",
    (
        ("pam.d/common-auth", "auth required pam_unix.so nullok\n"),
        ("pam.d/common-password", "password required pam_unix.so md5\n"),
    ),
)


class Machine:
    """One lab host's files, and the SSH server that runs among them."""

    def __init__(self, folder: Path, address: str, ssh_port: int, kept: Kept, login_key: str) -> None:
        self.folder = folder
        self.ssh: Address = (address, ssh_port)
        self._ordinary = os.geteuid() != 0
        etc = folder / "etc"
        (etc / "ssh" / "authorized_keys").mkdir(parents=True)
        self._write("etc/os-release", 'ID={}\nVERSION_ID="{}"\nPRETTY_NAME="{}"\n'.format(*kept.os))
        self._write("dpkg/status", "".join(map(_installed, (*kept.packages, ("base-files", "12.4")))))
        (folder / "dpkg" / "info").mkdir()
        (folder / "dpkg" / "updates").mkdir()
        uid, gid = (os.getuid(), os.getgid()) if self._ordinary else (2_001, 2_001)
        sshd_user = "sshd:x:74:65534::/run/sshd:/usr/sbin/nologin\n"
        more = "".join(f"{name}:x:{number}:{number}:{name}:/:/bin/sh\n" for name, number, _ in kept.accounts)
        self._write("etc/passwd", f"root:x:0:0:root:/root:/bin/sh\n{sshd_user}{USER}:x:{uid}:{gid}:read-only:/:/bin/sh\n{more}")
        hashed = "".join(f"{name}:{password}:20700:0:60:7:::\n" for name, _, password in kept.accounts)
        self._write("etc/group", f"root:x:0:\nnogroup:x:65534:\nsudo:x:27:an\n{USER}:x:{gid}:\n")
        self._write(
            "etc/shadow", f"root:*:20000:0:99999:7:::\nsshd:*:20000:0:99999:7:::\n{USER}:*:20000:0:99999:7:::\n{hashed}", 0o600
        )
        self._write("etc/sudoers", kept.sudoers + SUDOERS, 0o440)
        for name, text in [*((f"pam.d/{name}", text) for name, text in _PAM.items()), *kept.files]:
            self._write(f"etc/{name}", text)
        (etc / "security").mkdir(exist_ok=True)
        for name, text in kept.over:
            self._write(f"over/{name}", text)
        self._write("sudo", _STAND_IN_FOR_SUDO, 0o755)
        self._write("ss", _OWN_SOCKETS.format(address=address), 0o755)
        self._write(f"etc/ssh/authorized_keys/{USER}", f"restrict {login_key}\n")
        self._write("etc/ssh/sshd_config", self._sshd_config(kept))
        self.host_keys = tuple(self._host_key(kind, bits) for kind, bits in (("ed25519", 0), ("rsa", kept.rsa_bits)))

    def start(self, stack: ExitStack, serve: str = "exec /usr/sbin/sshd -D -e") -> None:
        """Starts the SSH server, by these words, in the host's namespaces: of files, and of processes."""
        if self._ordinary:
            serve = f"exec unshare -U --map-user={os.getuid()} --map-group={os.getgid()} sh -c {shlex.quote(serve)}"
        unshare = ["unshare", *(["-r"] if self._ordinary else []), "-m", "-p", "--kill-child", "--mount-proc"]
        script = "\n".join(["set -e", *map(shlex.join, self._mounts()), serve])
        started(stack, [*unshare, "sh", "-c", script], self.folder / "sshd.log", [self.ssh])

    def _mounts(self) -> list[list[str]]:
        bound = {"etc/os-release": "/etc/os-release", "etc/passwd": "/etc/passwd", "etc/group": "/etc/group"}
        bound |= {"etc/ssh": "/etc/ssh", "dpkg": "/var/lib/dpkg", "etc/pam.d": "/etc/pam.d", "etc/security": "/etc/security"}
        bound |= {"sudo": "/usr/bin/sudo"} if self._ordinary else {"etc/shadow": "/etc/shadow", "etc/sudoers": "/etc/sudoers"}
        commands = [["mount", "-t", "tmpfs", "none", "/mnt"], ["touch", "/mnt/ss"], ["mount", "--bind", "/usr/bin/ss", "/mnt/ss"]]
        commands += [
            ["mount", "--bind", str(self.folder / ours), theirs] for ours, theirs in {**bound, "ss": "/usr/bin/ss"}.items()
        ]
        if (self.folder / "over").exists():
            commands.insert(0, ["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={self.folder}/over:/etc", "/etc"])
        if not self._ordinary:
            commands += [["mount", "-t", "tmpfs", "none", hidden] for hidden in ("/etc/sudoers.d", "/run")]
            commands += [["mkdir", "-m", "755", "/run/sshd"]]
        return commands

    def _sshd_config(self, kept: Kept) -> str:
        own = f"ListenAddress {self.ssh[0]}\nPort {self.ssh[1]}\nPidFile none\nUsePAM no\n"
        keys = "HostKey /etc/ssh/ssh_host_ed25519_key\nHostKey /etc/ssh/ssh_host_rsa_key\n"
        return f"{own}{keys}AuthorizedKeysFile /etc/ssh/authorized_keys/%u\nStrictModes no\n{kept.sshd}"

    def _host_key(self, kind: str, bits: int) -> str:
        path = self.folder / "etc" / "ssh" / f"ssh_host_{kind}_key"
        return keygen(path, kind, bits)

    def _write(self, name: str, text: str, mode: int = 0o644) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)


def keygen(path: Path, kind: str, bits: int = 0) -> str:
    """Makes an SSH key pair; the public key as `type base64`."""
    size = ["-b", str(bits)] if bits else []
    command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    return " ".join(path.with_name(f"{path.name}.pub").read_text().split()[:2])


def _installed(package: tuple[str, str]) -> str:
    name, version = package
    return (
        f"Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: admin\nInstalled-Size: 1\n"
        f"Maintainer: Lab <lab@mau.test>\nArchitecture: amd64\nVersion: {version}\nDescription: lab\n\n"
    )
