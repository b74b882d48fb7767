"""The datagram probe against Debian's ntpd, which has no port but 123 and so runs in a network of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from scanner.observations import Reply
from tests.lab.island import on_an_island

_LOOK = """
import json, subprocess, sys, tempfile, time
from scanner.probes.datagrams import host
from scanner.probes.looking import Target
from scanner.targets import Host
from tests.scanner.probes.talkers import circumstances
host._QUIET = 0.4
with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
    settings.write(sys.stdin.read())
    settings.flush()
    server = subprocess.Popen(["/usr/sbin/ntpd", "-n", "-c", settings.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if "127.0.0.1:123" in subprocess.run(["ss", "-H", "-uln"], capture_output=True, text=True).stdout:
                break
            time.sleep(0.05)
        found = host.look(Target("time", Host(id="time", address="ADDRESS"), None, "ADDRESS"), circumstances(timeout=0.3))
    finally:
        server.kill()
        server.wait()
print(json.dumps({name: getattr(found, name).reply for name in ("ntp_time", "ntp_control", "ntp_private", "tftp")}))
"""


def look(settings: str, address: str = "127.0.0.1") -> dict[str, str]:
    """The replies of an ntpd with these settings; it sets no clock."""
    text = f"disable ntp\n{settings}"
    found: dict[str, str] = json.loads(on_an_island([sys.executable, "-c", _LOOK.replace("ADDRESS", address)], text=text))
    return found


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_ntpd_that_answers_queries_is_told_from_one_that_only_gives_the_time(address: str) -> None:
    assert Path("/usr/sbin/ntpd").exists(), "ntpd is missing: tools/system-packages.sh"
    told = look("restrict default\nrestrict 127.0.0.1\nrestrict ::1\n", address)
    assert (told["ntp_time"], told["ntp_control"]) == (Reply.SERVED, Reply.SERVED)
    assert told["ntp_private"] in (Reply.IGNORED, Reply.DECLINED)  # NTPsec has no mode 7 at all
    kept = look("restrict default noquery\nrestrict 127.0.0.1 noquery\nrestrict ::1 noquery\n", address)
    assert (kept["ntp_time"], kept["ntp_control"], kept["ntp_private"]) == (Reply.SERVED, Reply.IGNORED, Reply.IGNORED)
    assert kept["tftp"] == Reply.REFUSED
