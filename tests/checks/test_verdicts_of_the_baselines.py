"""A well-kept agency is authorised under each baseline, one bad host is not, and nothing seen is never enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner import scoring
from scanner.assessment import Decision
from scanner.attestations import Answer, Attestation, Deviations
from scanner.baseline import BoundBaseline, Effective
from scanner.evaluate import Answers, evaluate
from scanner.findings import Outcome
from scanner.observations import (
    HostObservation,
    Observation,
    OpenPort,
    OsRelease,
    Reason,
    Sight,
    Sighting,
    TlsVersion,
    Unobserved,
    Vantage,
    fact,
)
from scanner.order import Feed, Order
from scanner.patch_specimens import patches
from scanner.plan import DERIVED, kind_of, sights, subjects_of
from scanner.record import sha256
from scanner.specimens import (
    AT,
    SUITES,
    VANTAGE,
    datagrams,
    greeting,
    host,
    http,
    neighbours,
    peer_certificate,
    ports,
    reply,
    ssh,
    tls,
    upgrade,
    web_paths,
)
from scanner.targets import Agency, BilingualText, Host, Permit, Person, RunKind, Scope, Service, Speaks, System, Window
from tests.checks.test_baselines import EACH

GOOD: dict[str, Callable[[], Observation]] = {
    "tls": tls,
    "peer-certificate": peer_certificate,
    "ssh": ssh,
    "http": http,
    "greeting": greeting,
    "upgrade": upgrade,
    "web-paths": web_paths,
    "ports": ports,
    "host": host,
    "datagrams": datagrams,
    "reply": reply,
    "neighbours": neighbours,
    "patches": patches,
}
NAME = BilingualText(vi="Cơ quan mẫu", en="Specimen agency")
SERVICES = ((22, Speaks.SSH), (25, Speaks.SMTP), (53, Speaks.DNS), (443, Speaks.HTTPS), (6_379, Speaks.OTHER))


def _service(port: int, speaks: Speaks) -> Service:
    return Service(port=port, transport="udp" if speaks is Speaks.DNS else "tcp", speaks=speaks, name="dvc.example.vn")


def scope(*services: tuple[int, Speaks]) -> Scope:
    """One host of a level 3 system with these services."""
    return Scope(
        agency=Agency(code="A1", name=NAME, echelon="province"),
        system=System(id="S1", name=NAME, level=3, operator="Operator"),
        hosts=(
            Host(
                id="web1",
                address="192.0.2.7",
                services=tuple(_service(port, speaks) for port, speaks in services),
            ),
        ),
    )


def whole(bound: BoundBaseline) -> Scope:
    """A host with every declared service the baseline can judge: the exercise has no control for UDP ones."""
    judged = {rule.check for control in bound.baseline.controls for rule in control.rules}
    return scope(*(each for each in SERVICES if each[1] is not Speaks.DNS or "exposure-declared-datagrams" in judged))


def order(bound: BoundBaseline, of: Scope) -> Order:
    """A self-check of this scope, judged an hour after it was seen."""
    permit = Permit(
        kind=RunKind.SELF_CHECK,
        decision="1/QD",
        agency="A1",
        permitted_by=Person(person="P1", organisation="A1"),
        inspectors=(Person(person="P2", organisation="A1"),),
        addresses=("192.0.2.0/24",),
        window=Window(begins=AT - timedelta(days=1), ends=AT + timedelta(days=1)),
    )
    return Order(
        run="R1",
        nonce="00" * 32,
        kind=RunKind.SELF_CHECK,
        ordered_at=AT,
        judged_at=AT + timedelta(hours=1),
        scope=of,
        permit=permit,
        permit_envelope=None,
        baseline=bound.digest,
        deviations=None,
        trust_anchors=None,
        feeds=fresh_feeds(bound),
        vantage=Vantage(zone="specimen", address="192.0.2.1"),
        tool="clearance",
        checks=(),
        plan=sights(of, bound),
    )


def fresh_feeds(bound: BoundBaseline) -> tuple[Feed, ...]:
    """A feed of each kind the baseline asks for, as old as it may be."""
    return tuple(
        Feed(name=feed.kind, kind=feed.kind, sha256=sha256(b"feed"), dated=AT + timedelta(hours=1, days=-feed.max_age_days))
        for feed in bound.baseline.feeds
    )


def answered(bound: BoundBaseline, *not_applicable: str) -> Answers:
    """Yes to every document of the level, and a person's word that these controls do not apply."""
    found = {}
    for control in bound.controls(3):
        if control.attestation is not None or control.id in not_applicable:
            yes = control.id not in not_applicable
            found[control.id] = (
                Attestation(
                    control=control.id,
                    answer=Answer.YES if yes else Answer.NOT_APPLICABLE,
                    document=sha256(b"document") if yes else None,
                    dated=AT - timedelta(days=1),
                    reason="" if yes else "the agency runs no such service",
                    by="P1",
                    role="head",
                    answered_at=AT,
                ),
                "00" * 32,
            )
    return found


