"""dnf as judge: an installation with the packages of AlmaLinux 9, the whole feed, and the advisories that dnf says apply to it.

The packages are empty ones of our own making, with names, versions and module labels of real ones; the advisories are given to dnf in
its own form, straight from the vendor's records.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from functools import cmp_to_key
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from scanner.observations import HostObservation, Package, Unobserved
from scanner.probes.collection.packages import SHELL, packages
from scanner.probes.collection.sections import Collected, Section
from scanner.versions import Scheme, compare
from tests.scanner.patching.hosts import looked_up, of, slice_for

pytestmark = pytest.mark.skipif(
    not all(shutil.which(program) for program in ("dnf", "rpmbuild", "createrepo_c", "modifyrepo_c")),
    reason="dnf, rpmbuild and createrepo_c are not installed: make test-slow installs them",
)
STREAM = re.compile(r"(?<![\w:])([A-Za-z][A-Za-z0-9_+-]*):([A-Za-z0-9][A-Za-z0-9._+-]*)(?![\w:])")
ENABLED = {"postgresql": "15", "nodejs": "18", "ruby": "3.1", "php": "8.1", "nginx": "1.22"}
PACKAGES = 400
Build = tuple[str, str, str, str]
"""Name, epoch, version, release."""


def records(path: Path) -> Iterator[dict[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield json.loads(archive.read(name))


def split(name: str, evr: str) -> Build:
    epoch, _, rest = evr.rpartition(":")
    version, _, release = rest.rpartition("-")
    return name, epoch or "0", version, release


def builds(record: dict[str, Any]) -> list[Build]:
    found = []
    for entry in record["affected"]:
        if entry["package"]["ecosystem"] == "AlmaLinux:9":
            ends = [event["fixed"] for span in entry["ranges"] for event in span["events"] if "fixed" in event]
            found += [split(entry["package"]["name"], end) for end in ends]
    return found


def streams(record: dict[str, Any]) -> list[tuple[str, str]]:
    """The streams that the record's heading names, where it names no module twice."""
    named = sorted(set(STREAM.findall(record["summary"])))
    return named if len({module for module, _ in named}) == len(named) else []


def evr(build: Build) -> str:
    return f"{build[1]}:{build[2]}-{build[3]}"


def in_order(one: Build, other: Build) -> int:
    return compare(Scheme.RPM, evr(one), evr(other))


def chosen(found: list[dict[str, Any]]) -> dict[str, tuple[Build, tuple[str, str] | None]]:
    """Packages to install: each at a version before, at or between its fixes; those of modules from the streams that are enabled."""
    plain: dict[str, set[Build]] = defaultdict(set)
    modular: dict[str, set[Build]] = defaultdict(set)
    origin: dict[str, tuple[str, str]] = {}
    for record in found:
        for build in builds(record):
            if ".module" not in build[3]:
                plain[build[0]].add(build)
                continue
            for module, stream in streams(record):
                if ENABLED.get(module) == stream:
                    modular[build[0]].add(build)
                    origin[build[0]] = (module, stream)
    pick = random.Random(9)
    names = pick.sample(sorted(set(plain) - set(origin) - set(KERNELS)), PACKAGES)
    wanted: dict[str, tuple[Build, tuple[str, str] | None]] = {}
    for name in (*names, *sorted(modular)):
        of_module = origin.get(name)
        ordered = sorted(modular[name] if of_module else plain[name], key=cmp_to_key(in_order))
        before = [] if of_module else [(name, ordered[0][1], "0", "0.el9")]
        wanted[name] = (pick.choice([*before, *ordered]), of_module)
    return wanted


KERNELS = ("kernel", "kernel-core", "kernel-rt", "kernel-rt-core")


def spec(wanted: dict[str, tuple[Build, tuple[str, str] | None]], module: tuple[str, str] | None) -> str:
    label = f"ModularityLabel: {module[0]}:{module[1]}:9040020240101:abcdef\n" if module else ""
    parts = [
        "Name: base\nVersion: 1\nRelease: 1.el9\nSummary: base\nLicense: none\nVendor: AlmaLinux\n"
        + label
        + "%description\nbase\n",
    ]
    for (name, epoch, version, release), of_module in wanted.values():
        if of_module == module:
            parts.append(
                f"%package -n {name}\nEpoch: {epoch}\nVersion: {version}\nRelease: {release}\nSummary: x\n"
                f"%description -n {name}\nx\n%files -n {name}\n"
            )
    return "\n".join(parts)


