"""A gateway's memory: nothing older is applied again, by whatever key, and an exporter's numbers go up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from certification.exporting import ExportMark, next_after
from certification.high_water import advanced, on_time, read_mark
from certification.refusals import Code
from tests.certification.stage import refused, signer
from tests.certification.test_gateway_bundle import office, read, soon
from tests.gateway.stage import NOW, Office, root

__all__ = ["office"]


def test_nothing_older_is_applied_again(office: Office) -> None:
    first, second = (read(office, office.export()) for _ in range(2))
    mark = advanced(advanced(None, first, office.trust, soon()), second, office.trust, soon())
    with refused(Code.BUNDLE_OLDER):
        advanced(mark, first, office.trust, soon())
    assert advanced(mark, second, office.trust, soon()).keys == mark.keys
    office.sequence = 1
    other = read(office, office.export(lives=timedelta(hours=3)))
    with refused(Code.BUNDLE_DIFFERS):
        advanced(mark, other, office.trust, soon())
    with refused(Code.CLOCK_BACKWARDS):
        on_time(mark, mark.seen_at - timedelta(seconds=1))
    assert read_mark(mark.written()) == mark
    with refused(Code.MARK_LOST):
        read_mark(mark.written()[:-1])


def test_another_gateway_key_brings_back_nothing_that_was_before(office: Office) -> None:
    early = read(office, office.export(signer=signer("gateway-2"), at=soon(1)))
    late = read(office, office.export(at=soon(9)))
    mark = advanced(None, late, office.trust, soon())
    with refused(Code.BUNDLE_OLDER):
        advanced(mark, early, office.trust, soon())


def test_an_older_trust_root_or_log_is_not_gone_back_to(office: Office) -> None:
    made = read(office, office.export())
    newer = root(version=2)
    mark = advanced(None, made, newer, soon())
    with refused(Code.ROOT_OLDER):
        advanced(mark, made, office.trust, soon())
    office.issue()
    grown = read(office, office.export())
    after = advanced(mark, grown, newer, soon())
    shrunk = made.predicate.model_copy(update={"sequence": 99, "stated_at": grown.predicate.stated_at})
    with refused(Code.LOG_ROLLED_BACK):
        advanced(after, replace(made, predicate=shrunk, sha256="11" * 32), newer, soon())
    point = replace(grown.checkpoint.checkpoint, root=b"\0" * 32)
    forked = replace(grown, checkpoint=replace(grown.checkpoint, checkpoint=point))
    with refused(Code.LOG_FORKED):
        advanced(after, forked, newer, soon())


def test_an_exporter_counts_up_and_its_clock_never_runs_back() -> None:
    first = next_after(None, NOW)
    assert first == ExportMark(sequence=1, issued=NOW)
    assert next_after(first, NOW).sequence == 2
    with refused(Code.CLOCK_BACKWARDS):
        next_after(first, NOW - timedelta(seconds=1))
