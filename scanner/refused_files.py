"""Why the system refused a file, in the words and the language of the person who named it."""

from __future__ import annotations

import errno

from scanner.i18n import N_, _

_REASONS = {
    errno.ENOENT: N_("No such file or directory"),
    errno.EACCES: N_("Permission denied"),
    errno.EPERM: N_("Operation not permitted"),
    errno.EISDIR: N_("Is a directory"),
    errno.ENOTDIR: N_("Not a directory"),
    errno.EROFS: N_("Read-only file system"),
    errno.ENOSPC: N_("No space left on device"),
}
"""What the system most often answers about a file; it says so in English whatever the language, so the catalogue has it too."""

WRONG_PLACE = frozenset(_REASONS) - {errno.ENOSPC}
"""What another path mends, and trying again does not."""


def why(error: OSError) -> str:
    """Why the system refused a file, in the chosen language."""
    return _(_REASONS.get(error.errno or 0, error.strerror or ""))
