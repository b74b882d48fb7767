"""What waits for a restart: real processes with real deleted libraries, real sudo, and whatever a host prints."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import Reason, ReplacedFile, Unobserved
from scanner.probes import collection
from scanner.probes.collection import restarts
from scanner.probes.collection.sections import Collected, Section, collected, prelude
from tests.scanner.probes import login_hosts

NONCE = "0" * 32
ALIVE = b"1 systemd\n412 nginx\n977 (sd-pam) x\n"
MAPS = (
    b"/proc/1/maps:stack]\n"
    b"/proc/412/maps:r-xp 0001f000 fe:01 262190                     /usr/sbin/nginx (deleted)\n"
    b"/proc/412/maps:r-xp 00002000 fe:01 262191                     /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n"
    b"/proc/412/maps:r-xp 00002000 fe:01 262191                     /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n"
    b"/proc/412/maps:stack]\n/proc/977/maps:stack]\n"
)
NGINX = ReplacedFile(process="nginx", path="/usr/sbin/nginx")
LIBSSL = ReplacedFile(process="nginx", path="/usr/lib/x86_64-linux-gnu/libssl.so.3")
SIGNS = (
    b"/run/reboot-required:\n/run/reboot-required:*** System restart required ***\n/run/reboot-required.pkgs:\n"
    b"/run/reboot-required.pkgs:linux-image-6.1.0-42-amd64\n/run/reboot-required.pkgs:linux-base\n"
    b"/run/reboot-required.pkgs:linux-image-6.1.0-42-amd64\n"
)
TIMES = b"kernel-core\t1700000000\nkernel-core\t1764000001\nglibc\t1764000000\nsystemd\t1764000500\nopenssl\t1764000500\n"
GOOD = {
    "user": b"1000\n",
    "alive": ALIVE,
    "maps": MAPS,
    "still-alive": ALIVE,
    "restart-signs": SIGNS,
    "booted": b"1764000000\n",
    "rpm-times": TIMES,
}
FACTS = (restarts.replaced_files, restarts.restart_required)
NOBODY, OTHER = (["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups"] for user in ("nobody", "daemon"))
NUMBER = pwd.getpwnam("nobody").pw_uid
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the maps of other users' processes are read")


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    named = {name.replace("_", "-"): text for name, text in changed.items()}
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (GOOD | named).items() if name not in leave}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def replaced(*lines: bytes) -> set[str]:
    seen = restarts.replaced_files(found(maps=MAPS + b"".join(b"/proc/1/maps:" + line + b"\n" for line in lines)))
    assert not isinstance(seen, Unobserved), seen
    return {file.path for file in seen if file.process == "systemd"}


def collect(shell: str = restarts.SHELL, *, by: list[str] | None = None) -> Collected:
    """What a real shell makes of these sections, run by root or by whom `by` says."""
    script = f"{{ exec </dev/null 2>/dev/null\n{prelude(NONCE)}section user id -u\n{shell}section done true\n}}\n"
    run = subprocess.run([*(by or []), "/bin/sh"], input=script.encode(), capture_output=True, timeout=60, check=False)
    return collected(run.stdout, NONCE)


# --- Replaced files ------------------------------------------------------------------------------


def test_a_process_that_runs_a_deleted_program_or_library_is_named_with_it() -> None:
    seen = restarts.replaced_files(found())
    assert not isinstance(seen, Unobserved) and set(seen) == {NGINX, LIBSSL}
    sound = b"".join(line for line in MAPS.splitlines(keepends=True) if line.endswith(b"stack]\n"))
    assert restarts.replaced_files(found(maps=sound)) == ()


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        (b"/usr/bin/dbus-daemon", True),
        (b"/lib64/ld-linux-x86-64.so.2", True),
        (b"/opt/agent/bin/agent", True),
        (b"/srv/app/lib/libapp.so", True),
        (b"/srv/app/lib/libapp.so.1.2.3", True),
        (b"/usr/lib/with space and (deleted)/x", True),
        (b"/srv/app/bin/app", False),
        (b"/srv/app/libapp.so.bak", False),
        (b"/memfd:libx.so", False),
        (b"/dev/zero", False),
        (b"/SYSV00000000", False),
        (b"/tmp/libx.so", False),
        (b"/var/tmp/libx.so.1", False),
        (b"/run/user/1000/libx.so", False),
        (b"/var/run/libx.so", False),
        (b"/[aio]", False),
        (b"/var/lib/app/jna1234567.so", False),
        (b"/var/lib/app/orcexec.abcdef", False),
    ],
)
def test_files_count_that_are_programs_or_libraries_and_not_made_in_passing(path: bytes, counts: bool) -> None:
    shown = replaced(b"r-xp 00001000 fe:01 7      " + path + b" (deleted)")
    assert shown == ({path.decode()} if counts else set())


@pytest.mark.parametrize(
    "line",
    [
        b"x_x1 /usr/lib/libx.so (deleted)",
        b"r-xp 00001000 fe:01 7      /usr/lib/libx.so",
        b"r--p 00001000 fe:01 7      /usr/lib/locale/locale-archive (deleted)",
        b"r-xp 00001000 fe:01 7      anon (deleted)",
        b"stack)",
    ],
)
def test_what_is_run_from_no_deleted_file_is_none(line: bytes) -> None:
    assert replaced(line) == set()


def test_paths_and_names_are_escaped_and_bounded() -> None:
    long = b"r-xp 00001000 fe:01 7      /usr/lib/" + b"a" * 4_000 + b".so (deleted)"
    odd = b"r-xp 00001000 fe:01 7      /usr/lib/\xff\x1b[2J.so (deleted)"
    shown = replaced(long, odd)
    assert "/usr/lib/\\xff\\x1b[2J.so" in shown and max(map(len, shown)) < 1_100
    named = ALIVE.replace(b"nginx", b"\x1b[2J\xff" + b"n" * 500)
    seen = restarts.replaced_files(found(alive=named, still_alive=named))
    assert not isinstance(seen, Unobserved) and {len(file.process) < 100 for file in seen} == {True}


def test_a_process_whose_maps_were_not_read_hides_behind_none_of_the_others() -> None:
    unread = restarts.replaced_files(found(maps=MAPS.replace(b"/proc/977/maps:stack]\n", b"")))
    assert why(unread) is Reason.UNREADABLE and isinstance(unread, Unobserved) and unread.detail.endswith("so scan again: 1/3")
    none = restarts.replaced_files(found(maps=MAPS.replace(b"stack]", b"r--p 0")))
    assert why(none) is Reason.NEEDS_RIGHTS


def test_a_process_that_began_or_ended_meanwhile_changes_nothing() -> None:
    ended, began = ALIVE + b"978 sh\n", ALIVE + b"979 sh\n"
    assert restarts.replaced_files(found(alive=ended, still_alive=began)) == restarts.replaced_files(found())
    short = MAPS + b"/proc/980/maps:r-xp 00001000 fe:01 7      /usr/bin/gone (deleted)\n"
    assert restarts.replaced_files(found(maps=short)) == restarts.replaced_files(found())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"maps": (b"", 1)}, Reason.NEEDS_RIGHTS),
        ({"maps": (b"", 1), "user": b"0\n"}, Reason.UNREADABLE),
        ({"maps": (MAPS, 2)}, Reason.UNREADABLE),
        ({"maps": (b"", None)}, Reason.UNREADABLE),
        ({"maps": b""}, Reason.NEEDS_RIGHTS),
        ({"maps": MAPS + b"grep: /proc/5/maps: binary file matches\n"}, Reason.UNREADABLE),
        ({"alive": (b"", 77)}, Reason.NEEDS_RIGHTS),
        ({"still_alive": (b"", 77)}, Reason.NEEDS_RIGHTS),
        ({"alive": b""}, Reason.UNREADABLE),
        ({"still_alive": b""}, Reason.UNREADABLE),
        ({"alive": b"systemd\n"}, Reason.UNREADABLE),
    ],
)
def test_a_look_that_was_refused_or_cut_short_never_says_none(
    changed: dict[str, bytes | tuple[bytes, int | None]], reason: Reason
) -> None:
    assert why(restarts.replaced_files(found(**changed))) is reason


def test_without_the_sudoers_line_the_part_names_it() -> None:
    refused = restarts.replaced_files(found(maps=(b"", 1)))
    assert isinstance(refused, Unobserved) and f"sudo -n {restarts.MAPS}" in refused.detail
    assert why(restarts.replaced_files(found("maps"))) is Reason.UNSUPPORTED


# --- In a house of its own: real processes, and a /proc that shows no others ---------------------

_HOLDS = """
import ctypes, sys
for path in sys.argv[1:]:
    ctypes.CDLL(path)
