"""The baselines that are shipped: they load, cite, speak both languages, use every check and leave nothing out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

import checks
from scanner.assessment import ControlClass
from scanner.baseline import LEVELS, BoundBaseline, Control, Way, load
from scanner.observations import HostObservation
from scanner.plan import OF_A_HOST, OF_THE_AGENCY, OVER_UDP, SPOKEN, kind_of, looked_at
from scanner.registry import load_checks
from scanner.targets import BilingualText

SHIPPED = Path(checks.__file__).parent / "baselines"
NATIONAL = SHIPPED / "npdb-2026.yaml"
OF_2022 = SHIPPED / "npdb-2022.yaml"
OF_2016 = SHIPPED / "npdb-2016.yaml"
LAB = Path(checks.__file__).parents[1] / "examples" / "lab-baseline.yaml"
CHECKS = load_checks()
EACH = pytest.mark.parametrize(
    "bound",
    [load(path.read_bytes(), path.name, CHECKS) for path in (NATIONAL, OF_2022, OF_2016, LAB)],
    ids=["2026", "2022", "2016", "lab"],
)

CATALOGUE = (
    [f"NET-{n:02}" for n in range(1, 21)]
    + [f"AUT-{n:02}" for n in range(1, 14)]
    + [f"HRD-{n:02}" for n in range(1, 5)]
    + [f"PAT-{n:02}" for n in range(1, 8)]
    + [f"MAL-{n:02}" for n in range(1, 5)]
    + [f"LOG-{n:02}" for n in range(1, 13)]
    + [f"DAT-{n:02}" for n in range(1, 5)]
    + [f"APP-{n:02}" for n in range(1, 4)]
    + ["BAK-01", "BAK-02", "INT-01", "MON-01", "HW-01"]
    + [f"D{n}" for n in range(1, 19)]
)
GATES = {
    "D1",
    "D18",
    "NET-01",
    "NET-02",
    "NET-01-UPGRADE",
    "NET-02-SERVICES",
    "NET-02-SNMP",
    "NET-02-TFTP",
    "NET-17",
    "NET-18",
    "AUT-01-STORES",
    "AUT-01-STRANGERS",
    "AUT-04",
    "PAT-04",
    "PAT-04-EXPLOITED",
    "PAT-06",
}


def national() -> BoundBaseline:
    return load(NATIONAL.read_bytes(), NATIONAL.name, CHECKS)


def titles(bound: BoundBaseline) -> Iterator[BilingualText]:
    yield bound.baseline.title
    yield from (heading.title for heading in bound.baseline.headings)
    for control in bound.baseline.controls:
        yield control.title
        if control.attestation is not None:
            yield control.attestation.document


def test_the_national_baseline_uses_every_check() -> None:
    assert set(CHECKS) - {rule.check.id for rule in national().rules} == set()


@EACH
def test_every_control_cites_a_clause_with_words_in_it(bound: BoundBaseline) -> None:
    for control in bound.baseline.controls:
        assert control.references
        assert all(clause.source.strip() and clause.clause.strip() for clause in control.references), control.id


@EACH
def test_every_title_stands_in_both_languages(bound: BoundBaseline) -> None:
    for title in titles(bound):
        assert title.vi.strip()
        assert title.en.strip()
        assert title.vi != title.en
        assert unicodedata.is_normalized("NFC", title.vi)
        assert title.en.isascii(), title.en


@EACH
def test_most_vietnamese_titles_carry_their_diacritics(bound: BoundBaseline) -> None:
    plain = [title.vi for title in titles(bound) if title.vi.isascii()]
    assert plain == []


@EACH
def test_the_method_of_a_control_is_how_it_is_decided(bound: BoundBaseline) -> None:
    for control in bound.baseline.controls:
        kinds = {looked_at(kind_of(rule.check.observes)) for rule in bound.rules_of(control)}
        assert (Way.HOST in control.method) == ("host" in kinds), control.id
        assert (Way.NETWORK in control.method) == bool(kinds - {"host"}), control.id
        assert (Way.DOCUMENT in control.method) == (control.attestation is not None), control.id


@EACH
def test_no_mandatory_control_is_left_open_because_two_kinds_of_service_are_mixed_in_it(bound: BoundBaseline) -> None:
    """A kind that nobody declared leaves a control open, so one control judges the services of one kind only."""
    together = [set(kinds) for kinds in (*SPOKEN.values(), OVER_UDP, OF_A_HOST, OF_THE_AGENCY)]
    for control in bound.baseline.controls:
        kinds = {kind_of(rule.check.observes) for rule in bound.rules_of(control)}
        assert any(kinds <= group for group in together), control.id
        assert "http" not in kinds or kinds <= {"http", "web-paths"}, control.id


@EACH
def test_the_evidence_ages_as_the_levels_demand(bound: BoundBaseline) -> None:
    assert [bound.baseline.evidence_max_age_days[level] for level in LEVELS] == [365, 365, 183, 92, 31]


@EACH
def test_the_operating_systems_that_are_listed_stand_once(bound: BoundBaseline) -> None:
    for rule in bound.rules:
        if rule.check.observes is HostObservation and rule.check.id == "host-os-supported":
            for parameters in rule.parameters.values():
                listed = [(entry["id"], entry["version_id"]) for entry in parameters.model_dump()["supported"]]
                assert listed
                assert len(set(listed)) == len(listed)


@EACH
def test_a_control_that_can_fail_a_well_run_agency_by_suggestion_only_is_advisory(bound: BoundBaseline) -> None:
    profiles = [control for control in bound.baseline.controls if control.id.endswith(("-PROFILE", "-HEADERS"))]
    assert profiles
    assert {control.classed for control in profiles} == {ControlClass.ADVISORY}


def test_only_the_laboratory_baseline_is_one() -> None:
    assert not national().baseline.laboratory
    assert load(LAB.read_bytes(), LAB.name, CHECKS).baseline.laboratory


def test_nothing_the_law_lists_is_absent() -> None:
    known = {control.id for control in national().baseline.controls}
    assert [wanted for wanted in CATALOGUE if wanted not in known] == []


def test_the_gates_are_those_of_the_law() -> None:
    found = {control.id for control in national().baseline.controls if control.classed is ControlClass.GATE}
    assert found == GATES


def test_the_headings_are_the_five_of_the_circular_and_each_is_used() -> None:
    baseline = national().baseline
    assert [heading.id for heading in baseline.headings] == [
        "configuration",
        "vulnerabilities",
        "source-code",
        "hardware",
        "policies",
    ]
    assert {control.heading for control in baseline.controls} == {heading.id for heading in baseline.headings}


def test_texts_of_the_old_standard_that_nobody_read_are_marked() -> None:
    read = {"7.2.1.4", "7.2.1.7", "7.2.2.1", "7.2.2.2", "7.2.2.3", "7.2.2.4", "7.2.2.5"}
    for control in national().baseline.controls:
        for clause in control.references:
            if clause.source == "TCVN 11930:2017":
                assert clause.unverified is (clause.clause not in read), control.id
            if "Art 8(2)" in clause.clause or "6(2)(dd)" in clause.clause:
                assert clause.unverified, control.id


def test_documents_age_faster_at_higher_levels() -> None:
    for control in national().baseline.controls:
        ages = control.attestation.max_age_days if control.attestation else {}
        in_order = [ages[level] for level in LEVELS if level in ages]
        assert in_order == sorted(in_order, reverse=True), control.id


def test_no_system_is_listed_whose_support_had_ended_when_the_list_was_made() -> None:
    rule = next(rule for rule in national().rules if rule.check.id == "host-os-supported")
    for entry in rule.parameters[3].model_dump()["supported"]:
        assert entry["until"] > "2026-11-23T00:00:00Z", entry


def test_every_level_has_controls_and_level_3_has_every_check() -> None:
    bound = national()
    levels: dict[int, list[Control]] = {level: list(bound.controls(level)) for level in LEVELS}
    assert all(levels.values())
    at_three = {rule.check.id for rule in bound.rules if 3 in rule.parameters}
    assert at_three == set(CHECKS)