def updateinfo(found: list[dict[str, Any]]) -> str:
    """The records in the form that dnf reads; a modular package whose stream no heading names is left out."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<updates>']
    for record in found:
        plain = [build for build in builds(record) if ".module" not in build[3]]
        modular = [build for build in builds(record) if ".module" in build[3]]
        collections = [("", plain)] if plain else []
        for module, stream in streams(record) if modular else ():
            tag = f"<module name={quoteattr(module)} stream={quoteattr(stream)} version='9040020240101' context='abcdef' arch='x86_64'/>"
            collections.append((tag, modular))
        if not collections:
            continue
        parts.append(
            f"<update from='a' status='final' type='security' version='1'><id>{record['id']}</id><title>{record['id']}</title>"
            f"<issued date='{record['published'][:10]} 00:00:00'/><severity>Important</severity><references/><pkglist>"
        )
        for number, (tag, listed) in enumerate(collections):
            rows = "".join(
                f"<package name={quoteattr(name)} epoch={quoteattr(epoch)} version={quoteattr(version)}"
                f" release={quoteattr(release)} arch='x86_64' src='x'><filename>{name}.rpm</filename></package>"
                for name, epoch, version, release in listed
            )
            parts.append(f"<collection short='c{number}'><name>c{number}</name>{tag}{rows}</collection>")
        parts.append("</pkglist></update>")
    return "\n".join([*parts, "</updates>\n"])


def modules() -> str:
    document = (
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {0}\n  stream: '{1}'\n  version: 9040020240101\n  context: abcdef\n"
        "  arch: x86_64\n  summary: x\n  description: x\n  license: {{module: [MIT]}}\n...\n"
    )
    return "".join(document.format(name, stream) for name, stream in ENABLED.items())


def run(*words: str | Path, **more: Any) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, check=False, **more)
    assert done.returncode == 0, done.stderr[-2_000:]
    return str(done.stdout)


def installed(root: Path, folder: Path, wanted: dict[str, tuple[Build, tuple[str, str] | None]]) -> None:
    for module in {of_module for _, of_module in wanted.values()}:
        file = folder / f"{module[0] if module else 'plain'}.spec"
        file.write_text(spec(wanted, module))
        macros = ("--define", f"_topdir {folder / 'build'}", "--define", "debug_package %{nil}")
        run("rpmbuild", "--quiet", "-bb", "--target", "x86_64", *macros, file)
    built = sorted((folder / "build" / "RPMS").rglob("*.rpm"))
    run("rpm", "--root", root, "--initdb")
    run("rpm", "--root", root, "-i", "--justdb", "--nodeps", "--noscripts", "--nosignature", "--replacefiles", *built)
    enabled = root / "etc" / "dnf" / "modules.d"
    enabled.mkdir(parents=True)
    for name, stream in ENABLED.items():
        (enabled / f"{name}.module").write_text(f"[{name}]\nname={name}\nstream={stream}\nprofiles=\nstate=enabled\n")


def of_dnf(root: Path, folder: Path, found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """The advisories and packages that dnf lists as applying."""
    repository = folder / "repository"
    repository.mkdir()
    run("createrepo_c", "-q", repository)
    for name, text in (("updateinfo.xml", updateinfo(found)), ("modules.yaml", modules())):
        (folder / name).write_text(text)
        run("modifyrepo_c", folder / name, repository / "repodata")
    said = run(
        "dnf", "-q", f"--installroot={root}", f"--repofrompath=judge,{repository}", "--repo=judge", "--releasever=9",
        "--setopt=module_platform_id=platform:el9", "--setopt=cachedir=/cache", "--forcearch=x86_64",
        "updateinfo", "list", "--all",
    )  # fmt: skip
    answer = set()
    for line in said.splitlines():
        match = re.fullmatch(r"(i?)\s+(AL[SBE]A-\S+)\s+\S+\s+(\S+)-[^-]+-[^-]+", line.rstrip())
        assert match is not None, line
        if not match[1]:  # i marks what is installed in this version or a newer one
            answer.add((match[2], match[3]))
    return answer


def host_of(root: Path) -> HostObservation:
    """The installation as the collection's own query and reader show it."""
    functions = SHELL.partition("if [ -s /var/lib/dpkg/status ]")[0]
    said = run("sh", "-c", f'rpm() {{ command rpm --root "{root}" "$@"; }}\n{functions}\nrpm_list')
    listed = packages(Collected({"rpm": Section(said.encode(), 0)}, begun=True, complete=True))
    assert not isinstance(listed, Unobserved), listed
    own = tuple(one.model_copy(update={"source": one.name}) for one in listed if one.name != "base")
    return of("almalinux", "9.4", *own, module_streams=tuple(f"{name}:{stream}" for name, stream in ENABLED.items()))


def ours(host: HostObservation, slice_: Any) -> tuple[set[tuple[str, str]], set[str]]:
    found = looked_up(host, slice_)
    assert not isinstance(found.missing, Unobserved)
    return {(flaw.advisory, one.package) for one in found.missing for flaw in one.flaws}, {one.package for one in found.undecided}


def test_an_almalinux_9_gets_exactly_dnfs_answer(shared_data: Path, tmp_path: Path) -> None:
    feed = shared_data / "almalinux-osv" / "all.zip"
    found = list(records(feed))
    wanted = chosen(found)
    root = tmp_path / "root"
    root.mkdir()
    installed(root, tmp_path, wanted)
    expected = of_dnf(root, tmp_path, found)
    host = host_of(root)
    assert isinstance(host.packages, tuple)
    assert {one.name for one in host.packages if isinstance(one, Package)} == set(wanted)
    answer, undecided = ours(host, slice_for(host, tmp_path / "feeds.sqlite", [feed]))
    modular = {name for name, (_, module) in wanted.items() if module}
    plain = {(record["id"], build[0]) for record in found for build in builds(record) if ".module" not in build[3]}
    # dnf compares packages of a module with fixes of the package outside of it, which are for another branch
    expected -= {(advisory, name) for advisory, name in plain if name in modular}
    assert len(expected) > 1_000
    assert answer == expected
    assert len({name for _, name in answer} & modular) > 20  # fixes of their own streams are found
    assert undecided <= modular | {"kernel"}
