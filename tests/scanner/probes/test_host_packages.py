"""What rpm says of vendors and modules, and dnf of streams, and whatever a host prints in their place."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import Package, Reason, Unobserved
from scanner.probes import collection
from scanner.probes.collection import packages
from scanner.probes.collection.sections import Collected, Section, collected, prelude

POSTGRESQL = (
    b"postgresql-server\t0\t15.6-1.module+el9.4.0+1\tx86_64\tpostgresql-15.6-1.module+el9.4.0+1.src.rpm\t"
    b"postgresql:15:9040020240415113218:rhel9\tRocky Enterprise Software Foundation\n"
)
BASH = b"bash\t0\t5.1.8-9.el9\tx86_64\tbash-5.1.8-9.el9.src.rpm\t(none)\tRed Hat, Inc.\n"
MODULES = (
    b"/etc/dnf/modules.d/nodejs.module:[nodejs]\n/etc/dnf/modules.d/nodejs.module:name=nodejs\n"
    b"/etc/dnf/modules.d/nodejs.module:stream=\n/etc/dnf/modules.d/nodejs.module:profiles=\n/etc/dnf/modules.d/nodejs.module:state=\n"
    b"/etc/dnf/modules.d/postgresql.module:[postgresql]\n/etc/dnf/modules.d/postgresql.module:name = postgresql\n"
    b"/etc/dnf/modules.d/postgresql.module:stream = 15\n/etc/dnf/modules.d/postgresql.module:profiles=server\n"
    b"/etc/dnf/modules.d/postgresql.module:state = enabled\n"
    b"/etc/dnf/modules.d/virt.module:[virt]\n/etc/dnf/modules.d/virt.module:stream=rhel\n/etc/dnf/modules.d/virt.module:state=disabled\n"
)


def found(**sections: bytes | tuple[bytes, int | None]) -> Collected:
    held = {name.replace("_", "-"): text if isinstance(text, tuple) else (text, 0) for name, text in sections.items()}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def listed(text: bytes) -> list[Package]:
    seen = packages.packages(found(rpm=text))
    assert not isinstance(seen, Unobserved), seen
    return list(seen)


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def test_rpm_names_the_vendor_and_the_stream_of_a_package() -> None:
    assert [(package.name, package.vendor, package.module) for package in listed(POSTGRESQL + BASH)] == [
        ("postgresql-server", "Rocky Enterprise Software Foundation", "postgresql:15"),
        ("bash", "Red Hat, Inc.", ""),
    ]


@pytest.mark.parametrize(
    ("vendor", "shown"),
    [
        (b"(none)", ""),
        (b"", ""),
        (b" A  B\tC ", " A  B\\x09C "),
        ("Công ty".encode(), "C\\u{f4}ng ty"),
        (b"\xff\x1b[2J", "\\xff\\x1b[2J"),
        (b"x" * 100_000, "x" * 300 + "... (100000 bytes)"),
    ],
)
def test_a_vendor_may_be_any_text_and_is_shown_escaped_and_bounded(vendor: bytes, shown: str) -> None:
    seen = listed(BASH.replace(b"Red Hat, Inc.", vendor) + POSTGRESQL)
    assert [package.vendor for package in seen] == [shown, "Rocky Enterprise Software Foundation"]


@pytest.mark.parametrize(
    "line",
    [
        BASH.replace(b"\t(none)", b""),
        BASH.replace(b"(none)", b"postgresql"),
        BASH.replace(b"(none)", b"postgresql:"),
        BASH.replace(b"(none)", b":15:1:2"),
        BASH.replace(b"(none)", b"a\x1b:15:1:2"),
        BASH.replace(b"(none)", b"a:" + b"1" * 101),
        BASH.replace(b"Red Hat", b"Red\nHat"),
        BASH.replace(b"bash\t0", b"\t0"),
    ],
    ids=["missing", "no-stream", "empty-stream", "no-name", "control", "long", "two-lines", "nameless"],
)
def test_one_line_of_rpm_that_cannot_be_read_makes_the_list_unreadable_and_never_shorter(line: bytes) -> None:
    assert why(packages.packages(found(rpm=BASH + line + POSTGRESQL))) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("tags", "label"), [("NAME\\nMODULARITYLABEL\\n", "%{MODULARITYLABEL}"), ("NAME\\nOLDMODULARITYLABELS\\n", "")]
)
def test_an_rpm_that_knows_no_modules_is_not_asked_for_them(tags: str, label: str) -> None:
    stand_in = f"rpm() {{ case $1 in --querytags) printf '{tags}' ;; -qa) printf '%s' \"$3\" ;; esac; }}\n"
    shell = prelude("0" * 32) + stand_in + packages.SHELL.partition("if [ -s")[0]
    asked = subprocess.run(
        ["/bin/sh"], input=f"{shell}\nrpm_list\n", capture_output=True, text=True, check=True, timeout=10
    ).stdout
    assert asked.split("\\t")[5:] == [label, "%{VENDOR}\\n"]


def test_the_streams_are_those_that_are_enabled() -> None:
    assert packages.module_streams(found(module_streams=MODULES)) == ("postgresql:15",)
    assert packages.module_streams(found(module_streams=b"")) == ()


@pytest.mark.parametrize(
    "lines",
    [
        b"no file\n",
        b"/x.module:state=enabled\n",
        b"/x.module:[x]\n/x.module:stream=1\n/x.module:state=perhaps\n",
        b"/x.module:[x]\n/x.module:state=enabled\n",
        b"/x.module:[x]\n/x.module:stream=1 2\n/x.module:state=enabled\n",
        b"/x.module:[x]\n/x.module:stream=1:2\n/x.module:state=enabled\n",
        b"/x.module:[x]\n/x.module:stream=\xff\n/x.module:state=enabled\n",
        b"/x.module:[x]\n/x.module:stream=" + b"1" * 5_000 + b"\n/x.module:state=enabled\n",
        b"/x.module:[x]\n/x.module:enabled\n",
    ],
)
def test_a_module_that_cannot_be_read_makes_the_list_unreadable_and_never_shorter(lines: bytes) -> None:
    assert why(packages.module_streams(found(module_streams=MODULES + lines))) is Reason.UNREADABLE


def test_streams_that_may_not_be_read_or_did_not_come_are_unseen() -> None:
    assert why(packages.module_streams(found(module_streams=(MODULES, 77)))) is Reason.NEEDS_RIGHTS
    for odd in ((MODULES, 1), (b"", None)):
        assert why(packages.module_streams(found(module_streams=odd))) is Reason.UNREADABLE
    assert isinstance(packages.module_streams(found()), Unobserved)


def test_the_files_of_dnf_are_read_by_a_real_shell(tmp_path: Path) -> None:
    (tmp_path / "postgresql.module").write_text(
        "# a remark\n[postgresql]\nname=postgresql\nstream=15\nprofiles=server\nstate=enabled\n"
    )
    (tmp_path / "other").write_text("[other]\nstream=1\nstate=enabled\n")
    streams = f"streams() {packages.SHELL.partition('streams() ')[2].partition('section')[0]}".replace(
        "/etc/dnf/modules.d", str(tmp_path)
    )
    printed = subprocess.run(
        ["/bin/sh"], input=f"{prelude('0' * 32)}{streams}streams\n".encode(), capture_output=True, check=True, timeout=10
    ).stdout
    assert packages.module_streams(found(module_streams=printed)) == ("postgresql:15",)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the files of one user are read by another")
def test_a_folder_of_modules_that_the_user_may_not_read_is_not_taken_for_empty() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        closed = Path(folder) / "modules.d"
        closed.mkdir()
        streams = f"streams() {packages.SHELL.partition('streams() ')[2].partition('section')[0]}".replace(
            "/etc/dnf/modules.d", str(closed)
        )
        nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "/bin/sh"]
        status = {}
        for mode in (0o755, 0o700):
            closed.chmod(mode)
            shell = f"{prelude('0' * 32)}{streams}streams\n"
            status[mode] = subprocess.run(nobody, input=shell, text=True, check=False, timeout=10).returncode
    assert status == {0o755: 0, 0o700: 77}


def test_the_script_collects_the_kernel_s_version_and_the_streams_of_the_machine_the_test_runs_on() -> None:
    run = subprocess.run(["/bin/sh"], input=collection.script("0" * 32), capture_output=True, timeout=120, check=False)
    real = collected(run.stdout, "0" * 32)
    assert real.sections["kernel-version"].text.decode().strip() == os.uname().version
    streams = packages.module_streams(real)
    assert not isinstance(streams, Unobserved) and (bool(streams) <= Path("/etc/dnf/modules.d").exists())


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [POSTGRESQL, BASH, MODULES, b"\t", b"\n", b":", b"[", b"]", b"=", b"state=enabled", b"\xff", b"\x00"]
            ),
            max_size=6,
        ).map(b"".join),
    ),
    st.sampled_from([0, 0, 1, 77, None]),
)
def test_no_output_breaks_a_reader(text: bytes, status: int | None) -> None:
    for read in (packages.packages, packages.module_streams):
        fact = read(found(rpm=(text, status), module_streams=(text, status)))
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()
