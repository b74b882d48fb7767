"""The baselines of the regimes before 2026: they hold what their own law asks for, and nothing of the law that came after."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.assessment import ControlClass
from scanner.baseline import LEVELS, BoundBaseline, load
from tests.checks.test_baselines import CATALOGUE, CHECKS, GATES, OF_2016, OF_2022, national

BOUND = {path.stem: load(path.read_bytes(), path.name, CHECKS) for path in (OF_2022, OF_2016)}
OLD = pytest.mark.parametrize("bound", BOUND.values(), ids=BOUND)

OF_11930 = [
    "NET-01",
    "NET-02",
    "NET-03",
    "NET-04",
    "NET-06",
    "NET-07",
    "NET-08",
    "NET-15",
    "NET-17",
    "NET-18",
    "NET-20",
    "AUT-01",
    "AUT-02",
    "AUT-03",
    "AUT-06",
    "AUT-07",
    "AUT-08",
    "AUT-11",
    "HRD-01",
    "HRD-02",
    "PAT-01",
    "PAT-04",
    "PAT-05",
    "MAL-01",
    "MAL-02",
    "MAL-04",
    "INT-01",
    "LOG-01",
    "LOG-02",
    "LOG-04",
    "LOG-05",
    "LOG-06",
    "LOG-07",
    "MON-01",
    "DAT-01",
    "DAT-03",
    "BAK-01",
    "APP-01",
    "APP-02",
    "APP-03",
]
"""What has a clause of TCVN 11930:2017 in the catalogue."""
OF_CIRCULAR_12 = ["NET-09", "NET-10", "NET-11", "NET-12", "NET-13", "NET-14", "AUT-13", "MAL-03", "LOG-08"]
"""What has only an appendix of Circular 12/2022."""
OF_CIRCULAR_46 = ["LOG-11", "HW-01", "D7", "D8", "D9", "D10", "D14", "D16"]
"""What comes from the rule of connection of December 2022 and its instructions."""
ALWAYS = ["D1", "D18"]
OF_NEITHER = [
    "NET-05",
    "NET-16",
    "NET-19",
    "AUT-04",
    "AUT-05",
    "AUT-09",
    "AUT-10",
    "AUT-12",
    "HRD-03",
    "HRD-04",
    "PAT-02",
    "PAT-03",
    "PAT-06",
    "PAT-07",
    "LOG-03",
    "LOG-09",
    "LOG-10",
    "LOG-12",
    "DAT-02",
    "DAT-04",
    "BAK-02",
    "D2",
    "D3",
    "D4",
    "D5",
    "D6",
    "D11",
    "D12",
    "D13",
    "D15",
    "D17",
]
"""What only the law of 2026 asks for."""
FROM_LEVEL_2 = ["NET-20", "DAT-01", "APP-02", "APP-03", "NET-11", "LOG-07"]
FROM_LEVEL_3 = [
    "NET-01",
    "NET-08",
    "NET-17",
    "NET-18",
    "MAL-02",
    "MAL-04",
    "INT-01",
    "LOG-06",
    "MON-01",
    "DAT-03",
    "NET-12",
    "NET-13",
    "MAL-03",
    "LOG-08",
    "LOG-11",
    "HW-01",
]
FROM_LEVEL_3 += ["D1", "D7", "D8", "D9", "D10", "D14", "D16"]
FROM_LEVEL_4 = ["AUT-13"]


def ids(bound: BoundBaseline) -> set[str]:
    """The controls of the law's catalogue among the baseline's."""
    return {control.id for control in bound.baseline.controls} & set(CATALOGUE)


def test_the_lists_of_this_file_are_the_whole_catalogue() -> None:
    listed = OF_11930 + OF_CIRCULAR_12 + OF_CIRCULAR_46 + ALWAYS + OF_NEITHER
    assert sorted(listed) == sorted(CATALOGUE)


def test_the_regime_of_2022_holds_its_standard_its_circular_and_the_rule_of_connection() -> None:
    assert ids(BOUND["npdb-2022"]) == {*OF_11930, *OF_CIRCULAR_12, *OF_CIRCULAR_46, *ALWAYS}


def test_the_regime_of_2016_holds_its_standard_alone() -> None:
    assert ids(BOUND["npdb-2016"]) == {*OF_11930, *ALWAYS}


@OLD
def test_a_part_of_a_control_stands_only_where_the_control_stands(bound: BoundBaseline) -> None:
    for control in bound.baseline.controls:
        whole = "-".join(control.id.split("-")[:2])
        assert whole in ids(bound), control.id


@OLD
def test_the_gates_are_those_that_the_regime_knows(bound: BoundBaseline) -> None:
    gates = {control.id for control in bound.baseline.controls if control.classed is ControlClass.GATE}
    assert gates == (GATES - {"AUT-04", "PAT-06"}) | {"PAT-01-RELEASE"}


@OLD
def test_no_clause_of_a_later_law_is_cited(bound: BoundBaseline) -> None:
    later = ("TCVN 14423", "Decree 331", "Decree 333", "Law 116", "Law 91", "Decree 356")
    early = ("Circular 12/2022", "Circular 46/2022", "Decision 1562", "Hanoi") if bound.baseline.id == "npdb-2016" else ()
    for control in bound.baseline.controls:
        for clause in control.references:
            assert not clause.source.startswith((*later, *early)), control.id
            assert "Circular 03/2017" not in clause.source, control.id  # nobody has read it


@OLD
def test_texts_that_nobody_read_are_marked(bound: BoundBaseline) -> None:
    read = {"7.2.1.4", "7.2.1.7", "7.2.2.1", "7.2.2.2", "7.2.2.3", "7.2.2.4", "7.2.2.5"}
    for control in bound.baseline.controls:
        for clause in control.references:
            if clause.source == "TCVN 11930:2017":
                assert clause.unverified is (clause.clause not in read), control.id
            if "not " in clause.clause or "Decree 85" in clause.source or clause.clause.endswith(("6(2)(dd)", "8(2)")):
                assert clause.unverified, control.id


@OLD
def test_every_mandatory_control_rests_on_the_regimes_own_law(bound: BoundBaseline) -> None:
    own = ("TCVN 11930:2017", "Circular 12/2022", "Circular 46/2022", "Decree 85/2016", "Hanoi instruction")
    for control in bound.baseline.controls:
        if control.classed.mandatory:
            assert any(clause.source.startswith(own) for clause in control.references), control.id


@OLD
def test_each_control_names_the_levels_at_which_its_clause_exists(bound: BoundBaseline) -> None:
    lowest = dict.fromkeys(FROM_LEVEL_2, 2) | dict.fromkeys(FROM_LEVEL_3, 3) | dict.fromkeys(FROM_LEVEL_4, 4)
    for control in bound.baseline.controls:
        if control.id in CATALOGUE:
            assert control.levels == tuple(level for level in LEVELS if level >= lowest.get(control.id, 1)), control.id


@OLD
def test_every_level_has_controls_and_rules(bound: BoundBaseline) -> None:
    for level in LEVELS:
        assert bound.controls(level)
        assert any(level in rule.parameters and rule.control.classed.mandatory for rule in bound.rules)


@OLD
def test_the_numbers_of_the_new_standard_do_not_stand_in_an_old_regime(bound: BoundBaseline) -> None:
    used = {rule.check.id for rule in bound.rules}
    assert not used & {
        "host-password-strength",
        "host-dormant-accounts",
        "host-administrator-password-age",
        "host-password-history",
    }
    kept = {
        (rule.control.id, level): parameters.model_dump()["days"]
        for rule in bound.rules
        if rule.check.id == "host-log-retention"
        for level, parameters in rule.parameters.items()
    }
    assert kept == {("LOG-07-PERIOD", 3): 90, ("LOG-07-PERIOD-HIGHER", 4): 90, ("LOG-07-PERIOD-HIGHER", 5): 90}
    for control in bound.baseline.controls:
        assert "45" not in control.title.en, control.id


@OLD
def test_the_default_port_of_administration_is_an_obligation(bound: BoundBaseline) -> None:
    classed = {control.id: control.classed for control in bound.baseline.controls}
    assert classed["NET-07"] is ControlClass.MINOR
    assert {control.id: control.classed for control in national().baseline.controls}["NET-07"] is ControlClass.ADVISORY


@OLD
def test_the_headings_are_the_five_so_that_reports_compare(bound: BoundBaseline) -> None:
    assert bound.baseline.headings == national().baseline.headings


@OLD
def test_a_control_of_two_regimes_has_the_same_class_in_both_but_where_the_law_differs(bound: BoundBaseline) -> None:
    now = {control.id: control.classed for control in national().baseline.controls}
    differ = {control.id for control in bound.baseline.controls if control.id in now and control.classed is not now[control.id]}
    assert differ == {"NET-07"}


@OLD
def test_a_baseline_bears_the_name_of_its_file(bound: BoundBaseline) -> None:
    assert not bound.baseline.laboratory
    assert (Path(OF_2022.parent) / f"{bound.baseline.id}.yaml").is_file()
    assert bound.baseline.regime == "R-" + bound.baseline.id.removeprefix("npdb-")


def test_the_regimes_follow_one_another_without_a_gap() -> None:
    """Instants in UTC: midnight in Vietnam is 17:00 of the day before."""
    of_2016, of_2022, of_2026 = (one.baseline.effective for one in (BOUND["npdb-2016"], BOUND["npdb-2022"], national()))
    assert of_2016.begins == datetime(2016, 6, 30, 17, tzinfo=UTC)
    assert of_2016.ends == of_2022.begins == datetime(2022, 9, 30, 17, tzinfo=UTC)
    assert of_2022.ends == of_2026.begins == datetime(2026, 8, 18, 17, tzinfo=UTC)
    assert of_2026.ends is None
    assert of_2016.transition is None
    assert of_2026.transition is None
    assert of_2022.transition is not None
    assert of_2022.transition.until == datetime(2027, 6, 30, 17, tzinfo=UTC)
    assert of_2022.transition.approved_before == datetime(2026, 6, 30, 17, tzinfo=UTC)
    assert of_2022.transition.shown_by == "D1"
