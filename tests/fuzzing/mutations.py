"""Deterministic mutations of well-formed input: what `make fuzz` finds at length, the tests look for in short."""

from __future__ import annotations

import random
from collections.abc import Iterator

_TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\u0000", b"\x00", b"\xff", b"\xf0\x9f\x92\xa9", b"\xed\xa0\x80", b"-", b"1e999", b"NaN",
    b"9" * 40, b"../", b"<!ENTITY x SYSTEM 'file:///etc/passwd'>", b"&", b"*", b"!!python/object", b"\n" * 50, b"-----BEGIN", b"A" * 5_000,
)  # fmt: skip


def mutated(seeds: list[bytes], count: int, salt: str) -> Iterator[bytes]:
    """So many variants of the seeds, the same in each run."""
    dice = random.Random(salt)
    yield from (b"", *seeds)
    for _ in range(count):
        data = bytearray(dice.choice(seeds))
        for _change in range(dice.choice((1, 1, 1, 2, 5))):
            _change_once(data, dice)
        yield bytes(data)


def _change_once(data: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(data) + 1)
    match dice.randrange(6):
        case 0 if at < len(data):
            data[at] ^= 1 << dice.randrange(8)
        case 1:
            del data[at : at + dice.choice((1, 2, 8, 64))]
        case 2:
            data[at:at] = dice.choice(_TOKENS)
        case 3:
            end = min(len(data), at + dice.randrange(1, 40))
            data[at:at] = data[at:end] * dice.choice((1, 2, 30))
        case 4:
            del data[at:]
        case _:
            data[at:at] = dice.randbytes(dice.choice((1, 4, 16)))
