"""What the sections on package sources and upgrades say, in the forms of apt, dnf and apk, and whatever a host prints."""

from __future__ import annotations

import os
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import PackageSource, Reason, Unobserved
from scanner.probes.collection import hardening, updates
from scanner.probes.collection.sections import Collected, Section, prelude

LIST = (
    b"/etc/apt/sources.list:deb http://archive.example.org/debian bookworm main # a remark\n/etc/apt/sources.list:\n"
    b"/etc/apt/sources.list.d/own.list:deb [arch=amd64 trusted=yes] https://mirror.example.vn:8443/own stable main\n"
    b"/etc/apt/sources.list.d/cd.list:deb cdrom:[Debian]/ bookworm main\n"
)
STANZAS = b"".join(
    b"/etc/apt/sources.list.d/debian.sources:" + line + b"\n"
    for line in (
        b"Types: deb",
        b"URIs: http://archive.example.org/debian",
        b" http://security.example.org/debian-security",
        b"Suites: bookworm",
        b"Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
        b"",
        b"Enabled: no",
        b"URIs: http://off.example.vn/",
        b"",
        b"URIs: file:/srv/packages",
        b"Trusted: yes",
    )
)
REPOSITORIES = b"".join(
    b"/etc/yum.repos.d/rocky.repo:" + line + b"\n"
    for line in (
        b"[baseos]",
        b"mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype",
        b"gpgcheck=1",
        b"[off]",
        b"baseurl=http://off.example.vn/",
        b"enabled=0",
        b"gpgcheck=0",
        b"[own]",
        b"baseurl = http://mirror.example.vn/own/",
        b"gpgcheck = 0",
    )
)
APK = (
    b"/etc/apk/repositories:https://dl-cdn.alpinelinux.org/alpine/v3.20/main\n/etc/apk/repositories:@edge http://192.0.2.9/edge\n"
)
NFT = b'table inet filter {\n\tchain input {\n\t\tct state invalid drop\n\t\tlog prefix "refused: " level info\n\t}\n}\n'


def found(**sections: bytes | tuple[bytes, int | None]) -> Collected:
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in sections.items()}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def sources(text: bytes) -> set[tuple[str, bool]]:
    seen = updates.package_sources(found(sources=text))
    assert not isinstance(seen, Unobserved), seen
    assert all(isinstance(source, PackageSource) for source in seen)
    return {(source.host, source.signed) for source in seen}


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (LIST, {("archive.example.org", True), ("mirror.example.vn", False), ("", True)}),
        (STANZAS, {("archive.example.org", True), ("security.example.org", True), ("", False)}),
        (REPOSITORIES, {("mirrors.rockylinux.org", True), ("mirror.example.vn", False)}),
        (APK, {("dl-cdn.alpinelinux.org", True), ("192.0.2.9", True)}),
    ],
    ids=["list", "deb822", "dnf", "apk"],
)
def test_sources_in_force_are_read_with_whether_they_are_signed(text: bytes, wanted: set[tuple[str, bool]]) -> None:
    assert sources(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"deb http://x y\n",
        LIST + b"/etc/apt/sources.list:dep http://x bookworm main\n",
        LIST + b"/etc/apt/sources.list:deb gopher://x/ bookworm main\n",
        STANZAS + b"/etc/apt/sources.list.d/other.sources:Types: deb\n",
        b"/etc/yum.repos.d/x.repo:[x]\n/etc/yum.repos.d/x.repo:name=x\n",
    ],
)
def test_a_source_that_cannot_be_read_makes_the_list_unreadable_and_never_shorter(text: bytes) -> None:
    assert why(updates.package_sources(found(sources=text))) is Reason.UNREADABLE


def test_names_and_passwords_in_addresses_stay_on_the_host(tmp_path: Path) -> None:
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt" / "sources.list").write_text(
        "# deb http://REMARK/ x y\ndeb https://USER:SECRET@mirror.example.vn/debian bookworm main\n"
    )
    shell = prelude("0" * 32) + updates.SHELL.partition("section sources")[0].replace("/etc/", f"{tmp_path}/")
    printed = subprocess.run(
        ["/bin/sh"], input=f"{shell}\nsources\n", capture_output=True, text=True, check=True, timeout=10
    ).stdout
    assert "SECRET" not in printed and "USER" not in printed and "REMARK" not in printed
    assert sources(printed.replace(str(tmp_path), "/etc").encode()) == {("mirror.example.vn", True)}


def test_the_last_upgrade_is_an_instant_by_dpkg_s_log_and_by_rpm() -> None:
    assert updates.upgraded(found(upgraded=b"2026-11-20 06:25:01\n")) == datetime(2026, 11, 20, 6, 25, 1, tzinfo=UTC)
    assert updates.upgraded(found(upgraded=b"1764000000\n")) == datetime.fromtimestamp(1_764_000_000, UTC)
    assert updates.upgraded(found(upgraded=b"\n")) is None
    assert why(updates.upgraded(found())) is Reason.UNSUPPORTED
    for odd in (b"yesterday\n", b"2026-13-01 00:00:00\n", b"99999999999999\n", b"\xff\n"):
        assert why(updates.upgraded(found(upgraded=odd))) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("sections", "logs"),
    [
        ({"nft": NFT}, True),
        ({"nft": NFT.replace(b"log prefix", b"# log prefix")}, False),
        ({"nft": NFT.replace(b'log prefix "refused: " level info', b'drop comment "no log here"')}, False),
        ({"nft": b""}, False),
        ({"iptables": b"-P INPUT DROP\n-A INPUT -m limit --limit 3/min -j LOG --log-prefix x\n"}, True),
        ({"iptables": b"-P INPUT DROP\n-A INPUT -j LOGDROP\n"}, False),
        ({"no-filter": b""}, False),
    ],
)
def test_a_packet_filter_logs_where_a_rule_says_so(sections: dict[str, bytes], logs: bool) -> None:
    assert hardening.filter_logs(found(**sections)) is logs


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from([LIST, STANZAS, REPOSITORIES, APK, b"/etc/x.sources:", b":", b"\n", b"[", b"\xff"]), max_size=5
        ).map(b"".join),
    ),
    st.sampled_from([0, 0, 1, 77, None]),
)
def test_no_output_breaks_a_reader(text: bytes, status: int | None) -> None:
    for read in (updates.package_sources, updates.upgraded, hardening.filter_logs):
        fact = read(found(sources=(text, status), upgraded=(text, status), nft=(text, status), user=b"0"))
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the files of one user are read by another")
def test_a_folder_that_the_user_may_not_read_hides_no_source() -> None:
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "apt" / "sources.list.d"
        closed.mkdir(parents=True)
        (closed / "own.list").write_text("deb [trusted=yes] https://mirror.example.vn/own stable main\n")
        Path(folder).chmod(0o755)
        shell = prelude("0" * 32) + updates.SHELL.partition("section sources")[0].replace("/etc/", f"{folder}/")
        nobody = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "/bin/sh"]
        status = {}
        for mode in (0o755, 0o700):
            closed.chmod(mode)
            status[mode] = subprocess.run(nobody, input=f"{shell}\nsources\n", text=True, check=False, timeout=10).returncode
    assert status == {0o755: 0, 0o700: 77}
