"""Documents that people show: found beside the questionnaire that names them, and kept by their digest alone."""

from __future__ import annotations

import hashlib
import stat
import unicodedata
from pathlib import Path, PurePosixPath

from scanner.i18n import _
from scanner.strict_yaml import InputError

LIMIT = 1024 * 1024 * 1024
_PIECE = 1024 * 1024


def digest_beside(questionnaire: Path, name: str) -> str:
    """The digest of the document that a questionnaire names; raises InputError where it is missing or lies elsewhere.

    A name in NFC finds a file whose name is written in another normal form, as file systems of other machines do.
    """
    folder = questionnaire.absolute().parent
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or name[1:2] == ":":
        raise InputError(_("{name!r}: write a path beside the questionnaire, with / and without ..").format(name=name[:200]))
    found = folder
    for part in path.parts:
        found = _within(found, part)
    try:
        if not found.resolve().is_relative_to(folder.resolve()):
            raise InputError(_("{name!r}: leads out of the questionnaire's folder").format(name=name[:200]))
    except (OSError, RuntimeError):
        raise InputError(_("{name!r}: cannot be followed").format(name=name[:200])) from None
    return digest_of(found, shown=repr(name[:200]))


def digest_of(path: Path, *, shown: str | None = None) -> str:
    """The SHA-256 of a document; raises InputError where it is no plain file, cannot be read or is too large."""
    name, digest, size = shown or str(path), hashlib.sha256(), 0
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(_("{name}: not a file").format(name=name))
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                if size > LIMIT:
                    raise InputError(_("{path}: larger than {limit} bytes").format(path=name, limit=LIMIT))
                digest.update(piece)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        told = getattr(error, "strerror", None) or _("cannot be read")
        raise InputError(f"{name}: {told}") from None
    return digest.hexdigest()


def _within(folder: Path, name: str) -> Path:
    """The entry of this name, or the one entry whose name is the same in NFC."""
    try:
        if (folder / name).exists():
            return folder / name
        same = [entry for entry in folder.iterdir() if unicodedata.normalize("NFC", entry.name) == name]
    except OSError:
        same = []
    return same[0] if len(same) == 1 else folder / name
