"""A network of its own for tests and benchmarks that need other hosts: two machines, a dead one, and addresses that stay silent.

The command runs in a namespace that can reach nothing but these: itself (10.9.0.1, fd00:9::1), a far machine (10.9.0.2,
10.9.0.3, fd00:9::2, fd00:9::3) on which port 443 of 10.9.0.3 is open, addresses nobody has, and behind the far machine
10.9.1.0/24 and fd00:9:1::/64, where everything is dropped without a word.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

_SCRIPT = """\
set -e
ip link set lo up
unshare --net sleep 900 & far=$!
trap 'kill $far' EXIT
while [ "$(readlink /proc/$far/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
ip link add near type veth peer name far netns $far
ip link set near addrgenmode none
ip addr add 10.9.0.1/24 dev near; ip -6 addr add fd00:9::1/64 dev near nodad; ip link set near up
nsenter -t $far -n sh -ec '
  ip link set lo up; ip link set far addrgenmode none
  for n in 2 3; do ip addr add 10.9.0.$n/24 dev far; ip -6 addr add fd00:9::$n/64 dev far nodad; done
  ip link set far up
'
ip route add 10.9.1.0/24 via 10.9.0.2; ip -6 route add fd00:9:1::/64 via fd00:9::2
nsenter -t $far -n "$PYTHON" -c '
import socket, time
listener = socket.create_server(("10.9.0.3", 443), backlog=64)
time.sleep(900)
' & serving=$!
trap 'kill $far $serving' EXIT
until nsenter -t $far -n ss -H -tln | grep -q 10.9.0.3:443; do sleep 0.02; done
"$@"
"""


def on_an_island(command: Sequence[str], *, timeout: float = 120, text: str = "") -> str:
    """What the command prints there; it is given `text` to read."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    words = ["unshare", "--net", *as_root, "env", f"PYTHON={sys.executable}", "sh", "-c", _SCRIPT, "island", *command]
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise AssertionError(done.stderr[-2_000:])
    return done.stdout
