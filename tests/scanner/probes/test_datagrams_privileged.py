"""The datagram probe against Debian's ntpd and rpcbind, which have no port but their own and so run in a network of their own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from scanner.observations import Reply
from tests.lab.island import on_an_island

_LOOK = """
import json, subprocess, sys, time
from scanner.probes.datagrams import host
from scanner.probes.looking import Target
from scanner.targets import Host
from tests.scanner.probes.talkers import circumstances
address, port, *command = sys.argv[1:]
host._QUIET = 0.4
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(200):
        if f"127.0.0.1:{port}" in subprocess.run(["ss", "-H", "-uln"], capture_output=True, text=True).stdout:
            break
        time.sleep(0.05)
    found = host.look(Target("here", Host(id="here", address=address), None, address), circumstances(timeout=0.3))
finally:
    server.kill()
    server.wait()
print(found.model_dump_json())
"""


def look(address: str, port: int, *command: str) -> dict[str, str]:
    """The reply to each question, with this server running on 127.0.0.1 and ::1 of the island."""
    assert Path(command[0]).exists(), f"{command[0]} is missing: tools/system-packages.sh"
    found = json.loads(on_an_island([sys.executable, "-c", _LOOK, address, str(port), *command]))
    return {name: fact["reply"] for name, fact in found.items() if isinstance(fact, dict) and "reply" in fact}


def ntpd(folder: Path, address: str, *restrictions: str) -> dict[str, str]:
    """The replies of an ntpd with these restrictions; it sets no clock."""
    settings = folder / "ntp.conf"
    settings.write_text("\n".join(("disable ntp", *(f"restrict {line}" for line in restrictions))) + "\n")
    return look(address, 123, "/usr/sbin/ntpd", "-n", "-c", str(settings))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_ntpd_that_answers_queries_is_told_from_one_that_only_gives_the_time(address: str, tmp_path: Path) -> None:
    told = ntpd(tmp_path, address, "default", "127.0.0.1", "::1")
    assert (told["ntp_time"], told["ntp_control"]) == (Reply.SERVED, Reply.SERVED)
    assert told["ntp_private"] in (Reply.IGNORED, Reply.DECLINED)  # NTPsec has no mode 7 at all
    kept = ntpd(tmp_path, address, "default noquery", "127.0.0.1 noquery", "::1 noquery")
    assert (kept["ntp_time"], kept["ntp_control"], kept["ntp_private"]) == (Reply.SERVED, Reply.IGNORED, Reply.IGNORED)
    assert kept["tftp"] == Reply.REFUSED


@pytest.mark.skipif(os.geteuid() != 0, reason="rpcbind becomes another user, which only root can")
def test_rpcbind_lists_its_programs() -> None:
    serve = "mount -t tmpfs none /run; mkdir /run/rpcbind; exec /usr/sbin/rpcbind -f -h 127.102.5.1"  # it adds loopback itself
    found = look("127.0.0.1", 111, "/usr/bin/unshare", "--mount", "sh", "-c", serve)
    assert found["portmapper"] == Reply.SERVED
    assert found["memcached"] == Reply.REFUSED