print(open("/proc/self/comm").read().strip(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def house() -> Iterator[list[str]]:
    """A process namespace with a /proc of its own, by the words that run a command in it."""
    own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "echo up; exec cat"]
    with subprocess.Popen(own, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None and first.stdout.readline() == b"up\n"
        inner = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()[0]
        yield ["nsenter", "-t", inner, "-m", "-p"]
        first.communicate(timeout=10)


@contextmanager
def holding(house: list[str], *libraries: Path) -> Iterator[str]:
    """A process that has these libraries loaded, by its name."""
    command = [*house, sys.executable, "-c", _HOLDS, *map(str, libraries)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        name = process.stdout.readline().decode().strip()
        assert name
        yield name
        process.communicate(timeout=10)


def libm() -> str:
    """The path of the C library's mathematics, by where a process has it."""
    code = "import ctypes; ctypes.CDLL('libm.so.6'); print(open('/proc/self/maps').read())"
    maps = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=10).stdout
    return next(line.split()[-1] for line in maps.splitlines() if "/libm" in line)


@pytest.fixture
def libraries() -> Iterator[Path]:
    """A folder of a test's own among those of libraries; one under /tmp would be left out by rule."""
    if not os.access("/usr/local/lib", os.W_OK):
        pytest.skip("needs to write under /usr/local/lib: under /tmp deleted libraries do not count")
    with tempfile.TemporaryDirectory(prefix="clearance-test-", dir="/usr/local/lib") as folder:
        yield Path(folder)


def pairs(collected: Collected) -> set[tuple[str, str]]:
    """The replaced files as pairs; all that is left out by rule is left out."""
    seen = restarts.replaced_files(collected)
    assert not isinstance(seen, Unobserved), seen
    return {(file.process, file.path) for file in seen}


@as_root
def test_a_real_process_with_a_deleted_library_is_seen_until_it_ends(house: list[str], libraries: Path, tmp_path: Path) -> None:
    names = ("libdeleted.so.1", "libreplaced.so.1", "libkept.so.1")
    held = [Path(shutil.copy(libm(), libraries / name)) for name in names]
    passing = Path(shutil.copy(libm(), tmp_path / "libpassing.so.1"))
    with holding(house, *held, passing) as process:
        assert pairs(collect(by=house)) == set()
        held[0].unlink()
        passing.unlink()
        shutil.copy(libm(), libraries / "new")
        (libraries / "new").replace(held[1])
        assert pairs(collect(by=house)) == {(process, str(path)) for path in held[:2]}
    assert pairs(collect(by=house)) == set()


@as_root
def test_a_real_process_in_a_container_s_namespace_does_not_count(house: list[str], libraries: Path) -> None:
    inside, outside = (Path(shutil.copy(libm(), libraries / name)) for name in ("libinside.so.1", "liboutside.so.1"))
    with holding([*house, "unshare", "--pid", "--fork"], inside), holding(house, outside):
        inside.unlink()
        outside.unlink()
        found = collect(by=house)
    assert f"{inside} (deleted)".encode() in found.sections["maps"].text
    assert {path for _, path in pairs(found)} == {str(outside)}


@as_root
def test_a_real_sudo_shows_a_user_with_the_published_lines_what_root_sees_and_refuses_others(
    house: list[str], libraries: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "sudoers"
    lines.write_text("\n".join(login_hosts.SUDOERS).replace("audit", "nobody") + "\n")
    lines.chmod(0o440)
    subprocess.run([*house, "mount", "--bind", lines, "/etc/sudoers"], check=True, timeout=10)
    library = Path(shutil.copy(libm(), libraries / "libdeleted.so.1"))
    with holding(house, library) as process:
        library.unlink()
        root, allowed, other = (collect(by=[*house, *user]) for user in ((), NOBODY, OTHER))
    assert (allowed.sections["user"].text, root.sections["user"].text) == (f"{NUMBER}\n".encode(), b"0\n")
    assert pairs(allowed) == pairs(root) == {(process, str(library))}
    refused = restarts.replaced_files(other)
    assert why(refused) is Reason.NEEDS_RIGHTS and isinstance(refused, Unobserved) and restarts.MAPS in refused.detail


@as_root
def test_a_command_that_runs_without_root_s_rights_never_says_none(house: list[str]) -> None:
    unrooted = collect(restarts.SHELL.replace("asroot ", "brief "), by=[*house, *NOBODY])
    assert (unrooted.sections["maps"].status, unrooted.sections["maps"].text.strip() != b"") == (0, True)
    assert why(restarts.replaced_files(unrooted)) is Reason.NEEDS_RIGHTS
    assert pairs(collect(by=house)) == set()


@as_root
def test_how_find_ends_and_processes_that_come_and_go_decide_nothing(house: list[str]) -> None:
    for ends in ("true", "false"):
        loose = restarts.SHELL.replace("maps() { asroot", f"maps() {{ looked; {ends}; }}\nlooked() {{ asroot")
        assert ends in loose and pairs(collect(loose, by=house)) == set()
    with subprocess.Popen(
        [*house, "sh", "-c", "/bin/true & exec cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as unreaped:
        while b"(true) Z" not in (
            stats := subprocess.run([*house, "sh", "-c", "cat /proc/[0-9]*/stat"], capture_output=True).stdout
        ):
            assert unreaped.poll() is None, stats
        assert pairs(collect(by=house)) == set()  # the dead have no maps, and hide nothing
        unreaped.communicate(timeout=10)
    restless = "while :; do sleep 0 & /bin/true; done"
    with subprocess.Popen([*house, "timeout", "20", "sh", "-c", restless], start_new_session=True) as busy:
        found = [collect(by=house) for _ in range(10)]
        assert busy.poll() is None
        os.killpg(busy.pid, signal.SIGKILL)
    assert [pairs(one) for one in found] == [set()] * 10
    assert len({one.sections["alive"].text for one in found}) > 1


@as_root
def test_no_address_in_memory_leaves_the_host(house: list[str], libraries: Path) -> None:
    library = Path(shutil.copy(libm(), libraries / "libdeleted.so.1"))
    with holding(house, library):
        library.unlink()
        said = collect(by=house).sections["maps"].text.splitlines()
    kept = {re.sub(rb"/proc/[0-9]+/maps:", b"", line) for line in said if line}
    assert b"stack]" in kept and [
        line for line in kept if line.startswith(b"r-xp ") and line.endswith(b"libdeleted.so.1 (deleted)")
    ]
    assert not [line for line in kept if re.search(rb"[0-9a-f]{8,}-[0-9a-f]{8,}", line)]


def test_the_script_collects_both_on_the_machine_the_test_runs_on() -> None:
    run = subprocess.run(["/bin/sh"], input=collection.script(NONCE), capture_output=True, timeout=120, check=False)
    real = collected(run.stdout, NONCE)
    assert {"alive", "maps", "still-alive", "restart-signs"} <= set(real.sections)
    assert f"{os.getpid()} ".encode() in real.sections["alive"].text
    assert not isinstance(restarts.restart_required(real), Unobserved)
    replaced = restarts.replaced_files(real)
    try:
        Path("/proc/1/maps").read_bytes()
    except PermissionError:  # as for an ordinary user, and in a machine that keeps its first process from its root
        assert why(replaced) is Reason.NEEDS_RIGHTS
    else:
        assert isinstance(replaced, tuple)


# --- Restart of the host -------------------------------------------------------------------------


def required(**changed: bytes) -> set[str]:
    seen = restarts.restart_required(found(**changed))
    assert not isinstance(seen, Unobserved), seen
    return set(seen)


def test_packages_that_ask_for_a_restart_are_named_by_the_sign_and_by_rpm() -> None:
    debian = found("booted", "rpm-times", no_rpm_times=b"")
    assert set(restarts.restart_required(debian)) == {"linux-image-6.1.0-42-amd64", "linux-base"}
    assert required(restart_signs=b"") == {"kernel-core", "systemd"}
    assert required() == {"linux-image-6.1.0-42-amd64", "linux-base", "kernel-core", "systemd"}
    assert required(restart_signs=b"", rpm_times=b"glibc\t1\n") == set()


@pytest.mark.parametrize(
    ("signs", "named"),
    [
        (b"", set()),
        (b"/run/reboot-required:\n", {"reboot-required"}),
        (b"/run/reboot-required:\n/run/reboot-required.pkgs:\n", {"reboot-required"}),
        (b"/run/reboot-required.pkgs:\n/run/reboot-required.pkgs:\xff\x1b\n", {"\\xff\\x1b"}),
    ],
)
def test_a_sign_without_packages_is_a_sign(signs: bytes, named: set[str]) -> None:
    assert required(restart_signs=signs, rpm_times=b"glibc\t1\n") == named


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"restart_signs": (SIGNS, 77)}, Reason.NEEDS_RIGHTS),
        ({"restart_signs": (b"", 1)}, Reason.UNREADABLE),
        ({"restart_signs": (b"", None)}, Reason.UNREADABLE),
        ({"restart_signs": b"/etc/passwd:x\n"}, Reason.UNREADABLE),
        ({"restart_signs": b"noise\n"}, Reason.UNREADABLE),
        ({"booted": b""}, Reason.UNREADABLE),
        ({"booted": b"yesterday\n"}, Reason.UNREADABLE),
        ({"booted": b"1\n2\n"}, Reason.UNREADABLE),
        ({"rpm_times": (TIMES, 1)}, Reason.UNREADABLE),
        ({"rpm_times": b""}, Reason.UNREADABLE),
        ({"rpm_times": b"kernel\t(none)\n"}, Reason.UNREADABLE),
        ({"rpm_times": b"kernel\n"}, Reason.UNREADABLE),
        ({"rpm_times": b"kernel\t" + b"9" * 5_000 + b"\n"}, Reason.UNREADABLE),
    ],
)
def test_signs_and_times_that_cannot_be_read_are_never_none(
    changed: dict[str, bytes | tuple[bytes, int | None]], reason: Reason
) -> None:
    assert why(restarts.restart_required(found(**changed))) is reason


def test_an_output_that_ended_before_rpm_s_times_says_nothing_of_a_restart() -> None:
    for missing in ("restart-signs", "booted", "rpm-times"):
        assert isinstance(restarts.restart_required(found(missing)), Unobserved)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, ()),
        ({"reboot-required": ""}, ("reboot-required",)),
        ({"reboot-required": "*** System restart required ***\n"}, ("reboot-required",)),
        ({"reboot-required": "x\n", "reboot-required.pkgs": "linux-base\ndbus"}, ("linux-base", "dbus")),
    ],
)
def test_the_signs_are_read_by_a_real_shell(tmp_path: Path, files: dict[str, str], named: tuple[str, ...]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    real = collect(restarts.SHELL.replace("/run/", f"{tmp_path}/"))
    said = real.sections["restart-signs"].text.replace(f"{tmp_path}/".encode(), b"/run/")
    seen = restarts.restart_required(found("booted", "rpm-times", no_rpm_times=b"", restart_signs=said))
    assert seen == named


@as_root
def test_signs_in_a_folder_that_the_user_may_not_read_are_not_taken_for_absent() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "reboot-required").touch()
        statuses = []
        for mode in (0o755, 0o700):
            folder.chmod(mode)
            statuses.append(collect(restarts.SHELL.replace("/run/", f"{folder}/"), by=NOBODY).sections["restart-signs"].status)
    assert statuses == [0, 77]


def test_rpm_is_asked_for_the_times_of_what_needs_a_restart(tmp_path: Path) -> None:
    stand_in = f"""rpm() {{ printf '%s\\n' "$@" >{tmp_path}/asked; printf 'kernel\\t99999999999\\nglibc\\t1\\n'; }}\n"""
    real = collect(stand_in + restarts.SHELL.replace("/var/lib/dpkg/status", "/nonexistent").replace("/run/", f"{tmp_path}/"))
    assert restarts.restart_required(real) == ("kernel",)
    words = (tmp_path / "asked").read_text().splitlines()
    assert words[:3] == ["-qa", "--qf", "%{NAME}\\t%{INSTALLTIME}\\n"] and {"glibc", "dbus-broker"} <= set(words[3:])
    assert f"btime {int(real.sections['booted'].text)}\n" in Path("/proc/stat").read_text()


# --- Whatever a host prints ----------------------------------------------------------------------


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(GOOD.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*GOOD.values(), b"\n", b":", b"\t", b"/proc/1/maps:", b"\x00", b"\xff"]), max_size=5).map(b"".join),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None])), min_size=1))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    odd = found(**{name.replace("-", "_"): held for name, held in parts.items()})
    for read in FACTS:
        fact = read(odd)
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()
