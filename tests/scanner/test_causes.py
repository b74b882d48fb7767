"""Why a decision is what it is: gates first, the rest together by what has to be done, each reason by itself further down, and none lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scanner import i18n, readers, report_pdf
from scanner.causes import Need
from scanner.observations import Reason, Unobserved
from scanner.readers import Reader
from scanner.report import as_pages
from scanner.targets import BilingualText, Speaks
from tests.checks.test_verdicts_of_the_baselines import scope
from tests.scanner.test_claims import OLD, OWN, run_of
from tests.scanner.test_pages import assessment, edition
from tests.scanner.test_rejudging import ALL, law
from tests.scanner.test_typesetting import text_of

BASELINE = law(
    "law",
    ("NAMED", "gate", "peer-certificate-key-size", "{}", ALL),
    ("PLAIN", "gate", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
    ("TLS", "major", "tls-minimum-version", "{minimum: TLS 1.2}", ALL),
    ("SSH", "major", "ssh-key-exchange", "{}", ALL),
    ("HOST", "major", "host-malware-agent", "{}", ALL),
    *((f"DOC-{number}", "major", "document", "", ALL) for number in range(9)),
)
REFUSED = Unobserved(reason=Reason.REFUSED, detail="[Errno 111] Connection refused")
NO_LOGIN = Unobserved(reason=Reason.NO_CREDENTIAL)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return run_of(OWN, of=scope((443, Speaks.HTTPS)), baseline=BASELINE, tls=OLD, peer_certificate=REFUSED, host=NO_LOGIN)


def test_reasons_stand_together_by_what_has_to_be_done_gates_first(files: dict[str, bytes]) -> None:
    view = edition(files).view
    groups = [(group.need, [cause.control for cause in group.causes]) for group in view.cause_groups]
    assert groups == [
        (Need.GATE, ["PLAIN", "NAMED"]),
        (Need.MENDING, ["TLS"]),
        (Need.LOGIN, ["HOST"]),
        (Need.DECLARING, ["SSH"]),
        (Need.DOCUMENT, [f"DOC-{number}" for number in range(9)]),
    ]
    assert [cause.wants for cause in view.cause_groups[0].causes] == ["to be mended", "was not reached"]
    assert all(group.todo for group in view.cause_groups[1:])
    assert sum(len(cause.subjects) for group in view.cause_groups for cause in group.causes) == len(view.reasons)


@pytest.mark.parametrize(
    ("outcome", "need"),
    [
        (Unobserved(reason=Reason.NOT_GIVEN, detail="no trust anchors were given"), Need.FILE),
        (Unobserved(reason=Reason.NOT_GIVEN, detail="the run has no feeds; give them with --feeds"), Need.FEEDS),
        (Unobserved(reason=Reason.NEEDS_RIGHTS), Need.LOGIN),
        (Unobserved(reason=Reason.TIMED_OUT), Need.REACH),
        (Unobserved(reason=Reason.CRASHED, detail="feeds"), Need.SIGHT),
    ],
    ids=lambda value: value.reason if isinstance(value, Unobserved) else value,
)
def test_what_was_not_seen_is_told_by_what_was_missing(outcome: Unobserved, need: Need) -> None:
    baseline = law("law", ("TLS", "major", "tls-minimum-version", "{minimum: TLS 1.2}", ALL))
    view = edition(run_of(OWN, of=scope((443, Speaks.HTTPS)), baseline=baseline, tls=outcome)).view
    (cause,) = [cause for cause in view.causes if cause.control == "TLS"]
    assert cause.need is need


def test_the_first_page_tells_a_long_group_in_few_lines_and_the_list_below_holds_all(files: dict[str, bytes]) -> None:
    for reader in (Reader.AGENCY, Reader.INSPECTOR):
        (page,) = as_pages([edition(files)], reader, "r")
        first, _, below = page.data.decode().partition("<h2>All reasons</h2>")
        section = first.partition("Reasons for the decision</h2>")[2].partition("</section>")[0]
        assert "Needs a document: 9" in section
        assert "clearance questionnaire" in section
        assert section.count("<b>DOC-") == 6
        assert "and 3 more" in section
        assert section.index("<b>PLAIN</b>") < section.index("<b>NAMED</b>") < section.index("<b>TLS</b>")
        for number in range(9):
            assert f"</span> DOC-{number}</th>" in below


def test_the_pdf_tells_the_same(files: dict[str, bytes], tmp_path: Path) -> None:
    text = text_of(report_pdf.as_pdf([edition(files)], Reader.AGENCY, assessment(files)), tmp_path)
    first, _, below = text.partition("Every reason by itself")
    assert "Needs a document: 9" in first
    assert "DOC-8" not in first
    assert all(f"DOC-{number}" in below for number in range(9))


def test_the_approver_is_told_each_failed_gate_and_the_rest_in_one_line_each(files: dict[str, bytes]) -> None:
    with i18n.speaking("en"):
        rows = {row.question: row.lines for row in readers.dossier(edition(files).view, None)}
    assert rows["Why"][0] == "✗ gate PLAIN is not satisfied at web1:443"
    assert rows["Why"][1] == "? Gates that failed or are not determined: NAMED"
    assert rows["Why"][-1].startswith("? Needs a document: DOC-0, DOC-1")
    assert len(rows["Why"]) == 6


@pytest.mark.parametrize("reader", list(Reader))
def test_a_name_stands_once_and_the_agencys_code_beside_it(files: dict[str, bytes], reader: Reader, tmp_path: Path) -> None:
    with i18n.speaking("en"):
        assert i18n.both(BilingualText(vi="dvc", en="dvc")) == "dvc"
        assert i18n.both(BilingualText(vi="Mẫu", en="Specimen")) == "Specimen (Mẫu)"
    found = edition(files)
    found = replace(found, view=replace(found.view, agency="UBND tỉnh Mẫu", agency_code="H98"))
    assert "UBND tỉnh Mẫu · H98</h1>" in as_pages([found], reader, "r")[0].data.decode()
    assert "UBND tỉnh Mẫu · H98" in text_of(report_pdf.as_pdf([found], reader, assessment(files)), tmp_path)
    assert replace(found.view, agency="H98").agency_named == "H98"
