"""Whoever orders a scan decides what is asked, and by asking less passes nothing: what was not asked for is not checked."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from scanner.assessment import Assessment
from scanner.findings import Finding, Outcome
from scanner.i18n import shown
from scanner.store import ASSESSMENT
from tests.lab.servers import redis
from tests.scanner import permits
from tests.scanner.probes.talkers import talking
from tests.scanner.test_changes import clearance
from tests.scanner.test_rejudging import ALL, law
from tests.scanner.test_tailoring import NAMES

STORE = ("127.76.9.1", 6_379)
"""Where a data store answers whoever comes, on a port that is always asked for."""
LAW = law(
    "law",
    ("STRANGERS", "gate", "exposure-serves-no-strangers", "{}", ALL),
    ("CLEAR", "gate", "exposure-no-cleartext-services", "{}", ALL),
    ("DIRECTORY", "major", "exposure-directories-closed", "{}", ALL),
    ("STORES", "major", "exposure-stores-offer-tls", "{}", ALL),
    ("DATABASES", "advisory", "exposure-no-database-ports", "{}", ALL),
    ("DECLARED", "major", "exposure-only-declared", "{}", ALL),
)


def findings(folder: Path, address: str, declared: int, *words: str) -> dict[str, Finding]:
    """By control, what a run of this order says of a host that declares one port."""
    (folder / "law.yaml").write_bytes(LAW)
    (folder / "permit.yaml").write_bytes(permits.permit(f"{address}/32").written())
    (folder / "scope.yaml").write_text(
        f"agency: {{code: H46, name: {NAMES}, echelon: province}}\n"
        f"system: {{id: S, name: {NAMES}, level: 3, operator: IT}}\n"
        f"hosts: [{{id: web, address: {address}, services: [{{port: {declared}, speaks: other}}]}}]\n",
        "utf-8",
    )
    run = folder / "run"
    given = ("--permit", folder / "permit.yaml", "--baseline", folder / "law.yaml", "--out", run)
    done = clearance("scan", folder / "scope.yaml", *given, *words)
    assert done.returncode == 0, done.stderr
    clearance("evaluate", run)
    found = Assessment.read((run / ASSESSMENT).read_bytes()).findings
    return {one.control: one for one in found if one.subject == "web"}


def test_no_gate_passes_by_not_asking_for_the_port_of_the_store(tmp_path: Path) -> None:
    with ExitStack() as stack:
        redis(stack, tmp_path / "redis", STORE, password=None)
        port, _ = stack.enter_context(talking(STORE[0], lambda peer: peer.sendall(b"220 mail ESMTP\r\n")))
        narrow = findings(tmp_path, STORE[0], port, "--ports", f"{port},80")
        for control, found in narrow.items():
            assert found.outcome is Outcome.NOT_CHECKED, control
            assert shown(found.seen).startswith("nobody asked for ports 1-79,81-1024,1433,"), control
            assert shown(found.seen).endswith("scan again without --ports"), control
        (tmp_path / "asked").mkdir()
        asked = findings(tmp_path / "asked", STORE[0], port, "--ports", "6379")  # what is found fails, however little was asked
        assert {control for control, one in asked.items() if one.outcome is Outcome.FAIL} == {
            "STRANGERS",
            "DATABASES",
            "DECLARED",
        }
        assert {one.outcome for one in asked.values()} == {Outcome.FAIL, Outcome.NOT_CHECKED}
