"""What chrony, ntpd and timesyncd say of a host's clock."""

from __future__ import annotations

import pytest

from scanner.observations import Clock, Reason, Unobserved
from scanner.probes.collection import clock
from tests.scanner.probes.test_host_logs import CHRONY, CHRONY_LOST, NTPQ, TIMESYNCD, found, reason


def clocks(**sections: bytes) -> tuple[Clock, ...] | Unobserved:
    """What is said where these services alone are there."""
    return clock.clocks(found(*({"chrony", "ntp", "timesyncd"} - set(sections)), **sections))


def test_three_time_services_say_whom_they_follow_and_how_far_off_they_are() -> None:
    assert clock.clocks(found()) == (
        Clock(by="chrony", synchronised=True, offset_milliseconds=1, source="192.0.2.1"),
        Clock(by="ntp", synchronised=True, offset_milliseconds=1, source="192.0.2.1"),
        Clock(by="timesyncd", synchronised=True, offset_milliseconds=2, source="192.0.2.1 (ntp.example.vn)"),
    )


@pytest.mark.parametrize(
    ("service", "text"),
    [
        ("chrony", CHRONY_LOST),
        ("chrony", CHRONY.replace(b"C0000201 (192.0.2.1)", b"7F7F0101 ()")),
        ("chrony", CHRONY.replace(b"C0000201 (192.0.2.1)", b"00000000 ()")),
        ("chrony", CHRONY.replace(b"Normal", b"Not synchronised")),
        ("ntp", NTPQ.replace(b"leap_none, sync_ntp", b"leap_alarm, sync_unspec")),
        ("ntp", NTPQ.replace(b"192.0.2.1", b"127.127.1.0")),
        ("timesyncd", b"       Server: n/a\nPoll interval: 0 (min: 32s; max 34min 8s)\n Packet count: 0\n"),
    ],
)
def test_a_clock_that_follows_nobody_or_itself_is_not_synchronised(service: str, text: bytes) -> None:
    seen = clocks(**{service: text})
    assert not isinstance(seen, Unobserved) and [one.synchronised for one in seen] == [False]


def test_a_large_offset_is_read_whichever_way_and_in_whatever_unit() -> None:
    for text, wanted in ((b"-1h", 3_600_000), (b"+2min 3.5s", 123_500), (b"-999us", 1)):
        seen = clocks(timesyncd=TIMESYNCD.replace(b"+1.162ms", text))
        assert not isinstance(seen, Unobserved) and seen[0].offset_milliseconds == wanted


def test_a_service_that_does_not_answer_is_unseen_and_another_that_does_counts() -> None:
    off = {"chrony": (b"506 Cannot talk to daemon\n", 1)}
    assert reason(clock.clocks(found("ntp", "timesyncd", **off))) is Reason.UNSUPPORTED
    seen = clock.clocks(found("ntp", **off))
    assert not isinstance(seen, Unobserved) and [one.by for one in seen] == ["timesyncd"]
    assert reason(clock.clocks(found("chrony", "ntp", "timesyncd"))) is Reason.UNSUPPORTED
