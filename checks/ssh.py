"""Checks of what an SSH server offers before anybody logs in. A name that no pattern refuses never fails."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import SshObservation
from scanner.specimens import ssh

_STRICT = ("kex-strict-s-v00@openssh.com", "kex-strict-s")
_CHACHA = "chacha20-poly1305@openssh.com"
_TEST = "then sshd -t && systemctl reload ssh"


class RefusedKex(Parameters):
    """Key exchanges that may not be offered, as patterns in which * stands for any letters."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("*-sha1", "*-sha1-*", "*-sha1@*")


class RefusedCiphers(Parameters):
    """Ciphers that may not be offered, as patterns in which * stands for any letters."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("*-cbc", "*-cbc@*", "3des-*", "des-*", "arcfour*", "none")


class RefusedMacs(Parameters):
    """MACs that may not be offered, as patterns in which * stands for any letters."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("*md5*", "*-96", "*-96-*", "*-96@*", "none")


class RefusedHostKeys(Parameters):
    """Host key algorithms that may not be offered, as patterns in which * stands for any letters."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "ssh-dss*",
        "ssh-rsa",
        "ssh-rsa-cert-*",
        "x509v3-ssh-dss",
        "x509v3-ssh-rsa",
        "x509v3-sign-*",
        "null",
    )


def _verdict(offered: Iterable[str], refused: tuple[str, ...]) -> Verdict:
    """Offering nothing is no pass for offering nothing weak: none of the lists may be empty (RFC 4253 section 7.1)."""
    names = tuple(offered)
    weak = [name for name in names if any(fnmatchcase(name, pattern) for pattern in refused)]
    if weak or not names:
        return Fail(said("offers {names}", names=", ".join(weak)) if weak else said("offers nothing at all"))
    return Pass()


@check(
    "ssh-protocol-2",
    observes=SshObservation,
    parameters=Parameters,
    passes=(ssh(),),
    fails=(ssh(protocol="1.99", banner="SSH-1.99-OpenSSH_3.9"), ssh(protocol="1.5", banner="SSH-1.5-Cisco-1.25")),
    fixes={
        "openssh": (
            "Upgrade to OpenSSH 7.6 or newer, which speaks protocol 2 only; until then: Protocol 2 in /etc/ssh/sshd_config"
        ),
        "cisco-ios": "ip ssh version 2",
        "appliance": "Switch protocol 1 off in the management settings, or install firmware that has dropped it.",
    },
    retests={
        "any": Retest("ssh-keyscan HOST 2>&1 | grep ^#", "shows SSH-2.0 behind the address, and not SSH-1"),
    },
)
def protocol_2(ssh: SshObservation, _: Parameters) -> Verdict:
    """Only SSH protocol 2 is spoken.

    Fails on any other version in the banner; 1.99 means that protocol 1 is still accepted (RFC 4253 section 5.1).
    """
    seen = said("speaks protocol {version}", version=ssh.protocol)
    return Pass(seen) if ssh.protocol == "2.0" else Fail(seen)


@check(
    "ssh-key-exchange",
    observes=SshObservation,
    parameters=RefusedKex,
    passes=(ssh(), ssh(kex=("mlkem768x25519-sha256", "diffie-hellman-group14-sha256", "a-kex-of-tomorrow@example.vn"))),
    fails=(
        ssh(kex=("curve25519-sha256", "diffie-hellman-group1-sha1")),
        ssh(kex=("diffie-hellman-group14-sha1",)),
        ssh(kex=("diffie-hellman-group-exchange-sha1",)),
        ssh(kex=("gss-group14-sha1-toWM5Slw5Ew8Mqkay+al2g==",)),
        ssh(kex=()),
    ),
    fixes={
        "openssh": f"KexAlgorithms -*-sha1  in /etc/ssh/sshd_config, {_TEST}",
        "rhel": "update-crypto-policies --set DEFAULT  (RHEL 8: DEFAULT:NO-SHA1), then systemctl restart sshd",
        "cisco-ios": "ip ssh server algorithm kex ecdh-sha2-nistp256 ecdh-sha2-nistp384",
    },
    retests={
        "openssh": Retest("sshd -T | grep -i ^kexalgorithms", "shows the algorithms, and none of those that were found"),
        "rhel": Retest("sshd -T | grep -i ^kexalgorithms", "shows the algorithms, and none of those that were found"),
        "cisco-ios": Retest(
            "nmap -Pn -p 22 --script ssh2-enum-algos HOST", "shows the algorithms, and none of those that were found"
        ),
    },
)
def key_exchange(ssh: SshObservation, parameters: RefusedKex) -> Verdict:
    """Weak key exchanges are not offered.

    Fails on key exchanges that rest on SHA-1. RFC 9142 discourages or forbids most of them, and the hardening profiles
    of CIS and ssh-audit refuse them all.
    """
    return _verdict(ssh.kex, parameters.refused)


@check(
    "ssh-ciphers",
    observes=SshObservation,
    parameters=RefusedCiphers,
    passes=(ssh(), ssh(ciphers=("aes128-ctr", _CHACHA, "a-cipher-of-tomorrow@example.vn"))),
    fails=(
        ssh(ciphers=("aes128-ctr", "aes128-cbc")),
        ssh(ciphers=("rijndael-cbc@lysator.liu.se",)),
        ssh(ciphers=("3des-cbc",)),
        ssh(ciphers=("arcfour256",)),
        ssh(ciphers=("none",)),
        ssh(ciphers=()),
    ),
    fixes={
        "openssh": (
            "Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr  in "
            f"/etc/ssh/sshd_config, {_TEST}"
        ),
        "rhel": (
            "update-crypto-policies --set DEFAULT, and take any Ciphers line out of /etc/ssh/sshd_config; systemctl restart sshd"
        ),
        "cisco-ios": "ip ssh server algorithm encryption aes256-gcm aes128-gcm aes256-ctr aes128-ctr",
    },
    retests={
        "openssh": Retest("sshd -T | grep -i ^ciphers", "shows the algorithms, and none of those that were found"),
        "rhel": Retest("sshd -T | grep -i ^ciphers", "shows the algorithms, and none of those that were found"),
        "cisco-ios": Retest(
            "nmap -Pn -p 22 --script ssh2-enum-algos HOST", "shows the algorithms, and none of those that were found"
        ),
    },
)
def ciphers(ssh: SshObservation, parameters: RefusedCiphers) -> Verdict:
    """Weak ciphers are not offered.

    Fails on CBC mode, 3DES, DES, RC4 (RFC 8758) and no encryption: what the hardening profiles of CIS and ssh-audit
    both refuse.
    """
    return _verdict(ssh.ciphers, parameters.refused)


@check(
    "ssh-macs",
    observes=SshObservation,
    parameters=RefusedMacs,
    passes=(ssh(), ssh(macs=("umac-128-etm@openssh.com", "hmac-sha2-512", "a-mac-of-tomorrow@example.vn"))),
    fails=(
        ssh(macs=("hmac-sha2-256", "hmac-md5")),
        ssh(macs=("hmac-md5-etm@openssh.com",)),
        ssh(macs=("hmac-sha1-96",)),
        ssh(macs=("hmac-sha1-96-etm@openssh.com",)),
        ssh(macs=("none",)),
        ssh(macs=()),
    ),
    fixes={
        "openssh": (
            "MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512,hmac-sha2-256  in "
            f"/etc/ssh/sshd_config, {_TEST}"
        ),
        "rhel": (
            "update-crypto-policies --set DEFAULT, and take any MACs line out of /etc/ssh/sshd_config; systemctl restart sshd"
        ),
        "cisco-ios": "ip ssh server algorithm mac hmac-sha2-256 hmac-sha2-512",
    },
    retests={
        "openssh": Retest("sshd -T | grep -i ^macs", "shows the algorithms, and none of those that were found"),
        "rhel": Retest("sshd -T | grep -i ^macs", "shows the algorithms, and none of those that were found"),
        "cisco-ios": Retest(
            "nmap -Pn -p 22 --script ssh2-enum-algos HOST", "shows the algorithms, and none of those that were found"
        ),
    },
)
def macs(ssh: SshObservation, parameters: RefusedMacs) -> Verdict:
    """Weak message authentication is not offered.

    Fails on MD5, tags of 96 bits and no authentication: what the hardening profiles of CIS and ssh-audit both refuse.
    """
    return _verdict(ssh.macs, parameters.refused)


@check(
    "ssh-host-key-algorithms",
    observes=SshObservation,
    parameters=RefusedHostKeys,
    passes=(ssh(), ssh(host_key_algorithms=("rsa-sha2-512", "ecdsa-sha2-nistp256", "a-key-of-tomorrow@example.vn"))),
    fails=(
        ssh(host_key_algorithms=("ssh-ed25519", "ssh-rsa")),
        ssh(host_key_algorithms=("ssh-dss",)),
        ssh(host_key_algorithms=("ssh-rsa-cert-v01@openssh.com",)),
        ssh(host_key_algorithms=()),
    ),
    fixes={
        "openssh": f"HostKeyAlgorithms -ssh-rsa*,ssh-dss*  in /etc/ssh/sshd_config, {_TEST}",
        "rhel": "update-crypto-policies --set DEFAULT  (RHEL 8: DEFAULT:NO-SHA1), then systemctl restart sshd",
        "cisco-ios": "ip ssh server algorithm hostkey rsa-sha2-512 rsa-sha2-256",
    },
    retests={
        "openssh": Retest("sshd -T | grep -i ^hostkeyalgorithms", "shows the algorithms, and none of those that were found"),
        "rhel": Retest("sshd -T | grep -i ^hostkeyalgorithms", "shows the algorithms, and none of those that were found"),
        "cisco-ios": Retest(
            "nmap -Pn -p 22 --script ssh2-enum-algos HOST", "shows the algorithms, and none of those that were found"
        ),
    },
)
def host_key_algorithms(ssh: SshObservation, parameters: RefusedHostKeys) -> Verdict:
    """Weak host key algorithms are not offered.

    Fails on DSA and on RSA signatures with SHA-1 (ssh-rsa; RFC 8332 gives RSA keys SHA-2). An RSA key itself stays
    usable.
    """
    return _verdict(ssh.host_key_algorithms, parameters.refused)


@check(
    "ssh-strict-key-exchange",
    observes=SshObservation,
    parameters=Parameters,
    passes=(
        ssh(),
        ssh(ciphers=(_CHACHA,)),
        ssh(kex=("curve25519-sha256",)),
        ssh(kex=("curve25519-sha256",), ciphers=("aes128-cbc",), macs=("hmac-sha2-256",)),
    ),
    fails=(
        ssh(kex=("curve25519-sha256",), ciphers=(_CHACHA, "aes256-ctr")),
        ssh(kex=("curve25519-sha256",), ciphers=("aes128-cbc",), macs=("hmac-sha2-256-etm@openssh.com",)),
    ),
    fixes={
        "debian": (
            "apt update && apt install --only-upgrade openssh-server  (Debian 12: 1:9.2p1-2+deb12u2 or newer; upstream 9.6)"
        ),
        "rhel": "dnf upgrade openssh-server",
        "openssh": (
            f"Where it cannot be upgraded: Ciphers -chacha20-poly1305@openssh.com,*-cbc  in /etc/ssh/sshd_config, {_TEST}"
        ),
    },
    retests={
        "any": Retest(
            "nmap -Pn -p 22 --script ssh2-enum-algos HOST | grep kex-strict",
            "prints kex-strict-s-v00@openssh.com",
        ),
        "openssh": Retest("sshd -T | grep -i ^ciphers", "names neither chacha20-poly1305 nor any that ends in -cbc"),
    },
)
def strict_key_exchange(ssh: SshObservation, _: Parameters) -> Verdict:
    """The start of a session cannot be cut off (Terrapin).

    Fails where chacha20-poly1305, or CBC with an encrypt-then-MAC, is offered without the strict key exchange
    (CVE-2023-48795).
    """
    if any(name in ssh.kex for name in _STRICT):
        return Pass(said("offers the strict key exchange"))
    exposed = [name for name in ssh.ciphers if name == _CHACHA]
    if any("-etm" in name for name in ssh.macs):
        exposed += [name for name in ssh.ciphers if name.endswith("-cbc")]
    return Fail(said("offers {names} without the strict key exchange", names=", ".join(exposed))) if exposed else Pass()
