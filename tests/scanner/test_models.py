"""Every record can be read: its schema is built on first use, so that here each is used once, and a broken one fails where it was written."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from pydantic.errors import PydanticSchemaGenerationError

import certification
import checks
import gateway
import scanner
from scanner.record import Record


def _all(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for under in kind.__subclasses__():
        yield under
        yield from _all(under)


def _ours() -> list[type[BaseModel]]:
    for package in (scanner, checks, certification, gateway):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    own = ("scanner", "checks", "certification", "gateway")
    return sorted(
        {kind for kind in _all(BaseModel) if kind.__module__.partition(".")[0] in own},
        key=lambda kind: kind.__module__ + kind.__qualname__,
    )


OURS = _ours()


class _NoRecord:
    pass


def test_all_records_are_found() -> None:
    assert len(OURS) > 150
    assert {"Order", "Assessment", "Sighting", "AuthorisationStatement", "GatewayBundleStatement"} <= {
        kind.__name__ for kind in OURS
    }


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_every_record_builds_and_stays_frozen_and_strict(kind: type[BaseModel]) -> None:
    assert kind.model_rebuild(force=True, raise_errors=True) is not False
    kind.model_json_schema()
    kept = {name: kind.model_config.get(name) for name in ("frozen", "strict", "extra")}
    assert kept == {"frozen": True, "strict": True, "extra": "forbid"}
    if issubclass(kind, Record):
        assert kind.model_config.get("allow_inf_nan") is False


def test_a_record_that_cannot_be_built_is_noticed_when_it_is() -> None:
    class Broken(Record):
        what: _NoRecord

    with pytest.raises(PydanticSchemaGenerationError):
        Broken.model_rebuild(force=True, raise_errors=True)
