"""A tailoring demands more than its parent, or it is refused; and no run fares better under it than without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner import store
from scanner.assessment import Assessment, Decision
from scanner.baseline import BoundBaseline, load
from scanner.judge import judge
from scanner.observations import Sighting, TlsVersion
from scanner.order import Order
from scanner.record import sha256
from scanner.registry import code_digests, load_checks
from scanner.rejudging import placed_under
from scanner.specimens import AT, SUITES, VANTAGE, tls
from scanner.store import StoreError, sighting_path
from scanner.strict_yaml import InputError
from scanner.tailoring import TailoredControl, tailored
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import GOOD, order, scope
from tests.golden.test_decisions import CASES, answers_of, bound_of, deviations_of, order_of, scope_of, seen_of
from tests.scanner import permits
from tests.scanner.cli.test_rechecking import HERE, Web, web
from tests.scanner.test_changes import clearance
from tests.scanner.test_rejudging import ALL, law

__all__ = ["web"]
CHECKS = load_checks()
CODE = code_digests(CHECKS)
PARENT = law(
    "parent",
    ("TLS", "major", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
    ("HSTS", "minor", "http-hsts", "{}", "[4, 5]"),
    ("D1", "major", "document", "", ALL),
    ("PW", "major", "host-password-strength", "{length: 12}", ALL),
    ("LOG", "major", "host-log-retention", "{}", ALL),
)


def tailoring(*lines: str, of: bytes = PARENT, id: str = "parent", version: str = "1") -> bytes:  # noqa: A002 - the file's word
    text = [
        "id: p01",
        'version: "1"',
        f'parent: {{id: {id}, version: "{version}", sha256: "{sha256(of)}"}}',
        'by: "UBND tỉnh P01, 15/QĐ-UBND"',
        'title: {vi: "Yêu cầu riêng của P01", en: "Demands of P01"}',
        *lines,
    ]
    return "\n".join(text).encode() + b"\n"


ADDED = (
    'added: [{{id: {id}, title: {{vi: "a", en: "a"}}, heading: {heading}, class: gate, levels: [3], method: [network], '
    'references: [{{source: "x", clause: "1"}}], rules: [{{check: http-hsts}}]}}]'
)
STRICTER = tailoring("controls: [{id: TLS, rules: [{check: tls-minimum-version, parameters: {minimum: TLS 1.3}}]}]")


def bound(data: bytes, of: bytes = PARENT) -> BoundBaseline:
    return tailored(load(of, "parent.yaml", CHECKS), data, "mine.yaml", CHECKS)


def test_a_tailored_baseline_is_its_parent_and_more() -> None:
    found = bound(
        tailoring(
            "evidence_max_age_days: {3: 20}",
            "feeds: [{kind: kev, max_age_days: 7}]",
            "controls:",
            "  - {id: TLS, class: gate, rules: [{check: tls-minimum-version, at_level: {4: {minimum: TLS 1.3}}}, {check: tls-no-compression}]}",
            "  - {id: HSTS, further_levels: [3]}",
            "  - {id: D1, document_max_age_days: {3: 90}}",
            "added:",
            "  - id: X1",
            '    title: {vi: "Thêm", en: "More"}',
            "    heading: all",
            "    class: major",
            "    levels: [3]",
            "    method: [network]",
            '    references: [{source: "15/QĐ-UBND", clause: "2"}]',
            "    rules: [{check: http-redirects-to-https}]",
        )
    )
    ref = found.ref()
    assert (ref.id, ref.version, ref.sha256) == ("parent", "1", sha256(PARENT))
    assert ref.tailoring is not None
    assert (ref.tailoring.id, ref.tailoring.by) == ("p01", "UBND tỉnh P01, 15/QĐ-UBND")
    controls = {control.id: control for control in found.baseline.controls}
    assert [*controls] == ["TLS", "HSTS", "D1", "PW", "LOG", "PORTS", "X1"]
    minimum = next(rule for rule in found.rules if rule.check.id == "tls-minimum-version")
    assert {level: getattr(values, "minimum") for level, values in minimum.parameters.items()} == {  # noqa: B009 - the check's own
        1: TlsVersion.TLS_1_2, 2: TlsVersion.TLS_1_2, 3: TlsVersion.TLS_1_2, 4: TlsVersion.TLS_1_3, 5: TlsVersion.TLS_1_2,
    }  # fmt: skip
    assert [rule.check.id for rule in found.rules_of(controls["TLS"])] == ["tls-minimum-version", "tls-no-compression"]
    assert (controls["TLS"].classed, controls["HSTS"].levels) == ("gate", (3, 4, 5))
    assert controls["D1"].attestation is not None
    assert controls["D1"].attestation.max_age_days == {3: 90}
    assert found.baseline.evidence_max_age_days[3] == 20
    assert [feed.kind for feed in found.baseline.feeds] == ["kev"]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("controls: [{id: PW, rules: [{check: host-password-strength, parameters: {length: 8}}]}]", "demands less than the parent"),
        ("controls: [{id: TLS, class: minor}]", "demands less than the parent: class: major became minor"),
        ("evidence_max_age_days: {3: 366}", "demands less than the parent: evidence may be so many days old: 365 became 366"),
        ("controls: [{id: TSL, class: gate}]", "mine.yaml:6: controls.0.id: parent has no control TSL"),
        ("controls: [{id: TLS, class: gate}, {id: TLS, class: gate}]", "controls.1.id: the control stands twice"),
        ("controls: [{id: TLS, further_levels: [3]}]", "the control applies at level 3 already"),
        ("controls: [{id: TLS, document_max_age_days: {3: 90}}]", "the control asks for no document"),
        ("controls: [{id: TLS, rules: [{check: tls-minimum-vresion}]}]", "no check is called tls-minimum-vresion; did you mean tls-minimum-version?"),
        ("controls: [{id: TLS, rules: [{check: tls-minimum-version, parameters: {most: 1}}]}]", "no parameter is called most"),
        ("controls: [{id: PW, rules: [{check: host-password-strength, parameters: {length: 14}, at_level: {4: {length: 11}}}]}]", "(levels 4)"),
        ("controls: [{id: HSTS, rules: [{check: http-hsts, at_level: {3: {}}}]}]", "demands nothing beyond its parent"),
        ("controls: []", "it demands nothing beyond its parent"),
        ("controls: [{id: TLS, levels: [4]}]", "no key is called 'levels' here"),
        ("drop: [TLS]", "no key is called 'drop' here"),
        ("added: [{id: TLS}]", "the key 'title' is missing"),
        (ADDED.format(id="TLS", heading="all"), "parent has a control TLS already"),
        (ADDED.format(id="X", heading="none"), "no heading is called none"),
        ("feeds: [{kind: kev, max_age_days: 0}]", "max_age_days: at least 1 is wanted here"),
    ],
)  # fmt: skip
def test_what_demands_less_or_is_not_there_is_refused_with_its_line(lines: str, complaint: str) -> None:
    with pytest.raises(InputError) as told:
        bound(tailoring(lines))
    assert complaint in str(told.value)
    assert str(told.value).startswith("mine.yaml:")


def test_every_fault_is_told_at_once_in_the_order_of_the_lines() -> None:
    lines = ("controls:", "  - {id: TLS, class: minor}", "  - {id: D1, class: advisory}", "evidence_max_age_days: {4: 400}")
    with pytest.raises(InputError) as told:
        bound(tailoring(*lines))
    assert [line.split(":")[1] for line in str(told.value).splitlines()] == ["1", "7", "8"]


def test_a_parameter_nobody_can_call_stricter_cannot_be_changed() -> None:
    """Other paths of logs are neither more nor less than the parent's."""
    other = "controls: [{id: LOG, rules: [{check: host-log-retention, parameters: {paths: [/var/log/other]}}]}]"
    with pytest.raises(InputError, match="nobody can tell that this demands more: host-log-retention: paths"):
        bound(tailoring(other))


