"""The keys and the trust root of the exercise: people, authorities and keys made on the spot, by the commands a person would use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from scanner.record import sha256


class Command(Protocol):
    """Runs one `clearance` command; raises where its exit status is not the expected one."""

    def __call__(self, *words: str | Path, expect: int = 0, show: bool = True) -> str:
        """What the command printed."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who holds a key, in which role."""

    name: str
    kind: str
    holder: str
    role: str
    authority: str = ""


HOLDERS = (
    KeyHolder("scanner", "instance", "lab-scanner", "scanner-instance"),
    KeyHolder("owner", "person", "vu.hai", "owner"),
    KeyHolder("inspector", "person", "tran.binh", "inspector"),
    KeyHolder("approver-mps", "person", "le.mai", "approver", "mps"),
    KeyHolder("approver-mic", "person", "pham.duc", "approver", "mic"),
    KeyHolder("log-mps", "log", "log.mps.mau.test", "log"),
    KeyHolder("witness-mic", "witness", "witness.mic.mau.test", "log-witness"),
    KeyHolder("connection-ca", "instance", "connection-ca", "connection-ca"),
    KeyHolder("gateway", "instance", "gateway-writer", "gateway"),
    KeyHolder("agency-good", "agency", "H98", "agency"),
    KeyHolder("agency-bad", "agency", "H99", "agency"),
)

_SPEC = """\
kind: {kind}
version: 1
expires: "{expires}"
threshold: 2
root_keys:
  - {{holder: root-a, file: keys/root-a.pub.pem}}
  - {{holder: root-b, file: keys/root-b.pub.pem}}
authorities:
  - {{id: mps, name: {{vi: "Bộ Công an", en: Ministry of Public Security}}}}
  - {{id: mic, name: {{vi: "Cục An toàn thông tin", en: Authority of Information Security}}}}
people:
  - {{id: vu.hai, organisation: "UBND tỉnh Mẫu"}}
  - {{id: tran.binh, organisation: A05}}
  - {{id: le.mai, organisation: C06, authority: mps}}
  - {{id: pham.duc, organisation: AIS, authority: mic}}
agencies:
  - {{code: H98, echelon: province, valid_from: "{begins}"}}
  - {{code: H99, echelon: province, valid_from: "{begins}"}}
keys:
{keys}
logs:
  - {{origin: log.mps.mau.test, authority: mps}}
witnesses:
  - {{name: witness.mic.mau.test, authority: mic}}
baselines:
  - {{id: {baseline_id}, version: "{baseline_version}", sha256: {baseline_sha256}}}
ceilings:
  - {{echelon: central, apis: [verify, read, bulk], bulk: true, rate: 6000, valid_from: "{begins}"}}
  - {{echelon: province, apis: [verify, read], bulk: false, rate: 600, valid_from: "{begins}"}}
  - {{echelon: commune, apis: [verify], bulk: false, rate: 60, valid_from: "{begins}"}}
max_trial_days: 92
max_official_days: 366
"""


def hold(folder: Path, baseline: Path, clearance: Command, kind: str = "laboratory") -> Path:
    """Makes all keys under `folder`/keys and the trust root that knows them; the trust root's path."""
    keys = folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    for name in ("root-a", "root-b", *(holder.name for holder in HOLDERS)):
        if not (keys / f"{name}.pem").exists():
            algorithm = "ecdsa-p256" if name in ("approver-mic", "connection-ca") else "ed25519"
            clearance("keys", "new", keys / f"{name}.pem", "--unencrypted", "--algorithm", algorithm, show=False)
    spec = folder / f"trust-{kind}.yaml"
    spec.write_text(_spec(baseline, kind), encoding="utf-8")
    root = folder / f"trust-{kind}.dsse.json"
    clearance("trust", "init", spec, "--signer", f"file:{keys}/root-a.pem", "--signer", f"file:{keys}/root-b.pem", "--out", root)
    return root


def _spec(baseline: Path, kind: str) -> str:
    from scanner.baseline import load
    from scanner.registry import load_checks

    data = baseline.read_bytes()
    found = load(data, str(baseline), load_checks()).baseline
    now = datetime.now(UTC).replace(microsecond=0)
    begins, ends = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=365)).isoformat()
    return _SPEC.format(
        kind=kind,
        expires=ends,
        begins=begins,
        keys="\n".join(_key(holder, begins, ends) for holder in HOLDERS),
        baseline_id=found.id,
        baseline_version=found.version,
        baseline_sha256=sha256(data),
    )


def _key(holder: KeyHolder, begins: str, ends: str) -> str:
    authority = f", authority: {holder.authority}" if holder.authority else ""
    return (
        f"  - {{holder_kind: {holder.kind}, holder: {holder.holder}, role: {holder.role}{authority}, "
        f'file: keys/{holder.name}.pub.pem, valid_from: "{begins}", valid_until: "{ends}"}}'
    )
