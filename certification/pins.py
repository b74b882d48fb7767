"""PINs by reference: from a file of its owner's only, an open descriptor, or a credential systemd hands over."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from certification.refusals import Code, Refusal
from scanner.findings import Message, said

_LIMIT = 256
_FIRST_FREE_DESCRIPTOR = 3
_OTHERS = stat.S_IRWXO
_GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def pin_at(reference: str) -> str:
    """The PIN at PATH, file:PATH, fd:NUMBER or credential:NAME: one line, of which the line end is not part.

    A file must be a plain one that nobody but its owner may read; no message repeats what was read.
    """
    scheme, colon, rest = reference.partition(":")
    if colon and scheme == "fd":
        if not re.fullmatch(r"[0-9]{1,4}", rest) or int(rest) < _FIRST_FREE_DESCRIPTOR:
            raise _refused(said("fd: takes the number of an open descriptor from {first} on", first=_FIRST_FREE_DESCRIPTOR))
        return _pin(_read(int(rest), f"descriptor {rest}"))
    if colon and scheme == "credential":
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if folder is None or not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", rest) or rest in {".", ".."}:
            raise _refused(said("credential: takes the name of a credential, in a service that systemd hands one"))
        # systemd grants the service's user by an access list, whose mask stands where the group's rights stand.
        return _pin(_own(Path(folder) / rest, forbidden=_OTHERS))
    return _pin(_own(Path(rest if colon and scheme == "file" else reference), forbidden=_GROUP_AND_OTHERS))


def _own(path: Path, *, forbidden: int) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(said("{path}: {why}", path=str(path), why=error.strerror or "cannot be read")) from None
    facts = os.fstat(handle)
    if not stat.S_ISREG(facts.st_mode) or facts.st_mode & forbidden:
        os.close(handle)
        mode = f"{stat.S_IMODE(facts.st_mode):o}"
        raise _refused(
            said("{path}: not a plain file of its owner alone (mode {mode}); run chmod 600 on it", path=str(path), mode=mode)
        )
    return _read(handle, str(path))


def _read(handle: int, name: str) -> bytes:
    try:
        with os.fdopen(handle, "rb", buffering=0) as file:
            data = b""
            while len(data) <= _LIMIT and (part := file.read(_LIMIT + 1 - len(data))):
                data += part
            return data
    except OSError as error:
        raise _refused(said("{path}: {why}", path=name, why=error.strerror or "cannot be read")) from None


def _pin(data: bytes) -> str:
    try:
        text = data.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text or len(data) > _LIMIT or not text.isprintable():
        raise _refused(said("what should hold the PIN is not one line of text of at most {limit} bytes", limit=_LIMIT))
    return text


def _refused(message: Message) -> Refusal:
    return Refusal(Code.PIN_UNREADABLE, message)
