"""Signed repositories of our own making, deb and rpm: what a release file vouches for is read, and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scanner.advisories import FeedKind
from scanner.feeds.importing import Wish, imported
from scanner.feeds.reading import FeedError
from scanner.feeds.slicing import cut
from scanner.feeds.store import opened
from tests.scanner.feeds.editions import NOW, written

INDEX = """Package: libssl3
Source: openssl (3.0.22-1)
Version: 3.0.22-1~deb12u2
Architecture: amd64

Package: openssl
Version: 3.0.22-1~deb12u2
Architecture: amd64
"""
RELEASE = """Origin: {origin}
Suite: {suite}
Version: {version}
Codename: {codename}
Date: Sat, 21 Nov 2026 00:53:02 UTC
SHA256:
 {digest} 100 main/binary-amd64/Packages
"""
PRIMARY = """<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="4">
{packages}</metadata>
"""
PACKAGE = """<package type="rpm"><name>{name}</name><arch>x86_64</arch><version epoch="{epoch}" ver="{version}" rel="{release}"/>
<format><rpm:vendor>{vendor}</rpm:vendor><rpm:sourcerpm>{name}-{version}-{release}.src.rpm</rpm:sourcerpm></format></package>
"""
REPOMD = """<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>{revision}</revision>
<data type="primary"><checksum type="sha256">00</checksum><open-checksum type="sha256">{digest}</open-checksum>
<location href="repodata/primary.xml.gz"/></data></repomd>
"""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A key of its own, and the keyring with its public half."""

    home: Path
    keyring: Path

    def gpg(self, *words: str | Path) -> None:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
        subprocess.run([*command, *map(str, words)], check=True, capture_output=True, timeout=60)

    def signed(self, path: Path, text: str) -> Path:
        """The text with its signature around it."""
        plain = written(path.with_suffix(".plain"), text)
        self.gpg("--clearsign", "--output", path, plain)
        return path

    def beside(self, path: Path, text: str) -> Path:
        """The text, and its signature in a file beside it."""
        written(path, text)
        self.gpg("--armor", "--detach-sign", "--output", path.with_name(f"{path.name}.asc"), path)
        return path


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    found = Vendor(home, home / "vendor.gpg")
    found.gpg("--quick-generate-key", "vendor@example.test", "ed25519", "sign", "never")
    found.gpg("--output", found.keyring, "--export", "vendor@example.test")
    yield found
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=False, capture_output=True, timeout=30)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def in_release(origin: str = "Debian", suite: str = "oldstable-security", version: str = "12", index: str = INDEX) -> str:
    return RELEASE.format(origin=origin, suite=suite, version=version, codename="bookworm-security", digest=digest(index))


def package(version: str, release: str, name: str = "bash", vendor: str = "AlmaLinux", epoch: str = "0") -> str:
    return PACKAGE.format(name=name, version=version, release=release, vendor=vendor, epoch=epoch)


@pytest.mark.parametrize(
    ("text", "namespace", "pocket", "kind"),
    [
        (in_release(), "debian:12", "bookworm-security", FeedKind.VENDOR),
        (in_release("Ubuntu", "jammy-security", "22.04"), "ubuntu:22.04", "jammy-security", FeedKind.VENDOR),
        (in_release("Ubuntu", "jammy", "22.04"), "ubuntu:22.04", "jammy", FeedKind.ARCHIVE),
    ],
)
def test_an_index_that_a_verified_release_file_names_is_read(
    vendor: Vendor, tmp_path: Path, text: str, namespace: str, pocket: str, kind: FeedKind
) -> None:
    index = written(tmp_path / "Packages.xz", lzma.compress(INDEX.encode()))
    store = tmp_path / "feeds.sqlite"
    (one,) = imported((vendor.signed(tmp_path / "InRelease", text), index), store, Wish(now=NOW, keyring=vendor.keyring))
    assert (one.ref.kind, one.ref.signed, one.ref.records) == (kind, True, 2)
    with opened(store, NOW) as found:
        (row,) = cut(found, {namespace: ("libssl3",)}, ()).available
    assert (row.pocket, row.version, row.source) == (pocket, "3.0.22-1~deb12u2", "openssl")


