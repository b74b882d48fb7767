"""A trust root is believed because a person compared it or a known one led to it, never for lying where the last one lay."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certification.high_water import Mark, advanced
from certification.keyring import RootKind
from certification.refusals import Code
from certification.relied import KnownRoots, Reliance, grouped, known, read_known_roots, relied_on
from certification.signers import signed
from certification.trust import TrustRoot, draft_keyring, read_trust_root
from tests.certification.stage import LATER, SEEN, keyring, refused, root, root_key, signer
from tests.certification.test_gateway_bundle import office, read, soon
from tests.certification.test_ledger import VERIFY, Desk, desk
from tests.gateway.stage import Office
from tests.scanner.cli.test_every_command import ALL

__all__ = ["desk", "office"]
FIRST = root()
FORGER = tuple(root_key(f"root-{number}") for number in (4, 5, 6))
MEMORY, _ = relied_on(KnownRoots(), FIRST, named=False)


def written(*by: str, **changes: Any) -> bytes:
    return signed(draft_keyring(keyring(**changes)), *(signer(name) for name in by or ("root-1", "root-2")))


def made(*by: str, **changes: Any) -> TrustRoot:
    return read_trust_root(written(*by, **changes), SEEN)


FORGED = made("root-4", "root-5", root_keys=FORGER)


def test_the_first_is_relied_on_and_remembered_and_then_known() -> None:
    memory, why = relied_on(KnownRoots(), FIRST, named=False)
    assert why is Reliance.FIRST and memory.roots == (known(FIRST),)
    assert relied_on(memory, FIRST, named=False) == (memory, Reliance.KNOWN)
    assert relied_on(memory, FIRST, named=True) == (memory, Reliance.KNOWN)
    assert read_known_roots(memory.written()) == memory


@pytest.mark.parametrize("version", [1, 2, 9])
def test_another_s_root_is_refused_whatever_version_it_says(version: int) -> None:
    with refused(Code.ROOT_CHANGED):
        relied_on(MEMORY, made("root-4", "root-5", root_keys=FORGER, version=version), named=False)


def test_a_forger_who_lists_the_known_root_keys_among_his_own_is_refused() -> None:
    mixed = (*FORGER, *(root_key(f"root-{number}") for number in (1, 2)))
    with refused(Code.ROOT_CHANGED):
        relied_on(MEMORY, made("root-4", "root-5", root_keys=mixed, version=2), named=False)


def test_one_known_root_key_is_not_enough() -> None:
    mixed = (*FORGER, root_key("root-1"))
    with refused(Code.ROOT_CHANGED):
        relied_on(MEMORY, made("root-1", "root-5", root_keys=mixed, version=2), named=False)


def test_a_second_root_of_the_same_version_is_refused_though_its_keys_are_known() -> None:
    with refused(Code.ROOT_CHANGED):
        relied_on(MEMORY, made(max_trial_days=30), named=False)


def test_a_laboratory_does_not_follow_a_production_root() -> None:
    with refused(Code.ROOT_CHANGED):
        relied_on(MEMORY, made(version=2, kind=RootKind.LABORATORY), named=False)


@pytest.mark.parametrize("version", [2, 5])
def test_what_the_known_root_keys_signed_follows_and_replaces_it(version: int) -> None:
    new = made(version=version)
    memory, why = relied_on(MEMORY, new, named=False)
    assert why is Reliance.NEXT and memory.roots == (known(new),)
    with refused(Code.ROOT_OLDER):
        relied_on(memory, FIRST, named=False)


def test_a_named_root_is_relied_on_beside_the_known_ones() -> None:
    memory, why = relied_on(MEMORY, FORGED, named=True)
    assert why is Reliance.NAMED and set(memory.roots) == {known(FIRST), known(FORGED)}
    for root_ in (FIRST, FORGED):
        assert relied_on(memory, root_, named=False) == (memory, Reliance.KNOWN)


def test_an_older_root_that_is_named_changes_no_memory() -> None:
    memory, _ = relied_on(MEMORY, made(version=2), named=False)
    assert relied_on(memory, FIRST, named=True) == (memory, Reliance.NAMED)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", MEMORY.written()[:-1], KnownRoots().written()])
def test_a_memory_that_is_not_whole_is_no_memory(data: bytes) -> None:
    with refused(Code.ROOT_MEMORY_LOST):
        read_known_roots(data)


def test_a_digest_is_read_out_in_eight_groups() -> None:
    assert [len(group) for group in grouped("ab" * 32).split(" ")] == [8] * 8


# --- a gateway ------------------------------------------------------------------------------------


def test_a_gateway_takes_no_root_but_its_own_and_the_next(office: Office) -> None:
    register = read(office, office.export())
    mark = advanced(None, register, office.trust, soon())
    assert Mark.read(mark.written()) == mark
    for code, stranger in (
        (Code.ROOT_CHANGED, FORGED),
        (Code.ROOT_CHANGED, made("root-4", "root-5", root_keys=FORGER, version=7)),
        (Code.ROOT_CHANGED, made(max_trial_days=30)),
    ):
        with refused(code):
            advanced(mark, register, stranger, soon())
        assert advanced(mark, register, stranger, soon(), named=True).root == known(stranger)
    newer = made(version=2)
    after = advanced(mark, register, newer, soon())
    assert after.root == known(newer)
    for named in (False, True):
        with refused(Code.ROOT_OLDER):
            advanced(after, register, office.trust, soon(), named=named)


def test_a_gateway_s_memory_of_before_learns_its_root_once(office: Office) -> None:
    register = read(office, office.export())
    old = advanced(None, register, office.trust, soon()).model_copy(update={"root": None})
    with refused(Code.ROOT_OLDER):
        advanced(old.model_copy(update={"root_version": 2}), register, office.trust, soon())
    assert advanced(old, register, office.trust, soon()).root == known(office.trust)
    for stranger in (FORGED, made("root-4", "root-5", root_keys=FORGER, version=9)):
        with refused(Code.ROOT_CHANGED):
            advanced(old, register, stranger, soon())
        assert advanced(old, register, stranger, soon(), named=True).root == known(stranger)


# --- at the terminal ------------------------------------------------------------------------------


@pytest.fixture
def ready(desk: Desk) -> Desk:
    """A desk with a valid certificate, whose user relied on the trust root before."""
    desk.issue()
    desk.good(*desk.cosign())
    desk.good("log", "prove", "log", "c.json")
    return desk


def forged_into(desk: Desk) -> str:
    """Swaps the trust root for a forger's, which names the very keys of the real one; its digest."""
    data = written("root-4", "root-5", root_keys=FORGER)
    (desk.folder / "root").write_bytes(data)
    return read_trust_root(data, LATER).sha256


