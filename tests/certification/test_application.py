"""How an application comes and goes: asked, half approved, refused for good, issued, renewed, and about to end."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from certification.application import Application, Stage, application
from certification.authorisation import AuthorisationStatement
from certification.envelope import read_envelope
from certification.ledger import begun, entered, history
from certification.log_audit import audited
from certification.log_store import SqliteLog, opened
from certification.refusals import Code, Refusal
from certification.request_refusal import RequestRefusalStatement, draft_refusal, opened_refusal, refuse
from certification.signers import signed
from certification.statements import read_statement
from certification.status import Standing, State, replayed
from scanner.cli import console
from scanner.record import sha256
from scanner.store import packed
from tests.certification.stage import DRAFTED, LATER, Case, forged, refused, request, restated, root, signer
from tests.certification.test_ledger import CASE, CERTIFICATE, SERIAL, Desk, desk
from tests.printed import printed

__all__ = ["desk"]
TRUST = root()


@pytest.fixture
def log(tmp_path: Path) -> Any:
    with opened(tmp_path / "log", "a-log") as made:
        begun(made, signer("a-log"), TRUST, DRAFTED)
        yield made


def no(data: bytes, by: str = "an", **more: Any) -> bytes:
    return refuse(data, "thiếu máy chủ thư", TRUST, LATER, signer=signer(by), confirm=more.pop("confirm", lambda _: True))


def stage(data: bytes, log: SqliteLog | None = None) -> Application:
    return application(data, TRUST, LATER, () if log is None else history(log, TRUST))


def test_each_file_tells_how_far_the_application_is() -> None:
    case = Case(trust=TRUST)
    half = case.approve("an")
    assert stage(packed(case.bundle)).stage is Stage.EVALUATED
    assert (stage(case.request).stage, stage(case.request).signers) == (Stage.REQUESTED, ("P01",))
    assert (stage(half).stage, stage(half).signers) == (Stage.HALF_APPROVED, ("an",))
    whole = case.approve("binh", half)
    assert (stage(whole).stage, set(stage(whole).signers)) == (Stage.APPROVED, {"an", "binh"})
    told = stage(no(case.request))
    assert (told.stage, told.signers, told.reason) == (Stage.REFUSED, ("an",), "thiếu máy chủ thư")


def test_the_log_tells_of_a_refusal_and_of_a_certificate(log: SqliteLog) -> None:
    case = Case(trust=TRUST)
    certificate = case.certificate()
    entered(log, certificate, signer("a-log"), TRUST, DRAFTED)
    told = stage(case.request, log)
    assert (told.stage, len(told.serials)) == (Stage.LOGGED, 1)
    assert stage(certificate, log).stage is Stage.LOGGED
    other = request(case.bundle, apis=("read",))
    entered(log, no(other), signer("a-log"), TRUST, LATER)
    assert (stage(other, log).stage, stage(other, log).reason) == (Stage.REFUSED, "thiếu máy chủ thư")
    assert audited(log, TRUST, LATER).checkpoint.size == 2


def test_nothing_is_issued_on_a_request_that_one_authority_refused(log: SqliteLog) -> None:
    case = Case(trust=TRUST)
    entered(log, no(case.request, "binh"), signer("a-log"), TRUST, LATER)
    with refused(Code.REQUEST_REFUSED):
        entered(log, case.certificate(), signer("a-log"), TRUST, LATER)
    assert log.size == 1
    entered(log, no(case.request, "binh"), signer("a-log"), TRUST, LATER)
    assert log.size == 1


def test_what_was_granted_is_revoked_and_not_refused(log: SqliteLog) -> None:
    case = Case(trust=TRUST)
    entered(log, case.certificate(), signer("a-log"), TRUST, DRAFTED)
    with refused(Code.REQUEST_GRANTED):
        entered(log, no(case.request), signer("a-log"), TRUST, LATER)


def test_only_an_approver_refuses_only_what_an_agency_asked_and_in_its_own_name() -> None:
    case = Case(trust=TRUST)
    with refused(Code.KEY_ROLE):
        no(case.request, "dung")
    with refused(Code.NOT_CONFIRMED):
        no(case.request, confirm=lambda _: False)
    with refused(Code.KEY_ROLE):
        no(case.approve("an"))
    genuine = opened_refusal(no(case.request), TRUST, LATER).statement
    for other in (forged(genuine.written(), "binh"), signed(genuine, signer("binh"))):
        with refused(Code.EVENT_DIFFERS):
            opened_refusal(other, TRUST, LATER)
    for old, new in ((b'"serial":"refused-', b'"serial":"refused-0'), (genuine.predicate.request_sha256.encode(), b"00" * 32)):
        with refused(Code.PAYLOAD_MALFORMED):
            read_statement(genuine.written().replace(old, new, 1), RequestRefusalStatement)
    asked = opened_refusal(no(case.request), TRUST, LATER).statement.predicate
    assert asked.request_sha256 == sha256(case.request)


def test_what_is_shown_is_the_reason_and_the_request() -> None:
    shown: list[str] = []

    def look(text: str) -> bool:
        shown.append(text)
        return True

    no(CASE.request, confirm=look)
    assert "thiếu máy chủ thư" in shown[0]
    assert sha256(CASE.request) in shown[0]


def test_a_refusal_does_not_disturb_the_standings(log: SqliteLog) -> None:
    entered(log, CERTIFICATE, signer("a-log"), TRUST, DRAFTED)
    entered(log, no(request(CASE.bundle, apis=("read",))), signer("a-log"), TRUST, LATER)
    assert len(replayed(history(log, TRUST))) == 1


def test_the_verbs_refuse_and_tell(desk: Desk) -> None:
    common = ("--log", "log", "--trust", "root")
    told = desk.good("status", "request", "--trust", "root")
    assert told.split("\t")[0] == "requested"
    assert "without --log nobody can tell" in told
    words = ("refuse", "request", *common, "--log-signer", "file:a-log.pem", "--signer", "file:an.pem", "--out", "no.json")
    mistyped = desk.run(*words, "--reason", "Thiếu\x1b[2J")
    message, status = console.explained(mistyped.exception)  # type: ignore[arg-type]
    assert (int(status), "control or formatting" in message, "\x1b" in message) == (2, True, False)
    desk.good(*words, "--reason", "Thiếu máy chủ thư")
    told = desk.good("status", "request", *common)
    assert told.split("\t")[0] == "refused"
    assert "Thiếu máy chủ thư" in told
    assert printed("status", desk.good("status", "request", *common, "--format", "json"))["stage"] == "refused"
    late = desk.run(
        "issue", "bundle", "--request", "request", "--trust", "root", "--authorisation", "approved",
        "--log", "log", "--log-signer", "file:a-log.pem", "--out", "c.json",
    )  # fmt: skip
    assert isinstance(late.exception, Refusal)
    assert late.exception.code is Code.REQUEST_REFUSED
    assert not (desk.folder / "c.json").exists()
    assert desk.good("log", "show", "log").split("\t")[2] == "request-refusal/v1"


def test_each_stage_of_an_application_is_told_as_its_schema_says(desk: Desk) -> None:
    (desk.folder / "half").write_bytes(restated(CERTIFICATE, "an"))

    def told(path: str, *words: str) -> tuple[str, int, int]:
        found = printed("status", desk.good("status", path, "--trust", "root", "--format", "json", *words))
        return found["stage"], len(found["signers"]), len(found["serials"])

    assert told("bundle") == ("evaluated", 1, 0)
    assert told("request") == ("requested", 1, 0)
    assert told("half") == ("half-approved", 1, 1)
    assert told("approved") == ("approved", 2, 1)
    desk.issue()
    assert told("approved", "--log", "log")[0] == "logged"
    (row,) = printed("status", desk.good("status", SERIAL, "--log", "log", "--trust", "root", "--format", "json"))
    assert (row["serial"], row["state"]) == (SERIAL, "official")


def test_what_was_revoked_is_not_issued_again_and_its_file_says_so(desk: Desk) -> None:
    desk.issue()
    again = (
        "issue", "bundle", "--request", "request", "--trust", "root", "--authorisation", "approved",
        "--log", "log", "--log-signer", "file:a-log.pem", "--out",
    )  # fmt: skip
    desk.good(*again, "again.json")  # as when the first answer was lost
    assert (desk.folder / "again.json").read_bytes() == (desk.folder / "c.json").read_bytes()
    stop = ("--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--signer", "file:an.pem", "--out")
    desk.good("suspend", SERIAL, *stop, "stop", "--reason", "incident")
    desk.refused(Code.SUSPENDED, *again, "third.json")
    desk.good("revoke", SERIAL, *stop, "end", "--reason", "incident")
    desk.refused(Code.REVOKED, *again, "third.json")
    assert not (desk.folder / "third.json").exists()
    status = ("status", "approved", "--trust", "root", "--log", "log")
    assert f"by the log {SERIAL} is revoked" in desk.good(*status)
    told = printed("status", desk.good(*status, "--format", "json").splitlines()[0])
    assert (told["stage"], told["states"]) == ("logged", {SERIAL: "revoked"})


def test_what_ends_soon_is_told_with_its_own_status(desk: Desk) -> None:
    desk.issue()
    common = ("status", "all", "--log", "log", "--trust", "root")
    row = json.loads(desk.good(*common, "--format", "json"))[0]
    assert (row["state"], row["review_by"]) == ("official", None)
    assert desk.run(*common, "--expiring", "7").exit_code == 0
    late = ["--at", str(row["ends"]).replace("Z", "+00:00")]
    assert desk.run(*common, "--expiring", "7", *late).exit_code == 0  # it has ended: there is nothing to remind of
    soon = desk.run(*common, "--expiring", "90")
    left = row["days_left"]
    assert (soon.exit_code, f"ends in {left} days" in soon.output) == ((10, True) if left <= 90 else (0, False))
    desk.good(
        "suspend", row["serial"], "--log", "log", "--trust", "root", "--log-signer", "file:a-log.pem", "--out", "event",
        "--signer", "file:an.pem", "--reason", "incident",
    )  # fmt: skip
    assert "review by" in desk.good(*common)


def test_each_certificate_is_reminded_of_at_90_30_and_7_days(desk: Desk) -> None:
    desk.issue()
    common = ("status", "all", "--log", "log", "--trust", "root")
    row = json.loads(desk.good(*common, "--format", "json"))[0]
    ends = datetime.fromisoformat(row["ends"])

    def told(left: timedelta) -> tuple[int | None, bool, int]:
        at = f"{ends - left:%Y-%m-%dT%H:%M:%S+00:00}"
        (found,) = json.loads(desk.run(*common, "--at", at, "--format", "json").stdout)
        text = desk.run(*common, "--at", at)
        return found["reminder"], f"{row['serial']} of {row['agency']} ends in {left.days} days" in text.output, text.exit_code

    second, days = timedelta(seconds=1), timedelta(days=1)
    issued = ends - datetime.fromisoformat(row["since"])
    steps = {90: 90, 31: 90, 30: 30, 8: 30, 7: 7, 1: 7, 0: 7}
    for left, step in steps.items():
        span = max(left * days, second)
        if span <= issued:  # of before it was issued the log knows nothing
            assert told(span) == (step, True, 0), left
    assert told(30 * days + 23 * 3600 * second)[0] == 30
    assert told(timedelta(0))[:2] == (None, False)


@pytest.mark.parametrize(
    ("left", "step"), [(366, None), (91, None), (90, 90), (31, 90), (30, 30), (8, 30), (7, 7), (1, 7), (0, None), (-1, None)]
)
@pytest.mark.parametrize("state", State)
def test_the_steps_follow_from_the_end_and_the_state_alone(left: int, step: int | None, state: State) -> None:
    granted = read_statement(read_envelope(CERTIFICATE).payload, AuthorisationStatement)
    instant = granted.predicate.not_after - timedelta(days=left)
    usable = state in (State.TRIAL, State.OFFICIAL, State.SUSPENDED)
    assert Standing(granted, state, granted.predicate.not_before).reminder(instant) == (step if usable else None)


def test_a_renewal_asks_for_what_was_granted_on_a_new_inspection(desk: Desk) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from certification.envelope import read_envelope
    from certification.request import RequestStatement
    from certification.statements import read_statement
    from tests.certification.stage import CSR

    desk.issue()
    serial = desk.good("log", "show", "log").split("\t")[3].strip()
    pem = signer("P01")._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (desk.folder / "agency.pem").write_bytes(pem)
    (desk.folder / "agency.pem").chmod(0o600)
    (desk.folder / "csr").write_bytes(CSR)
    words = (
        "renew",
        serial,
        "bundle",
        "--log",
        "log",
        "--trust",
        "root",
        "--csr",
        "csr",
        "--signer",
        "file:agency.pem",
        "--out",
        "again",
    )
    assert f"to follow {serial}" in desk.good(*words)
    asked = read_statement(read_envelope((desk.folder / "again").read_bytes()).payload, RequestStatement).predicate
    before = read_statement(read_envelope(CASE.request).payload, RequestStatement).predicate
    assert (asked.supersedes, asked.scope, asked.kind) == (serial, before.scope, before.kind)
    (desk.folder / "again").unlink()
    desk.refused(Code.SERIAL_UNKNOWN, *("CC-none" if word == serial else word for word in words))


def test_a_refusal_is_drafted_about_one_request() -> None:
    from certification.request import opened_request

    asked = opened_request(CASE.request, TRUST, LATER).statement
    one = draft_refusal(CASE.request, asked, "x", "an", LATER)
    assert one.predicate.serial == f"refused-{sha256(CASE.request)[:32]}"
    assert one.predicate.effective == LATER < LATER + timedelta(seconds=1)