def test_a_tailoring_of_another_parent_is_refused() -> None:
    with pytest.raises(InputError, match=r"it tailors parent version 1, SHA-256 .* and is used with parent version 1, SHA-256"):
        bound(STRICTER, PARENT + b"# changed\n")
    with pytest.raises(InputError, match="is used with parent version 1"):
        bound(tailoring("controls: [{id: TLS, class: gate}]", version="2"))


def test_it_is_not_the_first_to_decide_anything() -> None:
    advice = law("parent", ("TLS", "advisory", "tls-minimum-version", "{minimum: TLS 1.2}", ALL))
    with pytest.raises(InputError, match="decides nothing by checks at level 1"):
        bound(tailoring("controls: [{id: TLS, class: major}]", of=advice), advice)


OLD = tls()
NEW = tls(accepts={TlsVersion.TLS_1_3: SUITES[TlsVersion.TLS_1_3]})
GATE = law("parent", ("TLS", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL))
MORE = tailoring("controls: [{id: TLS, rules: [{check: tls-minimum-version, parameters: {minimum: TLS 1.3}}]}]", of=GATE)


def run_of(seen: Any, baseline: bytes = GATE, more: bytes | None = MORE) -> dict[str, bytes]:
    """A run of one web server under the tailored baseline."""
    law_ = load(baseline, "law", CHECKS)
    whole = law_ if more is None else tailored(law_, more, "more", CHECKS)
    placed = order(whole, scope((443, Speaks.HTTPS))).model_copy(
        update={"baseline": sha256(baseline), "tailoring": None if more is None else sha256(more)}
    )
    files = {store.ORDER: placed.written(), store.BASELINE: baseline, **({} if more is None else {store.TAILORING: more})}
    for sight in placed.plan:
        result = seen if sight.kind == "tls" else GOOD[sight.kind]()
        files[sighting_path(sight)] = Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result).written()
    return files


