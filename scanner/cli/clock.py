"""The clock of the command line: the machine's, refused where it has run backwards since this user last ran a command here.

A clock set back would let an ended permit, an old scan or an expired certificate pass for a current one. What was last seen is kept in
one small file; whoever can write it can also set it back, so it guards against a wrong clock and a careless hand, not against the machine's
administrator. A log's own dates guard further (`clock-backwards`).
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

SKEW = timedelta(minutes=5)
"""How far back the clock may go, as when a time service corrects it."""
_STEP = timedelta(minutes=1)
"""The mark is written anew once it is this old."""
_seen: datetime | None = None


def mark_path() -> Path:
    """Where the last instant is kept: under CLEARANCE_STATE, else under the user's state folder (XDG base directories)."""
    own = os.environ.get("CLEARANCE_STATE")
    if own:
        return Path(own) / "clock"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state and Path(state).is_absolute() else Path.home() / ".local" / "state") / "clearance" / "clock"


def steady(at: datetime) -> datetime:
    """This instant; raises Refusal where the machine's clock said clearly more before. Where no mark can be kept, none is."""
    global _seen  # noqa: PLW0603 - the file is read once in a process
    if _seen is None:
        with suppress(OSError, RuntimeError):
            _seen = _read(mark_path())
    if _seen is not None and at < _seen - SKEW:
        from certification.refusals import Code, Refusal
        from scanner.findings import said
        from scanner.i18n import N_

        text = N_("the clock says {now}, and said {last} before; set it right, or remove {path} where it was wrong then")
        message = said(text, now=_written(at), last=_written(_seen), path=str(mark_path()))
        raise Refusal(Code.CLOCK_BACKWARDS, message)
    if _seen is None or at - _seen >= _STEP:
        _seen = at
        with suppress(OSError, RuntimeError):
            _write(mark_path(), _written(at))
    return at


def _read(path: Path) -> datetime | None:
    with path.open("rb") as file:
        text = file.read(64).decode("ascii", "replace").strip()
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _write(path: Path, text: str) -> None:
    from tempfile import mkstemp

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
    Path(name).replace(path)


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
