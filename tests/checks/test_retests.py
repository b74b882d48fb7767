"""What `explain` names to see that a failure is mended: there for every product, and true of real servers, sound and bad."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.check import Retest, check
from scanner.registry import load_checks
from scanner.specimens import greeting
from tests.lab.pki import Authority, Wanted
from tests.lab.processes import started
from tests.lab.servers import Site, nginx, redis

CHECKS = load_checks()
PAIRS = [(found.id, product) for found in CHECKS.values() for product in found.fixes]
HERE = "127.106.1.1"
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
QUOTED = re.compile("'[^']*'|\"[^\"]*\"")
IN_A_RUN_OF_ITS_OWN = "unshare --mount --map-root-user sh -c"
"""sshd asks for a folder under /run, which is the machine's."""
CHANGES = re.compile(r"\b(rm|mv|dd|tee|reload|restart|install|remove|purge)\b")


@pytest.mark.parametrize(("name", "product"), PAIRS)
def test_every_product_with_a_fix_has_a_command_that_shows_it_is_mended(name: str, product: str) -> None:
    retest = CHECKS[name].retest(product)
    assert retest is not None
    assert re.match(r"[a-zA-Z(]", retest.command)
    assert "\n" not in retest.command + retest.good
    assert retest.good[-1] not in ".:"


def test_no_command_waits_for_a_person_or_changes_anything() -> None:
    retests = [retest for found in CHECKS.values() for retest in found.retests.values()]
    assert len(retests) > len(CHECKS)
    for retest in retests:
        bare = QUOTED.sub("", retest.command)
        assert "s_client" not in bare or "</dev/null" in bare or "| openssl s_client" in bare, retest.command
        assert not CHANGES.search(bare), retest.command
        assert set(re.findall(r">\S*", bare)) <= {">&1", ">/dev/null"}, retest.command


def test_a_check_that_retests_what_it_does_not_mend_does_not_load() -> None:
    with pytest.raises(TypeError, match="it retests what it does not mend: apache"):
        check(
            "a-planted-check",
            observes=type(greeting()),
            passes=(greeting(),),
            fails=(greeting(answers_unauthenticated=True),),
            fixes={"nginx": "do the right thing"},
            retests={"apache": Retest("true", "prints nothing")},
        )(CHECKS["exposure-authenticated-stores"].judge)


def test_a_product_without_a_command_of_its_own_takes_the_one_for_any() -> None:
    found = CHECKS["tls-minimum-version"]
    assert found.retest("nginx") is found.retest("apache") is found.retests["any"]
    assert found.retest("postgresql") is found.retests["postgresql"] is not found.retests["any"]
    assert CHECKS["host-sshd-log-level"].retest("apache") is None