def decided(files: dict[str, bytes]) -> Assessment:
    return judge(files, CHECKS, CODE)


def test_a_run_is_judged_by_its_stored_tailoring() -> None:
    assert decided(run_of(OLD, more=None)).decision is Decision.AUTHORISE
    strict = decided(run_of(OLD))
    assert strict.decision is Decision.DENY
    assert strict.baseline.tailoring is not None
    assert strict.baseline.tailoring.sha256 == sha256(MORE)
    assert strict.baseline.sha256 == sha256(GATE)
    assert decided(run_of(NEW)).decision is Decision.AUTHORISE


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda files: files.pop(store.TAILORING), "inputs/tailoring.yaml is missing"),
        (lambda files: files.update({store.TAILORING: files[store.TAILORING] + b"#"}), "is not the file the order names"),
        (lambda files: files.update(_ordering(files, tailoring("controls: [{id: TLS, class: minor}]", of=GATE))), "demands less than the parent"),
        (lambda files: files.update(_ordering(files, tailoring("controls: [{id: TLS, further_levels: [3]}]", of=PARENT))), "it tailors parent"),
    ],
    ids=["taken away", "changed", "looser, and ordered", "of another parent"],
)  # fmt: skip
def test_a_run_whose_tailoring_is_missing_changed_or_looser_is_judged_by_nobody(change: Any, complaint: str) -> None:
    files = run_of(OLD)
    change(files)
    with pytest.raises(StoreError, match=complaint):
        decided(files)


def test_a_tailoring_the_order_does_not_name_is_refused() -> None:
    with pytest.raises(StoreError, match="the order does not name it"):
        decided({**run_of(OLD, more=None), store.TAILORING: MORE})


def _ordering(files: dict[str, bytes], other: bytes) -> dict[str, bytes]:
    placed = Order.read(files[store.ORDER]).model_copy(update={"tailoring": sha256(other)})
    return {store.ORDER: placed.written(), store.TAILORING: other}


def test_under_another_law_the_tailoring_does_not_count() -> None:
    placed = placed_under(run_of(OLD), GATE)
    assert store.TAILORING not in placed
    assert decided(placed).decision is Decision.AUTHORISE


_RANK = {Decision.AUTHORISE: 0, Decision.AUTHORISE_TRIAL: 1, Decision.INCOMPLETE: 2, Decision.DENY: 3}
_HEAVIER = {"advisory": ("minor", "major", "gate"), "minor": ("major", "gate"), "major": ("gate",), "gate": ()}
_FURTHER = ("tls-no-compression", "tls-minimum-version", "http-hsts", "peer-certificate-name", "http-redirects-to-https")


