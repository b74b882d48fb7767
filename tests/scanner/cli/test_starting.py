"""init and inventory as an agency types them: files to fill in, faults by cell, nothing by halves, nothing overwritten."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from scanner import i18n
from scanner.settings import SETTINGS, read
from scanner.strict_yaml import InputError
from tests.scanner.cli.in_process import clearance, refused

INIT = ("init", "--agency", "H15", "--name", "UBND tỉnh Mẫu", "--echelon", "province", "--level", "3", "--system", "dvc")
BAD = "host,address,unit,port\nweb1,10.15.3.300,,443\nweb2,10.15.3.4,,70000\nweb3,10.15.3.5,Bắc Kạn,443\n"


def test_init_writes_what_the_next_verbs_read_and_never_overwrites(tmp_path: Path) -> None:
    done = clearance(*INIT, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"scope.yaml", "clearance.toml", "inventory.xlsx"}
    assert set(read(tmp_path)) <= set(SETTINGS)
    before = (tmp_path / "scope.yaml").read_bytes()
    refused(clearance(*INIT, folder=tmp_path), 2, "exists already", "nothing was overwritten")
    assert (tmp_path / "scope.yaml").read_bytes() == before
    refused(clearance("inventory", "import", "inventory.xlsx", folder=tmp_path), 2, "no host is left")


def test_init_without_a_terminal_says_which_options_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    refused(clearance("init", "--agency", "H15", folder=tmp_path), 2, "--name, --echelon, --level, --system")
    assert not list(tmp_path.iterdir())


def test_nothing_is_imported_until_it_is_clean_or_told_to_skip(tmp_path: Path) -> None:
    clearance(*INIT, folder=tmp_path)
    scope = tmp_path / "scope.yaml"
    before = scope.read_bytes()
    (tmp_path / "list.csv").write_text(BAD, "utf-8")
    refused(
        clearance("inventory", "import", "list.csv", folder=tmp_path), 2,
        "✗ B2: '10.15.3.300' is not an IP address", "✗ D3: port 70000 > 65535", "Nothing imported (2 errors)", "1 hosts (1 of 3 rows)",
    )  # fmt: skip
    refused(clearance("inventory", "import", "list.csv", "--skip-bad", folder=tmp_path), 2, "--accept-renames")
    assert scope.read_bytes() == before
    words = ("inventory", "import", "list.csv", "--skip-bad", "--accept-renames", "--format", "json")
    tried = clearance(*words, "--dry-run", folder=tmp_path)
    assert (tried.returncode, scope.read_bytes()) == (0, before)
    done = clearance(*words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["changes"] == {"added": ["web3"], "changed": [], "removed": []}
    assert [error["place"] for error in told["errors"]] == ["B2", "D3"]
    assert told["renames"] == [{"place": "C4", "old": "Bắc Kạn", "new": "Thái Nguyên"}]
    assert told["left_out"] == ["web1", "web2"]
    assert "2 rows left out, so not looked at, each with its whole host: web1, web2" in done.stderr
    assert "1 hosts added" in done.stderr and "web2" not in scope.read_text("utf-8")
    assert "Thái Nguyên" in scope.read_text("utf-8")


def test_an_import_says_what_is_no_longer_looked_at_and_keeps_the_old_file(tmp_path: Path) -> None:
    clearance(*INIT, folder=tmp_path)
    (tmp_path / "one.csv").write_text("host,address,port\nweb1,10.0.0.1,443\nweb2,10.0.0.2,443\n", "utf-8")
    (tmp_path / "two.csv").write_text("host,address,port\nweb2,10.0.0.2,80\nweb3,10.0.0.3,443\n", "utf-8")
    assert clearance("inventory", "import", "one.csv", folder=tmp_path).returncode == 0
    before = (tmp_path / "scope.yaml").read_bytes()
    done = clearance("inventory", "import", "two.csv", folder=tmp_path)
    assert "1 hosts added, 1 changed, 1 removed" in done.stderr
    assert "no longer looked at: web1" in done.stderr
    assert (tmp_path / "scope.yaml.before-import").read_bytes() == before
    assert "2 removed" not in clearance("inventory", "import", "one.csv", "--add", folder=tmp_path).stderr
    exported = clearance("inventory", "export", "--format", "json", folder=tmp_path)
    assert [host["id"] for host in json.loads(exported.stdout)["hosts"]] == ["web2", "web3", "web1"]
    assert clearance("inventory", "export", "--out", "all.xlsx", folder=tmp_path).returncode == 0
    again = clearance("inventory", "import", "all.xlsx", folder=tmp_path)
    assert "0 hosts added, 0 changed, 0 removed, 3 as they were" in again.stderr
    refused(clearance("inventory", "export", "--out", "all.xlsx", folder=tmp_path), 2, "nothing was overwritten")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scpe = 'a'", "no setting is called 'scpe'"),
        ("timeout = 'x'", "timeout should be a number"),
        ("lang = 'fr'", "lang should be one of vi, en"),
        ("scope = 3", "scope should be text in quotes"),
        ("scope = 'a'\nscope = 'b'", "not TOML"),
        ("trust = 'root.json'", "no setting is called 'trust'"),
        ("#" * 70_000, "larger than"),
    ],
)
def test_settings_are_read_strictly(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "clearance.toml").write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        read(tmp_path)
    done = clearance("plan", folder=tmp_path)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_settings_stand_in_for_options_and_options_win(tmp_path: Path) -> None:
    clearance(*INIT, folder=tmp_path)
    (tmp_path / "one.csv").write_text("host,address,port\nweb1,10.0.0.1,443\n", "utf-8")
    clearance("inventory", "import", "one.csv", folder=tmp_path)
    refused(clearance("plan", folder=tmp_path), 2, "permit.yaml")
    words = ("--agency", "H15", "--decision", "1/QD", "--address", "10.0.0.0/24")
    clearance("permit", "new", "permit.yaml", *words, folder=tmp_path)
    assert clearance("plan", folder=tmp_path).returncode == 0
    refused(clearance("plan", "--permit", "other.yaml", folder=tmp_path), 2, "other.yaml")
    (tmp_path / "clearance.toml").write_text('lang = "vi"\nscope = "none.yaml"\n', "utf-8")
    assert "none.yaml" in clearance("plan", "--permit", "permit.yaml", folder=tmp_path).stderr


REMARKS = (
    "each run gets a folder of its own in here",
    "gentle, normal or fast; never beyond the permit. Gentle: 8 minutes or more for the ports of each host",
    "What you declare: your agency, your system, its hosts and what each service speaks.",
    "the unit that runs it; an inspector may not belong to it",
    "Only these addresses may be touched; loopback and link-local ranges only where they stand here literally.",
)
PERMIT = ("permit", "new", "permit.yaml", "--agency", "H15", "--decision", "1/QD", "--address", "10.15.3.0/24")


@pytest.mark.parametrize("language", ["en", "vi"])
def test_what_init_and_permit_new_write_is_remarked_in_the_chosen_language(language: str, tmp_path: Path) -> None:
    for words in (INIT, PERMIT):
        done = clearance("--lang", language, *words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    written = "".join((tmp_path / name).read_text("utf-8") for name in ("scope.yaml", "clearance.toml", "permit.yaml"))
    i18n.choose(language)
    try:
        wanted = [i18n._(remark) for remark in REMARKS]
    finally:
        i18n.choose("en")
    assert not [remark for remark in wanted if remark not in written]
    assert read(tmp_path)["lang"] == language


def test_a_permit_is_begun_in_the_language_of_the_folder_and_signed_by_no_setting_at_all(tmp_path: Path) -> None:
    assert clearance("--lang", "vi", *INIT, folder=tmp_path).returncode == 0
    done = clearance(*PERMIT, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "permit.yaml" in done.stderr and "it names" not in done.stderr
    assert clearance("keys", "new", "owner.pem", "--unencrypted", folder=tmp_path).returncode == 0
    (tmp_path / "clearance.toml").write_text("nonsense = 1\n", "utf-8")
    (tmp_path / "permit.yaml").rename(tmp_path / "first.yaml")
    refused(clearance(*PERMIT, folder=tmp_path), 2, "clearance.toml")
    signed = clearance("permit", "sign", "first.yaml", "--signer", "file:owner.pem", "--out", "permit.json", folder=tmp_path)
    assert signed.returncode == 0, signed.stderr
    assert "✓ signed permit" in signed.stderr