def seen(placed: Order, **changed: Observation | Unobserved) -> dict[Sight, tuple[Sighting, str]]:
    """A good sighting of everything planned and of what is derived; `changed` puts another result in place of one kind.

    Where a kind was not seen, what is derived from it was not either.
    """
    results = {kind: changed.get(kind.replace("-", "_"), good()) for kind, good in GOOD.items()}
    for kind, base in DERIVED.items():
        if isinstance(results[base], Unobserved):
            results[kind] = results[base]
    derived = [
        Sight(subject=sight.subject, kind=kind) for kind, base in DERIVED.items() for sight in placed.plan if sight.kind == base
    ]
    return {
        sight: (Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=results[sight.kind]), "00" * 32)
        for sight in (*placed.plan, *derived)
    }


def in_force(bound: BoundBaseline) -> BoundBaseline:
    """The baseline as it was while it was in force: what was seen is of 2026, and the old regimes are judged as well."""
    always = Effective(begins=AT - timedelta(days=1))
    return replace(bound, baseline=bound.baseline.model_copy(update={"effective": always}))


def decided(bound: BoundBaseline, of: Scope, answers: Answers, **changed: Any) -> tuple[Decision, set[str]]:
    """The decision, and the controls that stand in its way."""
    placed = order(bound, of)
    looked = seen(placed, **changed)
    findings = evaluate(placed, bound, looked, answers)
    assert not [finding for finding in findings if finding.outcome is Outcome.ERROR]
    found = scoring.standings(placed, bound, findings, Deviations())
    why = scoring.reasons(placed, in_force(bound), found, looked)
    return scoring.decide(why), {reason.control for reason in why if reason.control}


@EACH
def test_a_well_kept_agency_is_authorised(bound: BoundBaseline) -> None:
    assert decided(bound, whole(bound), answered(bound)) == (Decision.AUTHORISE, set())


@EACH
def test_an_agency_with_plain_http_beside_https_is_authorised_if_it_only_redirects(bound: BoundBaseline) -> None:
    to_tls = http(status=301, headers={"location": "https://dvc.example.vn/"})
    redirecting = to_tls.model_copy(update={"tls": False, "missing": to_tls.root})
    services = ((22, Speaks.SSH), (25, Speaks.SMTP), (80, Speaks.HTTP), (443, Speaks.TLS), (6_379, Speaks.OTHER))
    sealed = ports(open=(OpenPort(port=443, transport="tcp", service="tls", tls=True),))  # and no web server behind it
    assert decided(bound, scope(*services), answered(bound), http=redirecting, ports=sealed) == (Decision.AUTHORISE, set())


@EACH
def test_without_the_documents_the_decision_is_open(bound: BoundBaseline) -> None:
    assert decided(bound, whole(bound), {})[0] is Decision.INCOMPLETE