def memory() -> Path:
    from scanner.cli.roots import memory_path

    return memory_path()


def test_the_first_use_shows_the_digest_and_the_second_is_silent(desk: Desk) -> None:
    memory().unlink()
    shown = desk.good("status", "all", "--log", "log", "--trust", "root")
    assert f"first use of this trust root: compare its SHA-256, {grouped(FIRST.sha256)}" in shown
    assert "first use" not in desk.good("status", "all", "--log", "log", "--trust", "root")
    assert memory().stat().st_mode & 0o077 == 0


def test_a_swapped_trust_root_verifies_nothing(ready: Desk) -> None:
    assert "VALID" in ready.good(*VERIFY)
    digest = forged_into(ready)
    outcome = ready.data(*VERIFY, status=12)
    assert outcome["code"] == "root-changed" and "name it with --trust-sha256 if another channel tells" in outcome["error"]
    ready.refused(Code.ROOT_CHANGED, *VERIFY)
    ready.refused(Code.ROOT_NOT_PINNED, *VERIFY, "--trust-sha256", FIRST.sha256)
    assert grouped(digest) in ready.good("trust", "show", "root")
    ready.refused(Code.ROOT_CHANGED, *VERIFY)
    assert "VALID" in ready.good(*VERIFY, "--trust-sha256", grouped(digest).upper())
    assert "VALID" in ready.good(*VERIFY)


def test_a_root_under_which_nothing_was_verified_is_not_remembered(ready: Desk) -> None:
    memory().unlink()
    true = (ready.folder / "c.json").read_bytes()
    (ready.folder / "c.json").write_bytes(true.replace(b"signatures", b"signaturez"))
    ready.refused(Code.ENVELOPE_MALFORMED, *VERIFY)
    assert ready.run("verify", "bundle", "--trust", "root", "--ca", "x").exit_code == 2
    assert not memory().exists()
    (ready.folder / "c.json").write_bytes(true)
    assert "VALID" in ready.good(*VERIFY)
    assert memory().exists()


def test_a_successor_counts_from_its_first_sight_whatever_comes_of_the_command(ready: Desk) -> None:
    assert "VALID" in ready.good(*VERIFY)
    old = (ready.folder / "root").read_bytes()
    revoked = tuple(key.model_copy(update={"revoked_at": LATER}) if key.holder == "an" else key for key in FIRST.keyring.keys)
    (ready.folder / "root").write_bytes(written(version=2, keys=revoked))
    ready.refused(Code.KEY_REVOKED, *VERIFY)
    (ready.folder / "root").write_bytes(old)
    ready.refused(Code.ROOT_OLDER, *VERIFY)


