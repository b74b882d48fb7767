"""The whole road on loopback: two agencies of an invented province are inspected, one is certified, the other refused.

Real servers, real keys, the real command line; exits non-zero when anything did not happen as it should.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from examples.ceremony import hold
from examples.gateway_demo import Gate, gateway
from tests.lab.province import Lab, LabAgency

HERE = Path(__file__).resolve().parent
BASELINE = HERE / "lab-baseline.yaml"
DOCUMENTS = ("D1", "D18", "D7", "D8")
PORTS = "1-1024"


class DemoError(Exception):
    """Something did not happen as it should."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The folder in which a person works, and the commands typed there."""

    folder: Path

    def __call__(self, *words: str | Path, expect: int = 0, show: bool = True) -> str:
        """Runs one command, shows it and what it says; raises where its exit status is not the expected one."""
        arguments = [self._short(word) for word in words]
        line = f"clearance {shlex.join(arguments)}"
        if show:
            print(f"\n\033[1m$ {line}\033[0m" if _colour() else f"\n$ {line}", flush=True)
        quiet = None if show else subprocess.PIPE
        done = subprocess.run(
            [sys.executable, "-m", "scanner.cli", *arguments],
            cwd=self.folder,
            # A user of its own, who remembers no other trust root: each demonstration makes one.
            env={**os.environ, "PYTHONPATH": str(HERE.parent), "CLEARANCE_STATE": str(self.folder / "state")},
            stdout=quiet,
            stderr=quiet,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode != expect:
            said = f"\n{done.stdout}{done.stderr}" if not show else ""
            raise DemoError(f"exit status {done.returncode} where {expect} was expected: {line}{said}")
        if show and expect:
            print(f"  (exit status {expect}, as it should be)", flush=True)
        return done.stdout or ""

    def _short(self, word: str | Path) -> str:
        text = str(word)
        for folder in (f"{self.folder}/", f"{self.folder.resolve()}/"):
            text = text.replace(folder, "")
        return text


def title(text: str) -> None:
    """Says what comes next."""
    rule = "─" * max(4, 96 - len(text))
    print(f"\n\033[1;36m── {text} {rule}\033[0m" if _colour() else f"\n── {text} {rule}", flush=True)


def main(folder: Path = HERE.parent / "demo", base: str = "127.10") -> int:
    """Runs the demonstration in this folder, servers under this half of a loopback address; 0 where all happened as it should."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    try:
        title("Keys and the trust root: two authorities, who may sign what")
        baseline = folder / BASELINE.name
        shutil.copy(BASELINE, baseline)
        clearance = Desk(folder)
        root = hold(folder, baseline, clearance)
        title("The lab: real servers of an invented province, on loopback only")
        with Lab.start(folder / "lab", base) as lab:
            certified(clearance, root, lab.good)
            refused(clearance, root, lab.bad)
    except DemoError as error:
        print(f"\n✗ the demonstration failed: {error}", file=sys.stderr)
        return 1
    print(f"\n✓ One agency certified, one refused, a forged copy refused. Everything lies in {folder}")
    return 0


def inspected(clearance: Desk, root: Path, agency: LabAgency, name: str, expect: int) -> Path:
    """Permit, scan, documents and evaluation of one agency; its run folder."""
    folder = clearance.folder
    keys = folder / "keys"
    permit, run = folder / f"permit-{name}.dsse.json", folder / f"run-{name}"
    clearance("permit", "sign", agency.permit, "--signer", f"file:{keys}/owner.pem", "--out", permit)
    clearance(
        "scan", agency.scope, "--permit", permit, "--trust", root, "--baseline", folder / BASELINE.name,
        "--anchors", agency.anchors, "--zone", "inspection-lan", "--ports", agency.ports, "--out", run,
    )  # fmt: skip
    document = folder / f"documents-{name}.txt"
    document.write_text("Documents of the exercise.\n", encoding="utf-8")
    for control in DOCUMENTS:
        clearance(
            "attest",
            run,
            control,
            "--answer",
            "yes",
            "--document",
            document,
            "--by",
            "tran.binh",
            "--role",
            "inspector",
            show=False,
        )
    print(f"  documents answered: {', '.join(DOCUMENTS)}")
    clearance("evaluate", run, "--signer", f"file:{keys}/inspector.pem", "--trust", root, expect=expect)
    clearance("report", run)
    clearance("seal", run, "--signer", f"file:{keys}/scanner.pem", "--out", folder / f"{name}.bundle")
    return run


def certified(clearance: Desk, root: Path, agency: LabAgency) -> None:
    """The well-kept agency: inspected, approved by two authorities, certified and verified."""
    folder = clearance.folder
    keys, bundle, request = folder / "keys", folder / "good.bundle", folder / "good.request.dsse.json"
    title("The well-kept agency: look and judge")
    inspected(clearance, root, agency, "good", expect=0)
    title("The well-kept agency: request, two approvals, certificate")
    ask(clearance, agency, "good")
    first, both = folder / "good.half.dsse.json", folder / "good.approved.dsse.json"
    common = (bundle, "--request", request, "--trust", root)
    clearance("approve", *common, "--signer", f"file:{keys}/approver-mps.pem", "--yes", "--out", first)
    log = folder / "authorisations.log"
    clearance(
        "log", "init", log, "--trust", root, "--origin", "log.mps.mau.test", "--signer", f"file:{keys}/log-mps.pem", show=False
    )  # fmt: skip
    logged = ("--log", log, "--log-signer", f"file:{keys}/log-mps.pem")
    clearance("issue", *common, "--authorisation", first, *logged, "--out", folder / "never.dsse.json", expect=12)
    clearance(
        "approve",
        *common,
        "--signer",
        f"file:{keys}/approver-mic.pem",
        "--yes",
        "--authorisation",
        first,
        "--out",
        both,
        show=False,
    )
    print("  the second authority signed the same bytes")
    certificate = folder / "good.certificate.dsse.json"
    clearance("issue", *common, "--authorisation", both, *logged, "--out", certificate)
    title("The other authority watches the log: before it has cosigned, nobody accepts the certificate")
    clearance("verify", certificate, "--trust", root, expect=12)
    clearance(
        "log", "cosign", log, "--trust", root, "--signer", f"file:{keys}/witness-mic.pem", "--state", folder / "witness-mic.json",
        "--first",
    )  # fmt: skip
    clearance("log", "prove", log, certificate)
    clearance("log", "verify", log, "--trust", root, "--keep", folder / "authorisations.checkpoint")
    title("Anyone can verify it offline, and judge the evidence again")
    clearance("verify", certificate, "--trust", root, "--bundle", bundle, "--recompute")
    title("On paper and as a QR code: what is shown is what was signed")
    clearance("verify", folder / "good.certificate.pdf", "--trust", root)
    clearance("verify", certificate.with_name(certificate.name + ".qr.txt"), "--trust", root, "--log", log)
    serial = clearance("log", "show", log, show=False).split("\t")[3].strip()
    with gateway(clearance, folder / "gateway", root, log) as gate:
        title("The gateway, a real nginx: nobody gets in before it is given a bundle, and the agency does afterwards")
        gate.admit(certificate)
        gate.renew()
        met(gate, agency, serial, status=200)
        suspended(clearance, root, serial, log)
        gate.renew()
        met(gate, agency, serial, status=400)
    clearance("verify", certificate, "--trust", root, "--log", log, expect=12)
    title("One byte of evidence changed: refused")
    forged = folder / "forged.bundle"
    forged.write_bytes(one_byte_changed(bundle))
    clearance("verify", certificate, "--trust", root, "--bundle", forged, "--recompute", expect=12)


def met(gate: Gate, agency: LabAgency, serial: str, status: int) -> None:
    """The agency calls the sandbox from its own address; raises where it is not answered as it should be."""
    found = re.search(r'address:? *"?([0-9.]+)', agency.scope.read_text("utf-8").replace('"address"', "address"))
    address = found[1] if found else "127.0.0.1"
    seen, text = gate.call(serial, agency.client_key, address, "/sandbox/v1/verify")
    print(f"  the agency calls /sandbox/v1/verify from {address}: {seen} {text.splitlines()[0] if seen == 200 else ''}")
    if seen != status:
        raise DemoError(f"the gateway answered {seen} where {status} was expected: {text}")


def suspended(clearance: Desk, root: Path, serial: str, log: Path) -> None:
    """One authority suspends the certificate, and the other one's witness sees it."""
    folder, keys = clearance.folder, clearance.folder / "keys"
    title("One authority suspends it: refused from now on, by whoever verifies and by the gateway")
    clearance(
        "suspend", serial, "--log", log, "--trust", root, "--signer", f"file:{keys}/approver-mic.pem",
        "--log-signer", f"file:{keys}/log-mps.pem", "--reason", "incident", "--yes", "--out", folder / "suspension.dsse.json",
    )  # fmt: skip
    clearance("status", serial, "--log", log, "--trust", root)
    clearance(
        "log", "cosign", log, "--trust", root, "--signer", f"file:{keys}/witness-mic.pem", "--state", folder / "witness-mic.json",
        show=False,
    )  # fmt: skip


def refused(clearance: Desk, root: Path, agency: LabAgency) -> None:
    """The badly kept agency: denied with every reason, and nobody can issue on it."""
    folder = clearance.folder
    title("The badly kept agency: look and judge")
    inspected(clearance, root, agency, "bad", expect=10)
    title("Nobody can approve it")
    ask(clearance, agency, "bad")
    clearance(
        "approve", folder / "bad.bundle", "--request", folder / "bad.request.dsse.json", "--trust", root,
        "--signer", f"file:{folder}/keys/approver-mps.pem", "--yes", "--out", folder / "never.dsse.json", expect=13,
    )  # fmt: skip


def ask(clearance: Desk, agency: LabAgency, name: str) -> None:
    """The agency's signed request for a trial connection."""
    folder = clearance.folder
    clearance(
        "request", folder / f"{name}.bundle", "--kind", "trial", "--csr", agency.client_csr, "--api", "verify",
        "--purpose", "Public services of the exercise", "--signer", f"file:{folder}/keys/agency-{name}.pem",
        "--out", folder / f"{name}.request.dsse.json",
    )  # fmt: skip


def one_byte_changed(bundle: Path) -> bytes:
    """The bundle with one byte of one observation changed, and nothing else."""
    data = bytearray(bundle.read_bytes())
    with tarfile.open(bundle) as tar:
        member = next(entry for entry in tar if entry.name.startswith("observations/tls/"))
    found = data.index(b'"accepted":[', member.offset_data)
    at = data.index(b"TLS_", found)
    data[at + 4] ^= 1
    return bytes(data)


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


if __name__ == "__main__":
    sys.exit(main())
