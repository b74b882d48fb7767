"""SSH: what every reference rejects fails, what is unknown or merely disputed does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import ssh, ssh_keys
from scanner.check import Parameters
from scanner.findings import Fail, Pass
from scanner.observations import KeyAlgorithm, SshHostKey
from scanner.specimens import ssh as server

DEBIAN_12 = {
    "kex": (
        "sntrup761x25519-sha512",
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group18-sha512",
        "diffie-hellman-group14-sha256",
        "kex-strict-s-v00@openssh.com",
    ),
    "host_key_algorithms": ("rsa-sha2-512", "rsa-sha2-256", "ecdsa-sha2-nistp256", "ssh-ed25519"),
    "ciphers": (
        "chacha20-poly1305@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
    ),
    "macs": (
        "umac-64-etm@openssh.com",
        "umac-128-etm@openssh.com",
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha1-etm@openssh.com",
        "umac-64@openssh.com",
        "umac-128@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
        "hmac-sha1",
    ),
}


def test_the_defaults_of_debian_12_pass_every_check() -> None:
    seen = server(**DEBIAN_12)
    assert isinstance(ssh.key_exchange(seen, ssh.RefusedKex()), Pass)
    assert isinstance(ssh.ciphers(seen, ssh.RefusedCiphers()), Pass)
    assert isinstance(ssh.macs(seen, ssh.RefusedMacs()), Pass)
    assert isinstance(ssh.host_key_algorithms(seen, ssh.RefusedHostKeys()), Pass)
    assert isinstance(ssh.strict_key_exchange(seen, Parameters()), Pass)


@pytest.mark.parametrize(
    "name",
    [
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group-exchange-sha1",
        "rsa1024-sha1",
        "gss-gex-sha1-toWM5Slw5Ew8Mqkay+al2g==",
    ],
)
def test_a_key_exchange_that_rests_on_sha_1_fails_by_its_name(name: str) -> None:
    verdict = ssh.key_exchange(server(kex=("curve25519-sha256", name)), ssh.RefusedKex())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == f"offers {name}"


@pytest.mark.parametrize(
    "name",
    [
        "3des-cbc",
        "aes256-cbc",
        "blowfish-cbc",
        "rijndael-cbc@lysator.liu.se",
        "arcfour",
        "arcfour128",
        "3des-ctr",
        "none",
    ],
)
def test_a_weak_cipher_fails(name: str) -> None:
    assert isinstance(ssh.ciphers(server(ciphers=("aes256-ctr", name)), ssh.RefusedCiphers()), Fail)


@pytest.mark.parametrize(
    "name", ["hmac-md5", "hmac-md5-96", "hmac-md5-96-etm@openssh.com", "hmac-sha1-96", "hmac-sha2-256-96", "none"]
)
def test_a_weak_mac_fails(name: str) -> None:
    assert isinstance(ssh.macs(server(macs=("hmac-sha2-256", name)), ssh.RefusedMacs()), Fail)


@pytest.mark.parametrize(
    "name", ["ssh-dss", "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com", "x509v3-ssh-rsa"]
)
def test_a_weak_host_key_algorithm_fails(name: str) -> None:
    assert isinstance(ssh.host_key_algorithms(server(host_key_algorithms=("ssh-ed25519", name)), ssh.RefusedHostKeys()), Fail)


@given(st.from_regex(r"[a-z]{1,20}-of-tomorrow@[a-z]{1,20}\.vn", fullmatch=True))
def test_an_unknown_name_never_fails(name: str) -> None:
    seen = server(kex=(name,), ciphers=(name,), macs=(name,), host_key_algorithms=(name,))
    assert isinstance(ssh.key_exchange(seen, ssh.RefusedKex()), Pass)
    assert isinstance(ssh.ciphers(seen, ssh.RefusedCiphers()), Pass)
    assert isinstance(ssh.macs(seen, ssh.RefusedMacs()), Pass)
    assert isinstance(ssh.host_key_algorithms(seen, ssh.RefusedHostKeys()), Pass)
    assert isinstance(ssh.strict_key_exchange(seen, Parameters()), Pass)


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789@-._=+/*[]!{}", max_size=60), max_size=20))
def test_hostile_names_never_break_a_check(names: list[str]) -> None:
    seen = server(kex=tuple(names), ciphers=tuple(names), macs=tuple(names), host_key_algorithms=tuple(names))
    for verdict in (
        ssh.key_exchange(seen, ssh.RefusedKex()),
        ssh.ciphers(seen, ssh.RefusedCiphers()),
        ssh.macs(seen, ssh.RefusedMacs()),
        ssh.host_key_algorithms(seen, ssh.RefusedHostKeys()),
    ):
        assert isinstance(verdict, Fail) or names


@pytest.mark.parametrize("version", ["1.99", "1.5", "2.1", "", "2"])
def test_only_version_2_0_passes(version: str) -> None:
    assert isinstance(ssh.protocol_2(server(protocol=version), Parameters()), Fail)


@given(st.sampled_from([KeyAlgorithm.RSA, KeyAlgorithm.EC]), st.integers(min_value=2_048, max_value=1_000_000))
def test_a_larger_host_key_never_fails(algorithm: KeyAlgorithm, bits: int) -> None:
    key = SshHostKey(type="ssh-x", algorithm=algorithm, bits=bits, sha256="SHA256:x")
    assert isinstance(ssh_keys.host_key_size(server(host_keys=(key,)), ssh_keys.HostKeySizes()), Pass)
