"""What the sections on mounts, SELinux and AppArmor say, in the words of real kernels, and whatever a host prints."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.findings import Fail, Pass
from scanner.observations import AccessControl, AppArmor, Mount, Reason, Unobserved
from scanner.probes.collection import confinement
from scanner.probes.collection.sections import Collected, Section, collected, prelude
from scanner.registry import load_checks
from scanner.specimens import host

CHECKS = load_checks()
MOUNTS = (
    b"/ ext4 rw,relatime\n/dev/shm tmpfs rw,nosuid,nodev\n/tmp ext4 rw\n/tmp tmpfs rw,nosuid,nodev,noexec\n"
    b"/mnt/a\\040b\\134c cifs ro,nosuid\n"
)
PROFILES = b"(enforce)\n(enforce)\n(complain)\n(unconfined)\n(kill)\n"
GOOD = {"user": b"1000\n", "mounts": MOUNTS, "selinux": b"1", "apparmor": PROFILES}
FACTS = (confinement.mounts, confinement.access_control)


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    named = {name.replace("_", "-"): text for name, text in changed.items()}
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (GOOD | named).items() if name not in leave}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def run(call: str, *, within: tuple[str, ...] = ()) -> bytes:
    """What a function of the script prints on this machine."""
    begins = confinement.SHELL.index(f"{call}() {{")
    function = confinement.SHELL[begins : confinement.SHELL.index("\n}", begins) + 2]
    script = f"{prelude('0' * 32)}{function}\n{call}\n".encode()
    return subprocess.run([*within, "/bin/sh"], input=script, capture_output=True, check=True, timeout=30).stdout


# --- Mounts --------------------------------------------------------------------------------------


def mounts(text: bytes) -> dict[str, Mount]:
    seen = confinement.mounts(found(mounts=text))
    assert not isinstance(seen, Unobserved), seen
    return {mount.path: mount for mount in seen}


def test_the_last_mount_at_a_place_hides_the_others_and_coded_signs_are_read() -> None:
    seen = mounts(MOUNTS)
    assert set(seen) == {"/", "/dev/shm", "/tmp", "/mnt/a b\\\\c"}
    assert set(seen["/tmp"].options) == {"rw", "nosuid", "nodev", "noexec"} and seen["/tmp"].type == "tmpfs"


@pytest.mark.parametrize(
    "odd",
    [b"", b"/tmp tmpfs rw\n", MOUNTS + b"/x tmpfs\n", MOUNTS + b"x tmpfs rw\n", MOUNTS + b"/x  rw\n", MOUNTS + b"/x t \x1b\n"],
)
def test_a_line_that_is_no_mount_makes_the_list_unreadable_and_never_shorter(odd: bytes) -> None:
    assert why(confinement.mounts(found(mounts=odd))) is Reason.UNREADABLE


def test_this_machine_s_mounts_are_those_its_kernel_lists_and_their_values_stay() -> None:
    printed = run("mounts")
    listed = {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()}
    assert set(mounts(printed)) == listed and b"=" not in printed


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: folders are mounted in a namespace")
@pytest.mark.parametrize(("options", "verdict"), [("nosuid,nodev,noexec", Pass), ("nosuid,nodev", Fail)])
def test_what_a_real_kernel_has_mounted_is_judged(options: str, verdict: type) -> None:
    mount = " && ".join(f"mount -t tmpfs -o {options},size=1m none {place}" for place in ("/tmp", "/dev/shm", "/var/tmp"))
    seen = confinement.mounts(found(mounts=run("mounts", within=("unshare", "-m", "sh", "-c", f'{mount} && exec "$0"'))))
    judge = CHECKS["host-mount-options"]
    assert not isinstance(seen, Unobserved)
    assert type(judge(host(mounts=seen), judge.parameters())) is verdict


# --- SELinux and AppArmor ------------------------------------------------------------------------


def test_profiles_are_counted_by_their_modes_beside_the_mode_of_selinux() -> None:
    both = AccessControl(selinux="enforcing", apparmor=AppArmor(enforced=3, complaining=1, unconfined=1))
    assert confinement.access_control(found()) == both
    neither = found("selinux", "apparmor", no_selinux=b"", no_apparmor=b"")
    assert confinement.access_control(neither) == AccessControl(selinux=None, apparmor=None)
    permissive = found("apparmor", selinux=b"0\n", no_apparmor=b"")
    assert confinement.access_control(permissive) == AccessControl(selinux="permissive", apparmor=None)


def test_what_is_not_said_of_either_is_unseen_and_never_none() -> None:
    assert why(confinement.access_control(found("selinux"))) is Reason.UNSUPPORTED
    assert why(confinement.access_control(found("apparmor"))) is Reason.UNSUPPORTED
    for odd in (b"", b"2", b"enforcing\n", b"1\n0\n"):
        assert why(confinement.access_control(found(selinux=odd))) is Reason.UNREADABLE
    assert why(confinement.access_control(found(apparmor=PROFILES + b"/usr/sbin/x (enforce)\n"))) is Reason.UNREADABLE
    refused = confinement.access_control(found(apparmor=(b"", 1)))
    assert why(refused) is Reason.NEEDS_RIGHTS
    assert isinstance(refused, Unobserved) and "sudo -n /usr/bin/awk" in refused.detail


def test_of_profiles_the_published_line_prints_modes_and_no_names(tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("/usr/bin/man (enforce)\nsnap.a b (complain)\nlsb_release (enforce)\n")
    line = [str(tmp_path / "profiles") if word.startswith("/sys/") else word for word in shlex.split(confinement.APPARMOR)]
    printed = subprocess.run(line, capture_output=True, check=True, timeout=10).stdout
    assert printed == b"(enforce)\n(complain)\n(enforce)\n"


@pytest.mark.parametrize(
    ("files", "sections"),
    [
        ({"module/apparmor/parameters/enabled": "Y\n", "filesystems": "nodev\tsysfs\n"}, {"apparmor", "no-selinux"}),
        ({"module/apparmor/parameters/enabled": "N\n", "fs/selinux/enforce": "1"}, {"no-apparmor", "selinux"}),
        ({"module/kernel/x": "", "filesystems": "nodev\tselinuxfs\n"}, {"no-apparmor"}),
        ({"module/apparmor/parameters/enabled": "", "module/kernel/x": "", "filesystems": ""}, {"no-selinux"}),
        ({}, set()),
    ],
    ids=["apparmor", "selinux", "selinux-unmounted", "unreadable", "nothing-mounted"],
)
def test_a_kernel_that_does_not_say_has_no_section(tmp_path: Path, files: dict[str, str], sections: set[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shell = confinement.SHELL.replace("/proc/filesystems", f"{tmp_path}/filesystems").replace(" /sys/", f" {tmp_path}/")
    shell = shell.replace("=/sys/", f"={tmp_path}/")
    script = f"{prelude('0' * 32)}{shell}section done true\n".encode()
    output = subprocess.run(["/bin/sh"], input=script, capture_output=True, check=True, timeout=30).stdout
    assert set(collected(output, "0" * 32).sections) == {*sections, "mounts", "done"}


def test_this_machine_s_kernel_is_said_to_confine_by_what_it_has() -> None:
    script = f"{prelude('0' * 32)}{confinement.SHELL}section user id -u\nsection done true\n".encode()
    output = subprocess.run(["/bin/sh"], input=script, capture_output=True, check=True, timeout=30).stdout
    seen = confinement.access_control(collected(output, "0" * 32))
    known = "selinuxfs" in Path("/proc/filesystems").read_text()
    assert isinstance(seen, Unobserved) or (seen.selinux is not None) is known


# --- Whatever a host prints ----------------------------------------------------------------------


def test_sound_sections_give_every_fact() -> None:
    assert not [fact for read in FACTS if isinstance(fact := read(found()), Unobserved)]


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"user"}))
def test_a_failed_hung_or_missing_section_is_never_another_fact(name: str) -> None:
    whole = [read(found()) for read in FACTS]
    key = name.replace("-", "_")
    for odd in (found(**{key: (GOOD[name], 2)}), found(**{key: (b"", None)}), found(**{key: (b"", 77)}), found(name)):
        seen = [read(odd) for read in FACTS]
        assert [fact for fact in seen if isinstance(fact, Unobserved)]
        assert all(fact == before or isinstance(fact, Unobserved) for fact, before in zip(seen, whole, strict=True))


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(GOOD.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*GOOD.values(), b"\n", b" ", b"/", b"=", b"\\777", b"\x00", b"\xff"]), max_size=5).map(b"".join),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None])), min_size=1))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    odd = found(**{name.replace("-", "_"): held for name, held in parts.items()})
    for read in FACTS:
        fact = read(odd)
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()
