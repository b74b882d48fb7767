"""The example for pipelines: it leaves what other systems read, whatever the decision is, and ends with the exit status of the check."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from defusedxml import ElementTree

from scanner import strict_yaml
from tests.lab.pki import Authority, Wanted
from tests.lab.servers import Site, nginx
from tests.scanner import permits
from tests.scanner.test_rejudging import ALL, law

ROOT = Path(__file__).resolve().parent.parent
CI = ROOT / "examples" / "ci"
NAMES = "{vi: Thử, en: Test}"
ADDRESS, PORT = "127.46.9.31", 8_443


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with settings for one TLS server, and `clearance` on a path of its own."""
    folder = tmp_path / "srv"
    folder.mkdir()
    (folder / "law.yaml").write_bytes(
        law(
            "law",
            ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
            ("CHAIN", "advisory", "peer-certificate-trusted", "{}", ALL),
        )
    )
    (folder / "permit.yaml").write_bytes(permits.permit(f"{ADDRESS}/32").written())
    (folder / "scope.yaml").write_text(
        f"agency: {{code: H46, name: {NAMES}, echelon: province}}\n"
        f"system: {{id: S, name: {NAMES}, level: 3, operator: IT}}\n"
        f"hosts: [{{id: web, address: {ADDRESS}, services: [{{port: {PORT}, speaks: https, name: dvc.mau.test}}]}}]\n",
        "utf-8",
    )
    (folder / "clearance.toml").write_text(
        'scope = "scope.yaml"\npermit = "permit.yaml"\nbaseline = "law.yaml"\nports = "8443"\ntimeout = 2\n', "utf-8"
    )
    program = tmp_path / "bin" / "clearance"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexport PYTHONPATH={ROOT}\nexec {sys.executable} -m scanner.cli "$@"\n')
    program.chmod(0o700)
    return folder


def step(folder: Path, out: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The pipeline's step."""
    environment = {"PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    command = [str(CI / "clearance-ci"), str(folder), out, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment, cwd=folder.parent)


def left(folder: Path) -> tuple[set[str], str]:
    """The outcomes in JUnit's words, and SARIF's levels of the gate."""
    suites = ElementTree.fromstring((folder / "run.junit.xml").read_bytes())
    outcomes = {child.tag for case in suites.iter("testcase") for child in case} | {"run"}
    sarif = json.loads((folder / "run.sarif").read_text("utf-8"))
    levels = ",".join(sorted({f"{each['ruleId']} {each['kind']}" for each in sarif["runs"][0]["results"]}))
    assert (folder / "run.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    return outcomes, levels


def test_a_step_keeps_the_status_and_leaves_what_other_systems_read(place: Path) -> None:
    with ExitStack() as stack:
        served = Authority(place.parent / "pki").issue(Wanted("dvc.mau.test"), "portal")
        nginx(stack, place.parent / "nginx", (Site((ADDRESS, PORT), "dvc.mau.test", served),))
        good = step(place, "good")
        assert good.returncode == 0, good.stderr
        outcomes, levels = left(place.parent / "good")
        assert (
            "failure" not in outcomes and "error" in outcomes
        )  # nobody gave a CA store: what is undetermined is an error to JUnit
        assert "tls-minimum-version pass" in levels
        strict = step(place, "strict", "--fail-on", "advisory")
        assert strict.returncode == 11, strict.stderr
        assert "AUTHORISE" in strict.stderr  # the status is stricter, and the verdict is what it was
    gone = step(place, "gone")
    assert gone.returncode == 14
    assert "error" in left(place.parent / "gone")[0]
    before = (place.parent / "gone" / "run" / "order.json").read_bytes()
    again = step(place, "gone")
    assert again.returncode == 14, again.stderr
    assert "error" in left(place.parent / "gone")[0]
    assert (place.parent / "gone" / "run" / "order.json").read_bytes() != before
    (place / "scope.yaml").write_text("nonsense: true\n", "utf-8")
    for out in ("broken", "gone"):
        broken = step(place, out)
        assert broken.returncode == 2
        assert not list((place.parent / out).iterdir()), "nothing of an earlier step is left to be taken for this one's"


def test_what_the_step_did_not_make_is_not_taken_away(place: Path) -> None:
    run = place.parent / "out" / "run"
    run.mkdir(parents=True)
    (run / "thesis.txt").write_text("mine")
    done = step(place, "out")
    assert (done.returncode, (run / "thesis.txt").read_text()) == (2, "mine")
    assert "name another OUT" in done.stderr
    (run / "order.json").write_text("{}")
    (run / "evaluation.dsse.json").write_text("{}")
    assert step(place, "out").returncode == 2
    assert (run / "evaluation.dsse.json").is_file()


def test_what_is_wrong_with_the_call_has_a_documented_status(place: Path) -> None:
    command = [str(CI / "clearance-ci"), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr.startswith("usage: ")) == (2, True)
    assert step(place.parent / "missing", "out").returncode == 2
    bare = place.parent / "bare"
    bare.mkdir()
    for name in ("bash", "env", "mkdir"):
        (bare / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run([*command, "out"], capture_output=True, text=True, timeout=30, check=False, env={"PATH": str(bare)})
    assert done.returncode == 2
    assert "no 'clearance' is on the PATH" in done.stderr


def test_a_bad_server_fails_the_step(place: Path) -> None:
    with ExitStack() as stack:
        served = Authority(place.parent / "pki").issue(Wanted("dvc.mau.test"), "portal")
        nginx(stack, place.parent / "nginx", (Site((ADDRESS, PORT), "dvc.mau.test", served, old=True),), weak=True)
        bad = step(place, "bad")
    assert bad.returncode == 10, bad.stderr
    outcomes, levels = left(place.parent / "bad")
    assert "failure" in outcomes and "tls-minimum-version fail" in levels


def test_the_job_names_what_the_step_leaves() -> None:
    job = strict_yaml.read_file(CI / "gitlab-ci.yml").value["clearance"]
    assert job["script"] == ["examples/ci/clearance-ci srv/clearance clearance-report --run-deadline 1200"]
    kept = job["artifacts"]
    named = {*kept["paths"], *kept["reports"].values()}
    assert named == {f"clearance-report/run.{suffix}" for suffix in ("html", "junit.xml", "sarif")}