def test_what_another_command_remembers_meanwhile_undoes_nothing(ready: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    memory().unlink()
    from scanner.cli.console import keep as real

    def meanwhile(path: Path, data: bytes) -> None:
        memory().parent.mkdir(parents=True, exist_ok=True)
        memory().write_bytes(
            KnownRoots(roots=(known(read_trust_root(written("root-4", "root-5", root_keys=FORGER), LATER)),)).written()
        )
        real(path, data)

    monkeypatch.setattr("scanner.cli.ledger.keep", meanwhile)
    said = ready.good("log", "verify", "log", "--trust", "root", "--keep", "kept")
    assert "WHOLE" in said and "cannot be remembered" in said and (ready.folder / "kept").is_file()


def test_the_next_root_is_told_in_a_line_and_the_old_one_refused_after_it(ready: Desk) -> None:
    old = (ready.folder / "root").read_bytes()
    (ready.folder / "root").write_bytes(written(version=2))
    assert "trust root version 2, signed by root keys of the one before" in ready.good(*VERIFY)
    (ready.folder / "root").write_bytes(old)
    ready.refused(Code.ROOT_OLDER, *VERIFY)
    assert "VALID" in ready.good(*VERIFY, "--trust-sha256", FIRST.sha256)
    ready.refused(Code.ROOT_OLDER, *VERIFY)


@pytest.mark.parametrize("broken", [b"", b"{}", json.dumps({"roots": []}).encode()])
def test_a_broken_memory_stops_all_but_a_named_root(ready: Desk, broken: bytes) -> None:
    memory().write_bytes(broken)
    ready.refused(Code.ROOT_MEMORY_LOST, *VERIFY)
    assert "VALID" in ready.good(*VERIFY, "--trust-sha256", FIRST.sha256)
    assert memory().read_bytes() == broken
    memory().unlink()
    assert "first use" in ready.good(*VERIFY)


def test_a_memory_that_cannot_be_kept_is_told_each_time(ready: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CLEARANCE_STATE", str(tmp_path / "file" / "state"))
    for _ in range(2):
        assert "cannot be remembered" in ready.good(*VERIFY)
    assert "cannot be remembered" not in ready.good(*VERIFY, "--trust-sha256", FIRST.sha256)


def test_a_memory_that_can_only_be_read_still_counts(ready: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner.cli import roots

    def full(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(roots, "_write", full)
    assert "cannot be remembered" not in ready.good(*VERIFY)
    digest = forged_into(ready)
    ready.refused(Code.ROOT_CHANGED, *VERIFY)
    assert "VALID" in ready.good(*VERIFY, "--trust-sha256", digest)
    monkeypatch.setattr(roots, "_kept", full)
    ready.refused(Code.ROOT_MEMORY_LOST, *VERIFY)


def test_a_link_in_the_place_of_the_memory_is_no_first_use(ready: Desk) -> None:
    memory().unlink()
    memory().symlink_to("nowhere")
    ready.refused(Code.ROOT_MEMORY_LOST, *VERIFY)
    assert memory().is_symlink()


def test_a_user_without_a_home_is_told_each_time(ready: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("CLEARANCE_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setattr(Path, "home", homeless)
    assert "cannot be remembered" in ready.good(*VERIFY)
    assert "cannot be remembered" not in ready.good(*VERIFY, "--trust-sha256", FIRST.sha256)


@pytest.mark.parametrize("digest", ["", "ab", "g" * 64, "ab" * 33])
def test_what_is_no_digest_is_said_to_be_none(ready: Desk, digest: str) -> None:
    done = ready.run(*VERIFY, "--trust-sha256", digest)
    assert done.exit_code == 2 and "64 hexadecimal digits" in done.output


def test_every_verb_that_takes_a_trust_root_takes_its_digest() -> None:
    taking = {words: {option for each in verb.params for option in each.opts} for words, verb in ALL.items()}
    taking = {words: options for words, options in taking.items() if "--trust" in options}
    assert len(taking) > 20
    assert [words for words, options in taking.items() if "--trust-sha256" not in options] == []


def test_a_clock_s_tick_later_it_is_still_known() -> None:
    assert relied_on(MEMORY, root(SEEN + timedelta(days=1)), named=False)[1] is Reliance.KNOWN
