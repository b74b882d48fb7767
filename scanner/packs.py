"""Check packs of others: found through entry points, loaded only where the baseline names them, and held to what ours are held to.

A pack is a Python package that an entry point of the group `clearance.checks` names; its modules hold checks, as those of `checks/` do.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from scanner.baseline import read_baseline
from scanner.check import Check
from scanner.findings import Fail, Pass
from scanner.registry import RegistryError, load_checks

GROUP = "clearance.checks"


def with_packs(checks: Mapping[str, Check[Any, Any]], baseline: bytes) -> dict[str, Check[Any, Any]]:
    """These checks and those of every pack the baseline names; raises RegistryError, with the pack's name, where one cannot be had whole."""
    found = dict(checks)
    for name in read_baseline(baseline, "baseline").packs:
        for id, check in _pack(name).items():  # noqa: A001 - it is the field's word
            if id in found:
                raise RegistryError(f"check pack {name}: the check {id} stands in {found[id].module} already")
            found[id] = check
    return dict(sorted(found.items()))


def _pack(name: str) -> dict[str, Check[Any, Any]]:
    installed = tuple(importlib.metadata.entry_points(group=GROUP, name=name))
    if not installed:
        raise RegistryError(f"check pack {name}: the baseline names it, and it is not installed here; pip install it")
    if len(installed) > 1:
        raise RegistryError(f"check pack {name}: two installed distributions offer it; take one away")
    try:
        package = installed[0].load()
    except Exception as error:
        raise RegistryError(f"check pack {name}: cannot be loaded: {type(error).__name__}: {error}") from error
    if not isinstance(package, ModuleType) or not hasattr(package, "__path__") or package.__name__.partition(".")[0] in _OURS:
        raise RegistryError(f"check pack {name}: its entry point names no Python package of its own")
    try:
        checks = load_checks(package)
    except RegistryError as error:
        raise RegistryError(f"check pack {name}: {error}") from error
    for check in checks.values():
        _insist_on_examples(name, check)
    return checks


_OURS = ("checks", "scanner", "certification", "gateway", "report_templates")


def _insist_on_examples(pack: str, check: Check[Any, Any]) -> None:
    """Every check can fail: a test shows it for ours, and loading shows it for those of others."""
    for examples, wanted in ((check.passes, Pass), (check.fails, Fail)):
        for example in examples:
            observation, parameters = example if isinstance(example, tuple) else (example, check.parameters())
            try:
                verdict = check(observation, parameters)
            except Exception as error:
                raise RegistryError(f"check pack {pack}: {check.id} breaks on its own example: {type(error).__name__}") from error
            if not isinstance(verdict, wanted):
                raise RegistryError(f"check pack {pack}: {check.id} does not judge its own example as it says")
