"""`clearance drift`: a certificate, the evidence it rests on, and a later run of the same system or of another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from certification.keyring import AcceptedBaseline
from certification.permits import sign_permit
from certification.signers import signed
from certification.trust import draft_keyring
from scanner import specimens
from scanner.fingerprint import identity
from scanner.observations import Observation, PeerCertificateObservation, Reason, Sight, Sighting, Unobserved
from scanner.record import sha256
from scanner.run_files import CONTACT
from scanner.store import ASSESSMENT, BASELINE, ORDER, PERMIT_ENVELOPE, packed, sighting_path, sightings
from tests.certification import stage
from tests.printed import printed

ROOT = Path(__file__).resolve().parents[3]
LAW = (ROOT / "examples" / "lab-baseline.yaml").read_bytes()
AT = ["--at", f"{stage.LATER:%Y-%m-%dT%H:%M:%S+00:00}"]


def peer(**leaf: Any) -> PeerCertificateObservation:
    """The endpoint's certificate, held against no CA store and no CRL."""
    nothing = Unobserved(reason=Reason.NOT_GIVEN)
    return specimens.peer_certificate(leaf=leaf, trust=nothing, revocation=nothing)


def written(sight: Sight, result: Observation | Unobserved) -> dict[str, bytes]:
    sighting = Sighting(sight=sight, observed_at=stage.SEEN, vantage=specimens.VANTAGE, result=result)
    return {sighting_path(sight): sighting.written()}


def clearance(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scanner.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment, cwd=ROOT)


