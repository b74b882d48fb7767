"""What `sshd -T` prints is a server's only where that server runs with it: options and files of its own are seen, and pass nothing."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from scanner.observations import HostObservation, Reason, Sshd, Unobserved
from scanner.probes import host as probe
from scanner.probes.collection import sshd, sshd_running
from scanner.probes.collection.sections import Collected, Section
from tests.lab.machines import WELL, Machine, keygen
from tests.scanner.probes.login_hosts import Premises, own_network, premises
from tests.scanner.probes.talkers import circumstances

GOOD = b"above sshd: audit@notty   \nabove sshd: audit [priv] \nabove sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups \n"
PRINTED = b"permitrootlogin no\npermitemptypasswords no\n"


def found(running: bytes | None, status: int = 0) -> Collected:
    parts = {"user": Section(b"1000\n", 0), "sshd": Section(PRINTED, 0), "sshd-match": Section(b"\n", 0)}
    if running is not None:
        parts["sshd-running"] = Section(running, status)
    return Collected(parts, begun=True, complete=True)


@pytest.mark.parametrize(
    "running",
    [
        GOOD,
        b"above /usr/sbin/sshd -D \nbeside /usr/sbin/sshd -D \n",  # OpenSSH before 8.2
        b"above /usr/sbin/sshd \n",
        b"above sshd: /usr/sbin/sshd -D -e -4 -E /var/log/sshd [listener] 1 of 10-100 startups\n",
        b"above /usr/sbin/sshd -D -oCiphers=aes256-gcm@openssh.com,aes256-ctr -oMACs=hmac-sha2-256 -u0\n",  # RHEL 8
        GOOD
        + b"beside sshd-session: an [priv]\nbeside /usr/lib/openssh/sshd-session -D -R\nbeside /usr/sbin/sshd -D -R\nbeside \n",
    ],
)
def test_a_server_without_options_of_its_own_is_the_one_that_is_asked(running: bytes) -> None:
    assert sshd_running.otherwise(found(running)) is None
    seen = sshd.sshd(found(running))
    assert isinstance(seen, Sshd) and seen.printed == seen


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"-D -f /etc/ssh/weak", "-f"),
        (b"-f/etc/ssh/weak", "-f"),
        (b"-Def /etc/ssh/weak", "-f"),
        (b"-D -o PermitEmptyPasswords=yes", "-o permitemptypasswords"),
        (b"-oPermitRootLogin=yes -D", "-o permitrootlogin"),
        (b"-D -o PermitRootLogin yes", "-?, -o permitrootlogin"),
        (b"-o Ciphers aes128-ctr", "-?, -o ciphers"),
        (b"-oCiphers=aes128-ctr -p 2222 -h /key", "-h, -p"),
        (b"-q", "-q"),
        (b"-d", "-d"),
        (b"-C user=an", "-C"),
        (b"weak", "-?"),
        (b"-D -E -f -f /etc/ssh/weak", "-f"),
    ],
)
@pytest.mark.parametrize("where", ["above sshd: /usr/sbin/sshd {} [listener] 0 of 10-100 startups", "beside /usr/sbin/sshd {}"])
def test_options_of_its_own_leave_all_of_it_unseen(words: bytes, told: str, where: str) -> None:
    """Whether that server let the audit user in or serves others beside it."""
    seen = sshd.sshd(found(GOOD + where.format(words.decode()).encode() + b" \n"))
    assert isinstance(seen, Unobserved) and seen.reason is Reason.DISAGREEMENT
    assert seen.detail.endswith(f"move them to /etc/ssh/sshd_config: {told}")


def test_another_program_is_another_server() -> None:
    seen = sshd.sshd(found(GOOD + b"beside /opt/ssh/sshd -D\n"))
    assert isinstance(seen, Unobserved) and seen.reason is Reason.DISAGREEMENT and seen.detail.endswith(": /opt/ssh/sshd")


@pytest.mark.parametrize(
    ("running", "status"),
    [
        (None, 0),
        (b"", 77),  # a /proc that hides the processes of others
        (b"", 0),
        (b"above sshd: audit@notty\n", 0),  # one started for each connection, or another server altogether
        (b"beside sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\n", 0),
        (b"above /usr/sbin/sshd -i\n", 0),
        (b"nonsense\n", 0),
        # a title that had no room to be whole, as that of a server started without an environment, and a line longer than what is read
        (GOOD + b"beside sshd: /usr/sbin/sshd -f / k\n", 0),
        (GOOD + b"beside sshd: /usr/sbin/ss\n", 0),
        (GOOD + b"beside sshd:\n", 0),
        (GOOD + b"beside /usr/sbin/sshd -oCiphers=" + b"x," * 2_040 + b"\n", 0),
        (GOOD, None),
    ],
)
def test_what_nobody_could_see_passes_nothing_and_fails_even_so(running: bytes | None, status: int) -> None:
    seen = sshd.sshd(found(running, status))
    assert isinstance(seen, Sshd) and seen.source == "unconfirmed" and seen.value("permitrootlogin") == "no"
    assert isinstance(seen.printed, Unobserved) and not seen.leaves_open("maxauthtries")


@pytest.mark.parametrize(
    "title", ["audit@pts/0", "an@pts/1,pts/2", "an@internal-sftp", "[accepted]", "[net]", "unknown [priv]", "an [net]", "an"]
)
def test_whom_a_server_serves_says_nothing_of_it(title: str) -> None:
    assert sshd_running.otherwise(found(GOOD + b"beside sshd: " + title.encode() + b"\n")) is None


@pytest.mark.parametrize(
    "beside",
    [
        "env -i /usr/sbin/sshd -f /mnt/weak",
        "/usr/sbin/sshd -oCiphers=$(printf 'aes256-ctr,%.0s' $(seq 500))aes256-ctr -f /mnt/weak",
    ],
    ids=["without an environment", "longer than what is read"],
)
def test_a_real_server_whose_command_line_is_not_whole_passes_nothing(tmp_path: Path, beside: str) -> None:
    key = tmp_path / "key"
    machine = Machine(tmp_path / "machine", f"{own_network()}.9", 2_298, WELL, keygen(key, "ed25519"))
    weak = "sed 's/^Port .*/Port 2299/' /etc/ssh/sshd_config >/mnt/weak; echo PermitRootLogin yes >>/mnt/weak"
    with ExitStack() as stack:
        machine.start(stack, f"{weak}; {beside}; exec /usr/sbin/sshd -D -e")
        seen = _seen(Premises(machine, key)).sshd
    assert (isinstance(seen, Sshd) and seen.source == "unconfirmed") or (
        isinstance(seen, Unobserved) and seen.reason is Reason.DISAGREEMENT
    ), seen


def _seen(here: Premises) -> HostObservation:
    seen = probe.look(here.target(), circumstances(timeout=20.0, deadline=60.0))
    assert isinstance(seen, HostObservation), seen
    return seen


def test_a_real_server_that_reads_its_own_file_is_believed(tmp_path: Path) -> None:
    with premises(tmp_path) as here:
        seen = _seen(here).sshd
    assert isinstance(seen, Sshd) and seen.source == "program"


@pytest.mark.parametrize(
    ("serve", "told"),
    [
        (
            "cp /etc/ssh/sshd_config /mnt/weak; echo PermitEmptyPasswords yes >>/mnt/weak; exec /usr/sbin/sshd -D -e -f /mnt/weak",
            "-f",
        ),
        ("exec /usr/sbin/sshd -D -e -o PermitEmptyPasswords=yes", "-o permitemptypasswords"),
        (
            "sed 's/^Port .*/Port 2299/' /etc/ssh/sshd_config >/mnt/weak; /usr/sbin/sshd -f /mnt/weak; exec /usr/sbin/sshd -D -e",
            "-f",
        ),
    ],
    ids=["file", "option", "beside"],
)
def test_a_real_server_with_a_file_or_an_option_of_its_own_passes_nothing(tmp_path: Path, serve: str, told: str) -> None:
    key = tmp_path / "key"
    machine = Machine(tmp_path / "machine", f"{own_network()}.9", 2_298, WELL, keygen(key, "ed25519"))
    with ExitStack() as stack:
        machine.start(stack, serve)
        seen = _seen(Premises(machine, key))
    assert isinstance(seen.sshd, Unobserved) and seen.sshd.reason is Reason.DISAGREEMENT, seen.sshd
    assert seen.sshd.detail.endswith(f": {told}")
    assert seen.sshd_printed == seen.sshd
