"""Fixtures every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner import i18n
from tests.lab.fixtures import lab

__all__ = ["lab", "shared_data"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first, so that the two workers end together."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/test_road.py"))


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Every test begins and ends in English, whatever language it chooses itself."""
    yield
    i18n.choose("en")


@pytest.fixture(autouse=True, scope="module")
def _remembers_nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each module's fixtures work for a user who never saw a trust root, and so does each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLEARANCE_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _remembers_nothing_either(
    _remembers_nothing: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARANCE_STATE", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real feeds beside the project; a clone without it skips, CI must have it."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CLEARANCE_SHARED_REQUIRED") == "1":
            pytest.fail(f"{SHARED_DATA} is missing, and this run may not do without it")
        pytest.skip("the shared data folder is not beside this clone")
    return SHARED_DATA
