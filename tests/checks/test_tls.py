"""TLS: what counts as old, weak or small, and that a version that gave no clear answer never passes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import tls, tls_defects
from scanner.check import Parameters
from scanner.findings import Fail, Pass
from scanner.observations import Reason, TlsVersion, Unobserved
from scanner.probes import sslv2
from scanner.probes.sweep.registry import SUITES as REGISTERED
from scanner.specimens import SUITES
from scanner.specimens import tls as endpoint

OLD = [version for version in TlsVersion if version < TlsVersion.TLS_1_2]
ONE = ("TLS_RSA_WITH_AES_128_CBC_SHA",)


@pytest.mark.parametrize("version", OLD)
def test_each_old_version_fails_by_its_name(version: TlsVersion) -> None:
    verdict = tls.minimum_version(endpoint(accepts={**SUITES, version: ONE}), tls.MinimumVersion())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == f"accepts {version}"


@pytest.mark.parametrize("version", OLD)
def test_an_old_version_without_a_clear_answer_is_a_missing_fact(version: TlsVersion) -> None:
    oldest = endpoint(unasked=(version,)).oldest_accepted
    assert isinstance(oldest, Unobserved)
    assert oldest.detail == f"no clear answer for {version}"


def test_an_old_version_without_a_clear_answer_does_not_hide_one_that_is_accepted() -> None:
    seen = endpoint(accepts={**SUITES, TlsVersion.TLS_1_1: ONE}, unasked=(TlsVersion.SSL_2_0, TlsVersion.TLS_1_0))
    assert seen.oldest_accepted is TlsVersion.TLS_1_1
    assert isinstance(tls.minimum_version(seen, tls.MinimumVersion()), Fail)


def test_tls_1_2_without_a_clear_answer_is_a_missing_fact_beside_tls_1_3() -> None:
    only = {TlsVersion.TLS_1_3: SUITES[TlsVersion.TLS_1_3]}
    assert isinstance(endpoint(accepts=only, unasked=(TlsVersion.TLS_1_2,)).oldest_accepted, Unobserved)


def test_a_newer_version_without_a_clear_answer_says_nothing_about_the_oldest_and_leaves_the_newest_open() -> None:
    only = {TlsVersion.TLS_1_2: SUITES[TlsVersion.TLS_1_2]}
    seen = endpoint(accepts=only, unasked=(TlsVersion.TLS_1_3,))
    assert seen.oldest_accepted is TlsVersion.TLS_1_2
    assert isinstance(seen.newest_accepted, Unobserved)
    assert isinstance(seen.suites, Unobserved)


def test_an_endpoint_that_accepted_nothing_leaves_every_answer_open() -> None:
    seen = endpoint(accepts={})
    for answer in (seen.oldest_accepted, seen.newest_accepted, seen.suites):
        assert answer == Unobserved(reason=Reason.UNSUPPORTED, detail="no version was accepted")


def test_a_baseline_cannot_ask_for_less_than_tls_1_2() -> None:
    with pytest.raises(ValueError, match="minimum"):
        tls.MinimumVersion.read(b'{"minimum":"TLS 1.1"}')
    assert tls.MinimumVersion.read(b'{"minimum":"TLS 1.3"}').minimum is TlsVersion.TLS_1_3


@pytest.mark.parametrize(
    ("suite", "weak"),
    [
        ("TLS_NULL_WITH_NULL_NULL", True),
        ("TLS_RSA_WITH_NULL_MD5", True),
        ("TLS_ECDHE_ECDSA_WITH_NULL_SHA", True),
        ("TLS_DH_anon_WITH_AES_256_GCM_SHA384", True),
        ("TLS_ECDH_anon_WITH_AES_256_CBC_SHA", True),
        ("TLS_DH_ANON_WITH_AES_256_CBC_SHA", True),
        ("TLS_RSA_EXPORT1024_WITH_RC4_56_SHA", True),
        ("TLS_KRB5_EXPORT_WITH_RC2_CBC_40_SHA", True),
        ("TLS_RSA_WITH_RC4_128_MD5", True),
        ("TLS_DHE_RSA_WITH_DES_CBC_SHA", True),
        ("TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", True),
        ("SSL_CK_RC4_128_WITH_MD5", True),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", True),
        ("TLS_SHA384_SHA384", True),
        ("TLS_AES_128_GCM_SHA256", False),
        ("TLS_CHACHA20_POLY1305_SHA256", False),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", False),
        ("TLS_RSA_WITH_AES_256_GCM_SHA384", False),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", False),
        ("TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256", False),
        ("TLS_SUITE_OF_TOMORROW", False),
    ],
)
def test_a_suite_fails_only_where_a_pattern_refuses_it(suite: str, weak: bool) -> None:
    seen = endpoint(accepts={**SUITES, TlsVersion.TLS_1_2: (suite,)})
    verdict = tls.strong_suites(seen, tls.RefusedSuites())
    assert isinstance(verdict, Fail if weak else Pass)
    if isinstance(verdict, Fail):
        assert verdict.seen.shown() == f"accepts {suite}"


def test_every_suite_the_probe_can_report_is_judged_under_the_name_it_reports() -> None:
    known = {*REGISTERED.values(), *sslv2.SUITES.values()}
    weak = {suite for suite in known if re.search(r"null|anon|export|_rc[24]_|_3?des(40)?_", suite, re.IGNORECASE)}
    weak |= {"TLS_SHA256_SHA256", "TLS_SHA384_SHA384"}  # integrity alone (RFC 9150)
    assert len(weak) > 30
    for suite in known:
        verdict = tls.strong_suites(endpoint(accepts={TlsVersion.TLS_1_0: (suite,)}), tls.RefusedSuites())
        assert isinstance(verdict, Fail) is (suite in weak), suite


@given(st.integers(min_value=2_048, max_value=1_000_000))
def test_a_larger_group_never_fails(bits: int) -> None:
    assert isinstance(tls.dh_size(endpoint(weakest_dh_bits=bits), tls.DhGroup()), Pass)


@given(st.integers(min_value=0, max_value=2_047))
def test_a_smaller_group_always_fails(bits: int) -> None:
    assert isinstance(tls.dh_size(endpoint(weakest_dh_bits=bits), tls.DhGroup()), Fail)


def test_tls_1_3_alone_excuses_renegotiation_only_when_every_older_version_was_refused() -> None:
    only = {TlsVersion.TLS_1_3: SUITES[TlsVersion.TLS_1_3]}
    refused = endpoint(accepts=only, secure_renegotiation=False)
    unclear = endpoint(accepts=only, secure_renegotiation=False, unasked=(TlsVersion.TLS_1_2,))
    assert isinstance(tls_defects.secure_renegotiation(refused, Parameters()), Pass)
    assert isinstance(tls_defects.secure_renegotiation(unclear, Parameters()), Fail)
