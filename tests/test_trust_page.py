"""The page on making a trust root: its description is one that `trust init` takes, and so is the next one, by the commands it shows."""

from __future__ import annotations

import json
import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from certification.keyring import Ceiling, HolderKind, Keyring, KnownAgency, KnownKey
from certification.statements import Role
from scanner import strict_yaml
from scanner.cli.shipped import shipped
from scanner.record import sha256
from tests.scanner.cli.in_process import clearance

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "trust-root.md").read_text("utf-8")
WHOLE, CHANGES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def this_year(text: str) -> str:
    """The page's dates, moved by whole years to where this year stands."""
    later = datetime.now().astimezone().year - 2026
    return re.sub(r"(?<![-\d])20(2\d)(?=-\d\d-\d\dT)", lambda found: str(2000 + int(found[1]) + later), text)


def described(text: str) -> dict[str, Any]:
    value = strict_yaml.parse(this_year(text).encode(), "trust.yaml").value
    assert isinstance(value, dict)
    return value


def changed(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The description with these entries in the place of those of the same key or agency, and the new ones behind them."""
    made = {**before, "version": changes["version"]}
    for part, name in (("keys", "file"), ("agencies", "code")):
        new = {entry[name]: entry for entry in changes[part]}
        kept = [new.pop(entry[name], entry) for entry in before[part]]
        made[part] = [*kept, *new.values()]
    return made


def test_the_description_and_its_successor_are_taken_by_the_commands_of_the_page(tmp_path: Path) -> None:
    first, then = described(WHOLE), changed(described(WHOLE), described(CHANGES))
    (tmp_path / "keys").mkdir()
    for entry in [*first["root_keys"], *then["keys"]]:
        algorithm = "ecdsa-p256" if entry.get("role") == "connection-ca" else "ed25519"
        file = str(entry["file"]).replace(".pub.pem", ".pem")
        done = clearance("keys", "new", file, "--unencrypted", "--algorithm", algorithm, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    (tmp_path / "trust.yaml").write_text(this_year(WHOLE), "utf-8")
    (tmp_path / "trust-2.yaml").write_text(json.dumps(then, ensure_ascii=False), "utf-8")
    shown = []
    assert len(COMMANDS) == 4
    for line in COMMANDS:
        done = clearance(*shlex.split(line)[1:], folder=tmp_path)
        assert done.returncode == 0, done.stderr
        shown.append(done.stdout)
    assert "production trust root, version 1" in shown[1]
    assert "REVOKED" not in shown[1]
    assert re.search(r"approver +le\.mai mps REVOKED\n", shown[3])
    assert re.search(r"agency D77: commune, \S+ - \S+\n", shown[3])


def test_the_page_names_every_part_role_and_holder() -> None:
    first = described(WHOLE)
    assert set(first) == set(Keyring.model_fields) - {"stated_at", "crit"}
    for role in Role:
        assert role is Role.ROOT or f"`{role}`" in PAGE, role
    assert {entry["role"] for entry in first["keys"]} == {role.value for role in Role} - {"root"}
    assert {entry["holder_kind"] for entry in first["keys"]} == {kind.value for kind in HolderKind}
    told = {name for record in (KnownKey, KnownAgency, Ceiling) for name in record.model_fields} - {"keyid", "public_key"}
    assert not [name for name in told if f"{name}:" not in PAGE]


def test_the_baseline_of_the_page_is_the_one_that_is_shipped() -> None:
    (accepted,) = described(WHOLE)["baselines"]
    data = shipped()[accepted["id"]].read_bytes()
    assert accepted["sha256"] == sha256(data), "put the digest that `clearance baseline show` prints into docs/trust-root.md"
    assert f'version: "{accepted["version"]}"'.encode() in data
