"""What services that wait allow strangers: real directories, shares, displays, databases and RPC, and recorded bytes where none can be had.

No Windows, no SMB 1, no container engine and no orchestrator runs here: their answers are recorded bytes.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.discovery import unclear
from scanner.observations import GreetingObservation, Reason, Unobserved, Weakness
from scanner.probes import control_planes, desktops, directories, greeting, questions, shares
from scanner.specimens import ports
from scanner.targets import Speaks
from tests.lab.processes import started
from tests.scanner.probes.talkers import circumstances, talking, target

HERE = "127.101.1.1"
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    with socket.create_server((HERE, 0)) as server:
        return int(server.getsockname()[1])


def seen(port: int) -> GreetingObservation:
    found = greeting.look(target(HERE, port, Speaks.OTHER), circumstances(timeout=1.0, deadline=40.0))
    assert isinstance(found, GreetingObservation), found
    return found


# --- directories ---

_SLAPD = """\
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_ldif
pidfile {folder}/pid
{settings}
database ldif
directory {folder}/db
suffix "dc=example,dc=vn"
rootdn "cn=admin,dc=example,dc=vn"
{access}
"""
_ENTRIES = "dn: dc=example,dc=vn\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"
_ENTRIES += "dn: ou=people,dc=example,dc=vn\nobjectClass: organizationalUnit\nou: people\n"


@contextmanager
def slapd(folder: Path, access: str, settings: str = "") -> Iterator[int]:
    """A real OpenLDAP with two entries, these access rules and these settings of the whole server."""
    (folder / "db").mkdir()
    (folder / "slapd.conf").write_text(_SLAPD.format(folder=folder, access=access, settings=settings))
    (folder / "entries.ldif").write_text(_ENTRIES)
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    words: list[str | Path] = ["slapadd", "-f", folder / "slapd.conf", "-l", folder / "entries.ldif"]
    subprocess.run(words, check=True, capture_output=True, env=environment, timeout=30)
    port = free_port()
    with ExitStack() as stack:
        command: list[str | Path] = ["slapd", "-d", "0", "-f", folder / "slapd.conf", "-h", f"ldap://{HERE}:{port}"]
        started(stack, command, folder / "log", [(HERE, port)])
        yield port


@pytest.mark.parametrize(
    ("access", "settings", "weaknesses", "unclear"),
    [
        ("access to * by * read", "", (Weakness.OPEN_DIRECTORY,), ()),
        ('access to dn.base="" by * read\naccess to * by users read by * none', "", (), ()),
        ("", "require authc", (), ()),
    ],
    ids=["open", "closed by rules", "a bind is demanded"],
)
def test_a_real_directory_is_open_or_closed(
    tmp_path: Path, access: str, settings: str, weaknesses: tuple[Weakness, ...], unclear: tuple[Weakness, ...]
) -> None:
    with slapd(tmp_path, access, settings) as port:
        found = seen(port)
    assert (found.protocol, found.answers_unauthenticated) == ("ldap", False)
    assert (found.weaknesses, found.unclear) == (weaknesses, unclear)


# --- shares ---


@contextmanager
def smbd(folder: Path, *lines: str) -> Iterator[int]:
    """A real Samba on a port of its own."""
    port = free_port()
    private = [f"{name} = {folder}/{name.replace(' ', '')}" for name in ("lock directory", "state directory", "cache directory")]
    private += [f"{name} = {folder}/{name.replace(' ', '')}" for name in ("pid directory", "private dir", "ncalrpc dir")]
    config = ["[global]", f"interfaces = {HERE}/8", "bind interfaces only = yes", f"smb ports = {port}", "disable netbios = yes"]
    config += ["load printers = no", "map to guest = never", *private, *lines]
    (folder / "smb.conf").write_text("\n".join(config) + "\n")
    for name in ("lockdirectory", "statedirectory", "cachedirectory", "piddirectory", "privatedir", "ncalrpcdir"):
        (folder / name).mkdir(exist_ok=True)
    with ExitStack() as stack:
        command: list[str | Path] = ["smbd", "--foreground", "--no-process-group", "-s", folder / "smb.conf", "--debug-stdout"]
        started(stack, command, folder / "log", [(HERE, port)])
        yield port


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (("server signing = mandatory", "server min protocol = SMB2_02"), ()),
        (("server min protocol = SMB2_02",), (Weakness.SMB_UNSIGNED,)),
        (("server signing = mandatory", "server min protocol = NT1"), (Weakness.SMB_1,)),
    ],
    ids=["signed", "unsigned", "SMB 1 too"],
)
def test_a_real_samba_is_signed_or_not(tmp_path: Path, lines: tuple[str, ...], wanted: tuple[Weakness, ...]) -> None:
    with smbd(tmp_path, *lines) as port:
        found = seen(port)
    assert found.protocol == "smb"
    assert found.weaknesses == wanted
    assert found.unclear == ()


def reply(*words: int | bytes) -> bytes:
    """Recorded bytes: an accepted RPC reply with these results."""
    body = struct.pack(">6I", 0x434C5231, 1, 0, 0, 0, 0)
    body += b"".join(word if isinstance(word, bytes) else word.to_bytes(4) for word in words)
    return struct.pack(">I", 0x8000_0000 | len(body)) + body


def text(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data + bytes(-len(data) % 4)


@pytest.mark.parametrize(
    ("exports", "wanted"),
    [
        (reply(1, text(b"/srv"), 0, 0), True),
        (reply(1, text(b"/srv"), 1, text(b"*"), 0, 0), True),
        (reply(1, text(b"/srv"), 1, text(b"192.0.2.0/24"), 0, 0), False),
        (reply(1, text(b"/a"), 1, text(b"192.0.2.1"), 0, 1, text(b"/b"), 0, 0), True),
        (reply(0), False),
        (reply(1, text(b"/srv"), 1), None),
        (b"", None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 3, None),
    ],
)
def test_exports_to_everybody_are_told_from_those_to_known_machines(exports: bytes, wanted: bool | None) -> None:
    assert shares.exported_to_all(exports) is wanted


@pytest.mark.parametrize(
    ("exports", "weaknesses", "unclear"),
    [
        (reply(1, text(b"/srv"), 0, 0), (Weakness.OPEN_EXPORT,), ()),
        (reply(1, text(b"/srv"), 1, text(b"192.0.2.1"), 0, 0), (), ()),
        (b"", (), (Weakness.OPEN_EXPORT,)),
    ],
)
def test_the_mount_daemon_a_portmapper_names_is_asked(
    exports: bytes, weaknesses: tuple[Weakness, ...], unclear: tuple[Weakness, ...]
) -> None:
    def mountd(peer: socket.socket) -> None:
        peer.recv(4_096)
        peer.sendall(exports)

    with talking(HERE, mountd) as (mount, _):

        def rpcbind(peer: socket.socket) -> None:
            if peer.recv(4_096) == shares.DUMP:
                peer.sendall(reply(1, 100_000, 2, 6, 111, 1, 100_005, 3, 6, mount, 0))

        with talking(HERE, rpcbind) as (port, _):
            found = seen(port)
    assert (found.protocol, found.answers_unauthenticated) == ("rpcbind", True)
    assert (found.weaknesses, found.unclear) == (weaknesses, unclear)


# --- desktops and displays ---


def confirm(answer: bytes = b"") -> bytes:
    """Recorded bytes: an X.224 connection confirm with this negotiation."""
    body = b"\xd0\0\0\x12\x34\0" + answer
    return struct.pack(">BBHB", 3, 0, 5 + len(body), len(body)) + body


def negotiated(protocol: int) -> bytes:
    return confirm(struct.pack("<BBHI", 2, 0, 8, protocol))


def failed(code: int) -> bytes:
    return confirm(struct.pack("<BBHI", 3, 0, 8, code))


@pytest.mark.parametrize(
    ("to_standard", "to_tls", "weaknesses", "unclear"),
    [
        (confirm(), b"", (Weakness.RDP_WITHOUT_NLA,), ()),
        (negotiated(0), b"", (Weakness.RDP_WITHOUT_NLA,), ()),
        (failed(1), negotiated(1), (Weakness.RDP_WITHOUT_NLA,), ()),
        (failed(5), failed(5), (), ()),
        (failed(1), b"", (), (Weakness.RDP_WITHOUT_NLA,)),
    ],
    ids=["before negotiation", "RDP's own security", "TLS alone", "NLA demanded", "the second question unanswered"],
)
def test_a_desktop_demands_nla_or_not(
    to_standard: bytes, to_tls: bytes, weaknesses: tuple[Weakness, ...], unclear: tuple[Weakness, ...]
) -> None:
    def talk(peer: socket.socket) -> None:
        said = peer.recv(4_096)
        answers = {desktops.rdp_request(desktops.STANDARD): to_standard, desktops.rdp_request(desktops.TLS): to_tls}
        peer.sendall(answers.get(said, b""))

    with talking(HERE, talk) as (port, _):
        found = seen(port)
    assert (found.protocol, found.weaknesses, found.unclear) == ("rdp", weaknesses, unclear)


def test_a_real_display_without_access_control_lets_strangers_in(tmp_path: Path) -> None:
    number = next(each for each in range(60, 99) if not Path(f"/tmp/.X{each}-lock").exists() and _free(6_000 + each))
    command: list[str | Path] = ["Xvfb", f":{number}", "-listen", "tcp", "-nolisten", "unix", "-screen", "0", "64x64x8", "-ac"]
    with ExitStack() as stack:
        started(stack, command, tmp_path / "log", [("127.0.0.1", 6_000 + number)])
        found = greeting.look(target("127.0.0.1", 6_000 + number, Speaks.OTHER), circumstances(timeout=1.0, deadline=40.0))
    assert isinstance(found, GreetingObservation), found
    assert (found.protocol, found.answers_unauthenticated) == ("x11", True)


def _free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def test_a_display_that_asks_for_an_authority_is_closed() -> None:
    refused = b"\x00\x16\x0b\x00\x00\x00\x06\x00" + b"Authorization required" + b"\0\0"
    assert desktops.x11(refused) is False
    assert desktops.x11(b"\x01\x00\x0b\x00\x00\x00\x10\x00") is True
    assert desktops.x11(b"HTTP/1.1 400") is None


# --- databases ---


@contextmanager
def postgres(*settings: str) -> Iterator[int]:
    """A real PostgreSQL, run as a user that may."""
    port = free_port()
    user = [] if os.geteuid() else ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="pg") as name, ExitStack() as stack:
        folder, data = Path(name), Path(name) / "data"
        data.mkdir()
        folder.chmod(0o755)
        if user:
            os.chown(data, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
        words: list[str | Path] = [*user, POSTGRES[-1] / "initdb", "-D", data, "-A", "reject", "-N"]
        subprocess.run(words, check=True, capture_output=True, cwd="/", timeout=60)
        options = [
            f"-clisten_addresses={HERE}",
            f"-cport={port}",
            "-cunix_socket_directories=",
            *(f"-c{each}" for each in settings),
        ]
        started(stack, [*user, POSTGRES[-1] / "postgres", "-D", data, *options], folder / "log", [(HERE, port)])
        yield port


def test_a_real_postgresql_without_tls_is_seen() -> None:
    with postgres("ssl=off") as port:
        found = seen(port)
    assert (found.protocol, found.weaknesses) == ("postgresql", (Weakness.NO_TLS,))


@pytest.mark.parametrize(("flags", "weaknesses"), [(0xF7FF, (Weakness.NO_TLS,)), (0xFFFF, ())])
def test_a_mysql_handshake_says_whether_it_knows_tls(flags: int, weaknesses: tuple[Weakness, ...]) -> None:
    body = b"\x0a10.11.6-MariaDB\0" + bytes(4) + bytes(8) + b"\0" + flags.to_bytes(2, "little") + bytes(20)
    with talking(HERE, lambda peer: peer.sendall(len(body).to_bytes(3, "little") + b"\0" + body)) as (port, _):
        found = seen(port)
    assert (found.protocol, found.weaknesses, found.unclear) == ("mysql", weaknesses, ())


# --- control planes ---


def behind_http(root: bytes, further: bytes) -> Callable[[socket.socket], None]:
    """Recorded bytes: one answer to GET /, another to whatever is asked then."""

    def talk(peer: socket.socket) -> None:
        said = peer.recv(4_096)
        if said.startswith((b"GET ", b"POST ")):
            peer.sendall(root if said.startswith(b"GET / ") else further)

    return talk


def http(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


_DOCKER, _STATUS = b'{"message":"page not found"}\n', b'{"kind":"Status","status":"Failure","code":403}'
_VERSION = json.dumps({"ApiVersion": "1.45", "Os": "linux"}, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("root", "further", "protocol", "strangers"),
    [
        (http(404, _DOCKER), http(200, _VERSION), "docker", True),
        (http(404, _DOCKER), http(403, b"{}"), "docker", False),
        (http(403, _STATUS), http(403, _STATUS), "kubernetes", False),
        (http(200, b'{"paths":["/api","/apis"]}'), http(200, b'{"kind":"APIVersions"}'), "kubernetes", True),
        (http(404, b"404 page not found\n"), http(200, b'{"header":{"cluster_id":"1"},"kvs":[]}'), "etcd", True),
        (http(404, b"404 page not found\n"), http(400, b'{"error":"etcdserver: user name is empty"}'), "etcd", False),
    ],
)
def test_control_planes_are_known_by_what_they_answer(root: bytes, further: bytes, protocol: str, strangers: bool) -> None:
    with talking(HERE, behind_http(root, further)) as (port, _):
        found = seen(port)
    assert (found.protocol, found.answers_unauthenticated) == (protocol, strangers)


@pytest.mark.parametrize("further", [http(404, b"404 page not found\n"), b"", http(200, b"<html>")])
def test_a_web_server_that_only_resembles_one_stays_a_web_server(further: bytes) -> None:
    with talking(HERE, behind_http(http(404, b"404 page not found\n"), further)) as (port, _):
        assert seen(port).protocol == "http"


def test_a_control_plane_that_says_no_more_in_the_time_allowed_is_not_taken_for_a_closed_one() -> None:
    """Else a short --timeout would make a pass of a container engine that answers strangers, and is slow to."""
    with talking(HERE, behind_http(http(404, _DOCKER), b"")) as (port, _):
        found = seen(port)
    assert (found.protocol, found.unclear) == ("http", (Weakness.SERVES_STRANGERS,))
    assert Weakness.SERVES_STRANGERS in unclear(found)
    with talking(HERE, behind_http(http(404, _DOCKER), http(404, b"<html>"))) as (port, _):
        assert unclear(seen(port)) == ()


# --- whatever comes ---


@given(st.binary(max_size=400))
def test_any_bytes_are_an_answer_or_none(said: bytes) -> None:
    for data in (said, struct.pack(">I", 0x8000_0000 | len(said)) + said, bytes(4) + b"\xfeSMB" + said, b"\x30" + said):
        shares.programs(data)
        shares.exported_to_all(data)
        shares.smb1_accepted(data)
        shares.smb2_signing(data)
        desktops.x11(data)
        desktops.is_rdp(data)
        desktops.accepts(data, desktops.TLS)
        directories.open_to_strangers(directories.found(data))
        for plane in control_planes.QUESTIONS:
            control_planes.answered(plane, data)


def test_what_could_not_be_found_out_somewhere_is_no_pass_and_what_was_found_stands() -> None:
    good = ports()
    doubtful = good.open[0].model_copy(update={"unclear": (Weakness.SERVES_STRANGERS,)})
    bad = good.open[0].model_copy(update={"weaknesses": (Weakness.SERVES_STRANGERS,), "port": 9})
    unknown = good.model_copy(update={"open": (doubtful,)})
    assert isinstance(unknown.serving_strangers, Unobserved) and unknown.serving_strangers.reason is Reason.NOT_ASKED
    assert unknown.weak_shares == ()
    both = good.model_copy(update={"open": (doubtful, bad)})
    assert both.serving_strangers == (bad,)


def test_a_question_belongs_to_a_port_only_as_a_first_guess() -> None:
    assert questions.at_home(445) is questions.share
    assert questions.at_home(6_001) is questions.display
    assert questions.at_home(9_999) is None
    assert shutil.which("smbd") and shutil.which("slapd")