@EACH
def test_an_agency_without_other_services_needs_a_persons_word_for_those_controls_only(bound: BoundBaseline) -> None:
    few = scope((22, Speaks.SSH), (443, Speaks.HTTPS))
    decision, left = decided(bound, few, answered(bound))
    assert decision is Decision.INCOMPLETE
    mandatory = [rule for rule in bound.rules if rule.control.classed.mandatory]
    subjectless = {rule.control.id for rule in mandatory if not subjects_of(rule, few)}
    assert left == subjectless and len(left) >= 2
    assert decided(bound, few, answered(bound, *left)) == (Decision.AUTHORISE, set())


def by_files(**changed: str) -> HostObservation:
    """A host whose SSH server could not be asked: its files say that all is well, but for what is changed."""
    seen = host(sshd_settings=changed)
    return seen.model_copy(update={"sshd": fact(seen.sshd).model_copy(update={"source": "files"})})


@EACH
@pytest.mark.parametrize(
    ("changed", "decision"),
    [
        ({"tls": tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_WITH_AES_128_CBC_SHA",)})}, Decision.DENY),
        ({"tls": tls(heartbleed=True)}, Decision.DENY),
        ({"tls": tls(compression=True)}, Decision.DENY),
        ({"greeting": greeting(protocol="telnet")}, Decision.DENY),
        ({"greeting": greeting(answers_unauthenticated=True)}, Decision.DENY),
        ({"host": host(os=OsRelease(id="debian", version_id="11", pretty_name="Debian 11"))}, Decision.DENY),
        ({"host": host(sshd_settings={"permitrootlogin": "yes"})}, Decision.DENY),
        ({"ports": ports(undeclared=(8_080,))}, Decision.DENY),
        ({"ssh": ssh(macs=("hmac-md5",))}, Decision.DENY),
        ({"peer_certificate": peer_certificate(leaf={"not_after": AT - timedelta(seconds=1)})}, Decision.DENY),
        ({"http": http(headers={"server": "nginx/1.22.1"})}, Decision.DENY),
        ({"http": http(headers={"strict-transport-security": None})}, Decision.AUTHORISE),
        ({"tls": tls(unasked=(TlsVersion.SSL_3_0,))}, Decision.INCOMPLETE),
        ({"greeting": greeting(protocol="unknown")}, Decision.INCOMPLETE),
        ({"tls": tls(heartbleed=Unobserved(reason=Reason.TIMED_OUT))}, Decision.INCOMPLETE),
        ({"host": Unobserved(reason=Reason.NO_CREDENTIAL)}, Decision.INCOMPLETE),
        ({"host": by_files()}, Decision.INCOMPLETE),
    ],
)
def test_one_thing_changed_changes_the_decision_as_it_should(
    bound: BoundBaseline, changed: dict[str, Observation | Unobserved], decision: Decision
) -> None:
    assert decided(bound, whole(bound), answered(bound), **changed)[0] is decision


@EACH
@pytest.mark.parametrize("kind", GOOD)
def test_a_kind_that_could_not_be_seen_never_authorises(bound: BoundBaseline, kind: str) -> None:
    if not any(kind_of(rule.check.observes) == kind for rule in bound.rules):
        return  # the baseline asks for nothing of the kind
    unseen = {kind.replace("-", "_"): Unobserved(reason=Reason.TIMED_OUT)}
    assert decided(bound, whole(bound), answered(bound), **unseen)[0] is Decision.INCOMPLETE


@EACH
@pytest.mark.parametrize(("changed", "wrong"), [({}, set()), ({"permitrootlogin": "yes"}, {"host-sshd-root-login"})])
def test_files_of_the_ssh_server_fail_and_never_pass(bound: BoundBaseline, changed: dict[str, str], wrong: set[str]) -> None:
    placed = order(bound, whole(bound))
    findings = evaluate(placed, bound, seen(placed, host=by_files(**changed)), answered(bound))
    outcomes = {finding.check: finding.outcome for finding in findings if finding.check.startswith("host-sshd-")}
    outcomes.pop("host-sshd-sources", None)  # it fails on the good host too, whose AllowUsers names nobody
    assert len(outcomes) > 1
    assert outcomes == {check: Outcome.FAIL if check in wrong else Outcome.NOT_CHECKED for check in outcomes}
