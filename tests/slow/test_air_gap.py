"""Installing without a network, by the commands of docs/operations.md: gathered by pip from the registry it is set up with, installed without any network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8").split("### Installing without a network")[1].split("\n## ")[0]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare is not installed")
def test_a_release_is_installed_without_a_network_as_the_page_says(tmp_path: Path) -> None:
    outside, inside = (
        "\n".join(re.findall(r"^\$ (.*)$", block, re.MULTILINE)) for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    )
    release = tmp_path / "release"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, tracked):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, release / name)
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.symlink_to(sys.executable if sys.prefix == sys.base_prefix else Path(sys.base_prefix) / "bin" / "python3")
    path = f"{python.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", outside],
        cwd=release,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shutil.rmtree(release / "outside")
    home = tmp_path / "home"
    home.mkdir()
    bare = {
        "PATH": path,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
    }  # no setting of pip that leads to an index or a folder of wheels
    command = ["unshare", "-rn", "sh", "-euc", inside.replace("/opt/clearance", str(tmp_path / "clearance"))]
    done = subprocess.run(command, cwd=release, env=bare, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^clearance, version \d", done.stdout, re.MULTILINE)
    for words in (["baseline", "lint", "npdb-2026"], ["gateway", "--help"], ["seal", "--help"]):
        ran = [str(tmp_path / "clearance" / "bin" / "clearance"), *words]
        assert subprocess.run(ran, cwd=tmp_path, env=bare, capture_output=True, timeout=60, check=False).returncode == 0
    sound = [str(tmp_path / "clearance" / "bin" / "pip"), "check"]
    assert subprocess.run(sound, cwd=tmp_path, env=bare, capture_output=True, timeout=60, check=False).returncode == 0