def with_law() -> dict[str, bytes]:
    """The stage's bundle under a whole baseline, with the fingerprint that follows from it."""
    granted = stage.permit()
    envelope = sign_permit(granted, stage.signer("ha"), stage.SEEN - timedelta(days=1))
    order = stage.order(envelope, granted, baseline=sha256(LAW))
    files = {BASELINE: LAW, ORDER: order.written(), CONTACT: stage.met(order), PERMIT_ENVELOPE: envelope, **stage.evidence()}
    files |= written(Sight(subject="web1:443", kind="peer-certificate"), peer())
    results = {sight: sighting.result for sight, (sighting, _) in sightings(files).items()}
    digest = identity(order.scope, results, {}, None).fingerprint.digest()
    files[ASSESSMENT] = stage.assessment(order, files, fingerprint=digest).written()
    return stage.sealed(files)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trust root, a certificate and its bundle."""
    folder = tmp_path_factory.mktemp("shelf")
    accepted = (AcceptedBaseline(id="stage", version="1", sha256=sha256(LAW)),)
    ring = draft_keyring(stage.keyring(baselines=accepted))
    (folder / "trust").write_bytes(signed(ring, stage.signer("root-1"), stage.signer("root-2")))
    case = stage.Case(bundle=with_law(), trust=stage.root(baselines=accepted))
    (folder / "certificate").write_bytes(case.certificate())
    (folder / "bundle").write_bytes(packed(case.bundle))
    return folder


def later(folder: Path, seen: Mapping[str, Observation | Unobserved] = MappingProxyType({}), **order: Any) -> Path:
    """A run of the same system five days later, in which these kinds of observation differ."""
    granted = stage.permit()
    placed = stage.order(None, granted, **{"baseline": sha256(LAW), "run": "R-2", "ordered_at": stage.LATER, **order})
    files = {BASELINE: LAW, ORDER: placed.written()}
    results: dict[str, Observation | Unobserved] = {"tls": specimens.tls(), "peer-certificate": peer(), **seen}
    for kind, result in results.items():
        files |= written(Sight(subject="web1:443", kind=kind), result)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def drift(shelf: Path, run: Path, *words: str | Path, evidence: bool = True) -> subprocess.CompletedProcess[str]:
    named: list[str | Path] = ["--bundle", shelf / "bundle"] if evidence else []
    return clearance("drift", shelf / "certificate", run, "--trust", shelf / "trust", *named, *AT, *words)


def test_the_same_system_has_not_drifted_with_its_evidence_and_without(shelf: Path, tmp_path: Path) -> None:
    run = later(tmp_path)
    for evidence in (True, False):
        done = drift(shelf, run, evidence=evidence)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "nothing by which the system is known has drifted" in done.stdout


def test_another_key_lapses_the_certificate_and_says_on_which_ground(shelf: Path, tmp_path: Path) -> None:
    run = later(tmp_path, {"peer-certificate": peer(spki_sha256="88" * 32)})
    done = drift(shelf, run)
    assert done.returncode == 10, done.stdout + done.stderr
    assert f"! web1:443 public key: changed  {'22' * 32} > {'88' * 32}  [design-changed]" in done.stdout
    assert "Circular 46/2022 art. 6(2)" in done.stdout
    assert "LAPSES" in done.stdout
    told = printed("drift", drift(shelf, run, "--format", "json").stdout)
    assert (told["lapses"], told["run_before"], told["run_after"], told["kind_after"]) == (True, "R-1", "R-2", "inspection")
    assert [one["ground"] for one in told["drifted"] if one["what"] == "changed"] == ["design-changed"]
    unknown = drift(shelf, run, "--format", "json", evidence=False)
    assert (unknown.returncode, printed("drift", unknown.stdout)["lapses"]) == (11, None)


def test_a_key_nobody_could_see_is_neither_drift_nor_none(shelf: Path, tmp_path: Path) -> None:
    run = later(tmp_path, {"peer-certificate": Unobserved(reason=Reason.TIMED_OUT)})
    done = drift(shelf, run)
    assert done.returncode == 11, done.stdout + done.stderr
    assert "? web1:443 public key: not seen" in done.stdout
    assert "nobody can say" in done.stdout


def test_a_certificate_that_does_not_verify_is_compared_with_nothing(shelf: Path, tmp_path: Path) -> None:
    run = later(tmp_path / "run")
    forged = tmp_path / "forged"
    forged.write_bytes(stage.restated((shelf / "certificate").read_bytes(), "an", "chi"))
    for certificate, at in ((forged, AT), (shelf / "certificate", ["--at", "2036-01-01T00:00:00+00:00"])):
        done = clearance("drift", certificate, run, "--trust", shelf / "trust", *at)
        assert (done.returncode, done.stdout) == (12, ""), done.stderr
    other = tmp_path / "other.bundle"
    other.write_bytes(packed(stage.bundle()))
    done = clearance("drift", shelf / "certificate", run, "--trust", shelf / "trust", "--bundle", other, *AT)
    assert (done.returncode, done.stdout) == (12, ""), done.stderr


def test_a_run_of_another_system_or_of_before_is_refused_with_what_to_do(shelf: Path, tmp_path: Path) -> None:
    scope = stage.order(None, stage.permit()).scope
    elsewhere = scope.model_copy(update={"system": scope.system.model_copy(update={"id": "mail"})})
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"scope": elsewhere}, "name a run of that system"),
        ({"ordered_at": stage.SEEN - timedelta(days=3)}, "name a later one"),
    )
    for order, word in cases:
        done = drift(shelf, later(tmp_path, **order))
        assert (done.returncode, word in done.stderr) == (2, True), done.stderr


def test_evidence_that_was_changed_since_is_not_compared(shelf: Path, tmp_path: Path) -> None:
    run = later(tmp_path)
    (run / BASELINE).write_bytes(LAW + b"# changed\n")
    assert drift(shelf, run).returncode == 12


def stated(folder: Path, shelf: Path, *grounds: str, **changed: str) -> Path:
    """A file in which somebody states these grounds of the shelf's certificate."""
    serial = printed("drift", drift(shelf, later(folder / "for-the-serial"), "--format", "json").stdout)["serial"]
    values = {
        "happened": f"{stage.LATER - timedelta(days=2):%Y-%m-%dT%H:%M:%S+00:00}",
        "reason": "Máy chủ thư bị mã hóa tống tiền",
        "by": "Nguyen Van An",
        "role": "head of the cybersecurity unit",
        "stated_at": f"{stage.LATER - timedelta(days=1):%Y-%m-%dT%H:%M:%S+00:00}",
    } | {name: value for name, value in changed.items() if name != "certificate"}
    lines = ["schema_version: 1", f"certificate: {changed.get('certificate', serial)}", "stated:"]
    for ground in grounds:
        lines += [f"  - ground: {ground}", *(f'    {name}: "{value}"' for name, value in values.items())]
    path = folder / "stated.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("ground", "follows", "clause", "word"),
    [
        ("incident", "suspend", "art. 10.2d and 31.2c", "TO BE SUSPENDED"),
        ("untruthful-declaration", "revoke", "art. 31.2c and 28.5a", "TO BE REVOKED"),
        ("licensed-assessor", "assess-again", "a licensed external assessor", "TO BE ASSESSED AGAIN"),
        ("use-changed", "assess-again", "art. 10.2b-c and 28.3b", "TO BE ASSESSED AGAIN"),
    ],
)
def test_what_no_scan_can_see_is_told_as_a_person_states_it(
    ground: str, follows: str, clause: str, word: str, shelf: Path, tmp_path: Path
) -> None:
    run = later(tmp_path / "run")
    path = stated(tmp_path, shelf, ground)
    for evidence in (True, False):
        done = drift(shelf, run, "--stated", path, evidence=evidence)
        assert done.returncode == 10, done.stdout + done.stderr
        for said in ("Máy chủ thư bị mã hóa tống tiền", f"[{ground}]", "stated by Nguyen Van An (head of", clause, word):
            assert said in done.stdout, (said, done.stdout)
        told = printed("drift", drift(shelf, run, "--stated", path, "--format", "json", evidence=evidence).stdout)
        (one,) = told["stated"]
        assert (one["ground"], one["follows"], one["by"], told["lapses"]) == (ground, follows, "Nguyen Van An", False)
    assert printed("drift", drift(shelf, run, "--format", "json").stdout)["stated"] == []


