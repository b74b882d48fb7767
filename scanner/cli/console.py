"""What every verb shares: where text goes, which error has which exit status, and how files are read and written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from scanner import told
from scanner.cli.clock import steady
from scanner.cli.exits import ExitStatus
from scanner.faults import InputError, StoreError
from scanner.i18n import _
from scanner.refused_files import WRONG_PLACE, why

SMALL = 64 * 1024 * 1024
_HEAD = 512


@dataclass(frozen=True, slots=True)
class Console:
    """How this invocation talks."""

    color: str
    quiet: bool
    debug: bool
    language: str

    def say(self, text: str) -> None:
        """One line for the person, on stderr, unless all should be quiet."""
        told.note(text)
        if not self.quiet:
            click.echo(text, err=True)

    def steps(self, steps: Iterable[str]) -> None:
        """What was verified, one numbered line each."""
        for number, step in enumerate(steps, 1):
            self.say(f"  {number}. ✓ {step}")

    def found(self, **found: Any) -> None:
        """What this command found, as values of JSON: `found` in what `--format json` prints."""
        told.find(found)

    def data(self, data: bytes) -> None:
        """Data for the next program, on stdout."""
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


pass_console = click.make_pass_decorator(Console)


def now() -> datetime:
    """The instant, in UTC: the only clock of the product besides the probes' own; raises Refusal where it has run backwards."""
    return steady(datetime.now(UTC).replace(microsecond=0))


def moment(text: str | None) -> datetime:
    """The instant a person wrote, or now; raises InputError where it has no time zone."""
    if text is None:
        return now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(_("{text!r} is not an instant; write it as 2026-11-23T08:00:00+07:00").format(text=text)) from None
    if found.tzinfo is None:
        raise InputError(_("{text!r} has no time zone; write it as 2026-11-23T08:00:00+07:00").format(text=text))
    return found.astimezone(UTC).replace(microsecond=0)


def bytes_of(path: Path, *, limit: int = SMALL) -> bytes:
    """A file's bytes; raises InputError where it cannot be read or is larger than the limit."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path}: {why(error)}") from None
    if len(data) > limit:
        raise InputError(_("{path}: larger than {limit} bytes").format(path=path, limit=limit))
    return data


def head_of(path: Path) -> bytes:
    """The first bytes of a file, by which its form is told; none where it cannot be read, which whoever reads it will say."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def bundle_of(path: Path, *, spare: int = 0) -> bytes:
    """A sealed bundle's bytes; one that is encrypted is opened first, with `clearance unseal`."""
    from scanner.bundle import BUNDLE_LIMIT

    data = bytes_of(path, limit=BUNDLE_LIMIT + spare)
    if data.startswith(b"age-encryption.org/v1\n"):
        text = _("{path}: encrypted to recipients; open it with `clearance unseal {path} --identity FILE --out BUNDLE`")
        raise InputError(text.format(path=path))
    return data


def insist_on_free(out: Path, *, further: Path | None = None) -> None:
    """Returns where nothing lies at `out`, or it is `further` itself, which is signed further there; raises InputError where anything would be lost."""
    if not os.path.lexists(out):
        return
    if further is not None and not out.is_symlink() and out.resolve() == further.resolve():
        return
    raise InputError(_("{path}: is there already, and nothing is overwritten; name another file").format(path=out))


_NEVER_LOST = (b"PRIVATE KEY-----", b"AGE-SECRET-KEY-", b"SQLite format 3\x00")
"""What stands at the beginning of a key, and of a log or a store of feeds: no command writes another file over one."""


def _insist_on_less(path: Path) -> None:
    head = head_of(path)
    if any(sign in head for sign in _NEVER_LOST):
        raise InputError(
            _("{path}: a key or a store lies there, and nothing is written over it; name another file").format(path=path)
        )


def files_in(bundle: Path) -> dict[str, bytes]:
    """The files of a sealed bundle; raises StoreError, with the bundle's name, where it is none."""
    from scanner.bundle import unpacked
    from scanner.store import StoreError

    data = bundle_of(bundle)
    try:
        return unpacked(data)
    except StoreError as error:
        raise StoreError(f"{bundle}: {error}") from None


def keep(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Writes a file whole, or not at all; raises InputError where it cannot stand there, StoreError where it could another time."""
    from tempfile import mkstemp

    _insist_on_less(path)
    name = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError as error:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        text = _("{path}: {why}; nothing was half-written").format(path=path, why=why(error))
        if error.errno in WRONG_PLACE:
            raise InputError(text) from None
        raise StoreError(text) from error


def explained(error: Exception) -> tuple[str, ExitStatus]:
    """What to tell the person about an error, and the exit status it stands for."""
    from certification.refusals import Refusal, RefusalKind

    match error:
        case InputError():
            return _("error: {message}").format(message=escaped_lines(str(error))), ExitStatus.USAGE
        case Refusal():
            status = {RefusalKind.POLICY: ExitStatus.REFUSED, RefusalKind.INPUT: ExitStatus.USAGE}.get(
                error.kind, ExitStatus.INTEGRITY
            )
            seen = _("refused [{code}]: {message}").format(code=error.code, message=escaped_lines(error.message))
            return f"{seen}\n  {error.code.explanation}", status
        case StoreError() if isinstance(error.__cause__, OSError):
            return _("error: {message}").format(message=escaped_lines(str(error))), ExitStatus.INTERRUPTED
        case StoreError():
            return _("integrity: {message}").format(message=escaped_lines(_(str(error)))), ExitStatus.INTEGRITY
        case _:
            return _explained_otherwise(error)


def _explained_otherwise(error: Exception) -> tuple[str, ExitStatus]:
    """The same of an error that only parts of the product raise which most commands do not load."""
    from pydantic import ValidationError

    from scanner import record
    from scanner.feeds.reading import FeedError, ForgedFeedError, StaleFeedError
    from scanner.registry import RegistryError

    match error:
        case StaleFeedError():
            return _("refused: {message}").format(message=escaped_lines(str(error))), ExitStatus.REFUSED
        case ForgedFeedError():
            return _("integrity: {message}").format(message=escaped_lines(str(error))), ExitStatus.INTEGRITY
        case FeedError():
            return _("error: {message}").format(message=escaped_lines(str(error))), ExitStatus.USAGE
        case record.RecordError():
            return _("integrity: {message}").format(message=escaped_lines(_(str(error)))), ExitStatus.INTEGRITY
        case _ if type(error).__name__ == "GatewayError":
            return _("gateway: {message}").format(
                message=escaped_lines(str(getattr(error, "message", error)))
            ), ExitStatus.INTEGRITY
        case RegistryError():
            return _("error: {message}").format(message=escaped_lines(str(error))), ExitStatus.INTERNAL
        case ValidationError():  # a word of the command line that no record takes, as a control character in a reason
            return _("error: {message}").format(message=escaped_lines(record.explained(error))), ExitStatus.USAGE
        case _ if type(error).__name__ == "OutsidePermitError":
            return _("not permitted: {message}").format(message=escaped_lines(str(error))), ExitStatus.REFUSED
        case _:
            told = _("internal error: {kind}; run again with --debug and report it").format(kind=type(error).__name__)
            return told, ExitStatus.INTERNAL


def escaped_lines(text: str) -> str:
    """A message fit for a terminal: Vietnamese letters stay, control and formatting characters do not."""
    if text.replace("\n", "").isprintable():
        return text
    from scanner.record import escaped

    return "".join(sign if sign.isprintable() or sign == "\n" else escaped(sign) for sign in text)
