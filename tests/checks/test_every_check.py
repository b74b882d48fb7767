"""What holds of every check there is: its examples, its words, and the facts it says it reads."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from scanner.check import Check, Parameters, check
from scanner.findings import Fail, Message, NotApplicable, Pass, Verdict, said
from scanner.observations import KINDS, GreetingObservation, MissingFactError, Observation, Reason, Unobserved, fact
from scanner.registry import load_checks
from scanner.specimens import greeting

CHECKS = load_checks()
EVERY = pytest.mark.parametrize("one", CHECKS.values(), ids=CHECKS)
UNSEEN = Unobserved(reason=Reason.TIMED_OUT)


def examples(one: Check[Any, Any], which: tuple[Any, ...]) -> list[tuple[Observation, Parameters]]:
    """The examples, those without parameters with the check's own defaults."""
    return [example if isinstance(example, tuple) else (example, one.parameters()) for example in which]


def facts_of(kind: type[Any]) -> set[str]:
    """The fields and properties of this kind of observation that can be unobserved."""
    hints = typing.get_type_hints(kind)
    answers = {name: value.fget for name, value in vars(kind).items() if isinstance(value, property)}
    hints |= {name: typing.get_type_hints(answer)["return"] for name, answer in answers.items() if answer is not None}
    return {name for name in {*kind.model_fields, *answers} if Unobserved in typing.get_args(hints[name])}


def without(observation: Observation, name: str) -> Observation:
    """The observation as it would be had this fact not been seen."""
    kind = type(observation)
    if name in kind.model_fields:
        return observation.model_copy(update={name: UNSEEN})
    blind: type[Any] = type(kind.__name__, (kind,), {name: property(lambda _: UNSEEN), "__module__": kind.__module__})
    changed: Observation = blind.model_construct(**{field: getattr(observation, field) for field in kind.model_fields})
    return changed


def facts_read_undeclared(one: Check[Any, Any]) -> set[str]:
    """Facts on which the verdict depends although the check does not declare them."""
    found = set()
    for name in facts_of(one.observes) - set(one.facts):
        for observation, parameters in examples(one, one.passes) + examples(one, one.fails):
            changed = without(observation, name)
            if any(isinstance(getattr(changed, declared), Unobserved) for declared in one.facts):
                continue  # the engine would not call the check
            try:
                again = one(changed, parameters)
            except MissingFactError:
                found.add(name)
            else:
                found |= set() if again == one(observation, parameters) else {name}
    return found


@EVERY
def test_each_passing_example_passes(one: Check[Any, Any]) -> None:
    assert one.passes
    for observation, parameters in examples(one, one.passes):
        assert isinstance(one(observation, parameters), Pass), observation


@EVERY
def test_each_failing_example_fails_and_says_what_was_seen(one: Check[Any, Any]) -> None:
    assert one.fails
    for observation, parameters in examples(one, one.fails):
        verdict = one(observation, parameters)
        assert isinstance(verdict, Fail), observation
        assert verdict.seen.text
        assert "{" not in verdict.seen.shown()


@EVERY
def test_each_example_can_reach_the_check_because_its_declared_facts_are_there(one: Check[Any, Any]) -> None:
    for observation, _ in examples(one, one.passes + one.fails):
        assert isinstance(observation, one.observes)
        assert not [name for name in one.facts if isinstance(getattr(observation, name), Unobserved)]


@EVERY
def test_each_check_is_explained_and_says_how_to_mend_a_failure(one: Check[Any, Any]) -> None:
    assert one.title.endswith(".") or one.title.endswith(").")
    assert len(one.explanation) > 60
    assert one.fixes
    assert all(len(text) > 12 for text in one.fixes.values()), one.fixes


@EVERY
def test_each_parameter_has_a_default_that_is_valid_when_it_is_written_down(one: Check[Any, Any]) -> None:
    defaults = one.parameters()
    assert one.parameters.read(defaults.written()) == defaults


@EVERY
def test_no_check_reads_a_fact_it_does_not_declare(one: Check[Any, Any]) -> None:
    assert facts_read_undeclared(one) == set()


@EVERY
def test_the_verdict_depends_on_nothing_but_observation_and_parameters(one: Check[Any, Any]) -> None:
    for observation, parameters in examples(one, one.passes + one.fails):
        again = type(observation).read(observation.written())
        assert one(again, parameters) == one(observation, parameters)


def test_every_kind_of_observation_is_judged_by_some_check() -> None:
    assert {one.observes for one in CHECKS.values()} == set(KINDS.values())


def _on_greetings(judge: typing.Callable[[GreetingObservation, Parameters], Verdict]) -> Check[Any, Any]:
    judge.__doc__ = "A planted check.\n\nJudges as its test says."
    decorate: typing.Callable[[typing.Any], Check[Any, Any]] = check(
        "a-planted-check",
        observes=GreetingObservation,
        passes=(greeting(),),
        fails=(greeting(answers_unauthenticated=True),),
        fixes={"any": "nothing to mend"},
    )
    return decorate(judge)


def test_a_check_that_reads_a_fact_it_does_not_declare_is_found() -> None:
    def careless(seen: GreetingObservation, _: Parameters) -> Verdict:
        return Fail(said("open")) if fact(seen.answers_unauthenticated) else Pass()

    assert facts_read_undeclared(_on_greetings(careless)) == {"answers_unauthenticated"}


def test_a_check_that_reads_a_property_it_does_not_declare_is_found() -> None:
    def careless(seen: GreetingObservation, _: Parameters) -> Verdict:
        return Fail(said("open")) if fact(seen.spoken_in_clear) == "telnet" else Pass()

    assert facts_read_undeclared(_on_greetings(careless)) == {"spoken_in_clear"}


def test_a_check_that_takes_what_is_missing_for_good_is_found() -> None:
    def trusting(seen: GreetingObservation, _: Parameters) -> Verdict:
        return Fail(said("open")) if seen.answers_unauthenticated is True else Pass()

    assert facts_read_undeclared(_on_greetings(trusting)) == {"answers_unauthenticated"}


def test_a_check_that_declares_what_an_observation_does_not_have_does_not_load() -> None:
    with pytest.raises(TypeError, match="no fact said_nothing"):
        check(
            "a-planted-check",
            observes=GreetingObservation,
            facts=("said_nothing",),
            passes=(greeting(),),
            fails=(greeting(),),
            fixes={"any": "nothing to mend"},
        )(CHECKS["exposure-authenticated-stores"].judge)


def test_messages_hold_hostile_names_without_interpreting_them() -> None:
    hostile = greeting(protocol="telnet", said="{protocol} \\x1b[31m")
    verdict = CHECKS["exposure-no-cleartext-administration"](hostile, CHECKS["exposure-no-cleartext-administration"].parameters())
    assert isinstance(verdict, Fail)
    assert verdict.seen == Message(text="speaks {protocol} in clear", values=verdict.seen.values)
    assert verdict.seen.shown() == "speaks telnet in clear"


def test_not_applicable_is_rare() -> None:
    def applies_not(one: Check[Any, Any]) -> bool:
        return any(isinstance(one(*example), NotApplicable) for example in examples(one, one.passes + one.fails))

    assert not [one.id for one in CHECKS.values() if applies_not(one)]
