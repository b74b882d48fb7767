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
from scanner.faults import InputError
from scanner.findings import Fail, Pass
from scanner.i18n import _
from scanner.registry import RegistryError, load_checks

GROUP = "clearance.checks"


class PackError(RegistryError, InputError):
    """A check pack that a person's baseline names and that cannot be had whole: which, why, and what to do."""


def _fault(pack: str, why: str) -> PackError:
    return PackError(_("check pack {pack}: {why}").format(pack=pack, why=why))


def with_packs(checks: Mapping[str, Check[Any, Any]], baseline: bytes) -> dict[str, Check[Any, Any]]:
    """These checks and those of every pack the baseline names; raises PackError where one cannot be had whole."""
    found = dict(checks)
    for name in read_baseline(baseline, "baseline").packs:
        for id, check in _pack(name).items():  # noqa: A001 - it is the field's word
            if id in found:
                text = _("the check {check} stands in {module} already; rename it in the pack")
                raise _fault(name, text.format(check=id, module=found[id].module))
            found[id] = check
    return dict(sorted(found.items()))


def _pack(name: str) -> dict[str, Check[Any, Any]]:
    installed = tuple(importlib.metadata.entry_points(group=GROUP, name=name))
    if not installed:
        others = sorted({entry.name for entry in importlib.metadata.entry_points(group=GROUP)})
        text = _(
            "the baseline names it, and it is not installed here (installed: {others}); mend its name in the baseline, or pip install it"
        )
        raise _fault(name, text.format(others=", ".join(others) or "-"))
    if len(installed) > 1:
        raise _fault(name, _("two installed distributions offer it; take one away"))
    try:
        package = installed[0].load()
    except Exception as error:
        raise _fault(
            name, _("cannot be loaded: {error}; mend the pack").format(error=f"{type(error).__name__}: {error}")
        ) from error
    if not isinstance(package, ModuleType) or not hasattr(package, "__path__") or package.__name__.partition(".")[0] in _OURS:
        raise _fault(name, _("its entry point names no Python package of its own; mend the pack"))
    try:
        checks = load_checks(package)
    except RegistryError as error:
        raise _fault(name, str(error)) from error
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
                text = _("{check} breaks on its own example: {error}; mend the check")
                raise _fault(pack, text.format(check=check.id, error=type(error).__name__)) from error
            if not isinstance(verdict, wanted):
                text = _("{check} does not judge its own example as it says; mend the check or its example")
                raise _fault(pack, text.format(check=check.id))
