"""The greeting probe against redis-server in the ways people run it: renamed commands, access lists, TLS, protected mode."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.observations import GreetingObservation, Reason, Unobserved
from scanner.probes import greeting
from scanner.targets import Speaks
from tests.scanner.probes.issuing import Made, kept
from tests.scanner.probes.talkers import circumstances, target
from tests.scanner.probes.web_peers import free_port, running

HERE = "127.45.1.1"


@contextmanager
def redis(folder: Path, *settings: str, port: int = 0, plain: bool = True) -> Iterator[int]:
    """A redis with these settings; its port."""
    port = port or free_port(HERE)
    lines = (f"bind {HERE}", f"port {port if plain else 0}", f"dir {folder}", 'save ""', *settings)
    config = folder / "redis.conf"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with running(["redis-server", str(config)], HERE, port):
        yield port


def look(port: int) -> GreetingObservation:
    found = greeting.look(target(HERE, port, Speaks.OTHER), circumstances(timeout=0.5))
    assert isinstance(found, GreetingObservation), found
    return found


@pytest.mark.parametrize(
    ("settings", "strangers"),
    [
        (('rename-command PING ""',), True),
        (('rename-command PING ""', "requirepass s3cret"), False),
        (("user default on nopass ~* -@all +info",), True),
    ],
)
def test_a_redis_that_will_not_ping_is_asked_otherwise(settings: tuple[str, ...], strangers: bool, tmp_path: Path) -> None:
    with redis(tmp_path, *settings) as port:
        found = look(port)
    assert (found.protocol, found.answers_unauthenticated) == ("redis", strangers)


def test_a_redis_that_may_execute_something_else_for_a_stranger_is_not_taken_for_closed(tmp_path: Path) -> None:
    with redis(tmp_path, "user default on nopass ~* -@all +get") as port:
        found = look(port)
    assert found.protocol == "redis"
    assert isinstance(found.answers_unauthenticated, Unobserved)
    assert found.answers_unauthenticated.reason is Reason.NOT_ASKED


@contextmanager
def redis_inside_tls(folder: Path, *settings: str) -> Iterator[int]:
    chain, key = kept(folder, Made())
    port = free_port(HERE)
    with redis(
        folder,
        f"tls-port {port}",
        f"tls-cert-file {chain}",
        f"tls-key-file {key}",
        f"tls-ca-cert-file {chain}",
        *settings,
        port=port,
        plain=False,
    ):
        yield port


@pytest.mark.parametrize(("settings", "strangers"), [((), True), (("requirepass s3cret",), False)])
def test_a_redis_inside_tls_is_asked_inside_tls(settings: tuple[str, ...], strangers: bool, tmp_path: Path) -> None:
    with redis_inside_tls(tmp_path, "tls-auth-clients no", *settings) as port:
        found = look(port)
    assert (found.protocol, found.encrypted, found.answers_unauthenticated) == ("redis", True, strangers)
    assert found.seen.connections <= greeting.BUDGET


def test_a_redis_that_wants_a_client_certificate_answers_no_stranger(tmp_path: Path) -> None:
    with redis_inside_tls(tmp_path, "tls-auth-clients yes") as port:
        found = look(port)
    assert (found.protocol, found.encrypted, found.answers_unauthenticated) == ("tls", True, False)


def test_a_service_inside_old_tls_that_wants_a_client_certificate_is_tls_and_no_more(tmp_path: Path) -> None:
    with redis_inside_tls(tmp_path, "tls-auth-clients yes", 'tls-protocols "TLSv1.2"') as port:
        found = look(port)
    assert (found.protocol, found.encrypted) == ("tls", True)
    assert isinstance(found.answers_unauthenticated, Unobserved)


_ELSEWHERE = "10.45.1.1"
_LOOK = f"""
from scanner.probes import greeting
from scanner.targets import Speaks
from tests.scanner.probes.talkers import circumstances, target
print(greeting.look(target("{_ELSEWHERE}", 6379, Speaks.OTHER), circumstances(timeout=0.5)).model_dump_json())
"""
_INSIDE = f"""
ip link set lo up && ip address add {_ELSEWHERE}/32 dev lo
redis-server --bind {_ELSEWHERE} --port 6379 --save '' --dir "$1" >/dev/null &
until timeout 1 bash -c '</dev/tcp/{_ELSEWHERE}/6379' 2>/dev/null; do sleep 0.05; done
exec "$2" -c "$3"
"""


def test_a_redis_in_protected_mode_answers_no_stranger_from_another_machine(tmp_path: Path) -> None:
    """Protected mode turns away whoever is not on loopback, so this looks from inside a network namespace of its own."""
    new = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]
    if not shutil.which("ip") or subprocess.run([*new, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a network namespace, or has no iproute2")
    command = [*new, "timeout", "20", "bash", "-c", _INSIDE, "bash", str(tmp_path), sys.executable, _LOOK]
    done = subprocess.run(command, check=True, capture_output=True, timeout=30, cwd=Path(__file__).parents[3])
    found = json.loads(done.stdout)
    assert (found["protocol"], found["answers_unauthenticated"]) == ("redis", False)
    assert found["said"].startswith("-DENIED")
    assert found["seen"]["connections"] == 1
