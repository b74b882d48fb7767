"""What `nginx -T` prints: every file in force, put together as their includes say, judged by server block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from scanner.observations import PolicySetting, ServiceSettings
from scanner.probes.collection.sections import CollectionError, text_lines
from scanner.record import escaped

_FILE = re.compile(r"(?m)^# configuration file (/\S+):$")
_SIGN = re.compile(
    r"\s+|#[^\n]*|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[{};]|(?:[^\s{};\"'\\$]|\\.|\$\{[^}]*\}|\$)[^\s{};]*", re.DOTALL
)
_JUDGED = {"server_tokens": ["on"], "ssl_protocols": [], "autoindex": ["off"], "ssl": ["off"]}
"""The directives that are judged, and what each is where nothing sets it; of ssl_protocols that depends on nginx's version."""
_GROUPS = ("http", "stream", "mail")
_DEPTH = 24
_BLOCKS = 20_000


@dataclass
class Block:
    """A block: its directives, and the blocks within, each under its own words."""

    words: tuple[str, ...]
    directives: list[tuple[str, ...]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """What one directive is set to here."""
        return [" ".join(words[1:]) for words in self.directives if words[0] == name]


def nginx_settings(text: bytes) -> ServiceSettings:
    """The settings of each server block, those it inherits and those its locations change."""
    parts = _FILE.split("\n".join(text_lines(text)))
    held = dict(zip(parts[1::2], parts[2::2], strict=True))
    if not held:
        raise CollectionError("no file was printed")
    first = parts[1]
    root = Block(())
    _Reader(held, first.rpartition("/")[0]).fill(root, first, 0)
    return ServiceSettings(settings=tuple(_settings(root)))


class _Reader:
    """Fills a block with what stands in a file, and with what that includes."""

    def __init__(self, held: dict[str, str], folder: str) -> None:
        self._held, self._folder = held, folder
        self._count = 0

    def fill(self, block: Block, name: str, depth: int) -> None:
        """Adds a file's directives to a block; raises CollectionError where they are not whole."""
        if depth > _DEPTH:
            raise CollectionError("its includes do not come to an end")
        open_blocks, words = [block], list[str]()
        for sign in _signs(self._held[name]):
            match sign:
                case "{":
                    self._opened(open_blocks, tuple(words))
                case "}" if not words and len(open_blocks) > 1:
                    open_blocks.pop()
                case ";" if words:
                    self._stated(open_blocks[-1], tuple(words), depth)
                case "}" | ";":
                    raise CollectionError("a block or a directive is not whole")
                case _:
                    words.append(sign)
                    continue
            words.clear()
        if words or len(open_blocks) > 1:
            raise CollectionError("a block or a directive does not end")

    def _opened(self, open_blocks: list[Block], words: tuple[str, ...]) -> None:
        self._count += 1
        if self._count > _BLOCKS or not words or words[0].endswith("_by_lua_block") or len(open_blocks) > _DEPTH:
            raise CollectionError("a block that is not read")
        inner = Block(words)
        open_blocks[-1].blocks.append(inner)
        open_blocks.append(inner)

    def _stated(self, block: Block, words: tuple[str, ...], depth: int) -> None:
        self._count += 1
        if self._count > _BLOCKS:
            raise CollectionError("it has too many directives, or its includes do not come to an end")
        if words[0] != "include" or len(words) != 2:
            block.directives.append(words)
            return
        pattern = words[1] if words[1].startswith("/") else f"{self._folder}/{words[1]}"
        for name in sorted(self._held):
            if fnmatchcase(name, pattern):
                self.fill(block, name, depth + 1)


def _signs(text: str) -> Iterator[str]:
    """The words and the signs between them; a sign in quotation marks keeps them, so that it is none."""
    at = 0
    while at < len(text):
        match = _SIGN.match(text, at)
        if match is None:
            raise CollectionError("a word that does not end")
        at = match.end()
        sign = match[0]
        if not sign.isspace() and not sign.startswith("#"):
            yield sign[1:-1] if sign[0] in "\"'" and sign[1:-1] not in ("", "{", "}", ";") else sign


def _settings(root: Block) -> Iterator[PolicySetting]:
    servers = [(group, server) for group in root.blocks if group.words[0] in _GROUPS for server in group.blocks]
    for number, (group, server) in enumerate((pair for pair in servers if pair[1].words == ("server",)), 1):
        listens = server.values("listen") or ["80"]
        named = " ".join(server.values("server_name")).split()[:1]
        place = escaped(f"{number}: {' '.join((*listens[0].split()[:1], *named))}", limit=200)
        yield from (PolicySetting(file=place, name="listen", value=escaped(listen, limit=300)) for listen in listens)
        for name, default in _JUDGED.items():
            values = server.values(name)[-1:] or group.values(name)[-1:] or default
            for value in [*values, *_changed(server, name)]:
                yield PolicySetting(file=place, name=name, value=escaped(value, limit=300))


def _changed(block: Block, name: str) -> Iterator[str]:
    for inner in block.blocks:
        yield from inner.values(name)
        yield from _changed(inner, name)