def test_what_is_stated_takes_nothing_from_what_is_seen(shelf: Path, tmp_path: Path) -> None:
    run = later(tmp_path / "run", {"peer-certificate": peer(spki_sha256="88" * 32)})
    done = drift(shelf, run, "--stated", stated(tmp_path, shelf, "incident", "use-changed"))
    assert done.returncode == 10
    for said in ("[design-changed]", "LAPSES", "Stated by people; no scan can see it (2)", "SUSPENDED", "ASSESSED AGAIN"):
        assert said in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("grounds", "changed", "complaint"),
    [
        (("incident",), {"certificate": "VN-ANOTHER"}, "is stated of VN-ANOTHER"),
        (("incident",), {"reason": "  "}, "needs a reason"),
        (("incident",), {"happened": f"{stage.LATER:%Y-%m-%dT%H:%M:%S+00:00}"}, "stated before it happened"),
        (("incident",), {"stated_at": "2036-01-01T00:00:00+00:00"}, "still to come"),
        (("incident",), {"by": ""}, "stated.yaml"),
        (("ransom",), {}, "stated.yaml"),
        ((), {}, "stated.yaml"),
    ],
)
def test_what_is_not_stated_as_it_must_be_is_refused(
    grounds: tuple[str, ...], changed: dict[str, str], complaint: str, shelf: Path, tmp_path: Path
) -> None:
    done = drift(shelf, later(tmp_path / "run"), "--stated", stated(tmp_path, shelf, *grounds, **changed))
    assert (done.returncode, complaint in done.stderr) == (2, True), done.stderr
    assert not done.stdout