@st.composite
def tailorings(draw: st.DrawFn, base: BoundBaseline) -> tuple[str, ...]:
    """What may be demanded beyond a golden case's baseline."""
    lines = []
    for control in base.baseline.controls:
        parts = [f"id: {control.id}"]
        heavier = _HEAVIER[control.classed]
        if draw(st.booleans()) and heavier:
            parts.append(f"class: {draw(st.sampled_from(heavier))}")
        known = [rule.check for rule in control.rules]
        further = [check for check in _FURTHER if check not in known]
        if draw(st.booleans()):
            parts.append(f"rules: [{{check: {draw(st.sampled_from(further))}}}]")
        if control.attestation is not None and draw(st.booleans()):
            parts.append(f"document_max_age_days: {{3: {draw(st.integers(1, 183))}}}")
        lines.append("  - {" + ", ".join(parts) + "}")
    ages = draw(st.dictionaries(st.sampled_from([3, 4]), st.integers(1, 365)))
    return ("controls:", *lines, f"evidence_max_age_days: {{{', '.join(f'{level}: {days}' for level, days in ages.items())}}}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_fares_better_under_a_tailoring(data: st.DataObject) -> None:
    from scanner import scoring
    from scanner.evaluate import evaluate

    case = data.draw(st.sampled_from([case for case in CASES if case["controls"]]))
    base = bound_of(case)
    file = tailoring(*data.draw(tailorings(base)), id="golden").replace(sha256(PARENT).encode(), base.digest.encode())
    try:
        more = tailored(base, file, "more", CHECKS)
    except InputError as error:
        assert "demands nothing beyond" in str(error) or "cannot be the first" in str(error)  # the refusals a drawn one may meet
        return
    decisions = []
    for bound_ in (base, more):
        whole = scope_of(case)
        placed = order_of(case, bound_, whole)
        seen = {**seen_of(case, placed)}
        found = scoring.standings(placed, bound_, evaluate(placed, bound_, seen, answers_of(case)), deviations_of(case))
        decisions.append((scoring.decide(scoring.reasons(placed, bound_, found, seen)), scoring.tally(found)))
    (before, _), (after, _) = decisions
    assert _RANK[after] >= _RANK[before] or (before, after) == (Decision.DENY, Decision.INCOMPLETE), (
        before,
        after,
        file.decode(),
    )


def test_what_a_tailoring_adds_never_stands_in_for_the_pass_its_parent_asks_for() -> None:
    from scanner import scoring
    from scanner.assessment import Status
    from scanner.attestations import Deviations
    from scanner.evaluate import evaluate
    from scanner.observations import OpenPort, Reply
    from scanner.specimens import datagrams, host

    # SNMP is silent from outside and a socket is there: every rule of the parent says that it does not decide
    base = load(_SNMP, "parent", CHECKS)
    more = tailored(base, tailoring("controls: [{id: SNMP, rules: [{check: host-no-automount}]}]", of=_SNMP), "more", CHECKS)
    silent = datagrams(snmp_v1=Reply.SILENT, snmp_v2c=Reply.SILENT, snmp_v3=Reply.SILENT)
    listens = host(listening=(OpenPort(port=161, transport="udp", service=""),))
    found = {}
    for bound in (base, more):
        placed = order(bound, scope())
        results: dict[str, Any] = {"datagrams": silent, "host": listens}
        looked = {
            sight: (
                Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=results.get(sight.kind) or GOOD[sight.kind]()),
                "00" * 32,
            )
            for sight in placed.plan
        }
        standings = scoring.standings(placed, bound, evaluate(placed, bound, looked, {}), Deviations())
        standing = next(one for one in standings if one.control.id == "SNMP")
        found[bound.tailoring is not None] = standing.status
    assert found == {False: Status.UNDETERMINED, True: Status.UNDETERMINED}


def test_a_rule_a_tailoring_adds_is_judged_where_its_parent_judges_nothing() -> None:
    from scanner import scoring
    from scanner.assessment import Status
    from scanner.attestations import Deviations
    from scanner.evaluate import evaluate

    base = load(_SNMP, "parent", CHECKS)
    more = tailored(base, tailoring("controls: [{id: SNMP, rules: [{check: tls-minimum-version}]}]", of=_SNMP), "more", CHECKS)
    placed = order(more, scope((443, Speaks.HTTPS)))
    looked = {
        sight: (Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=GOOD[sight.kind]()), "00" * 32)
        for sight in placed.plan
    }
    standings = scoring.standings(placed, more, evaluate(placed, more, looked, {}), Deviations())
    mine = [one for one in standings if one.control.id == "SNMP"]
    assert {one.subject: one.status for one in mine} == {"web1": Status.SATISFIED, "web1:443": Status.SATISFIED}


_SNMP = law("parent", ("SNMP", "gate", "exposure-no-open-snmp", "{}", ALL)).replace(
    b"{check: exposure-no-open-snmp",
    b"{check: host-no-datagram-sockets, parameters: {ports: [161], refused: false}}, {check: exposure-no-open-snmp",
)


