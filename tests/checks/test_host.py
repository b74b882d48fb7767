"""The host: support to the second, settings that are missing or no numbers, and packages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import host_os, host_sshd
from scanner.check import Parameters
from scanner.findings import Fail, Pass
from scanner.observations import HostObservation, OsRelease
from scanner.specimens import AT, host


def running(name: str, version_id: str) -> HostObservation:
    return host(os=OsRelease(id=name, version_id=version_id, pretty_name=""))


@pytest.mark.parametrize(("until", "passes"), [(AT + timedelta(seconds=1), True), (AT, False), (AT - timedelta(days=1), False)])
def test_support_ends_at_its_instant(until: object, passes: bool) -> None:
    listed = host_os.SupportedReleases(supported=(host_os.Release(id="debian", version_id="12", until=until),))  # type: ignore[arg-type]
    assert isinstance(host_os.supported(host(), listed), Pass if passes else Fail)


@pytest.mark.parametrize(
    ("name", "version_id", "passes"),
    [
        ("rocky", "9", True),
        ("rocky", "9.4", True),
        ("rocky", "90", False),
        ("rocky", "8.9", False),
        ("rocky", "", False),
        ("rockyx", "9", False),
        ("", "", False),
    ],
)
def test_a_release_is_known_by_its_name_and_main_version(name: str, version_id: str, passes: bool) -> None:
    later = AT + timedelta(days=1)
    listed = host_os.SupportedReleases(supported=(host_os.Release(id="rocky", version_id="9", until=later),))
    assert isinstance(host_os.supported(running(name, version_id), listed), Pass if passes else Fail)


def test_a_release_that_is_not_listed_is_not_known_to_be_supported() -> None:
    verdict = host_os.supported(running("templeos", "5"), host_os.SupportedReleases())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == "templeos 5 is not known to be supported"


@pytest.mark.parametrize(
    ("interval", "count", "passes"),
    [
        ("300", "1", True),
        ("100", "3", True),
        ("301", "1", False),
        ("0", "3", False),
        ("15", "0", False),
        ("5m", "1", False),
        ("-1", "-1", False),
        ("", "3", False),
        ("9" * 40, "1", False),
        ("\\u{b2}", "1", False),
    ],
)
def test_the_idle_time_is_the_product_of_both_settings(interval: str, count: str, passes: bool) -> None:
    seen = host(sshd_settings={"clientaliveinterval": interval, "clientalivecountmax": count})
    assert isinstance(host_sshd.idle_timeout(seen, host_sshd.IdleSeconds(seconds=300)), Pass if passes else Fail)


@given(st.integers(min_value=-5, max_value=20))
def test_the_tries_lie_between_one_and_the_most_allowed(tries: int) -> None:
    verdict = host_sshd.max_auth_tries(host(sshd_settings={"maxauthtries": str(tries)}), host_sshd.Tries(most=5))
    assert isinstance(verdict, Pass) is (1 <= tries <= 5)


def test_a_setting_that_is_not_stated_never_passes() -> None:
    bare = host(sshd_settings=dict.fromkeys(("permitrootlogin", "permitemptypasswords", "loglevel", "passwordauthentication")))
    for verdict in (
        host_sshd.root_login(bare, host_sshd.AllowedValues()),
        host_sshd.empty_passwords(bare, Parameters()),
        host_sshd.log_level(bare, host_sshd.LogLevels()),
        host_sshd.password_authentication(bare, Parameters()),
    ):
        assert isinstance(verdict, Fail)
        assert "does not state" in verdict.seen.shown()


def test_keyboard_interactive_counts_as_a_password() -> None:
    seen = host(sshd_settings={"passwordauthentication": "no", "kbdinteractiveauthentication": "yes"})
    verdict = host_sshd.password_authentication(seen, Parameters())
    assert isinstance(verdict, Fail)
    assert "kbdinteractiveauthentication yes" in verdict.seen.shown()