# --- against real servers ---


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers of one kind are: those that are kept well, or those that are kept badly."""

    tls: int
    plain: int
    redis: int
    postgres: int
    sshd: Path


def _port() -> int:
    with socket.create_server((HERE, 0)) as server:
        return int(server.getsockname()[1])


_SOUND_SSHD = """\
Ciphers aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
KexAlgorithms curve25519-sha256
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitEmptyPasswords no
LogLevel VERBOSE
MaxAuthTries 4
LoginGraceTime 60
AllowUsers admin@10.1.0.0/16
"""
_BAD_SSHD = """\
Ciphers aes256-ctr,3des-cbc,aes128-cbc
MACs hmac-sha2-256,hmac-md5,hmac-sha1
KexAlgorithms curve25519-sha256,diffie-hellman-group1-sha1
PermitRootLogin yes
PasswordAuthentication yes
PermitEmptyPasswords yes
LogLevel INFO
MaxAuthTries 9
LoginGraceTime 0
AllowUsers admin
"""


def _postgres(stack: ExitStack, settings: list[str], hba: str, served: tuple[Path, Path]) -> int:
    """A real PostgreSQL with one superuser, run as a user that may."""
    port, user = _port(), [] if os.geteuid() else ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg")))
    data, word = folder / "data", folder / "word"
    data.mkdir()
    word.write_text("of-the-test\n")
    kept = [Path(shutil.copy(path, folder / path.name)) for path in served]
    folder.chmod(0o755)
    kept[1].chmod(0o600)
    if user:
        for path in (data, word, *kept):
            os.chown(path, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    words: list[str | Path] = [
        *user,
        POSTGRES[-1] / "initdb",
        "-D",
        data,
        "-A",
        "scram-sha-256",
        "-U",
        "postgres",
        f"--pwfile={word}",
        "-N",
    ]
    subprocess.run(words, check=True, capture_output=True, cwd="/", timeout=60)
    (data / "pg_hba.conf").write_text(hba)
    options = [f"-clisten_addresses={HERE}", f"-cport={port}", "-cunix_socket_directories="]
    options += [f"-cssl_cert_file={kept[0]}", f"-cssl_key_file={kept[1]}", *(f"-c{each}" for each in settings)]
    started(stack, [*user, POSTGRES[-1] / "postgres", "-D", data, *options], folder / "log", [(HERE, port)])
    return port


def _sshd(folder: Path, settings: str) -> Path:
    folder.mkdir()
    key, config = folder / "host_key", folder / "sshd_config"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    config.write_text(f"HostKey {key}\n{settings}")
    return config


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Places]]:
    """The servers of both kinds, on ports of their own."""
    folder = tmp_path_factory.mktemp("retests")
    authority = Authority(folder / "pki")
    shutil.copy(authority.anchors, folder / "ca.pem")
    sound = authority.issue(Wanted("web.mau.test", rsa_bits=3_072), "sound")
    bad = authority.issue(Wanted("other.mau.test", rsa_bits=1_024, self_signed=True), "bad")
    ports = {kind: (_port(), _port(), _port()) for kind in ("sound", "bad")}
    with ExitStack() as stack:
        for kind, served in (("sound", sound), ("bad", bad)):
            tls, plain, store = ports[kind]
            sites = (
                Site((HERE, tls), "web.mau.test", served, old=kind == "bad"),
                Site((HERE, plain), "web.mau.test", redirect_to=443 if kind == "sound" else None),
            )
            nginx(stack, folder / f"nginx-{kind}", sites, weak=kind == "bad")
            redis(stack, folder / f"redis-{kind}", (HERE, store), "of-the-test" if kind == "sound" else None)
        databases = {
            "sound": _postgres(
                stack,
                ["ssl=on", "ssl_ciphers=ECDHE+AESGCM"],
                "hostssl all all 127.0.0.0/8 scram-sha-256\n",
                (sound.chain, sound.key),
            ),
            "bad": _postgres(
                stack,
                ["ssl=on", "ssl_min_protocol_version=TLSv1", "ssl_ciphers=ALL:@SECLEVEL=0"],
                "host all all 127.0.0.0/8 trust\n",
                (sound.chain, sound.key),
            ),
        }
        yield {
            kind: Places(*ports[kind], databases[kind], _sshd(folder / f"ssh-{kind}", settings))
            for kind, settings in (("sound", _SOUND_SSHD), ("bad", _BAD_SSHD))
        }


def shown(name: str, product: str, places: Places, folder: Path) -> str:
    """What the command shows of these servers, with the places in it filled in."""
    retest = CHECKS[name].retest(product)
    assert retest is not None
    store = places.redis if "redis-cli" in retest.command else places.tls
    command = retest.command.replace("http://HOST", f"http://{HERE}:{places.plain}").replace(
        "HOST:5432", f"HOST:{places.postgres}"
    )
    for word, value in (
        ("https://HOST", f"https://{HERE}:{places.tls}"),
        ("HOST", HERE),
        ("PORT", str(store)),
        ("NAME", "web.mau.test"),
        ("sshd -T", f"{IN_A_RUN_OF_ITS_OWN} 'mount -t tmpfs run /run && mkdir /run/sshd && /usr/sbin/sshd -T -f {places.sshd}'"),
    ):
        command = command.replace(word, value)
    around = {
        **os.environ,
        "PGHOST": HERE,
        "PGPORT": str(places.postgres),
        "PGUSER": "postgres",
        "PGPASSWORD": "of-the-test",
    }
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=folder, env=around, stdin=subprocess.DEVNULL, timeout=90
    )
    return done.stdout + done.stderr


ALERT = r"alert(?s:.*)Cipher is \(NONE\)"
NO_WEAK = r"(?s)\A(?!.*(3DES|RC4|NULL with|_anon_|-cbc|md5|group1-)).*(TLS_ECDHE|ciphers |macs |kexalgorithms )"


@pytest.mark.parametrize(
    ("name", "product", "good"),
    [
        ("tls-minimum-version", "nginx", ALERT),
        ("tls-minimum-version", "postgresql", ALERT),
        ("tls-robot", "nginx", ALERT),
        ("tls-robot", "postgresql", ALERT),
        ("tls-strong-suites", "nginx", NO_WEAK),
        ("tls-no-old-signatures", "nginx", ALERT),
        ("tls-server-order", "nginx", "cipher preference: server"),
        ("host-nginx-tls-versions", "nginx", ALERT),
        ("host-nginx-reserved", "nginx", r"(?im)^server: nginx\s*$"),
        ("http-no-version-disclosure", "nginx", r"(?im)^server: nginx\s*$"),
        ("http-hsts", "nginx", r"(?i)max-age=63072000"),
        ("http-security-headers", "nginx", r"(?i)x-content-type-options: nosniff"),
        ("http-redirects-to-https", "nginx", r"^30[18] https://"),
        ("peer-certificate-trusted", "nginx", r"Verify return code: 0 \(ok\)"),
        ("peer-certificate-trusted", "postgresql", r"Verify return code: 0 \(ok\)"),
        ("peer-certificate-name", "nginx", "does match certificate"),
        ("peer-certificate-key-size", "nginx", r"\((3072|4096) bit\)"),
        ("ssh-ciphers", "openssh", NO_WEAK),
        ("ssh-macs", "openssh", NO_WEAK),
        ("ssh-key-exchange", "openssh", NO_WEAK),
        ("host-sshd-root-login", "openssh", "permitrootlogin no"),
        ("host-sshd-password-authentication", "openssh", r"\A\w+ no\n\w+ no\n\Z"),
        ("host-sshd-empty-passwords", "openssh", "permitemptypasswords no"),
        ("host-sshd-log-level", "openssh", "loglevel VERBOSE"),
        ("host-sshd-max-auth-tries", "openssh", r"maxauthtries [1-4]$"),
        ("host-sshd-login-grace-time", "openssh", r"logingracetime ([1-9]|[1-5]\d|60)$"),
        ("host-sshd-sources", "openssh", r"allowusers \S+@\S+"),
        ("exposure-authenticated-stores", "redis", "NOAUTH"),
        ("host-redis-authenticates", "redis", "NOAUTH"),
        ("exposure-stores-offer-tls", "postgresql", "no encryption"),
        ("host-postgresql-encrypted", "postgresql", "no encryption"),
        ("host-postgresql-authenticates", "postgresql", r"\A\Z"),
    ],
)
def test_the_command_tells_a_server_that_is_kept_well_from_one_that_is_not(
    name: str, product: str, good: str, places: dict[str, Places], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = places["sound"].sshd.parent.parent
    if product == "postgresql" and name == "peer-certificate-trusted":
        assert re.search(good, shown(name, product, places["sound"], folder))
        return
    sound, bad = (shown(name, product, places[kind], folder) for kind in ("sound", "bad"))
    assert re.search(good, sound), sound
    assert not re.search(good, bad), bad