def test_the_commands_take_a_tailoring(tmp_path: Path) -> None:
    parent, mine = tmp_path / "parent.yaml", tmp_path / "mine.yaml"
    parent.write_bytes(PARENT)
    mine.write_bytes(STRICTER)
    done = clearance("baseline", "lint", mine)
    assert done.returncode == 2
    assert "name it with --parent" in done.stderr
    assert clearance("baseline", "lint", mine, "--parent", parent).returncode == 0
    done = clearance("baseline", "diff", parent, mine)
    assert 'stricter: tls-minimum-version: minimum "TLS 1.2" became "TLS 1.3"' in done.stdout
    done = clearance("baseline", "show", "--baseline", mine, "--parent", parent)
    assert "tailored by p01 1" in done.stdout
    assert clearance("baseline", "coverage", "--baseline", mine, "--parent", parent).returncode == 0
    mine.write_bytes(tailoring("controls: [{id: TLS, class: advisory}]"))
    done = clearance("baseline", "lint", mine, "--parent", parent)
    assert done.returncode == 2
    assert "demands less than the parent" in done.stderr


ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tailoring.md").read_text("utf-8")


@pytest.mark.parametrize("line", PAGE.split("```sh\n")[1].split("```")[0].splitlines())
def test_each_command_of_the_page_runs(line: str) -> None:
    import shlex

    done = clearance(*shlex.split(line.partition("  #")[0])[1:])
    assert done.returncode == 0, done.stderr


def test_the_page_names_every_key() -> None:
    assert not [
        key
        for key in ("class", "further_levels", "rules", "document_max_age_days", "added", "evidence_max_age_days", "feeds")
        if key not in PAGE
    ]
    assert {field.alias or name for name, field in TailoredControl.model_fields.items()} - {"id"} == {
        "class", "further_levels", "rules", "document_max_age_days",
    }  # fmt: skip


NAMES = "{vi: Thử, en: Test}"


def test_a_run_is_scanned_judged_reported_and_looked_at_again_under_a_tailoring(web: Web, tmp_path: Path) -> None:
    web.redirects = True
    base = law("parent", ("PATHS", "major", "web-no-administration", "{}", ALL))
    (tmp_path / "law.yaml").write_bytes(base)
    more = tailoring("controls: [{id: PATHS, rules: [{check: web-security-txt}]}]", of=base)
    (tmp_path / "more.yaml").write_bytes(more)
    (tmp_path / "permit.yaml").write_bytes(permits.permit(f"{HERE}/32").written())
    (tmp_path / "scope.yaml").write_text(
        f"agency: {{code: H46, name: {NAMES}, echelon: province}}\nsystem: {{id: S, name: {NAMES}, level: 3, operator: IT}}\n"
        f"hosts: [{{id: web, address: {HERE}, services: [{{port: {web.port}, speaks: http, name: dvc.example.vn}}]}}]\n",
        "utf-8",
    )
    words = (tmp_path / "scope.yaml", "--permit", tmp_path / "permit.yaml", "--baseline", tmp_path / "law.yaml")
    run = tmp_path / "run"
    refused = clearance("scan", *words, "--tailoring", tmp_path / "law.yaml", "--out", tmp_path / "never")
    assert (refused.returncode, (tmp_path / "never").exists()) == (2, False), refused.stderr
    done = clearance("check", *words, "--tailoring", tmp_path / "more.yaml", "--out", run, "--ports", str(web.port))
    assert done.returncode == 10, done.stderr
    assert (run / store.TAILORING).read_bytes() == more
    found = Assessment.read((run / store.ASSESSMENT).read_bytes())
    assert found.baseline.tailoring is not None
    assert found.baseline.tailoring.sha256 == sha256(more)
    report = (tmp_path / "run.html").read_text("utf-8")
    assert "p01 1, which demands more than the baseline; decided by UBND tỉnh P01, 15/QĐ-UBND" in report
    finding = next(finding.id for finding in found.findings if finding.check == "web-security-txt")
    again = clearance("recheck", run, "--finding", finding, "--permit", tmp_path / "permit.yaml", "--out", tmp_path / "again")
    assert again.returncode == 10, again.stderr
    explained = clearance("explain", "web-security-txt", "--run", run)
    assert "PATHS" in explained.stdout
