"""The registry: finds every check in a package, refuses two of one name, and fingerprints the code that judges."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from scanner.check import Check
from scanner.order import FileDigest
from scanner.record import sha256

JUDGES = (
    "addresses",
    "advisories",
    "assessment",
    "attestations",
    "baseline",
    "baseline_diff",
    "branches",
    "bundle",
    "check",
    "decision",
    "evaluate",
    "faults",
    "likeness",
    "findings",
    "fingerprint",
    "judge",
    "namespaces",
    "observations",
    "order",
    "overlooked",
    "patching",
    "plan",
    "record",
    "regimes",
    "run_files",
    "scoring",
    "sights",
    "store",
    "strict_yaml",
    "strictness",
    "tailoring",
    "targets",
    "usual_ports",
    "versions",
)
"""The engine's modules and packages that a judgement depends on, besides the checks."""


class RegistryError(Exception):
    """A check that cannot load: the run stops, because silence would pass."""


def load_checks(package: ModuleType | None = None, *, baseline: bytes = b"") -> dict[str, Check[Any, Any]]:
    """Every check of the package by its id, in alphabetical order; with those of the packs that this baseline names."""
    package = package or importlib.import_module("checks")
    if b"packs" in baseline:  # most name none, and are not read for it
        from scanner.packs import with_packs

        return with_packs(load_checks(package), baseline)
    found: dict[str, Check[Any, Any]] = {}
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        name = f"{package.__name__}.{module.name}"
        try:
            content = importlib.import_module(name)
        except Exception as error:
            raise RegistryError(f"{name}: cannot be loaded: {type(error).__name__}: {error}") from error
        for value in vars(content).values():
            if isinstance(value, Check) and value.module == name:
                if value.id in found:
                    raise RegistryError(f"check {value.id} stands in {found[value.id].module} and in {name}")
                found[value.id] = value
    if not found:
        raise RegistryError(f"{package.__name__}: holds no check")
    return dict(sorted(found.items()))


def _sources(package: ModuleType) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in map(Path, package.__path__):
        for source in folder.rglob("*.py"):
            found[f"{package.__name__}/{source.relative_to(folder).as_posix()}"] = source
    return found


def code_digests(checks: Mapping[str, Check[Any, Any]]) -> tuple[FileDigest, ...]:
    """Digests of the files that judge: the checks' modules and the engine's own, line endings aside."""
    import scanner

    here = Path(scanner.__file__).parent
    sources = [source for name in JUDGES for source in (here / f"{name}.py", *(here / name).glob("*.py")) if source.is_file()]
    files = {f"scanner/{source.relative_to(here).as_posix()}": source for source in sources}
    for name in {check.module for check in checks.values()}:
        module = importlib.import_module(name)
        files[name.replace(".", "/") + ".py"] = Path(str(module.__file__))
        if not name.startswith("checks."):  # a pack of others: all of its code, not only what holds a check
            files |= _sources(importlib.import_module(name.partition(".")[0]))
    return tuple(
        FileDigest(path=path, sha256=sha256(source.read_bytes().replace(b"\r\n", b"\n")))
        for path, source in sorted(files.items())
    )
