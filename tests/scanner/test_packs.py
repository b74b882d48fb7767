"""Check packs: found only where the baseline names them, whole or not at all, and with their digests in the evidence."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.registry import RegistryError, code_digests, load_checks
from tests.scanner.cli.in_process import clearance, refused
from tests.scanner.cli.test_bad_input import ROOT, write_permit, write_scope

CHECK, PACK, PACKAGE = "our-ssh-server", "our-checks", "our_checks"
LAB = (ROOT / "examples" / "lab-baseline.yaml").read_text("utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a scaffolded pack that is installed as pip would, and no trace of it afterwards."""
    done = clearance("checks", "new", CHECK, "--pack", PACK, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    site = tmp_path / PACK
    installed(site, PACK, PACKAGE)
    sys.path.insert(0, str(site))
    yield tmp_path
    sys.path.remove(str(site))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def installed(site: Path, name: str, module: str) -> None:
    """What pip writes beside a package."""
    info = site / f"{name.replace('-', '_')}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[clearance.checks]\n{name} = {module}\n")


def baseline(folder: Path, packs: str = f"packs: [{PACK}]\n", rule: str = CHECK) -> Path:
    """The lab's baseline with these packs, and a rule of the pack under its first control that has rules."""
    text = LAB.replace("controls:\n", f"{packs}controls:\n", 1).replace("rules:\n", f"rules:\n      - {{check: {rule}}}\n", 1)
    assert text != LAB
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return path


def test_the_page_is_true_for_a_new_user(place: Path) -> None:
    page = (ROOT / "docs" / "write-a-check.md").read_text("utf-8")
    assert f"clearance checks new {CHECK} --pack {PACK}" in page
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{PACK}/tests"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
    mine = baseline(place)
    done = clearance("baseline", "lint", "mine.yaml", folder=place)
    assert done.returncode == 0, done.stderr
    told = clearance("explain", CHECK, "--baseline", str(mine), folder=place)
    assert "one that we know how to keep" in told.stdout
    refused(clearance("checks", "new", CHECK, "--pack", PACK, folder=place), 2, "nothing was overwritten")
    again = clearance("checks", "new", "our-second-check", "--pack", PACK, folder=place)
    assert again.returncode == 0, again.stderr
    assert CHECK in load_checks(baseline=mine.read_bytes())
    copied = "\n".join(re.findall(r"^\$ (cp .*|sed .*)$", page, re.MULTILINE))
    program = place / "bin" / "python"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    program.chmod(0o700)
    environment["PATH"] = f"{program.parent}:{os.environ['PATH']}"
    subprocess.run(["sh", "-euc", copied], cwd=place, env=environment, timeout=60, check=True)
    told = clearance("baseline", "show", "--baseline", "my-baseline.yaml", folder=place)
    assert told.stdout.startswith("my-baseline 1 (R-2026)"), told.stderr
    for name in ("ssh-key-exchange-2/../x", "one", "Ours-One"):
        assert clearance("checks", "new", name, "--pack", PACK, folder=place).returncode == 2


def test_the_digests_of_the_packs_files_stand_in_the_order_and_the_assessment(place: Path) -> None:
    write_scope(place, port=22)
    write_permit(place)
    baseline(place)
    words = ("--permit", "permit.yaml", "--baseline", "mine.yaml", "--ports", "9", "--timeout", "0.2", "--out", "run")
    done = clearance("scan", "scope.yaml", *words, "--only", "web=host", folder=place)
    assert done.returncode == 14, done.stderr
    assert clearance("evaluate", "run", folder=place).returncode in (10, 11)
    for name in ("order.json", "assessment.json"):
        assert f"{PACKAGE}/our_ssh_server.py" in (place / "run" / name).read_text("utf-8")
        assert f"{PACKAGE}/__init__.py" in (place / "run" / name).read_text("utf-8")
    before = code_digests(load_checks(baseline=(place / "mine.yaml").read_bytes()))
    with (place / PACK / PACKAGE / "__init__.py").open("a") as file:
        file.write("# changed\n")
    assert code_digests(load_checks(baseline=(place / "mine.yaml").read_bytes())) != before


def test_a_pack_that_is_not_named_is_not_even_imported(place: Path) -> None:
    (place / PACK / PACKAGE / "__init__.py").write_text("raise RuntimeError('imported')\n")
    plain = load_checks(baseline=LAB.encode())
    assert CHECK not in plain
    assert PACKAGE not in sys.modules
    done = clearance("baseline", "lint", str(baseline(place, packs="")), folder=place)
    refused(done, 2, f"no check is called {CHECK}")


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("__init__.py", "raise RuntimeError('boom')\n", "cannot be loaded: RuntimeError"),
        ("our_ssh_server.py", "import no_such_module\n", "cannot be loaded: ModuleNotFoundError"),
        ("our_ssh_server.py", "", "holds no check"),
        ("our_ssh_server.py", "return Pass()->return Fail(said('never'))", "does not judge its own example"),
        ("our_ssh_server.py", "if seen.banner->if 1 / 0 and seen.banner", "breaks on its own example: ZeroDivisionError"),
        ("our_ssh_server.py", f'"{CHECK}"->"tls-minimum-version"', "stands in checks.tls already"),
    ],
)
def test_a_broken_pack_stops_everything_with_its_name(place: Path, file: str, text: str, said: str) -> None:
    path = place / PACK / PACKAGE / file
    old, arrow, new = text.partition("->")
    path.write_text(path.read_text("utf-8").replace(old, new) if arrow else text, "utf-8")
    with pytest.raises(RegistryError, match=f"check pack {PACK}: .*{said}"):
        load_checks(baseline=baseline(place).read_bytes())
    done = clearance("baseline", "lint", "mine.yaml", folder=place)
    assert done.returncode == 2
    assert f"error: check pack {PACK}" in done.stderr and "internal" not in done.stderr


def test_a_pack_that_is_missing_or_offered_twice_is_refused(place: Path) -> None:
    with pytest.raises(RegistryError, match="check pack their-checks: the baseline names it, and it is not installed"):
        load_checks(baseline=baseline(place, packs="packs: [their-checks]\n").read_bytes())
    refused(
        clearance("baseline", "lint", "mine.yaml", folder=place),
        2,
        "check pack their-checks",
        f"installed: {PACK}",
        "mend its name",
    )
    twice = place / "twice"
    twice.mkdir()
    installed(twice, PACK, PACKAGE)
    (twice / "our_checks-0.1.0.dist-info").rename(twice / "other-0.1.0.dist-info")
    (twice / "other-0.1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 0.1.0\n")
    sys.path.insert(0, str(twice))
    try:
        with pytest.raises(RegistryError, match="two installed distributions"):
            load_checks(baseline=baseline(place).read_bytes())
    finally:
        sys.path.remove(str(twice))
    info = place / PACK / "our_checks-0.1.0.dist-info"
    (info / "entry_points.txt").write_text(f"[clearance.checks]\n{PACK} = scanner.probes\n")
    with pytest.raises(RegistryError, match="no Python package of its own"):
        load_checks(baseline=baseline(place).read_bytes())