def test_an_index_that_was_changed_is_refused(vendor: Vendor, tmp_path: Path) -> None:
    release = vendor.signed(tmp_path / "InRelease", in_release())
    index = written(tmp_path / "Packages", INDEX.replace("deb12u2", "deb12u1"))
    with pytest.raises(FeedError, match="no release file given with it vouches"):
        imported((release, index), tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=vendor.keyring))


@pytest.mark.parametrize("text", [in_release(origin="Evil"), in_release(version="x"), "Origin: Debian\nVersion: 12\n"])
def test_a_signed_release_file_of_another_repository_is_refused(vendor: Vendor, tmp_path: Path, text: str) -> None:
    release = vendor.signed(tmp_path / "InRelease", f"Label: x\n{text}")
    with pytest.raises(FeedError, match=r"neither Debian's nor Ubuntu's|names no release"):
        imported((release,), tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=vendor.keyring))


def rpm(
    vendor: Vendor, folder: Path, packages: str, revision: str = "1795219200", named: str = "almalinux-9-baseos"
) -> list[Path]:
    primary = PRIMARY.format(packages=packages)
    repomd = REPOMD.format(digest=digest(primary), revision=revision)
    release = vendor.beside(folder / f"{named}-repomd.xml", repomd)
    index = written(folder / "primary.xml.gz", gzip.compress(primary.encode()))
    return [release, release.with_name(f"{release.name}.asc"), index]


def test_the_newest_version_of_an_rpm_is_kept_and_modules_and_strangers_are_left_out(vendor: Vendor, tmp_path: Path) -> None:
    packages = "".join(
        (
            package("5.1.8", "9.el9"),
            package("5.1.8", "10.el9_4"),
            package("18.1", "1.module_el9.1.0+1+abc", name="nodejs", epoch="1"),
            package("1.0", "1.el9", name="agent", vendor="Somebody Else"),
        )
    )
    store = tmp_path / "feeds.sqlite"
    (one,) = imported(rpm(vendor, tmp_path, packages), store, Wish(now=NOW, keyring=vendor.keyring))
    assert (one.ref.name, one.ref.signed, one.ref.malformed) == ("almalinux-9-baseos", True, 0)
    with opened(store, NOW) as found:
        rows = cut(found, {"almalinux:9": ("bash", "nodejs", "agent")}, ()).available
    assert [(row.package, row.version, row.source, row.pocket) for row in rows] == [
        ("bash", "0:5.1.8-10.el9_4", "bash", "almalinux-9-baseos")
    ]


def test_an_rpm_repository_without_its_signature_a_name_or_a_time_vouches_for_nothing(vendor: Vendor, tmp_path: Path) -> None:
    wish = Wish(now=NOW, keyring=vendor.keyring)
    files = rpm(vendor, tmp_path, package("5.1.8", "9.el9"))
    files[0].write_text(files[0].read_text().replace("primary.xml.gz", "other.xml.gz"))
    with pytest.raises(FeedError, match="does not verify"):
        imported(files, tmp_path / "a.sqlite", wish)
    files[1].unlink()
    with pytest.raises(FeedError, match="not beside it"):
        imported((files[0], files[2]), tmp_path / "b.sqlite", wish)
    with pytest.raises(FeedError, match=r"no repomd\.xml given with it"):
        imported(files[2:], tmp_path / "c.sqlite", wish)
    with pytest.raises(FeedError, match="its revision is no time"):
        imported(rpm(vendor, tmp_path, package("5.1.8", "9.el9"), revision="r1"), tmp_path / "d.sqlite", wish)
    files = rpm(vendor, tmp_path, package("5.1.8", "9.el9"))
    with pytest.raises(FeedError, match="call the file after it"):
        imported([files[0].rename(tmp_path / "repomd.xml"), files[2]], tmp_path / "e.sqlite", wish)


def test_another_vendors_key_verifies_nothing(vendor: Vendor, tmp_path: Path) -> None:
    stranger = written(tmp_path / "stranger.gpg", b"")
    release = vendor.signed(tmp_path / "InRelease", in_release())
    with pytest.raises(FeedError, match="does not verify"):
        imported((release,), tmp_path / "feeds.sqlite", Wish(now=NOW, keyring=stranger))
