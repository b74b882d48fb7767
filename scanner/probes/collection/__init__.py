"""The collection: one read-only POSIX-sh script in one round trip, to which every subject gives its sections and their reader.

A subject is a module with SHELL, its part of the script; PRIVILEGED, the commands in it that need root's rights; and the pure
functions that make facts of the sections' output.
"""

from __future__ import annotations

from scanner.probes.collection import (
    accounts,
    authentication,
    clock,
    confinement,
    hardening,
    login_keys,
    logs,
    media,
    names,
    packages,
    protection,
    restarts,
    services,
    sshd,
    system,
    updates,
)
from scanner.probes.collection.sections import prelude

_SUBJECTS = (
    system,
    packages,
    sshd,
    accounts,
    authentication,
    hardening,
    logs,
    clock,
    protection,
    services,
    updates,
    restarts,
    confinement,
    media,
    names,
    login_keys,
)

PRIVILEGED: tuple[str, ...] = (
    *sshd.PRIVILEGED,
    *accounts.PRIVILEGED,
    *hardening.PRIVILEGED,
    *logs.PRIVILEGED,
    *protection.PRIVILEGED,
    *services.PRIVILEGED,
    *restarts.PRIVILEGED,
    *confinement.PRIVILEGED,
    *login_keys.PRIVILEGED,
)
"""Every command that needs other rights than the user's own; docs/host-access.md publishes the sudoers lines that allow them."""


def script(nonce: str) -> bytes:
    """The script to feed to /bin/sh; `nonce` marks this session's sections."""
    body = "".join(subject.SHELL for subject in _SUBJECTS)
    return f"{{ exec </dev/null 2>/dev/null\n{prelude(nonce)}{body}section done true\n}}\n".encode()


# In braces, so that a shell that is given half of it runs none of it, and no command can read the rest as its input; by exec, so
# that nothing that hangs keeps the session's own stderr open.
