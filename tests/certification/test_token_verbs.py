"""Tokens on the command line: the documentation's commands, the prompt, and a PIN that shows up nowhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pexpect
import pytest

from certification.envelope import read_envelope
from certification.keys import keyid_of
from tests.certification.tokens import MODULE, PIN, Store, ec_key, rsa_key, store_at, uri
from tests.printed import printed

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "PLANTED-31337"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A token with two keys, and a permit to sign beside it."""
    made = store_at(tmp_path_factory.mktemp("softhsm") / "store")
    for label, key in (("one", rsa_key()), ("two", ec_key())):
        made.token(label)
        made.key(label, "key", key)
    done = clearance(
        made.env, made.folder, "permit", "new", "permit.yaml", "--agency", "P01", "--decision", "1", "--address", "10.0.0.0/24"
    )
    assert done.returncode == 0, done.stderr
    return made


def clearance(env: Mapping[str, str], folder: Path, *words: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    """One command as a person would run it, without a terminal."""
    start = ["-m", "scanner.cli"] if code is None else ["-c", code]
    environment = {**env, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, *start, *words],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,  # without a terminal of its own
        stdin=subprocess.DEVNULL,
    )


def _pin(folder: Path, pin: str = PIN) -> str:
    path = folder / f"pin-{pin[:3]}"
    path.write_text(f"{pin}\n")
    path.chmod(0o600)
    return str(path)


def _sign(store: Store, *more: str, out: str = "permit.json", code: str | None = None) -> subprocess.CompletedProcess[str]:
    return clearance(store.env, store.folder, *more, "--out", out, code=code)


def test_the_commands_of_the_documentation_run(store: Store, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "tokens.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 3
    shim = tmp_path / "bin" / "clearance"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scanner.cli "$@"\n')
    shim.chmod(0o755)
    environment = {**os.environ, "PATH": f"{shim.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    script = "set -eu\n" + "\n".join(blocks)
    done = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    envelope = read_envelope((tmp_path / "permit.dsse.json").read_bytes())
    keyid = keyid_of((tmp_path / "approver-a.pub.pem").read_text("ascii"))
    assert [signature.keyid for signature in envelope.signatures] == [keyid]
    assert done.stdout.splitlines()[-1] == keyid
    assert "10.1.2.0/24" in done.stderr, "what is signed is shown"


def test_keys_are_listed_and_shown_without_a_pin(store: Store, tmp_path: Path) -> None:
    listed = clearance(store.env, store.folder, "keys", "list", "--module", MODULE)
    assert listed.returncode == 0, listed.stderr
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert sorted(row[1] for row in rows) == ["ecdsa-sha2-nistp256", "rsassa-pss-sha256"]
    for keyid, scheme, name in rows:
        shown = clearance(store.env, store.folder, "keys", "show", name)
        assert keyid_of(shown.stdout) == keyid
        assert scheme in shown.stderr
    told = printed("keys-list", clearance(store.env, store.folder, "keys", "list", "--module", MODULE, "--format", "json").stdout)
    assert [list(key.values()) for key in told["found"]["keys"]] == rows and told["found"]["unreadable"] == 0
    key = printed("keys-show", clearance(store.env, store.folder, "keys", "show", rows[0][2], "--format", "json").stdout)["found"]
    assert key["keyid"] == keyid_of(key["pem"]) == rows[0][0]


def test_the_terminal_is_asked_without_echo_after_what_is_signed(store: Store) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-m", "scanner.cli", "permit", "sign", "permit.yaml", "--signer", uri("one", "key"), "--out", "asked.json"],
        env={**store.env, "PYTHONPATH": str(ROOT)},
        cwd=str(store.folder),
        encoding="utf-8",
        timeout=30,
    )
    child.expect("PIN of token one: ")
    assert "10.0.0.0/24" in child.before
    child.waitnoecho()
    child.sendline(PIN)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    assert PIN not in child.before
    assert (store.folder / "asked.json").is_file()


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_a_wrong_pin_is_an_input_error_and_shows_up_nowhere(store: Store, debug: tuple[str, ...]) -> None:
    signing = ("permit", "sign", "permit.yaml", "--signer", uri("two", "key"))
    done = _sign(store, *debug, *signing, "--pin-file", _pin(store.folder, PLANTED), out="wrong.json")
    assert done.returncode == 2
    assert "[pin-wrong]" in done.stderr
    assert PLANTED not in done.stderr + done.stdout
    assert ("Traceback" in done.stderr) is bool(debug)
    assert not (store.folder / "wrong.json").exists()
    for inline in (f"{uri('two', 'key')}&pin-value={PLANTED}", f"{uri('two', 'key')}&{PLANTED}"):
        done = _sign(store, *debug, "permit", "sign", "permit.yaml", "--signer", inline)
        assert done.returncode == 2
        assert PLANTED not in done.stderr + done.stdout


def test_without_a_terminal_nothing_is_asked_on_standard_input(store: Store) -> None:
    done = _sign(store, "permit", "sign", "permit.yaml", "--signer", uri("one", "key"))
    assert done.returncode == 2
    assert "[pin-unreadable]" in done.stderr
    assert "--pin-file" in done.stderr


def test_without_the_extra_the_message_names_it(store: Store) -> None:
    code = "import sys; sys.modules['pkcs11'] = None; from scanner.cli import main; main()"
    done = _sign(store, "permit", "sign", "permit.yaml", "--signer", uri("one", "key"), code=code)
    assert done.returncode == 2
    assert "clearance[pkcs11]" in done.stderr


def test_one_command_signs_with_two_tokens(store: Store, tmp_path: Path) -> None:
    for label in ("one", "two"):
        shown = clearance(store.env, store.folder, "keys", "show", uri(label, "key"))
        (store.folder / f"{label}.pub.pem").write_text(shown.stdout)
    (store.folder / "spec.yaml").write_text(
        'kind: laboratory\nversion: 1\nexpires: "2090-01-01T00:00:00Z"\nthreshold: 2\n'
        "root_keys: [{holder: a, file: one.pub.pem}, {holder: b, file: two.pub.pem}]\n"
        "authorities: []\npeople: []\nkeys: []\nbaselines: []\nceilings: []\nmax_trial_days: 92\nmax_official_days: 366\n"
    )
    signers = [
        "--signer",
        f"{uri('one', 'key')}&pin-source=file:{_pin(store.folder)}",
        "--signer",
        f"{uri('two', 'key')}&pin-source={_pin(store.folder)}",
    ]
    done = _sign(store, "trust", "init", "spec.yaml", *signers, "--pin-file", _pin(store.folder, PLANTED), out="trust.json")
    assert done.returncode == 0, done.stderr
    assert len(read_envelope((store.folder / "trust.json").read_bytes()).signatures) == 2
