"""Shutting out at once: the state that is in force, less whom the next bundle no longer names. Taking away needs no more than the bundle's key. Pure."""

from __future__ import annotations

from collections.abc import Mapping

REGISTER = "register.map"
MANY = 200
"""Verifying fewer entries than this takes no time worth a reload of its own."""


def without(files: Mapping[str, bytes], named: frozenset[str]) -> dict[str, bytes] | None:
    """The state's files with only these serials in the register; None where that takes nobody away."""
    lines = files.get(REGISTER, b"").splitlines(keepends=True)
    kept = [line for line in lines if _serial(line) in named]
    return None if len(kept) == len(lines) else {**files, REGISTER: b"".join(kept)}


def moved(files: Mapping[str, bytes], configuration: str, old: tuple[str, str], new: tuple[str, str]) -> dict[str, bytes]:
    """The state's files as they stand in another folder under another name; `old` and `new` are folder and name."""
    text = files[configuration].replace(f"{old[0]}/".encode(), f"{new[0]}/".encode())
    for head in (b"# State ", b"Clearance-State "):
        text = text.replace(head + old[1].encode(), head + new[1].encode())
    return {**files, configuration: text}


def _serial(line: bytes) -> str:
    """Whom a line of a register names: its last word."""
    return line.decode("ascii", "replace").strip().removesuffix(";").rpartition(" ")[2]
