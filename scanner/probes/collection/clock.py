"""The host's clock: what chrony, ntpd and timesyncd say of it themselves."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Literal

from scanner.observations import Clock, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, text_lines
from scanner.record import escaped

SHELL = r"""
if command -v chronyc >/dev/null; then section chrony brief chronyc -n tracking; fi
if command -v ntpq >/dev/null; then section ntp brief ntpq -n -c rv; fi
if command -v timedatectl >/dev/null; then section timesyncd brief timedatectl timesync-status; fi
"""

_FIELD = re.compile(r"\s*([A-Za-z][A-Za-z ]*?)\s*: (.*?)\s*")
_SLOW_OR_FAST = re.compile(r"([0-9]+\.[0-9]+) seconds (?:slow|fast) of NTP time")
_REFERENCE = re.compile(r"([0-9A-F]{8}) \((.*)\)")
_VARIABLE = re.compile(r"([a-z_]+)=(\"[^\"]*\"|[^,\s]+)")
_OFFSET = re.compile(r"[+-]?([0-9.]+)(us|ms|s|min|h)(?: ([0-9.]+)(us|ms|s))?")
_MILLISECONDS = {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1_000), "min": Decimal(60_000), "h": Decimal(3_600_000)}
_OWN = ("7F7F", "127.127.1.", "LOCL", "LOCAL")
"""How the reference is named where the host follows its own clock."""


def clocks(found: Collected) -> tuple[Clock, ...] | Unobserved:
    """What each time service says that answers; unobserved where none does, as a clock may be kept by other means."""
    readers = {"chrony": _chrony, "ntp": _ntp, "timesyncd": _timesyncd}
    asked = [found.read(name, reader, Reason.UNSUPPORTED) for name, reader in readers.items() if name in found.sections]
    answered = tuple(clock for clock in asked if not isinstance(clock, Unobserved))
    if answered:
        return answered
    silent = [reason for reason in asked if isinstance(reason, Unobserved)]
    return silent[0] if silent else found.absent("clock", Reason.UNSUPPORTED, "no chronyc, ntpq or timedatectl")


def _chrony(text: bytes) -> Clock:
    said = _fields(text)
    reference, off = _REFERENCE.fullmatch(said.get("Reference ID", "")), _SLOW_OR_FAST.fullmatch(said.get("System time", ""))
    if reference is None or off is None or "Leap status" not in said:
        raise CollectionError("it does not say how far off the clock is")
    follows = said["Leap status"] != "Not synchronised" and reference[1] != "00000000" and not reference[1].startswith(_OWN)
    return _clock("chrony", follows=follows, offset=_milliseconds(off[1], "s"), source=reference[2] or reference[1])


def _ntp(text: bytes) -> Clock:
    said = dict(_VARIABLE.findall("\n".join(text_lines(text))))
    if not {"offset", "refid"} <= set(said) or b"leap_" not in text:
        raise CollectionError("it does not say how far off the clock is")
    follows = b"leap_alarm" not in text and b"sync_unspec" not in text and b"sync_local" not in text
    own = said["refid"].strip('"').startswith(_OWN)
    offset = _milliseconds(said["offset"].lstrip("+-"), "ms")
    return _clock("ntp", follows=follows and not own, offset=offset, source=said["refid"])


def _timesyncd(text: bytes) -> Clock:
    said = _fields(text)
    if "Server" not in said:
        raise CollectionError("it names no server")
    off = _OFFSET.fullmatch(said.get("Offset", ""))
    if off is None:
        return _clock("timesyncd", follows=False, offset=None, source=said["Server"])
    whole = _milliseconds(off[1], off[2]) + (_milliseconds(off[3], off[4]) if off[3] else 0)
    follows = said.get("Leap") in ("normal", "leap second inserted", "leap second deleted")
    return _clock("timesyncd", follows=follows, offset=whole, source=said["Server"])


def _fields(text: bytes) -> dict[str, str]:
    matches = (_FIELD.fullmatch(line) for line in text_lines(text))
    return {match[1]: match[2] for match in matches if match}


def _milliseconds(figure: str, unit: str) -> int:
    try:
        exact = (Decimal(figure) * _MILLISECONDS[unit]).to_integral_value(ROUND_CEILING)
        return int(exact)
    except (InvalidOperation, ValueError, OverflowError):
        raise CollectionError("a figure that is none") from None


def _clock(by: Literal["chrony", "ntp", "timesyncd"], *, follows: bool, offset: int | None, source: str) -> Clock:
    return Clock(by=by, synchronised=follows, offset_milliseconds=offset, source=escaped(source, limit=200))
