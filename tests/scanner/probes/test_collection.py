"""What the collection's output says, whatever a host prints; and that its documentation says what it does."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import OpenPort, OsRelease, Package, Reason, Setting, Sshd, Unobserved
from scanner.probes import collection
from scanner.probes.collection import packages, sections, sshd, system
from scanner.probes.collection.sections import SUDO, Collected, CollectionError, collected
from tests.scanner.probes.login_hosts import DOCS, KEY_OPTIONS, SUDOERS

NONCE = "00112233445566778899aabbccddeeff"
TEXT = DOCS.read_text(encoding="utf-8")
OS = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
DPKG = b"installed\topenssl\t3.0.17-1~deb12u3\tamd64\topenssl\t3.0.17-1~deb12u3\n"
SSHD = b"port 22\npermitrootlogin no\nacceptenv LANG\nacceptenv LC_*\nbanner none\n"
VERSION = b"#1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2026-01-15)\n"
RUNNING = b"above sshd: audit@notty  \nabove sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups \n"
LISTEN = b"tcp   LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n"

FACTS = (
    system.kernel,
    system.kernel_version,
    system.os_release,
    packages.packages,
    packages.module_streams,
    sshd.sshd,
    system.listening,
)


def part(name: str, text: bytes = b"", status: int = 0) -> bytes:
    return f"\n{NONCE} begin {name}\n".encode() + text + f"\n{NONCE} end {status} {name}\n".encode()


def output(*, leave: tuple[str, ...] = (), **changed: bytes | tuple[bytes, int]) -> bytes:
    """A sound output; keywords change sections (`_` for `-`), `leave` leaves some out."""
    good: dict[str, bytes | tuple[bytes, int]] = {"uname": b"Linux 6.1.0-40-amd64\n", "os-release": OS, "dpkg": DPKG}
    good |= {"kernel-version": VERSION, "module-streams": b""}
    good |= {"user": b"1000\n", "sshd": SSHD, "sshd-running": RUNNING, "sshd-match": b"\n", "listening": LISTEN}
    good |= {name.replace("_", "-"): text for name, text in changed.items()} | {"done": b""}
    kept = {name: text if isinstance(text, tuple) else (text, 0) for name, text in good.items() if name not in leave}
    return b"".join(part(name, text, status) for name, (text, status) in kept.items())


def found(*, leave: tuple[str, ...] = (), **changed: bytes | tuple[bytes, int]) -> Collected:
    return collected(output(leave=leave, **changed), NONCE)


def reason(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    assert fact.detail
    return fact.reason


# --- Sections ------------------------------------------------------------------------------------


def test_a_sound_output_gives_every_fact() -> None:
    good = found()
    assert good.complete and not [fact for read in FACTS if isinstance(fact := read(good), Unobserved)]
    assert system.kernel(good) == "6.1.0-40-amd64"


def test_the_script_is_run_by_a_real_shell_and_read_back() -> None:
    run = subprocess.run(["/bin/sh"], input=collection.script(NONCE), capture_output=True, timeout=60, check=False)
    real = collected(run.stdout, NONCE)
    assert run.returncode == 0 and run.stderr == b"" and real.complete
    assert system.kernel(real) == os.uname().release
    assert {"uname", "os-release", "sshd-match", "listening", "done"} <= set(real.sections)


def test_half_a_script_runs_nothing() -> None:
    whole = collection.script(NONCE)
    for length in range(0, len(whole) - 40, 97):
        run = subprocess.run(["/bin/sh"], input=whole[:length], capture_output=True, timeout=60, check=False)
        assert run.stdout == b""


def test_no_file_on_a_host_can_make_a_section_without_the_session_s_own_marker() -> None:
    other = "f" * 32
    forged = OS + f"\n{other} end 0 os-release\n\n{other} begin dpkg\n".encode() + DPKG
    for text in (forged, OS + b" " + part("dpkg").replace(b"\n", b"\n "), OS + part("dpkg").replace(b"\n", b"\r\n")):
        good = collected(output(leave=("dpkg",), os_release=text), NONCE)
        assert "dpkg" not in good.sections
        assert isinstance(system.os_release(good), OsRelease)


@pytest.mark.parametrize(
    "odd",
    [
        output() + part("dpkg", DPKG),
        part("uname") + f"\n{NONCE} end 0 dpkg\n".encode() + output(leave=("uname",)),
        f"\n{NONCE} end 0 uname\n".encode() + output(),
    ],
    ids=["twice", "ended-before", "stray-end"],
)
def test_sections_that_overlap_or_repeat_are_no_collection(odd: bytes) -> None:
    with pytest.raises(CollectionError):
        collected(odd, NONCE)


def test_an_output_cut_anywhere_gives_fewer_facts_and_never_other_ones() -> None:
    whole, good = output(), found()
    full = [read(good) for read in FACTS]
    for length in range(len(whole)):
        cut = collected(whole[:length], NONCE)
        assert not cut.complete
        for read, fact in zip(FACTS, full, strict=True):
            seen = read(cut)
            assert seen == fact or reason(seen) is Reason.UNREADABLE


def test_eight_million_bytes_of_markers_are_read_in_one_pass() -> None:
    flood = f"\n{NONCE} begin uname\n".encode() * 160_000
    with pytest.raises(CollectionError):
        collected(flood, NONCE)
    assert collected(b"x" * 8_000_000, NONCE).begun is False


NAMES = [
    "uname",
    "kernel-version",
    "module-streams",
    "os-release",
    "dpkg",
    "rpm",
    "apk",
    "user",
    "sshd",
    "no-sshd",
    "sshd-match",
    "listening",
    "done",
]
ODD = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [OS, DPKG, SSHD, LISTEN, b"\t", b"\n", b"\x00", b"\xff", b" ", b"=", b'"', b"Match all\n", b"Include x\n", b":"]
        )
    ).map(b"".join),
)


@settings(max_examples=300, deadline=None)
@given(ODD)
def test_any_bytes_are_facts_or_unobserved_and_never_trouble(noise: bytes) -> None:
    seen = collected(noise, NONCE)
    assert not seen.begun and not seen.complete
    assert {reason(read(seen)) for read in FACTS} == {Reason.UNREADABLE}


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 127, 255]))))
def test_any_bytes_within_sections_are_facts_or_unobserved_and_never_trouble(parts: dict[str, tuple[bytes, int]]) -> None:
    seen = collected(b"".join(part(name, *held) for name, held in parts.items()), NONCE)
    for read in FACTS:
        fact = read(seen)
        assert fact or fact == (), read
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()
    assert packages.packages(seen) != ()


def test_a_section_that_hung_or_said_too_much_is_unread_and_the_others_are_not() -> None:
    whole = output()
    for name, read in (("dpkg", packages.packages), ("listening", system.listening)):
        end = f"{NONCE} end 0 {name}\n".encode()
        for missing in (end, end[:-1], end[:-4]):
            cut = collected(whole.replace(end, end[: len(end) - len(missing)]), NONCE)
            assert reason(read(cut)) is Reason.UNREADABLE and system.kernel(cut) == "6.1.0-40-amd64"


def test_a_section_is_bounded_in_bytes_and_in_time_whatever_the_command_does() -> None:
    bounded = sections.prelude(NONCE).replace("sleep 10", "sleep 1").replace("timeout -s KILL 10", "timeout -s KILL 2")
    odd = "slow() { trap '' TERM; sleep 8; }\nsection slow slow\nsection much cat /dev/zero\n"
    body = f"{{ exec </dev/null 2>/dev/null\n{bounded}{odd}section uname uname -sr\nsection done true\n}}\n"
    began = time.monotonic()
    run = subprocess.run(["/bin/sh"], input=body.encode(), capture_output=True, timeout=60, check=False)
    seen = collected(run.stdout, NONCE)
    assert time.monotonic() - began < 5 and len(run.stdout) < sections.SECTION_BYTES + 1_000
    assert {name for name, held in seen.sections.items() if held.status is None} == {"slow", "much"}
    assert system.kernel(seen) == os.uname().release


# --- The operating system ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "release"),
    [
        (b"ID=alpine\nVERSION_ID=3.20.1\n", ("alpine", "3.20.1", "")),
        (b'ID=\'rocky\'\r\nVERSION_ID="9.4"\r\nPRETTY_NAME="Rocky \\"Blue\\" 9"\r\n', ("rocky", "9.4", 'Rocky "Blue" 9')),
        (b"ID=debian\n\n# a word\n$(reboot)\nNAME=\xff\xfe\x1b[2J\nID=debian\n", ("debian", "", "")),
        ('ID=x\nPRETTY_NAME="Hệ \x1b[2J"\n'.encode(), ("x", "", "H\\u{1ec7} \\x1b[2J")),
    ],
)
def test_os_release_is_read_as_its_manual_says(text: bytes, release: tuple[str, str, str]) -> None:
    read = system.os_release(found(os_release=text))
    assert isinstance(read, OsRelease) and (read.id, read.version_id, read.pretty_name) == release


@pytest.mark.parametrize("text", [b"", b"NAME=x\n", b"ID=\n", b"ID=a b\n", b'ID=debian\nVERSION_ID="12\n', b"ID=$(id)x'\n"])
def test_an_os_release_that_names_no_system_is_unreadable(text: bytes) -> None:
    assert reason(system.os_release(found(os_release=text))) is Reason.UNREADABLE


def test_a_host_that_is_no_linux_is_unsupported() -> None:
    for text in (b"FreeBSD 14.1-RELEASE", b"CYGWIN_NT-10.0 3.5", b"", b"Linux", b"Linux 6.1\nmore", b"Linux \x1b[2J"):
        assert reason(system.kernel(found(uname=text))) is Reason.UNSUPPORTED
    assert reason(system.kernel(found(uname=(b"Linux 6.1", 127)))) is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (VERSION, VERSION.decode().strip()),
        (b"#1-Alpine SMP \xff\x1b[2J\n", "#1-Alpine SMP \\xff\\x1b[2J"),
        (b"#" * 100_000, "#" * 300 + "... (100000 bytes)"),
    ],
)
def test_the_kernel_says_when_it_was_built_in_one_line_that_is_bounded(text: bytes, shown: str) -> None:
    assert system.kernel_version(found(kernel_version=text)) == shown


@pytest.mark.parametrize("text", [b"", b" \n", b"#1 SMP\n#2 SMP\n", (VERSION, 1), (b"", 127)])
def test_a_kernel_that_does_not_say_when_it_was_built_is_unread(text: bytes | tuple[bytes, int]) -> None:
    assert reason(system.kernel_version(found(kernel_version=text))) is Reason.UNREADABLE
    assert reason(system.kernel_version(found(leave=("kernel-version", "done")))) is Reason.UNREADABLE


# --- Packages ------------------------------------------------------------------------------------


def test_dpkg_packages_come_with_their_source_and_without_those_removed() -> None:
    text = (
        b"installed\tlibssl3:amd64\t3.0.17-1\tamd64\topenssl\t3.0.17-1\n"
        b"config-files\ttelnetd\t0.17-41\tamd64\tnetkit-telnet\t0.17-41\n"
        b"not-installed\told\t\t\told\t\n"
        b"unpacked\trsh-server\t0.17-22\tamd64\t\t\n"
    )
    assert packages.packages(found(dpkg=text)) == (
        Package(name="libssl3", version="3.0.17-1", architecture="amd64", source="openssl", source_version="3.0.17-1"),
        Package(name="rsh-server", version="0.17-22", architecture="amd64", source="rsh-server", source_version="0.17-22"),
    )


def test_rpm_and_apk_packages_come_with_their_source() -> None:
    rpm = (
        b"openssl-libs\t1\t3.0.7-27.el9\tx86_64\topenssl-3.0.7-27.el9.src.rpm\t(none)\tRed Hat, Inc.\n"
        b"gpg-pubkey\t0\tabc-1\t(none)\t(none)\t(none)\t(none)\n"
    )
    seen = packages.packages(found(leave=("dpkg",), rpm=rpm))
    assert not isinstance(seen, Unobserved)
    assert [(p.name, p.version, p.source, p.source_version) for p in seen] == [
        ("openssl-libs", "1:3.0.7-27.el9", "openssl", "1:3.0.7-27.el9"),
        ("gpg-pubkey", "0:abc-1", "gpg-pubkey", "0:abc-1"),
    ]
    seen = packages.packages(found(leave=("dpkg",), apk=b"P:libcrypto3\nV:3.3.1-r0\nA:x86_64\no:openssl\n\n"))
    assert not isinstance(seen, Unobserved) and [(p.name, p.source) for p in seen] == [("libcrypto3", "openssl")]


@pytest.mark.parametrize(
    "line",
    [
        b"installed\ttel\x1b[2Jnetd\t1\tamd64\tx\t1\n",
        b"installed\ttelnetd\xff\t1\tamd64\tx\t1\n",
        b"installed\t" + b"a" * 1_000_000 + b"\t1\tamd64\tx\t1\n",
        b"installed\ttelnetd\t\tamd64\tx\t1\n",
        b"installed\ttelnetd\t1\n",
        b"installed\ttelnetd\t1\tamd64\tx\t1\tmore\n",
        b"fine\ttelnetd\t1\tamd64\tx\t1\n",
        b"a warning\n",
        b"installed\tb\t1\tamd64\tb\t1\n" * 300_000,
    ],
    ids=["control", "not-utf8", "long", "no-version", "short", "wide", "status", "noise", "many"],
)
def test_one_line_that_cannot_be_read_makes_the_list_unreadable_and_never_shorter(line: bytes) -> None:
    assert reason(packages.packages(found(dpkg=DPKG + line + DPKG))) is Reason.UNREADABLE


def test_an_empty_or_failed_list_is_no_list() -> None:
    assert reason(packages.packages(found(dpkg=b""))) is Reason.UNREADABLE
    assert reason(packages.packages(found(dpkg=b"config-files\tx\t1\tall\tx\t1\n"))) is Reason.UNREADABLE
    assert reason(packages.packages(found(dpkg=(DPKG, 2)))) is Reason.UNREADABLE
    assert reason(packages.packages(found(leave=("dpkg",)))) is Reason.UNSUPPORTED
    assert reason(packages.packages(found(leave=("dpkg", "done")))) is Reason.UNREADABLE


# --- The SSH server's settings -------------------------------------------------------------------


def values(name: str, fact: object) -> list[str]:
    assert isinstance(fact, Sshd), fact
    return [setting.value for setting in fact.settings if setting.name == name]


def test_settings_are_read_whether_they_stand_once_often_or_empty() -> None:
    seen = sshd.sshd(found(sshd=SSHD + b"chrootdirectory\nversionaddendum \n"))
    assert values("permitrootlogin", seen) == ["no"]
    assert values("acceptenv", seen) == ["LANG", "LC_*"]
    assert values("chrootdirectory", seen) == values("versionaddendum", seen) == [""]
    assert Setting(name="banner", value="none") in (seen.settings if isinstance(seen, Sshd) else ())


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"sshd": (b"", 1)}, Reason.NEEDS_RIGHTS),
        ({"sshd": (b"", 127)}, Reason.NEEDS_RIGHTS),
        ({"sshd": (b"", 255)}, Reason.UNREADABLE),
        ({"sshd": b""}, Reason.UNREADABLE),
        ({"sshd": b"permitrootlogin no\nSorry, try again!\n\x1b"}, Reason.UNREADABLE),
        ({"sshd": b"banner " + b"x" * 1_000_000}, Reason.UNREADABLE),
        ({"sshd_match": (b"", 1)}, Reason.NEEDS_RIGHTS),
        ({"sshd_match": b"Match all\nInclude more.conf\n"}, Reason.UNREADABLE),
        ({"leave": ("sshd-match",)}, Reason.NEEDS_RIGHTS),
        ({"leave": ("sshd",), "no_sshd": b""}, Reason.UNSUPPORTED),
        ({"leave": ("sshd",), "sshd": (b"", 255)}, Reason.UNREADABLE),
        ({"leave": ("sshd", "done")}, Reason.UNREADABLE),
    ],
)
def test_settings_that_could_not_be_seen_say_why(changed: dict[str, object], wanted: Reason) -> None:
    assert reason(sshd.sshd(found(**changed))) is wanted  # type: ignore[arg-type]


def test_a_match_block_stands_beside_the_general_value_and_an_equal_one_does_not() -> None:
    blocks = b'Match User sftp\n  PermitRootLogin=yes\n\tBanner "none"\n# PermitRootLogin odd\nmatch all\nAcceptEnv TZ\nForceCommand x y\n'
    seen = sshd.sshd(found(sshd_match=blocks))
    assert values("permitrootlogin", seen) == ["no; yes under Match User sftp"]
    assert values("banner", seen) == ["none"]
    assert values("acceptenv", seen) == ["LANG", "LC_*", "TZ under Match all"]
    assert values("forcecommand", seen) == ["x y under Match all"]


# --- Listening -----------------------------------------------------------------------------------


def test_ports_on_loopback_only_are_not_open_to_others() -> None:
    lines = (
        b"tcp   LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\ntcp LISTEN 0 511 *:80 *:*\ntcp LISTEN 0 5 [::]:443 [::]:*\n"
        b"tcp LISTEN 0 5 127.0.0.1:25 0.0.0.0:*\ntcp LISTEN 0 5 [::1]:631 [::]:*\ntcp LISTEN 0 5 127.0.0.53%lo:53 0.0.0.0:*\n"
        b"tcp LISTEN 0 5 [::ffff:127.0.0.1]:8005 *:*\ntcp LISTEN 0 5 192.0.2.1%eth0:5432 0.0.0.0:*\n"
        b"tcp LISTEN 0 5 [fe80::1]%eth0:546 [::]:*\n"
    )
    seen = system.listening(found(listening=lines))
    assert seen == tuple(OpenPort(port=port, transport="tcp", service="") for port in (22, 80, 443, 546, 5432))


def test_udp_sockets_are_listed_beside_those_of_tcp() -> None:
    lines = (
        b"udp   UNCONN 0 0 0.0.0.0:161 0.0.0.0:*\nudp   UNCONN 0 0 127.0.0.1:323 0.0.0.0:*\nudp   UNCONN 0 0 *:53 *:*\n"
        b"udp   UNCONN 0 0 224.0.0.251:5353 0.0.0.0:*\ntcp   LISTEN 0 5 *:53 *:*\n"
    )
    seen = system.listening(found(listening=lines))
    assert not isinstance(seen, Unobserved)
    assert {(port.port, port.transport) for port in seen} == {(53, "tcp"), (53, "udp"), (161, "udp"), (5353, "udp")}


def test_the_script_lists_a_udp_socket_of_this_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("0.0.0.0", 0))
        shown = subprocess.run(["ss", "-H", "-tuln"], capture_output=True, check=True).stdout
        port = here.getsockname()[1]
    seen = system.listening(found(listening=shown))
    assert not isinstance(seen, Unobserved)
    assert OpenPort(port=port, transport="udp", service="") in seen
    assert "ss -H -tuln" in collection.script(NONCE).decode()


@pytest.mark.parametrize(
    "text",
    [
        b"State Recv-Q\n",
        b"LISTEN 0 5 0.0.0.0:22 *:*\n",
        b"udp LISTEN 0 5 0.0.0.0:22 *:*\n",
        b"tcp LISTEN 0 5 0.0.0.0:99999 *:*\n",
        b"udp UNCONN 0 5 x:22 *:*\n",
        b"\xff\n",
    ],
)
def test_a_line_that_is_no_socket_makes_the_list_unreadable(text: bytes) -> None:
    assert reason(system.listening(found(listening=LISTEN + text))) is Reason.UNREADABLE
    assert reason(system.listening(found(listening=(b"", 127)))) is Reason.UNSUPPORTED


# --- What administrators are told ----------------------------------------------------------------


def test_the_published_sudoers_line_allows_what_the_script_runs_and_nothing_more() -> None:
    script = collection.script(NONCE).decode()
    ran = [rest for rest in script.split("asroot ")[1:] if rest.startswith("/")]
    assert len(ran) == len(collection.PRIVILEGED) and script.count("sudo -n") == 1
    for command in collection.PRIVILEGED:
        assert [rest for rest in ran if rest.startswith((f"{command}\n", f"{command};"))]
    allowed = [line.partition("NOPASSWD: ")[2] for block in SUDOERS for line in block.splitlines() if "NOPASSWD" in line]
    assert [re.sub(r"\\([][,:=*?\\])", r"\1", line) for line in allowed] == [
        " ".join(shlex.split(line)) for line in collection.PRIVILEGED
    ]
    others = [line for block in SUDOERS for line in block.splitlines() if not line.startswith("audit ALL=(root) NOPASSWD: /")]
    assert others == ["Defaults:audit !requiretty"]
    assert f"`{SUDO} {sshd.SSHD_T}`" in TEXT


@pytest.mark.skipif(not Path("/usr/sbin/visudo").exists(), reason="needs sudo")
def test_the_published_sudoers_lines_are_sudoers_lines(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    file.write_text("\n".join(SUDOERS) + "\n", encoding="utf-8")
    file.chmod(0o440)
    checked = subprocess.run(["/usr/sbin/visudo", "-c", "-q", "-f", file], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_everything_the_script_runs_is_told_and_nothing_it_runs_writes() -> None:
    script = collection.script(NONCE).decode()
    for command in ("uname -sr", "dpkg-query -W", "rpm -qa", "ss -H -tuln"):
        assert command in script and f"`{command}`" in TEXT
    for path in re.findall(r"(?<![a-z])/(?:etc|usr/lib|lib|var/lib)/[a-z/_-]+", script):
        assert path in TEXT, path
    assert set(re.findall(r"\S*>[^\s;]*", script)) == {">/dev/null", "2>/dev/null"}
    assert not re.search(
        r"(?m)(?:^|[;&|{(]|then|do|else|brief|asroot)\s*(tee|mktemp|rm|mv|cp|touch|install|apt|apt-get|dnf|yum|needrestart|eval)\b",
        script,
    )


def test_the_reasons_in_the_documentation_are_reasons_and_its_key_options_are_one_line() -> None:
    table = TEXT.partition("## When a part is not granted")[2]
    named = set(re.findall(r"^\| [^|]+ \| `([a-z-]+)`", table, re.MULTILINE))
    assert named == {"no-credential", "login-refused", "host-key-changed", "unsupported", "needs-rights", "unreadable"}
    assert named <= {reason.value for reason in Reason} and len(KEY_OPTIONS) == 1
