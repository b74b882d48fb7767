"""`issue` makes the client certificate in the same act, and docs/gateway.md names verbs, options, codes and files that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification.client_certificate import insist_on_certificate
from certification.connection_ca import ca_certificate, read_ca, read_certificate
from certification.signers import signed
from certification.trust import draft_keyring, read_trust_root
from certification.verify import verify
from scanner.cli import clearance
from tests.certification import stage
from tests.certification.stage import LATER, signer
from tests.certification.test_ledger import CERTIFICATE, SERIAL, Desk, desk
from tests.gateway.stage import ca_key, ca_known

__all__ = ["desk"]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gateway.md").read_text("utf-8")
ISSUE = (
    "issue", "bundle", "--request", "request", "--trust", "root", "--authorisation", "approved",
    "--log", "log", "--log-signer", "file:a-log.pem", "--out", "c.json",
)  # fmt: skip


def test_issue_makes_the_client_certificate_too(desk: Desk) -> None:
    envelope = signed(
        draft_keyring(stage.keyring(version=2, more_keys=(ca_known(ca_key()),))), signer("root-1"), signer("root-2")
    )
    trust = read_trust_root(envelope, LATER)
    (desk.folder / "root").write_bytes(envelope)
    (desk.folder / "ca.pem").write_bytes(ca_certificate(trust, ca_key(), LATER).pem)
    key = desk.folder / "ca.key"
    key.touch(mode=0o600)
    key.write_bytes(ca_key().private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    half = desk.run(*ISSUE, "--clients", "clients")
    assert isinstance(half.exception, SystemExit)
    assert "--ca-signer" in half.output
    assert not (desk.folder / "c.json").exists()
    said = desk.good(*ISSUE, "--clients", "clients", "--ca", "ca.pem", "--ca-signer", "file:ca.key")
    assert f"clients/{SERIAL}.pem" in said
    made = read_certificate((desk.folder / "clients" / f"{SERIAL}.pem").read_bytes())
    found = verify(CERTIFICATE, trust, LATER)
    insist_on_certificate(made, found.granted, found.payload_sha256, read_ca((desk.folder / "ca.pem").read_bytes(), trust, LATER))


def test_issue_without_a_ca_makes_none(desk: Desk) -> None:
    assert "client certificate" not in desk.good(*ISSUE)
    assert not (desk.folder / "clients").exists()


COMMANDS = [line for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_page_is_one(line: str) -> None:
    program, group, verb, *words = shlex.split(line)
    assert (program, group) == ("clearance", "gateway")
    command = clearance.get_command(click.Context(clearance), "gateway")
    assert isinstance(command, click.Group)
    found = command.get_command(click.Context(command), verb)
    assert found is not None
    known = {option for parameter in found.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    wanted = {option for parameter in found.params if parameter.required for option in parameter.opts if option.startswith("--")}
    assert wanted <= set(words)


def test_every_answer_of_a_gateway_is_on_the_page() -> None:
    from gateway import haproxy, nginx

    words = set(re.findall(r"refused: (\w+)", nginx._CONFIGURATION + haproxy._CONFIGURATION))
    words |= set(re.findall(r"(\w+);", nginx._CONFIGURATION.partition("default unknown;")[2].partition("}}")[0])) - {"in"}
    assert words == {"stale", "unknown", "expired", "address", "interface", "rate"}
    for word in words - {"rate"}:
        assert f"`refused: {word}`" in PAGE
