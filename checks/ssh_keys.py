"""Checks of the host keys an SSH server proves and of the groups it hands out in the key exchange."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import KeyAlgorithm, SshHostKey, SshObservation, fact
from scanner.specimens import ssh

_FINGERPRINT = "SHA256:" + "B" * 43


class HostKeySizes(Parameters):
    """The smallest host keys, in bits."""

    rsa_bits: Annotated[int, Stricter.HIGHER] = 2_048
    ec_bits: Annotated[int, Stricter.HIGHER] = 256


def _key(algorithm: KeyAlgorithm, bits: int) -> SshHostKey:
    return SshHostKey(type=f"ssh-{algorithm.lower()}", algorithm=algorithm, bits=bits, sha256=_FINGERPRINT)


@check(
    "ssh-host-key-size",
    observes=SshObservation,
    parameters=HostKeySizes,
    facts=("host_keys",),
    passes=(
        ssh(),
        ssh(host_keys=(_key(KeyAlgorithm.RSA, 2_048), _key(KeyAlgorithm.EC, 521))),
        ssh(host_keys=(_key(KeyAlgorithm.RSA, 16_384),)),
        ssh(host_keys=(_key(KeyAlgorithm.OTHER, 0),)),
    ),
    fails=(
        ssh(host_keys=(_key(KeyAlgorithm.RSA, 2_047),)),
        ssh(host_keys=(_key(KeyAlgorithm.ED25519, 256), _key(KeyAlgorithm.DSA, 1_024))),
        ssh(host_keys=()),
        (ssh(host_keys=(_key(KeyAlgorithm.RSA, 2_048),)), HostKeySizes(rsa_bits=3_072)),
    ),
    fixes={
        "openssh": (
            "rm /etc/ssh/ssh_host_rsa_key* && ssh-keygen -t rsa -b 4096 -N '' -f /etc/ssh/ssh_host_rsa_key && "
            "systemctl restart ssh\n"
            "Then tell everyone who connects the new fingerprint."
        ),
        "cisco-ios": "crypto key generate rsa modulus 4096",
        "rhel": "rm /etc/ssh/ssh_host_rsa_key* && ssh-keygen -t rsa -b 4096 -N '' -f /etc/ssh/ssh_host_rsa_key && systemctl restart sshd",
    },
    retests={
        "any": Retest("ssh-keyscan -t rsa HOST | ssh-keygen -lf -", "prints 3072 or more before SHA256"),
    },
)
def host_key_size(ssh: SshObservation, parameters: HostKeySizes) -> Verdict:
    """The server's host keys are large enough.

    Fails on RSA and EC keys with fewer bits than asked for, on DSA keys of any size (OpenSSH's have 1024 bits), and
    where the server proved no host key at all.
    """
    least = {KeyAlgorithm.RSA: parameters.rsa_bits, KeyAlgorithm.EC: parameters.ec_bits}
    keys = fact(ssh.host_keys)
    small = [key for key in keys if key.algorithm is KeyAlgorithm.DSA or key.bits < least.get(key.algorithm, 0)]
    shown = ", ".join(f"{key.type} {key.bits}" for key in small or keys)
    if small:
        return Fail(said("host keys are too weak: {keys}", keys=shown))
    return Pass(said("host keys: {keys}", keys=shown)) if keys else Fail(said("proves no host key"))


class GroupSize(Parameters):
    """The smallest group of a group exchange, in bits."""

    bits: Annotated[int, Stricter.HIGHER] = 2_048


@check(
    "ssh-group-exchange-size",
    observes=SshObservation,
    parameters=GroupSize,
    facts=("smallest_group_bits",),
    passes=(
        ssh(),
        ssh(smallest_group_bits=2_048),
        ssh(smallest_group_bits=8_192),
        (ssh(smallest_group_bits=3_072), GroupSize(bits=3_072)),
    ),
    fails=(
        ssh(smallest_group_bits=1_024),
        ssh(smallest_group_bits=2_047),
        (ssh(smallest_group_bits=2_048), GroupSize(bits=3_072)),
    ),
    fixes={
        "openssh": (
            "awk '$5 >= 3071' /etc/ssh/moduli > /etc/ssh/moduli.safe && mv /etc/ssh/moduli.safe /etc/ssh/moduli, then systemctl reload "
            "ssh; or KexAlgorithms -diffie-hellman-group-exchange-*  in /etc/ssh/sshd_config"
        ),
        "cisco-ios": "ip ssh dh min size 2048",
        "rhel": "awk '$5 >= 3071' /etc/ssh/moduli > /etc/ssh/moduli.safe && mv /etc/ssh/moduli.safe /etc/ssh/moduli, then systemctl reload sshd",
    },
    retests={
        "openssh": Retest(
            "awk '!/^#/ && $5 < 3071' /etc/ssh/moduli; sshd -T | grep -i ^kexalgorithms",
            "prints no line of numbers, or names no group exchange",
        ),
        "rhel": Retest("awk '!/^#/ && $5 < 3071' /etc/ssh/moduli", "prints nothing"),
        "cisco-ios": Retest("show running-config | include ip ssh dh", "prints 2048 or more"),
    },
)
def group_exchange_size(ssh: SshObservation, parameters: GroupSize) -> Verdict:
    """No small group is handed out in a group exchange.

    Fails where a client that takes any group is given one with fewer bits than asked for: RFC 9142 section 1.1 wants 112 bits of
    security, which is 2048. A server that offers no group exchange hands out none.
    """
    bits = fact(ssh.smallest_group_bits)
    if bits is None:
        return Pass(said("offers no group exchange"))
    seen = said("hands out a group of {bits} bits", bits=bits)
    return Pass(seen) if bits >= parameters.bits else Fail(seen)
