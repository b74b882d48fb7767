"""What `verify` loads: each form what it needs, in a process of its own, and nothing besides. Start-up follows from it, and is measured by benchmarks.startup."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.bindings._rust import x509 as reading

from tests.certification.papers import certified
from tests.certification.stage import LATER

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ("sslyze", "nassl", "paramiko", "asyncssh", "requests", "defusedxml", "openpyxl", "xlsxwriter", "typst", "fontTools", "pyhanko",
          "segno", "pkcs11", "pyrage")  # fmt: skip
"""What the extras bring: the core verifies without any of it."""
NEVER = (*EXTRAS, "asn1crypto", "securesystemslib", "ruamel", "jinja2", "rich", "univers", "sqlite3", "tarfile", "tomllib", "asyncio", "unittest",
         "cryptography.x509", "importlib.metadata", "email", "tempfile",
         "scanner.assessment", "scanner.targets", "certification.evidence_statements", "scanner.observations", "scanner.store", "scanner.order", "scanner.strict_yaml", "scanner.advisories", "scanner.feeds", "scanner.registry",
         "scanner.probes", "scanner.scan", "checks", "gateway", "certification.evidence", "certification.sealing", "certification.grounds",
         "certification.ledger", "certification.signers", "certification.request_drafting")  # fmt: skip
ONLY = {
    "the envelope": ("cbor2", "certification.qr_token", "certification.paper"),
    "its .tlog-proof": ("cbor2", "certification.qr_token", "certification.paper"),
    "the text of its QR code": ("certification.request", "certification.authorisation", "certification.paper"),
}
"""Of each form that the core verifies, what other forms alone need."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("shelf")
    forms = certified(folder)
    loaded(
        folder, "verify", forms["the envelope"], "--trust", "root", "--at", LATER.isoformat()
    )  # the root is remembered from here on
    return folder, forms


def loaded(folder: Path, *words: str, without: tuple[str, ...] = (), besides: Path = ROOT) -> set[str]:
    """The modules that this command has loaded by its end; without some, it fails where it needs them; with what is `besides` installed."""
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({without!r}))\n"
        f"sys.argv = ['clearance', *{words!r}]\n"
        "from scanner.cli import main\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code, left.code\n"
        "print('\\n'.join(name for name, module in sys.modules.items() if module is not None))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{besides}", "CLEARANCE_STATE": str(folder)}
    environment.pop("PYDANTIC_DISABLE_PLUGINS", None)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def among(names: set[str], unwanted: tuple[str, ...]) -> list[str]:
    return sorted(name for name in names if any(name == each or name.startswith(f"{each}.") for each in unwanted))


@pytest.mark.parametrize("form", ONLY)
def test_verifying_loads_what_this_form_needs_and_nothing_besides(shelf: tuple[Path, dict[str, str]], form: str) -> None:
    folder, forms = shelf
    names = loaded(folder, "verify", forms[form], "--trust", "root", "--at", LATER.isoformat(), without=EXTRAS)
    assert {"certification.trust", "certification.quorum", "pydantic"} <= names
    assert among(names, (*NEVER, *ONLY[form])) == []


def test_verifying_by_the_log_and_against_the_evidence_needs_the_core_alone(shelf: tuple[Path, dict[str, str]]) -> None:
    folder, forms = shelf
    more = ("--log", "log", "--bundle", "bundle", "--trust", "root", "--at", LATER.isoformat())
    names = loaded(folder, "verify", forms["the envelope"], *more, without=EXTRAS)
    assert {"sqlite3", "scanner.observations", "certification.evidence"} <= names
    assert among(names, ("checks", "scanner.probes")) == []


def test_a_pdf_loads_what_makes_and_reads_pdfs(shelf: tuple[Path, dict[str, str]]) -> None:
    folder, forms = shelf
    names = loaded(folder, "verify", forms["its PDF"], "--trust", "root", "--at", LATER.isoformat())
    assert {"typst", "pyhanko"} <= names
    assert (
        among(
            names,
            (
                "scanner.assessment",
                "scanner.targets",
                "certification.evidence_statements",
                "scanner.observations",
                "scanner.store",
                "sslyze",
                "paramiko",
                "openpyxl",
                "checks",
                "sqlite3",
            ),
        )
        == []
    )


@pytest.mark.parametrize("verb", ["verify", "approve", "issue", "log", "status", "scan", "check", "report", "seal", "gateway"])
def test_the_help_of_a_verb_loads_none_of_what_the_verb_does(tmp_path: Path, verb: str) -> None:
    names = loaded(tmp_path, verb, "--help") - {
        "pydantic.plugin._loader"
    }  # the answer that there are no plug-ins, which loads nothing
    assert "scanner.cli" in names
    assert among(names, ("pydantic", "cryptography", "ruamel", "certification", "gateway", "checks", "scanner.record")) == []


def test_requests_for_certificates_are_read_by_what_the_library_gives_out_for_it() -> None:
    assert reading.load_pem_x509_csr is x509.load_pem_x509_csr


def test_no_plug_in_of_another_distribution_takes_part_in_reading_records(
    shelf: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder, forms = shelf
    (tmp_path / "meddling-1.dist-info").mkdir()
    (tmp_path / "meddling-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: meddling\nVersion: 1\n")
    (tmp_path / "meddling-1.dist-info" / "entry_points.txt").write_text("[pydantic]\nmeddling = meddling:plugin\n")
    (tmp_path / "meddling.py").write_text(
        "class Plugin:\n    def new_schema_validator(self, *words, **more):\n        return None, None, None\nplugin = Plugin()\n"
    )
    program = "import sys; import scanner.record; from certification.keyring import Ceiling; Ceiling.model_rebuild(); assert 'meddling' in sys.modules"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    environment.pop("PYDANTIC_DISABLE_PLUGINS", None)
    subprocess.run([sys.executable, "-c", program], env=environment, timeout=60, check=True)
    words = ("verify", forms["the envelope"], "--trust", "root", "--at", LATER.isoformat())
    names = loaded(folder, *words, besides=tmp_path)
    assert "certification.trust" in names
    assert "meddling" not in names
