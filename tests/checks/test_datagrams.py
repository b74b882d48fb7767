"""Silence over UDP decides nothing: no check passes on it, no control is satisfied by it, and the host's own sockets decide beside it."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.assessment import Decision, Status
from scanner.check import Check
from scanner.findings import Fail, NotApplicable, Pass
from scanner.observations import (
    Datagram,
    DatagramsObservation,
    HostObservation,
    OpenPort,
    Reason,
    Reply,
    Unobserved,
    shows_something,
)
from scanner.observations.datagrams import QUESTIONS
from scanner.registry import load_checks
from scanner.scoring import status_of
from scanner.specimens import datagrams, host, neighbours
from tests.checks.test_baselines import national
from tests.checks.test_verdicts_of_the_baselines import SERVICES, answered, decided, scope

CHECKS = {name: one for name, one in load_checks().items() if one.observes is DatagramsObservation}
EVERY = pytest.mark.parametrize("one", CHECKS.values(), ids=CHECKS)
CONTROLS = {rule.control.id: rule.control for rule in national().rules if rule.check.observes is DatagramsObservation}
ALL_SILENT = datagrams(**dict.fromkeys(QUESTIONS, Reply.SILENT))


def verdict(one: Check[Any, Any], **replies: Reply) -> Pass | Fail | NotApplicable:
    found: Pass | Fail | NotApplicable = one(datagrams(**replies), one.parameters())
    return found


@EVERY
def test_no_check_passes_where_any_of_its_questions_met_silence(one: Check[Any, Any]) -> None:
    for name in one.facts:
        for other in (Reply.REFUSED, Reply.IGNORED, Reply.DECLINED, Reply.SILENT):
            replies = dict.fromkeys(one.facts, other) | {name: Reply.SILENT}
            assert not isinstance(verdict(one, **replies), Pass), (name, other)
    assert isinstance(verdict(one, **dict.fromkeys(one.facts, Reply.SILENT)), NotApplicable)


@EVERY
def test_an_answer_fails_whatever_the_other_questions_met(one: Check[Any, Any]) -> None:
    for name in one.facts:
        for other in (Reply.REFUSED, Reply.IGNORED, Reply.SILENT):
            assert isinstance(verdict(one, **dict.fromkeys(one.facts, other) | {name: Reply.SERVED}), Fail), (name, other)


@EVERY
def test_every_check_passes_where_the_host_says_that_nothing_listens(one: Check[Any, Any]) -> None:
    assert isinstance(verdict(one, **dict.fromkeys(one.facts, Reply.REFUSED)), Pass)


def test_every_question_that_matters_is_judged() -> None:
    judged = {name for one in CHECKS.values() for name in one.facts}
    assert set(QUESTIONS) - judged == {"snmp_v3", "ntp_time"}  # these only show that a server can be reached


def listening(*ports: int) -> HostObservation:
    return host(listening=tuple(OpenPort(port=port, transport="udp", service="") for port in ports))


def outcomes(control: str, **changed: Any) -> tuple[Decision, bool]:
    """The decision with these observations, and whether this control stands in its way."""
    decision, left = decided(national(), scope(*SERVICES), answered(national()), **changed)
    return decision, control in left


@pytest.mark.parametrize("control", CONTROLS)
def test_silence_everywhere_satisfies_no_control_by_itself(control: str) -> None:
    blind = host(listening=Unobserved(reason=Reason.UNSUPPORTED))
    assert outcomes(control, datagrams=ALL_SILENT, host=blind) == (Decision.INCOMPLETE, True)
    assert status_of(CONTROLS[control], []) is Status.UNDETERMINED


@pytest.mark.parametrize("control", CONTROLS)
def test_where_the_network_is_silent_the_hosts_own_list_without_such_a_socket_decides(control: str) -> None:
    assert outcomes(control, datagrams=ALL_SILENT, host=listening(22, 68)) == (Decision.AUTHORISE, False)


@pytest.mark.parametrize(
    ("control", "port", "decision"),
    [
        ("NET-02-TFTP", 69, Decision.DENY),
        ("NET-03-RPC", 111, Decision.DENY),
        ("NET-03-RPC", 11_211, Decision.DENY),
        ("NET-03-IPMI", 623, Decision.DENY),
        ("NET-03-ANNOUNCEMENTS", 5_353, Decision.DENY),
        ("NET-02-SNMP", 161, Decision.INCOMPLETE),
        ("NET-03-RECURSION", 53, Decision.INCOMPLETE),
        ("NET-03-NTP", 123, Decision.INCOMPLETE),
    ],
)
def test_where_the_network_is_silent_a_socket_of_the_host_is_no_pass(control: str, port: int, decision: Decision) -> None:
    assert outcomes(control, datagrams=ALL_SILENT, host=listening(port)) == (decision, True)


@pytest.mark.parametrize(
    ("port", "replies"),
    [
        (161, {"snmp_v1": Reply.IGNORED, "snmp_v2c": Reply.IGNORED, "snmp_v3": Reply.SERVED}),
        (53, {"dns_recursion": Reply.DECLINED}),
        (123, {"ntp_time": Reply.SERVED, "ntp_control": Reply.IGNORED, "ntp_private": Reply.IGNORED}),
    ],
)
def test_a_server_that_was_reached_and_is_soundly_run_is_authorised(port: int, replies: dict[str, Reply]) -> None:
    found = outcomes("", datagrams=datagrams(**replies), host=listening(port))
    assert found == (Decision.AUTHORISE, False)


def test_an_answer_denies_whatever_the_host_lists() -> None:
    assert outcomes("NET-02-SNMP", datagrams=datagrams(snmp_v2c=Reply.SERVED), host=listening(68)) == (Decision.DENY, True)


def test_a_question_that_could_not_be_put_leaves_the_control_open() -> None:
    spent = datagrams(tftp=Unobserved(reason=Reason.BUDGET_SPENT))
    assert outcomes("NET-02-TFTP", datagrams=spent) == (Decision.INCOMPLETE, True)


def test_a_permit_that_is_larger_than_what_is_asked_leaves_the_question_of_hosts_open() -> None:
    partly = neighbours(rest=Unobserved(reason=Reason.NOT_ASKED, detail="at most 1024"))
    assert outcomes("NET-03-HOSTS", neighbours=partly) == (Decision.INCOMPLETE, True)


# --- Silence covers no host ----------------------------------------------------------------------


def test_questions_that_met_nothing_but_silence_show_no_host() -> None:
    assert not shows_something(ALL_SILENT)
    assert shows_something(ALL_SILENT.model_copy(update={"tftp": Datagram(port=69, reply=Reply.REFUSED)}))
    assert not shows_something(Unobserved(reason=Reason.SILENT))


def test_refusals_show_a_host_and_nothing_that_is_open() -> None:
    refusing = datagrams()
    assert shows_something(refusing)
    assert refusing.open == ()
    assert datagrams(tftp=Reply.SERVED, snmp_v3=Reply.IGNORED, mdns=Reply.SILENT).open == ("snmp_v3", "tftp")


def test_a_host_of_which_only_silence_was_seen_is_not_covered() -> None:
    dead = {kind: Unobserved(reason=Reason.TIMED_OUT) for kind in ("ports", "host")}
    assert decided(national(), scope(*SERVICES), answered(national()), datagrams=ALL_SILENT, **dead)[0] is Decision.INCOMPLETE


def test_the_sockets_of_tcp_are_not_taken_for_those_of_udp() -> None:
    at_69 = host(listening=(OpenPort(port=69, transport="tcp", service=""),))
    assert outcomes("NET-02-TFTP", datagrams=ALL_SILENT, host=at_69) == (Decision.AUTHORISE, False)
