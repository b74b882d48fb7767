"""Trust roots follow each other without losing what was certified, and losing somebody shows what rests on them."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certification.keyring import AcceptedBaseline, Keyring, RootKind
from certification.ledger import begun, entered
from certification.log_store import opened
from certification.refusals import Code
from certification.rotation import ended, known_as, lost, resting_on, succeeds
from certification.signers import signed
from certification.trust import draft_keyring
from certification.verify import verify
from scanner.faults import InputError
from tests.certification.stage import DRAFTED, LATER, SEEN, Case, keyring, refused, root, root_key, signer
from tests.certification.test_ledger import Desk, desk
from tests.printed import printed

__all__ = ["desk"]
OLD = root()
CERTIFICATE = Case(trust=OLD).certificate()


def next_(by: tuple[str, ...] = ("root-1", "root-2"), **changes: Any) -> bytes:
    whole: Keyring = keyring(**{"version": 2, "stated_at": SEEN, **changes})
    return signed(draft_keyring(whole), *(signer(name) for name in by))


@pytest.fixture
def log(tmp_path: Path) -> Any:
    with opened(tmp_path / "log", "a-log") as made:
        begun(made, signer("a-log"), OLD, DRAFTED)
        entered(made, CERTIFICATE, signer("a-log"), OLD, DRAFTED)
        yield made


def test_a_new_root_takes_the_old_certificates() -> None:
    new = succeeds(OLD, next_(), LATER)
    assert new.keyring.version == 2
    assert verify(CERTIFICATE, new, LATER).granted.serial


def test_one_root_key_is_exchanged_at_a_time() -> None:
    one = tuple(root_key(name) for name in ("root-1", "root-2", "root-4"))
    assert succeeds(OLD, next_(root_keys=one), LATER).keyring.version == 2
    two = tuple(root_key(name) for name in ("root-1", "root-5", "root-4"))
    with refused(Code.ROOT_NOT_ENDORSED):
        succeeds(OLD, next_(("root-1", "root-4"), root_keys=two), LATER)
    with refused(Code.ROOT_NOT_ENDORSED):
        succeeds(OLD, next_(("root-4", "root-5"), root_keys=tuple(root_key(f"root-{n}") for n in (4, 5, 6))), LATER)


@pytest.mark.parametrize(
    "changes",
    [{"version": 1}, {"version": 3}, {"stated_at": SEEN - timedelta(days=51)}, {"kind": RootKind.LABORATORY}],
    ids=["the same version", "a version left out", "older than before", "of another kind"],
)
def test_only_the_next_one_follows(changes: dict[str, Any]) -> None:
    with refused(Code.ROOT_NOT_NEXT):
        succeeds(OLD, next_(**changes), LATER)


def test_a_key_is_revoked_and_never_dropped_nor_given_away() -> None:
    whole = keyring()
    without = tuple(key for key in whole.keys if key.holder != "dung")
    with refused(Code.ROOT_KEY_DROPPED):
        succeeds(OLD, next_(keys=without), LATER)
    given = tuple(key.model_copy(update={"holder": "ha"}) if key.holder == "dung" else key for key in whole.keys)
    with refused(Code.ROOT_KEY_DROPPED):
        succeeds(OLD, next_(keys=given), LATER)
    revoked = tuple(key.model_copy(update={"revoked_at": SEEN}) if key.holder == "dung" else key for key in whole.keys)
    assert succeeds(OLD, next_(keys=revoked), LATER)


def test_what_the_new_root_no_longer_takes_is_listed_with_its_reason(log: Any) -> None:
    assert lost(log, OLD, succeeds(OLD, next_(), LATER), LATER) == {}
    other = next_(baselines=(AcceptedBaseline(id="stage", version="2", sha256="00" * 32),))
    gone = lost(log, OLD, succeeds(OLD, other, LATER), LATER)
    assert [error.code for error in gone.values()] == [Code.BASELINE_NOT_ACCEPTED]
    revoked = tuple(key.model_copy(update={"revoked_at": SEEN}) if key.holder == "an" else key for key in keyring().keys)
    gone = lost(log, OLD, succeeds(OLD, next_(keys=revoked), LATER), LATER)
    assert [error.code for error in gone.values()] == [Code.KEY_REVOKED]
    assert lost(log, OLD, succeeds(OLD, next_(keys=revoked), LATER), SEEN + timedelta(days=480)) == {}


def test_an_agency_that_ended_is_listed_and_keys_of_evidence_that_end_are_named(log: Any) -> None:
    (agency,) = (each for each in keyring().agencies if each.code == "P01")
    over = tuple(each.model_copy(update={"valid_until": SEEN}) if each == agency else each for each in keyring().agencies)
    gone = lost(log, OLD, succeeds(OLD, next_(agencies=over), LATER), LATER)
    assert [error.code for error in gone.values()] == [Code.AGENCY_UNKNOWN]
    for holder in ("dung", "scanner-1", "b-witness"):
        changed = tuple(key.model_copy(update={"revoked_at": SEEN}) if key.holder == holder else key for key in keyring().keys)
        assert {key.known.holder for key in ended(OLD, succeeds(OLD, next_(keys=changed), LATER))} == {holder}
    assert not list(ended(OLD, succeeds(OLD, next_(), LATER)))


def test_a_slip_is_no_all_clear(log: Any) -> None:
    an = signer("an").keyid
    assert known_as(OLD, an[:16]) == known_as(OLD, an[:8].upper()) == an
    assert [rest.how for rest in resting_on(log, OLD, known_as(OLD, an[:12]))] == ["approved"]
    for word, why in (
        ("nguyen.van.an", "stands nowhere"), ("an.", "stands nowhere"), (an[:7], "stands nowhere"), ("", "stands nowhere"),
        ("ha", "no certificate names"), (signer("ha").keyid, "sealed bundles"), ("a-log", "no certificate names"),
        (signer("root-1").keyid, "everything rests"), ("scanner-1", "no certificate names"), (signer("scanner-1").keyid, "no certificate names"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=why):
            known_as(OLD, word)


@pytest.mark.parametrize(
    ("whom", "how"),
    [("an", "approved"), ("dung", "inspected"), ("P01", "asked"), ("chi", None), ("ha", None), ("nobody", None)],
)
def test_who_had_a_part_in_a_certificate_is_told(log: Any, whom: str, how: str | None) -> None:
    keyid = signer(whom).keyid
    for word in (whom, keyid):
        assert [rest.how for rest in resting_on(log, OLD, word)] == ([] if how is None else [how]), word


def test_the_verbs_rotate_and_list(desk: Desk) -> None:
    desk.issue()
    serial = desk.good("log", "show", "log").split("\t")[3].strip()
    told = printed(
        "trust-affected", desk.good("trust", "affected", "dung", "--log", "log", "--trust", "root", "--format", "json")
    )
    assert told == [{**told[0], "serial": serial, "how": "inspected", "state": "official", "agency": "P01"}]
    assert "0 certificates rest on chi" in desk.good("trust", "affected", "chi", "--log", "log", "--trust", "root")
    for name in ("root-1", "root-2"):
        pem = signer(name)._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (desk.folder / f"{name}.pem").write_bytes(pem)
        (desk.folder / f"{name}.pem").chmod(0o600)
    spec = {**keyring(version=2).model_dump(mode="json"), "baselines": [{"id": "stage", "version": "2", "sha256": "00" * 32}]}
    del spec["stated_at"]
    (desk.folder / "spec.yaml").write_text(json.dumps(spec), "utf-8")
    words = ("trust", "rotate", "root", "spec.yaml", "--signer", "file:root-1.pem", "--log", "log", "--out", "root-2")
    desk.refused(Code.ROOT_UNSIGNED, *words)
    assert not (desk.folder / "root-2").exists()
    told_ = desk.good(*words, "--signer", "file:root-2.pem")
    assert "version 2" in told_
    assert f"! {serial} is no longer taken" in told_
    desk.refused(
        Code.ROOT_NOT_NEXT,
        "trust",
        "rotate",
        "root-2",
        *words[3:4],
        *words[4:6],
        "--signer",
        "file:root-2.pem",
        "--out",
        "root-3",
    )
