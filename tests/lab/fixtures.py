"""The lab as a pytest fixture: one province for each test process, on loopback addresses of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.province import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The running province."""
    worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0)
    with Lab.start(tmp_path_factory.mktemp("lab") / "province", base=f"127.{30 + worker}") as started:
        yield started
