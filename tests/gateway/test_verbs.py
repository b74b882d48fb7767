"""The gateway's verbs, from the log to a real nginx, as an operator would type them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification.log_store import opened
from certification.relied import grouped
from certification.status_event import Change
from gateway.site import Proxy
from scanner.bundle import packed
from scanner.cli import clearance
from scanner.cli.console import explained
from scanner.cli.exits import ExitStatus
from tests.certification.stage import signer
from tests.gateway.proxies import Stand, stand
from tests.gateway.stage import Office, ca_key, clock, root_bytes
from tests.printed import printed
from tests.scanner.cli.in_process import clearance as clearance_main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    """A running nginx, and beside it everything the verbs need, in files."""
    keys = {"gateway": signer("gateway-1")._private, "approver": signer("an")._private, "ca": ca_key().private}
    for name, key in keys.items():
        path = tmp_path / f"{name}.key"
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "trust.dsse.json").write_bytes(root_bytes())
    with ExitStack() as stack:
        log = stack.enter_context(opened(tmp_path / "log", "a-log"))
        made = stack.enter_context(stand(Proxy.NGINX, tmp_path, Office(log)))
        (tmp_path / "site.toml").write_text(_toml(made))
        monkeypatch.chdir(tmp_path)
        yield made


def _toml(made: Stand) -> str:
    def written(value: Any) -> str:
        return "[" + ", ".join(written(each) for each in value) + "]" if isinstance(value, tuple) else f'"{value}"'

    given = made.site.model_dump(mode="python", exclude_none=True)
    return "".join(f"{name} = {written(value)}\n" for name, value in given.items())


def typed(line: str, expect: int = 0) -> str:
    """One command, and what it says."""
    done: Result = CliRunner().invoke(clearance, line.split())
    status, told = done.exit_code, done.output
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        assert isinstance(done.exception, Exception)
        message, exit_status = explained(done.exception)
        status, told = int(exit_status), told + message
    assert status == expect, told
    return told


EXPORT = (
    "gateway export --log log --trust trust.dsse.json --ca ca.pem --ca-signer file:ca.key --clients clients"
    " --signer file:gateway.key --state sequence.json --out gateway.bundle"
)


def test_from_the_log_to_the_proxy(desk: Stand) -> None:
    who = desk.office.issue()
    desk.office.cosign()
    Path("good.dsse.json").write_bytes(who.certificate)
    typed("gateway ca --trust trust.dsse.json --ca-signer file:ca.key --out ca.pem")
    typed("gateway ca --trust trust.dsse.json --ca-signer file:approver.key --out other.pem", ExitStatus.USAGE)
    client = "gateway client good.dsse.json --trust trust.dsse.json --ca ca.pem --ca-signer file:ca.key --clients clients"
    assert "not-in-log" in typed(client, ExitStatus.INTEGRITY)
    typed("log prove log good.dsse.json")
    assert f"clients/{who.serial}.pem" in typed(client)
    first = Path(f"clients/{who.serial}.pem").read_bytes()
    typed(client)
    assert Path(f"clients/{who.serial}.pem").read_bytes() == first, "what the agency has is never made anew"

    Path("gateway.bundle").write_bytes(b"something else")
    assert "nothing is overwritten" in typed(EXPORT, ExitStatus.USAGE) and not Path("sequence.json").exists()
    Path("gateway.bundle").write_bytes(packed({"evidence.json": b"{}"}))
    assert "nothing is overwritten" in typed(EXPORT, ExitStatus.USAGE), "a sealed bundle is a tar, too"
    Path("gateway.bundle").unlink()
    assert "bundle 1: 1 certificate" in typed(EXPORT)
    assert "the gateway is closed" in typed("gateway check --site site.toml", ExitStatus.INTEGRITY)
    assert "in force: state 1-" in typed("gateway apply gateway.bundle --site site.toml")
    assert "is good until" in typed("gateway check --site site.toml")
    assert desk.call(first + who.pem[len(who.x509) :]).let_in

    desk.office.change(who, Change.SUSPENDED, "an")
    assert "not-cosigned" in typed(EXPORT, ExitStatus.INTEGRITY)
    desk.office.cosign()
    told = typed(EXPORT)
    assert "bundle 2: 0 certificates" in told
    assert f"{who.serial} [suspended]" in told
    typed("gateway apply gateway.bundle --site site.toml")
    assert not desk.call(first + who.pem[len(who.x509) :]).let_in

    Path("sequence.json").rename("lost.json")
    typed(EXPORT)
    assert "bundle-older" in typed("gateway apply gateway.bundle --site site.toml", ExitStatus.INTEGRITY)
    Path("gateway.bundle").write_bytes(b"")
    assert "bundle-malformed" in typed("gateway apply gateway.bundle --site site.toml", ExitStatus.INTEGRITY)
    assert "closed" in typed("gateway close --site site.toml")
    assert desk.call(None).text == "refused: closed\n"
    assert "site.toml" in typed("gateway apply gateway.bundle --site no/site.toml", ExitStatus.USAGE)


def test_what_the_gateway_verbs_find_is_told_as_data(desk: Stand) -> None:
    def data(words: str, status: int = 0) -> Any:
        done = clearance_main(*words.split(), "--format", "json", folder=Path.cwd())
        outcome = printed("-".join(words.split()[:2]), done.stdout)
        assert outcome["exit_status"] == done.returncode == status, done.stderr
        return outcome

    who, other = desk.office.issue(), desk.office.issue()
    desk.office.change(other, Change.SUSPENDED, "an")
    desk.office.cosign()
    Path("good.dsse.json").write_bytes(who.certificate)
    typed("gateway ca --trust trust.dsse.json --ca-signer file:ca.key --out ca.pem")
    typed("log prove log good.dsse.json")
    typed("gateway client good.dsse.json --trust trust.dsse.json --ca ca.pem --ca-signer file:ca.key --clients clients")
    assert data("gateway check --site site.toml", ExitStatus.INTEGRITY)["found"] == {
        "state": "closed", "expires": None, "closed": True, "ends_soon": True,
    }  # fmt: skip
    made = data(EXPORT)["found"]
    assert (made["sequence"], made["entries"]) == (1, 1)
    assert [(each["serial"], each["code"]) for each in made["left_out"]] == [(other.serial, "suspended")]
    applied = data("gateway apply gateway.bundle --site site.toml")["found"]
    assert (applied["entries"], applied["expires"], applied["left_out"]) == (1, made["expires"], [])
    checked = data("gateway check --site site.toml")["found"]
    assert checked == {"state": applied["state"], "expires": made["expires"], "closed": False, "ends_soon": False}
    Path("gateway.bundle").write_bytes(b"")
    refused = data("gateway apply gateway.bundle --site site.toml", ExitStatus.INTEGRITY)
    assert (refused["code"], refused["found"]) == ("bundle-malformed", None)


def test_a_root_that_nobody_compared_is_shown_also_where_all_else_is_quiet(desk: Stand) -> None:
    desk.office.issue()
    Path("gateway.bundle").write_bytes(desk.office.export().data)
    told = typed("--quiet gateway apply gateway.bundle --site site.toml")
    assert grouped(desk.office.trust.sha256) in told and "in force" not in told
    with Path("site.toml").open("a") as site:
        site.write(f'trust_sha256 = "{desk.office.trust.sha256}"\n')
    assert not typed("--quiet gateway apply gateway.bundle --site site.toml")


def test_what_ends_soon_and_what_was_left_out_is_said_aloud(desk: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from scanner.cli import gateway as verbs

    desk.office.issue()
    made = desk.office.export(lives=timedelta(hours=2))
    Path("gateway.bundle").write_bytes(made.data)
    monkeypatch.setattr(verbs, "instant", lambda: clock() + timedelta(minutes=90))
    assert "less than half" in typed("gateway apply gateway.bundle --site site.toml")
    assert "less than half" in typed("gateway check --site site.toml", ExitStatus.REFUSED)
    monkeypatch.setattr(verbs, "instant", clock)
    assert "clock-backwards" in typed("gateway check --site site.toml", ExitStatus.INTEGRITY)
    assert desk.call(None).text == "refused: closed\n"
    # A trust root that allows less: what is above it is not let in, and the command says so in its exit status.
    monkeypatch.setattr(verbs, "instant", lambda: clock() + timedelta(minutes=91))
    ceilings = tuple(each.model_copy(update={"rate": 1}) for each in desk.office.trust.keyring.ceilings)
    Path("trust.dsse.json").write_bytes(root_bytes(ceilings=ceilings, version=2))
    Path("gateway.bundle").write_bytes(desk.office.export(at=clock() + timedelta(minutes=1)).data)
    assert "[above-ceiling]" in typed("gateway apply gateway.bundle --site site.toml", ExitStatus.REFUSED)


def test_the_documented_units_run_what_there_is() -> None:
    for unit in sorted((ROOT / "examples" / "gateway").glob("*.service")):
        for line in unit.read_text("utf-8").splitlines():
            if line.startswith("ExecStart="):
                words = line.split()
                assert words[0].endswith("/clearance")
                command = clearance.get_command(None, words[1])  # type: ignore[arg-type]
                assert command is not None
                assert words[2] in command.commands  # type: ignore[attr-defined]
