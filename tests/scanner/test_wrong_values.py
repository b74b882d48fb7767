"""What stands wrongly in a YAML file is told in the words of whoever wrote it, in both languages, and not in those of a library."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scanner import i18n, strict_yaml
from scanner.faults import InputError
from scanner.targets import Scope

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
