"""The base score of a CVSS 3 vector, by the formula of the standard (FIRST, CVSS v3.1 section 7.1)."""

from __future__ import annotations

from math import prod

_REACH = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_COMPLEXITY = {"L": 0.77, "H": 0.44}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}
_INTERACTION = {"N": 0.85, "R": 0.62}
_LOSS = {"H": 0.56, "L": 0.22, "N": 0.0}


def base_score(vector: str) -> float | None:
    """The score of a CVSS 3 vector; None for another version's; raises ValueError or KeyError for a broken one."""
    if not vector.startswith(("CVSS:3.0/", "CVSS:3.1/")):
        return None
    said: dict[str, str] = dict(part.split(":", 1) for part in vector.split("/")[1:])
    scope = said["S"]
    lost = 1 - prod(1 - _LOSS[said[what]] for what in "CIA")
    impact = 6.42 * lost if scope == "U" else 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15
    ease = 8.22 * _REACH[said["AV"]] * _COMPLEXITY[said["AC"]] * _PRIVILEGES[scope][said["PR"]] * _INTERACTION[said["UI"]]
    if impact <= 0:
        return 0.0
    return _rounded_up(min((1.0 if scope == "U" else 1.08) * (impact + ease), 10))


def _rounded_up(score: float) -> float:
    """To one decimal upwards, in whole numbers, as the standard's appendix A demands."""
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (whole // 10_000 + 1) / 10
