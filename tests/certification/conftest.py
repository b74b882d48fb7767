"""Fixtures of the certification tests."""

from __future__ import annotations

import pytest

from tests.certification.stage import Case


@pytest.fixture(scope="package")
def case() -> Case:
    """A good case; tests that change it take a copy."""
    return Case()


@pytest.fixture(scope="package")
def certificate(case: Case) -> bytes:
    """The certificate of the good case."""
    return case.certificate()
