"""What the engine itself says of a rule: the outcome, the words, how sure it is, and the evidence it rests on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from scanner.baseline import BoundBaseline, load
from scanner.check import Check, Parameters
from scanner.evaluate import evaluate
from scanner.findings import Confidence, Finding, Message, Outcome, Stated, Verdict, said
from scanner.observations import Method, Observation, Reason, Sight, Sighting, Unobserved
from scanner.order import Order
from scanner.registry import load_checks
from scanner.specimens import AT, VANTAGE, ssh, tls
from scanner.targets import Speaks
from tests.checks.test_verdicts_of_the_baselines import order, scope
from tests.scanner.test_rejudging import ALL, law

LAW = load(law("law", ("TLS", "major", "tls-minimum-version", "{minimum: TLS 1.2}", ALL)), "law", load_checks())
SIGHT = Sight(subject="web1:443", kind="tls")
DIGEST = "77" * 32
PLACED = order(LAW, scope((443, Speaks.TLS)))
READ = tls(seen=tls().seen.model_copy(update={"how": Method.BANNER}))


def of_tls(
    result: Observation | Unobserved | None, placed: Order = PLACED, bound: BoundBaseline = LAW, sight: Sight = SIGHT
) -> Finding:
    """The finding of the one rule about TLS where this lies at its sight."""
    looked = {}
    if result is not None:
        looked[SIGHT] = (Sighting(sight=sight, observed_at=AT, vantage=VANTAGE, result=result), DIGEST)
    return next(one for one in evaluate(placed, bound, looked, {}) if one.control == "TLS")


def failing(_observation: Any, _parameters: Parameters) -> Verdict:
    raise KeyError("nothing of the peer's text may be shown")


def with_rule(**changes: Any) -> BoundBaseline:
    """The baseline, whose check of TLS is changed."""

    def changed(check: Check[Any, Any]) -> Check[Any, Any]:
        return replace(check, **changes) if check.id == "tls-minimum-version" else check

    return replace(LAW, rules=tuple(replace(rule, check=changed(rule.check)) for rule in LAW.rules))


SKIPPED = PLACED.model_copy(update={"skipped": (SIGHT,)})
WINDOW = PLACED.permit.window.model_copy(update={"ends": AT})
CLOSED = PLACED.model_copy(update={"permit": PLACED.permit.model_copy(update={"window": WINDOW})})
LATER = PLACED.model_copy(update={"judged_at": AT + timedelta(days=365, seconds=1)})
NOT_CHECKED, ERROR = Outcome.NOT_CHECKED, Outcome.ERROR


@pytest.mark.parametrize(
    ("given", "outcome", "words", "confidence", "evidence"),
    [
        ((None,), NOT_CHECKED, "no probe ran", None, None),
        ((tls(), SKIPPED), NOT_CHECKED, "skipped by the operator", None, DIGEST),
        ((Unobserved(reason=Reason.REFUSED),), NOT_CHECKED, "refused", None, DIGEST),
        ((Unobserved(reason=Reason.REFUSED, detail="by the peer"),), NOT_CHECKED, "refused: by the peer", None, DIGEST),
        ((ssh(),), ERROR, "the evidence is of another kind than the check reads", None, DIGEST),
        (
            (tls(), PLACED, LAW, Sight(subject="web1:444", kind="tls")),
            ERROR,
            "the evidence is of another kind than the check reads",
            None,
            DIGEST,
        ),
        ((tls(), CLOSED), NOT_CHECKED, "seen outside the permit's window", Confidence.CERTAIN, DIGEST),
        ((tls(), LATER), NOT_CHECKED, "seen more than 365 days before the judgement", Confidence.CERTAIN, DIGEST),
        (
            (READ,),
            NOT_CHECKED,
            "needs an authenticated check: it was only seen in a banner",
            Confidence.TENTATIVE,
            DIGEST,
        ),
        ((tls(), PLACED, with_rule(judge=failing)), ERROR, "the check failed: KeyError", Confidence.CERTAIN, DIGEST),
    ],
    ids=[
        "nobody looked",
        "left out by the operator",
        "not seen",
        "not seen, and why in detail",
        "something else lies there",
        "it lies elsewhere than it says",
        "outside the permit",
        "too long ago",
        "read off a banner",
        "a check that fails",
    ],
)
def test_what_the_engine_says_where_no_check_may_judge(
    given: tuple[Any, ...], outcome: Outcome, words: str, confidence: Confidence | None, evidence: str | None
) -> None:
    found = of_tls(*given)
    assert (found.outcome, found.seen.shown(), found.confidence, found.evidence) == (outcome, words, confidence, evidence)


def test_evidence_is_judged_to_the_last_second_it_may_be_old() -> None:
    last = PLACED.model_copy(update={"judged_at": AT + timedelta(days=365)})
    assert of_tls(tls(), last).outcome is Outcome.PASS


def test_a_place_that_no_value_fills_stays_as_it_is_written() -> None:
    assert said("{one} of {other}", one=1).shown() == "1 of {other}"
    assert Message(text="{one}").shown(words={"one": "{two}"}) == "{two}"  # and what fills a place is no place itself


@pytest.mark.parametrize(("length", "shown"), [(1_024, "ệ" * 1_024), (1_025, "ệ" * 1_024 + "... (1025 characters)")])
def test_of_what_a_person_wrote_a_message_holds_so_much_and_tells_how_long_it_is(length: int, shown: str) -> None:
    assert said("{what}", what=Stated("ệ" * length)).shown() == shown
