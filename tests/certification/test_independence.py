"""The verifier stands alone: without the scanning libraries, without the network, without the probes and the checks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCKED = (
    "sslyze",
    "nassl",
    "paramiko",
    "asyncssh",
    "requests",
    "defusedxml",
    "click",
    "rich",
    "jinja2",
    "checks",
    "scanner.probes",
)

PROGRAM = f"""
import sys
import builtins
import socket

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if any(name == blocked or name.startswith(blocked + ".") for blocked in {BLOCKED!r}):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocked())

def no_network(*_, **__):
    raise AssertionError("the verifier opened a socket")

socket.socket.connect = no_network
socket.getaddrinfo = no_network
from certification.trust import read_trust_root
from certification.verify import verify
from datetime import datetime
from pathlib import Path
from scanner.store import unpacked

folder, at = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
trust = read_trust_root((folder / "root").read_bytes(), at)
files = unpacked((folder / "bundle").read_bytes())
found = verify((folder / "certificate").read_bytes(), trust, at, files, lambda run: run["assessment.json"])
print(found.granted.serial, len(found.steps))
"""


def test_a_certificate_is_verified_without_any_scanning_library_and_without_the_network(tmp_path: Path) -> None:
    from certification.signers import signed
    from certification.trust import draft_keyring
    from scanner.store import packed
    from tests.certification.stage import LATER, Case, keyring, signer

    case = Case()
    (tmp_path / "root").write_bytes(signed(draft_keyring(keyring()), signer("root-1"), signer("root-2")))
    (tmp_path / "bundle").write_bytes(packed(case.bundle))
    (tmp_path / "certificate").write_bytes(case.certificate())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), LATER.isoformat()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"CC-[0-9a-f]{32} 8\n", done.stdout)


def test_no_module_of_certification_imports_the_clock_the_network_or_the_probes() -> None:
    forbidden = re.compile(
        r"^\s*(?:from|import)\s+(?:checks|scanner\.(?:probes|cli|judge|evaluate|scoring|baseline)"
        r"|sslyze|paramiko|requests|socket|subprocess|time|urllib(?!\.parse\b)|http)\b|datetime\.now|utcnow|time\.time",
        re.MULTILINE,
    )
    sources = sorted((ROOT / "certification").glob("*.py"))
    assert len(sources) > 10
    for source in sources:
        assert not forbidden.search(source.read_text("utf-8")), source.name
