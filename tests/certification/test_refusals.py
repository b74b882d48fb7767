"""Reason codes: each is explained, each is used, and a message never carries what a peer could do harm with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from certification.refusals import Code, Refusal, RefusalKind
from scanner.findings import said

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_explained_and_is_of_a_kind(code: Code) -> None:
    assert code.kind in RefusalKind
    assert code.explanation.endswith(".")


@pytest.mark.parametrize("code", list(Code))
def test_every_code_is_raised_somewhere_and_seen_in_a_test(code: Code) -> None:
    use = re.compile(rf"\bCode\.{code.name}\b")
    sources = [path for path in (ROOT / "certification").glob("*.py") if path.name != "codes.py"]
    assert any(use.search(path.read_text("utf-8")) for path in sources)
    assert any(use.search(path.read_text("utf-8")) for path in Path(__file__).parent.glob("*.py"))


def test_a_message_escapes_what_others_wrote() -> None:
    refusal = Refusal(Code.EVIDENCE_ADDED, said("{path} was not signed for", path="\x1b[2Jx\u202e"))
    assert refusal.message == "\\x1b[2Jx\\u{202e} was not signed for"
    assert "\x1b" not in str(refusal)
    assert refusal.kind is RefusalKind.INTEGRITY
