"""The trust root of the command line: named by its digest, or compared with those that this user relied on before.

They are remembered beside the clock's mark. Whoever can write there is believed, so it guards against a file that was swapped where roots
are stored or on its way, not against this machine's administrator; `--trust-sha256` guards against both.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from errno import ELOOP
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli import console
from scanner.cli.clock import mark_path
from scanner.cli.exits import ExitStatus
from scanner.faults import InputError, StoreError
from scanner.i18n import _

if TYPE_CHECKING:
    from certification.relied import KnownRoots, Reliance
    from certification.trust import TrustRoot

FILE = click.Path(path_type=Path, dir_okay=False)
_NAMED = "clearance.trust-sha256"
_LIMIT = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
Command = Callable[..., Any]


def _digest(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        plain = value.replace(" ", "").replace(":", "").lower()
        if not _DIGEST.fullmatch(plain):
            raise click.BadParameter(_("a SHA-256 has 64 hexadecimal digits, as `clearance trust show` prints them"))
        context.meta[_NAMED] = plain


TRUST_SHA256 = click.option(
    "--trust-sha256",
    metavar="DIGEST",
    expose_value=False,
    callback=_digest,
    help="The digest of the trust root, as another channel told it: that root and no other.",
)


def trust_option(text: str = "The trust root.", *names: str, required: bool = True) -> Callable[[Command], Command]:
    """The options --trust and --trust-sha256."""

    def decorated(command: Command) -> Command:
        return click.option("--trust", *names, type=FILE, required=required, help=text)(TRUST_SHA256(command))

    return decorated


def trust_at(path: Path, at: datetime | None = None) -> TrustRoot:
    """The trust root in this file, as of this instant or now, where it is the named one, one that was relied on before or its successor.

    The very first is relied on too, and its digest is shown to be compared. Refuses any other. It is remembered once the command has come to its
    end: one under which nothing could be verified is not.
    """
    from certification.trust import read_trust_root

    context = click.get_current_context(silent=True)
    named = None if context is None else context.meta.get(_NAMED)
    root = read_trust_root(console.bytes_of(path), at or console.now(), pinned=named)
    _remember(root, named=named is not None)
    return root


def memory_path() -> Path:
    """Where the trust roots that were relied on are kept."""
    return mark_path().with_name("roots.json")


def _remember(root: TrustRoot, *, named: bool) -> None:
    from certification.refusals import Code, Refusal
    from certification.relied import Reliance
    from scanner.findings import Stated, said
    from scanner.i18n import N_

    try:
        path = memory_path()
    except RuntimeError as error:  # a user without a home
        if not named:
            _not_remembered(root, str(error))
        return
    try:
        why = _judged(path, root, named=named)
    except OSError as error:
        if not named:
            raise Refusal(Code.ROOT_MEMORY_LOST, said("{why}", why=f"{path}: {error.strerror}")) from None
        return
    except Refusal as error:
        if error.code is not Code.ROOT_MEMORY_LOST:
            raise
        if named:
            return
        text = N_("{why}; compare the trust root's SHA-256 by another channel, remove {path} and name it with --trust-sha256")
        raise Refusal(error.code, said(text, why=Stated(error.message), path=str(path))) from None
    _tell(why, root)
    if why is None or why is Reliance.KNOWN:
        return
    context = click.get_current_context(silent=True)
    # A successor is remembered at once, whatever comes of the command: it may be what revokes a key. A stranger's would shut the right one out.
    if context is None or why is Reliance.NEXT:
        _judged(path, root, named=named, write=True)
    else:
        context.with_resource(_once_used(path, root, named=named))


def _tell(why: Reliance | None, root: TrustRoot) -> None:
    """Says what is not as it was."""
    from certification.relied import Reliance, grouped

    if why is Reliance.FIRST:
        _warn(_("! first use of this trust root: compare its SHA-256, {digest}, by another channel; once this command is done it is remembered").format(
            digest=grouped(root.sha256)
        ))  # fmt: skip
    elif why is Reliance.NEXT:
        _warn(_("  trust root version {version}, signed by root keys of the one before").format(version=root.keyring.version))


@contextmanager
def _once_used(path: Path, root: TrustRoot, *, named: bool) -> Iterator[None]:
    """Remembers the root where the command comes to its end, whatever its answer is."""
    try:
        yield
    except click.exceptions.Exit as left:
        if left.exit_code in _ANSWERS:
            _keep_it(path, root, named=named)
        raise
    _keep_it(path, root, named=named)


def _keep_it(path: Path, root: TrustRoot, *, named: bool) -> None:
    """Remembers the root; what another command did to the memory meanwhile is said, and changes nothing of what was done here."""
    from certification.refusals import Refusal

    try:
        _judged(path, root, named=named, write=True)
    except (Refusal, OSError) as error:
        _not_remembered(root, error.message if isinstance(error, Refusal) else f"{path}: {error.strerror}")


_ANSWERS = (ExitStatus.DONE, ExitStatus.NOT_AUTHORISED, ExitStatus.INCOMPLETE, ExitStatus.NOTHING_REACHED, ExitStatus.INTERRUPTED)


def _judged(path: Path, root: TrustRoot, *, named: bool, write: bool = False) -> Reliance | None:
    """Why this root is relied on, and with `write` remembers it; None where it cannot be remembered, which is said.

    Raises OSError where nobody can read the memory.
    """
    from certification.relied import relied_on

    try:
        with _alone(path):
            before = _kept(path)
            after, why = relied_on(before, root, named=named)
            if after != before and write:
                _write(path, after.written())
            return why
    except (OSError, InputError, StoreError) as error:
        # Nothing can be written here; what is remembered still counts.
        before = _kept(path)
        after, why = relied_on(before, root, named=named)
        if after == before:
            return why
        if not named:
            _not_remembered(root, f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error))
        return None


def _not_remembered(root: TrustRoot, why: str) -> None:
    from certification.relied import grouped

    text = _("! this trust root cannot be remembered ({why}): compare its SHA-256, {digest}, by another channel")
    _warn(text.format(why=why, digest=grouped(root.sha256)))


def _warn(text: str) -> None:
    """Also where all else is quiet: it is said once, and whoever misses it relies on nobody's word."""
    click.echo(text, err=True)


def _kept(path: Path) -> KnownRoots:
    from certification.relied import KnownRoots, read_known_roots

    if path.is_symlink():
        raise OSError(ELOOP, "a link, where a file is kept")
    try:
        with path.open("rb") as file:
            return read_known_roots(file.read(_LIMIT))
    except (FileNotFoundError, NotADirectoryError):
        return KnownRoots()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other command of this user changes the memory."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path.with_name("roots.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    console.keep(path, data, mode=0o600)
