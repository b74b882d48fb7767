"""What stands wrongly in a YAML file is told in the words of whoever wrote it, in both languages, and not in those of a library."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from scanner import i18n, strict_yaml
from scanner.addresses import Network
from scanner.attestations import Answer, Attestation
from scanner.faults import InputError
from scanner.findings import said
from scanner.record import RecordError, explained
from scanner.targets import Scope

INSTANT = datetime(2026, 11, 27, tzinfo=UTC)
GOOD = """\
agency: {code: H46, name: {vi: Thử, en: Test}, echelon: province}
system: {id: S, name: {vi: Thử, en: Test}, level: 3, operator: IT}
hosts: [{id: web, address: 192.0.2.1, services: [{port: 443, speaks: https, name: a.test}]}]
"""


@pytest.fixture(params=["en", "vi"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    i18n.choose(request.param)
    yield request.param
    i18n.choose("en")


@pytest.mark.parametrize(
    ("old", "new", "english", "vietnamese"),
    [
        (GOOD.splitlines()[2], "hosts: []", "hosts: at least 1 must stand here", "hosts: ở đây phải có ít nhất 1 mục"),
        ("port: 443", "port: https", "a whole number is wanted here", "ở đây cần một số nguyên"),
        ("code: H46", "code: 46", "text is wanted here", "ở đây cần văn bản"),
        ("speaks: https", "speaks: gopher", "is wanted here", "ở đây cần một trong"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(language: str, old: str, new: str, english: str, vietnamese: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as refused:
        strict_yaml.parse(GOOD.replace(old, new).encode(), "scope.yaml").as_record(Scope)
    told = str(refused.value)
    assert {"en": english, "vi": vietnamese}[language] in told and "scope.yaml:" in told
    assert "Input should" not in told and "Tuple" not in told


def refused(**changes: Any) -> ValidationError:
    """What is said of an answer with these changes."""
    good: dict[str, Any] = {
        "control": "D1", "answer": Answer.YES, "document": "55" * 32, "dated": INSTANT, "by": "an", "role": "Head", "answered_at": INSTANT
    }  # fmt: skip
    with pytest.raises(ValidationError) as told:
        Attestation(**good | changes)
    return told.value


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"by": "Trần"}, "by: write it with the letters a to z without marks, digits, dots, dashes and underscores, as in H46 or tran.thi.b"),
        ({"by": ""}, "by: at least 1 character is wanted here"),
        ({"role": "x" * 10_001}, "role: at most 10000 characters may stand here"),
        ({"document": "5"}, "document: a SHA-256 is wanted here: 64 digits from 0 to 9 and a to f"),
        ({"document": None}, "the answer yes needs a document"),
        ({"answer": Answer.NO}, "the answer no needs a reason"),
        ({"role": "a\u202eb"}, "role: text must hold no control or formatting characters"),
        ({"dated": datetime(2026, 11, 27)}, "dated: an instant needs a time zone, as in 2026-11-23T08:00:00+07:00"),  # noqa: DTZ001
        ({"by": "", "role": "a\u202eb"}, "by: at least 1 character is wanted here; role: text must hold no control or formatting characters"),
    ],
)  # fmt: skip
def test_what_a_record_refuses_is_told_in_our_own_sentences(changes: dict[str, Any], sentence: str) -> None:
    told = explained(refused(**changes))
    assert told == sentence
    assert "Value error" not in told and "String should" not in told


def test_a_sentence_of_our_own_keeps_its_letters_in_a_message_and_the_input_does_not(language: str) -> None:
    told = explained(refused(by=""))
    assert said("{why}", why=told).values[0].value == told
    with pytest.raises(ValidationError) as found:
        Attestation.model_validate_json(b'{"K\xe1\xba\xbf\xe2\x80\xae": 1}')
    assert explained(found.value).partition(": ")[0].isascii()
    with pytest.raises(RecordError, match="the key 'by' is missing"):
        Attestation.read(b'{"control": "D1"}')


@pytest.mark.parametrize("network", ["abc", "10.0.0.1/8", "", "10.0.0.0/33"])
def test_what_is_no_range_of_addresses_is_told_with_how_to_write_one(network: str) -> None:
    with pytest.raises(ValidationError) as told:
        TypeAdapter(Network).validate_python(network)
    assert explained(told.value).startswith("it is no range of addresses: write one as 10.1.2.0/24")
