"""Whatever became of certificates, what is exported for the gateways is taken by them, and lets in exactly what is in force."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from certification.authorisation import AuthorisationStatement
from certification.envelope import read_envelope
from certification.ledger import history
from certification.log_store import opened
from certification.refusals import Refusal
from certification.request import Kind
from certification.statements import read_statement
from certification.status import State, replayed
from certification.status_event import Change
from tests.certification.test_gateway_bundle import read
from tests.gateway.stage import Client, Office


def echelon_of(who: Client) -> str:
    return read_statement(read_envelope(who.certificate).payload, AuthorisationStatement).predicate.agency.echelon


ACTS = ("issue", "trial", "suspend", "resume", "revoke", "renew")


@settings(max_examples=25, deadline=None)
@example([("trial", 0), ("renew", 1), ("suspend", 0), ("renew", 2), ("revoke", 3)])
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 9)), max_size=9))
def test_whatever_became_of_certificates_a_gateway_takes_the_bundle_and_lets_in_what_is_in_force(
    acts: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory() as folder, opened(Path(folder) / "log", "a-log") as log:
        office = Office(log)
        office.issue()
        for act, number in acts:
            who = list(office.clients.values())[number % len(office.clients)]
            with suppress(Refusal):  # what its state does not allow
                match act:
                    case "issue":
                        office.issue()
                    case "trial":
                        office.issue(kind=Kind.TRIAL, echelon="commune")
                    case "suspend":
                        office.change(who, Change.SUSPENDED, "an")
                    case "resume":
                        office.change(who, Change.RESUMED, "an", "binh")
                    case "revoke":
                        office.change(who, Change.REVOKED, "binh")
                    case _:
                        office.renew(who, echelon=echelon_of(who))
        standings = replayed(history(log, office.trust))
        found = read(office, office.export())
        in_force = {serial for serial, each in standings.items() if each.state in (State.TRIAL, State.OFFICIAL)}
        assert {each.serial for each in found.admitted} == in_force
        assert {each.serial for each in found.predicate.statuses} == set(standings) - in_force
