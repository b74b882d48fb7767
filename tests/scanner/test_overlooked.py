"""Neither what an agency declares nor which ports were tried decides what is judged, where the evidence itself shows more."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from scanner.assessment import Assessment, Decision
from scanner.baseline import BoundBaseline
from scanner.evaluate import evaluate
from scanner.findings import Finding, Outcome
from scanner.i18n import shown
from scanner.observations import OpenPort, Reason, Unobserved, Weakness
from scanner.overlooked import _ranges
from scanner.plan import kind_of
from scanner.specimens import datagrams, greeting, host, ports
from scanner.store import ASSESSMENT
from scanner.targets import Host, Login, Scope, Service, Speaks
from scanner.usual_ports import PORTS
from tests.checks.test_baselines import EACH, national
from tests.checks.test_verdicts_of_the_baselines import answered, decided, order, scope, seen, whole
from tests.lab.pki import Authority, Wanted
from tests.lab.servers import Site, nginx
from tests.scanner import permits
from tests.scanner.test_changes import clearance
from tests.scanner.test_rejudging import ALL, law
from tests.scanner.test_tailoring import NAMES

BOUND = national()
OPEN = (OpenPort(port=22, transport="tcp", service="ssh"),)
GATES = ("exposure-serves-no-strangers", "exposure-no-cleartext-services", "exposure-only-declared")


def listening(*numbers: int, transport: str = "tcp") -> tuple[OpenPort, ...]:
    return tuple(OpenPort(port=number, transport=transport, service="") for number in numbers)  # type: ignore[arg-type]


@EACH
def test_a_port_on_which_the_host_listens_and_which_nobody_tried_leaves_the_decision_open(bound: BoundBaseline) -> None:
    shown = host(listening=listening(22, 443, 6_666))
    decision, why = decided(bound, whole(bound), answered(bound), host=shown, ports=ports(asked=PORTS))
    assert decision is Decision.INCOMPLETE
    assert {rule.control.id for rule in bound.rules if rule.check.id in GATES and 3 in rule.control.levels} <= why
    assert decided(bound, whole(bound), answered(bound), host=shown, ports=ports(asked=f"{PORTS},6666")) == (
        Decision.AUTHORISE,
        set(),
    )


@pytest.mark.parametrize("asked", ["443", "all", "", "1-", "-", "22-1", f"{PORTS},", f"{PORTS},60022-60021"])
def test_what_was_asked_for_is_read_strictly(asked: str) -> None:
    found = _findings(BOUND, host=host(listening=listening(60_022)), ports=ports(asked=asked, open=OPEN))
    of_ports = [one for one in found if _kind(BOUND, one) == "ports"]
    assert of_ports and {one.outcome for one in of_ports} == {Outcome.NOT_CHECKED}
    whole_list = asked.startswith(PORTS)
    assert all(("add 60022 to --ports" in shown(one.seen)) is whole_list for one in of_ports)


@pytest.mark.parametrize("beyond", [1, 2, 20, 21])
def test_at_most_twenty_ports_are_told_and_that_there_are_more(beyond: int) -> None:
    numbers = range(2_000, 2_000 + beyond)
    found = _findings(BOUND, host=host(listening=listening(22, *numbers)), ports=ports(asked=PORTS, open=OPEN))
    listed = ",".join(map(str, numbers[:20])) + (",..." if beyond > 20 else "")
    words = f"the host itself lists that it listens on ports nobody tried from outside: add {listed} to --ports"
    assert {shown(one.seen) for one in found if one.check in GATES} == {words}


def test_what_fails_fails_even_so_and_a_udp_socket_is_no_tcp_port() -> None:
    bound = BOUND
    bad = ports(asked="1-1024", open=(OpenPort(port=23, transport="tcp", service="telnet"),))
    found = _findings(bound, host=host(listening=listening(6_379)), ports=bad)
    assert {one.outcome for one in found if one.check == "exposure-no-cleartext-services"} == {Outcome.FAIL}
    udp = host(listening=(*listening(22), *listening(123, transport="udp")))
    found = _findings(bound, host=udp, ports=ports(), datagrams=datagrams())
    assert {one.outcome for one in found if one.check == "exposure-no-cleartext-services"} == {Outcome.PASS}


NARROW = "nobody asked for ports {ports}, which always have to be asked for: scan again without --ports"


def _of_ports(bound: BoundBaseline, **changed: object) -> set[tuple[Outcome, str]]:
    return {(one.outcome, shown(one.seen)) for one in _findings(bound, **changed) if _kind(bound, one) == "ports"}


@EACH
def test_what_was_not_asked_for_passes_nowhere_whatever_the_host_itself_lists(bound: BoundBaseline) -> None:
    """Whoever orders a scan of `--ports 22,443` passes no gate by it."""
    narrow = ports(asked="22,443")
    blind = host(listening=Unobserved(reason=Reason.UNSUPPORTED))
    gone = Unobserved(reason=Reason.NO_CREDENTIAL)
    ranges = (
        f"1-21,23-442,444-1024,{PORTS.removeprefix('1-1024,')}".replace("5432,5433", "5432-5433")
        .replace("6379,6380", "6379-6380")
        .split(",")
    )
    words = NARROW.format(ports=",".join(ranges[:20]) + ",...")
    for unlisted in (gone, blind):
        assert _of_ports(bound, ports=narrow, host=unlisted) == {(Outcome.NOT_CHECKED, words)}
        assert {outcome for outcome, _ in _of_ports(bound, ports=ports(), host=unlisted)} == {Outcome.PASS}
    listed = host(listening=listening(22, 443))  # a port that is forwarded to another machine stands in no list
    told = _of_ports(bound, ports=narrow, host=listed)
    assert (
        {outcome for outcome, _ in told} == {Outcome.PASS}
        if bound.baseline.laboratory
        else told == {(Outcome.NOT_CHECKED, words)}
    )
    forwarded = host(listening=listening(2_222))
    assert {outcome for outcome, _ in _of_ports(bound, ports=narrow, host=forwarded)} == {Outcome.NOT_CHECKED}
    decision, why = decided(bound, whole(bound), answered(bound), host=gone, ports=narrow)
    assert decision is Decision.INCOMPLETE
    assert {rule.control.id for rule in bound.rules if rule.check.id in GATES and 3 in rule.control.levels} <= why


@pytest.mark.parametrize("left", ["2-1024", "1-6378", "26379", "27018-27019"])
def test_one_usual_port_that_nobody_asked_for_is_enough(left: str) -> None:
    asked = {port for among in _ranges(PORTS) for port in among} & {port for among in _ranges(left) for port in among}
    whole_but = {port for among in _ranges(PORTS) for port in among} - {min(asked)}
    seen_ = ports(asked=",".join(map(str, sorted(whole_but))), open=())
    words = NARROW.format(ports=min(asked))
    assert _of_ports(BOUND, ports=seen_, host=Unobserved(reason=Reason.NO_CREDENTIAL)) == {(Outcome.NOT_CHECKED, words)}


def test_what_fails_on_a_narrow_order_fails_even_so() -> None:
    bad = ports(asked="23", open=(OpenPort(port=23, transport="tcp", service="telnet"),))
    found = _findings(BOUND, host=Unobserved(reason=Reason.NO_CREDENTIAL), ports=bad)
    assert {one.outcome for one in found if one.check == "exposure-no-cleartext-services"} == {Outcome.FAIL}


@EACH
def test_a_web_server_declared_as_tls_is_not_passed_without_the_rules_of_http(bound: BoundBaseline) -> None:
    of_http = {rule.control.id for rule in bound.rules if kind_of(rule.check.observes) == "http" and 3 in rule.control.levels}
    alone = scope((22, Speaks.SSH), (25, Speaks.SMTP), (443, Speaks.TLS), (6_379, Speaks.OTHER))
    web = OpenPort(port=443, transport="tcp", service="http", tls=True)
    decision, why = decided(bound, alone, answered(bound, *of_http), ports=ports(open=(*OPEN, web)))
    assert decision is Decision.INCOMPLETE
    assert {one.id for one in bound.controls(3) if one.classed.mandatory} & of_http <= why
    mail = OpenPort(port=443, transport="tcp", service="imap", tls=True)  # which is rightly declared as TLS
    asked = {
        _kind(bound, one) for one in _findings_of(bound, alone, ports=ports(open=(*OPEN, mail))) if one.subject == "web1:443"
    }
    assert asked == {"tls", "peer-certificate"}


def test_what_nmap_only_guesses_calls_for_nothing() -> None:
    guess = OpenPort(port=443, transport="tcp", service="http", tls=True, unclear=tuple(sorted(Weakness)))
    found = _findings_of(BOUND, scope((443, Speaks.TLS)), ports=ports(open=(guess,)))
    assert {_kind(BOUND, one) for one in found if one.subject == "web1:443"} == {"tls", "peer-certificate"}


def test_an_open_port_of_no_known_protocol_calls_for_nothing() -> None:
    odd = OpenPort(port=8_022, transport="tcp", service="mystery")
    found = _findings_of(BOUND, scope((443, Speaks.HTTPS)), ports=ports(open=(odd,), undeclared=(8_022,)))
    assert not [one for one in found if one.subject == "web1:8022"]


def test_what_no_declared_service_is_about_is_answered_by_a_person_who_is_told_how() -> None:
    found = _findings_of(BOUND, scope((443, Speaks.HTTPS)))
    (one,) = (one for one in found if one.control == "NET-01-UPGRADE" and one.subject == "agency")
    assert shown(one.seen) == (
        "no declared service has anything of the kind upgrade to look at; where that is right, say so: clearance attest RUN NET-01-UPGRADE "
        "--answer not-applicable --reason WHY --by WHO --role OFFICE (or by questionnaire)"
    )


@pytest.mark.parametrize("beyond", [19, 20, 21])
def test_at_most_twenty_ranges_are_told_and_that_there_are_more(beyond: int) -> None:
    left = list(range(2, 2 + 2 * beyond, 2))
    asked = sorted({port for among in _ranges(PORTS) for port in among} - set(left))
    seen_ = ports(asked=",".join(map(str, asked)), open=())
    words = NARROW.format(ports=",".join(map(str, left[:20])) + (",..." if beyond > 20 else ""))
    assert _of_ports(BOUND, ports=seen_, host=Unobserved(reason=Reason.NO_CREDENTIAL)) == {(Outcome.NOT_CHECKED, words)}


@EACH
def test_the_ssh_server_of_the_login_is_judged_declared_or_not(bound: BoundBaseline) -> None:
    """A login port counts as declared, so that no rule about ports speaks of it: the rules about SSH do."""
    bare = whole(bound)
    (web,) = bare.hosts
    login = Login(user="audit", host_keys=("ssh-ed25519 AAAA",))
    rest = tuple(service for service in web.services if service.port != 22)
    second = Host(id="web2", address="192.0.2.8", services=(Service(port=22, speaks=Speaks.SSH),))
    hidden = bare.model_copy(update={"hosts": (web.model_copy(update={"services": rest, "login": login}), second)})
    decision, why = decided(bound, hidden, answered(bound))
    of_ssh = {rule.control.id for rule in bound.rules if kind_of(rule.check.observes) == "ssh" and 3 in rule.control.levels}
    assert decision is Decision.INCOMPLETE
    assert {one.id for one in bound.controls(3) if one.classed.mandatory} & of_ssh <= why
    found = _findings_of(bound, hidden)
    assert {one.outcome for one in found if one.subject == "web1:22"} == {Outcome.NOT_CHECKED}


@EACH
@pytest.mark.parametrize(
    "said",
    [greeting(protocol="tls", encrypted=True), greeting(protocol="imap", encrypted=True, said="* OK")],
    ids=["tls", "imaps"],
)
def test_a_service_that_speaks_tls_is_judged_so_whatever_it_is_declared_as(bound: BoundBaseline, said: object) -> None:
    of_tls = {rule.control.id for rule in bound.rules if kind_of(rule.check.observes) == "tls" and 3 in rule.control.levels}
    mandatory = {one.id for one in bound.controls(3) if one.classed.mandatory} & of_tls
    alone = scope((22, Speaks.SSH), (993, Speaks.OTHER))
    away = answered(bound, *of_tls)  # a person answers every control of TLS with "not applicable"
    for declared, answers in ((alone, away), (whole(bound), answered(bound))):
        decision, why = decided(bound, declared, answers, greeting=said)
        assert decision is Decision.INCOMPLETE
        assert mandatory <= why


@pytest.mark.parametrize("protocol", ["ssh", "http", "smtp", "imap", "ldap", "postgresql", "mysql", "rdp"])
def test_a_protocol_that_has_looks_of_its_own_cannot_be_declared_as_other(protocol: str) -> None:
    bound = BOUND
    found = _findings(bound, greeting=greeting(protocol=protocol))
    told = [one for one in found if one.subject == "web1:6379" and one.outcome is Outcome.NOT_CHECKED]
    assert told
    assert all("is not declared so" in shown(one.seen) for one in told)
    assert decided(bound, whole(bound), answered(bound), greeting=greeting(protocol=protocol))[0] is Decision.INCOMPLETE


def test_tls_at_a_port_that_nobody_declared_is_not_checked_there() -> None:
    bound = BOUND
    tls = OpenPort(port=8_443, transport="tcp", service="unknown", tls=True)
    found = _findings(bound, ports=ports(open=(tls,), undeclared=(8_443,)))
    assert {one.outcome for one in found if one.subject == "web1:8443"} == {Outcome.NOT_CHECKED}
    kinds = {_kind(bound, one) for one in found if one.subject == "web1:8443"}
    assert kinds == {"tls", "peer-certificate"}
    alone = _findings_of(bound, scope((22, Speaks.SSH)), ports=ports(open=(*OPEN, tls), undeclared=(8_443,)))
    of_agency = {shown(one.seen) for one in alone if one.subject == "agency" and _kind(bound, one) == "tls"}
    assert of_agency == {"no declared service has anything of the kind tls to look at, and one was seen: declare what it speaks"}
    words = "it was seen to speak what {kind} looks at, and is not declared so: declare what it speaks"
    assert all(
        shown(one.seen) == words.format(kind=_kind(bound, one)) and one.confidence is one.evidence is None
        for one in found
        if one.subject == "web1:8443"
    )


def test_a_real_tls_server_declared_as_other_is_not_passed(tmp_path: Path) -> None:
    address, port = "127.46.9.7", 8_443
    law_ = law(
        "law",
        ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
        ("NET-02-SERVICES", "gate", "exposure-no-cleartext-administration", "{}", ALL),
    )
    (tmp_path / "law.yaml").write_bytes(law_)
    (tmp_path / "permit.yaml").write_bytes(permits.permit(f"{address}/32").written())
    words = ("--permit", tmp_path / "permit.yaml", "--baseline", tmp_path / "law.yaml", "--ports", str(port))
    decisions = {}
    with ExitStack() as stack:
        served = Authority(tmp_path / "pki").issue(Wanted("dvc.mau.test"), "portal")
        nginx(stack, tmp_path / "nginx", (Site((address, port), "dvc.mau.test", served),))
        for speaks in ("other", "https"):
            (tmp_path / "scope.yaml").write_text(
                f"agency: {{code: H46, name: {NAMES}, echelon: province}}\n"
                f"system: {{id: S, name: {NAMES}, level: 3, operator: IT}}\n"
                f"hosts: [{{id: web, address: {address}, services: [{{port: {port}, speaks: {speaks}, name: dvc.mau.test}}]}}]\n",
                "utf-8",
            )
            run = tmp_path / speaks
            clearance("scan", tmp_path / "scope.yaml", *words, "--out", run)
            for control in ("TLS", "NET-02-SERVICES"):
                told = ("--answer", "not-applicable", "--reason", "no such service", "--by", "do.lan", "--role", "head")
                clearance("attest", run, control, *told)
            clearance("evaluate", run)
            found = Assessment.read((run / ASSESSMENT).read_bytes())
            decisions[speaks] = found.decision, {(one.control, one.subject): one.outcome for one in found.findings}
    (decision, outcomes), (declared_so, others) = decisions.values()
    assert decision is Decision.INCOMPLETE
    assert outcomes["TLS", "web:8443"] is Outcome.NOT_CHECKED
    assert outcomes["NET-02-SERVICES", "web:8443"] is Outcome.PASS  # it speaks TLS, and no protocol in clear
    assert (declared_so, others["TLS", "web:8443"]) == (Decision.AUTHORISE, Outcome.PASS)


def _kind(bound: BoundBaseline, finding: Finding) -> str:
    return next((kind_of(rule.check.observes) for rule in bound.rules if rule.check.id == finding.check), "document")


def _findings(bound: BoundBaseline, **changed: object) -> tuple[Finding, ...]:
    return _findings_of(bound, whole(bound), **changed)


def _findings_of(bound: BoundBaseline, declared: Scope, **changed: object) -> tuple[Finding, ...]:
    placed = order(bound, declared)
    return evaluate(placed, bound, seen(placed, **changed), answered(bound))  # type: ignore[arg-type]
