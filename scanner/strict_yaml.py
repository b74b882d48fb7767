"""YAML 1.2 as operators write it, read strictly: no duplicate key, alias, tag or surprise, and every error with its line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.complaints import Place, complaint, complaints
from scanner.faults import InputError
from scanner.i18n import _
from scanner.record import Record
from scanner.refused_files import why

__all__ = ["LIMIT", "Document", "InputError", "Place", "complaint", "complaints", "parse"]

LIMIT = 4 * 1024 * 1024
_DEPTH = 32
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML file's value, with the line on which each of its parts begins."""

    name: str
    value: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """The line of the nearest part that stands in the file."""
        while place not in self.lines:
            place = place[:-1]
        return self.lines[place]

    def error(self, place: Place, message: str) -> InputError:
        """The error to raise about this part of the file."""
        path = ".".join(str(part) for part in place)
        return InputError(f"{self.name}:{self.line(place)}: {path + ': ' if path else ''}{message}")

    def as_record(self, kind: type[R]) -> R:
        """The record this document writes down; raises InputError with the line of the first fault."""
        try:
            return kind.model_validate_json(json.dumps(self.value))
        except ValidationError as error:
            place, message = complaint(error)
            more = error.error_count() - 1
            raise self.error(place, message + (" " + _("(and {count} more)").format(count=more) if more else "")) from None


def read_file(path: Path) -> Document:
    """The document in this file; raises InputError when it cannot be read or is not strict YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise InputError(f"{path}: {why(error)}") from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Document:
    """The document in these bytes; `name` stands in every error."""
    if len(data) > LIMIT:
        raise InputError(_("{path}: larger than {limit} bytes").format(path=name, limit=LIMIT))
    try:
        root = YAML(typ="safe", pure=True).compose(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(_("{path}: not UTF-8 text; save it as UTF-8").format(path=name)) from None
    except RecursionError:
        raise InputError(f"{name}: " + _too_deep()) from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None)
        text = _("not YAML: {why}").format(why=problem) if problem else _("not YAML")
        raise InputError(f"{name}{where}: {text}") from None
    if root is None:
        raise InputError(_("{path}: the file is empty").format(path=name))
    lines: dict[Place, int] = {}
    return Document(name, _value(root, (), lines, name, set()), lines)


def _too_deep() -> str:
    return _("nested deeper than {levels}").format(levels=_DEPTH)


def _value(node: Node, place: Place, lines: dict[Place, int], name: str, met: set[int]) -> Any:
    line = node.start_mark.line + 1
    lines[place] = line
    if id(node) in met:
        raise InputError(f"{name}:{line}: " + _("anchors and aliases are not used here; write the value out"))
    met.add(id(node))
    if len(place) > _DEPTH:
        raise InputError(f"{name}:{line}: " + _too_deep())
    match node:
        case MappingNode():
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = key_node.value
                if not isinstance(key_node, ScalarNode):
                    raise InputError(f"{name}:{key_node.start_mark.line + 1}: " + _("a key must be a plain word"))
                if key in found:
                    raise InputError(
                        f"{name}:{key_node.start_mark.line + 1}: " + _("the key {key!r} stands twice").format(key=key)
                    )
                found[key] = _value(value_node, (*place, key), lines, name, met)
                lines[*place, key] = key_node.start_mark.line + 1
            return found
        case SequenceNode():
            return [_value(item, (*place, index), lines, name, met) for index, item in enumerate(node.value)]
        case ScalarNode():
            return _scalar(node, name, line)
        case _:
            raise InputError(f"{name}:{line}: " + _("not a mapping, list or value"))


def _scalar(node: ScalarNode, name: str, line: int) -> Any:
    text: str = node.value
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        if (len(digits) > 1 and digits.startswith("0")) or len(digits) > 15:
            raise InputError(f"{name}:{line}: " + _("put quotes round {text!r} if it is text").format(text=text))
        return int(text)
    if digits.replace(".", "", 1).isascii() and digits.replace(".", "", 1).isdigit():
        told = _("put quotes round {text!r}: a version such as 1.10 would lose its zero")
        raise InputError(f"{name}:{line}: " + told.format(text=text))
    return text
