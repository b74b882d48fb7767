"""Which public keys open which accounts: fingerprints and names only. Comments and options of the files stay on the host.

The files are looked for from the root, six folders deep, since a published command cannot name homes. A home that this does not reach,
or a link in its place, leaves the fact unseen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.i18n import N_
from scanner.observations import LoginKey, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, table
from scanner.probes.collection.sshd import sshd
from scanner.record import escaped

KEYS = (
    "/usr/bin/find / -ignore_readdir_race -maxdepth 6 '(' -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /usr -o -fstype autofs ')' -prune "
    "-o -type f -size +0 '(' -path '*/.ssh/authorized_keys' -o -path '*/.ssh/authorized_keys2' -o -path '/etc/ssh/authorized_keys/*' ')' "
    "-print '(' -exec /usr/bin/ssh-keygen -l -E sha256 -f {} ';' -o -printf '?/' ')' "
    "-o -type l '(' -name .ssh -o -path '*/.ssh/authorized_keys*' -o -path '/etc/ssh/authorized_keys/*' ')' -printf '?/'"
)
"""Prints the path of each file and the fingerprints of its keys; `?/` where a file holds none that is read, or a link stands in its
place, which is not followed."""
PRIVILEGED = (KEYS,)

SHELL = rf"""
reached() {{
  awk -F: '{{ sub(/\/+$/, "", $6); print $6 "/" }}' /etc/passwd | sort -u | {{
    while IFS= read -r home; do
      if [ -d "$home" ] && [ -x "$home" ] && [ ! -e "$home.ssh" ] && [ ! -L "$home.ssh" ]; then continue; fi
      if ! hidden "${{home%/}}"; then continue; fi
      case $home in /proc/* | /sys/* | /dev/* | /run/* | /usr/* | /*/*/*/*/*/ | *//* | */./* | */../*) return 3;; esac
      if [ "$(readlink -f "$home")" != "${{home%/}}" ] && [ "$home" != / ]; then return 3; fi
    done
    awk 'NR == FNR {{ if ($3 == "autofs") at[$2 "/"]; next }} {{ for (path in at) if (index($6 "/", path) == 1) exit 3 }}' \
      /proc/self/mounts FS=: /etc/passwd
  }}
}}
section login-homes reached
opening() {{
  {{ asroot {KEYS}; echo "ended $?"; }} | awk '
    FILENAME == "/etc/passwd" {{ split($0, field, ":"); home = field[6]; sub(/\/+$/, "", home); named[home] = named[home] " " field[1]; next }}
    sub(/^([?]\/)+/, "") {{ unread = 1 }}
    /^ended [0-9]+$/ {{ status = $2; ended = 1; next }}
    /^\/etc\/ssh\/authorized_keys\// {{ place = "named"; who = $0; sub(/^.*\//, "", who); next }}
    /^\// {{ place = sub(/\/[.]ssh\/authorized_keys2$/, "") ? "second" : "first"; sub(/\/[.]ssh\/authorized_keys$/, ""); who = named[$0]; next }}
    $2 ~ /^SHA256:/ {{ count = split(who, one, " "); for (at = 1; at <= count; at++) print place, one[at], $2 }}
    END {{ exit status ? status : unread || !ended ? 3 : 0 }}' /etc/passwd -
}}
section login-keys opening
"""

_PLACES = {
    ".ssh/authorized_keys": "first",
    "%h/.ssh/authorized_keys": "first",
    ".ssh/authorized_keys2": "second",
    "%h/.ssh/authorized_keys2": "second",
    "/etc/ssh/authorized_keys/%u": "named",
}
"""The places that are read, as sshd_config(5) writes them."""
_PARTLY = 3
"""How the two functions end where there is more than they see."""
_UNSEEN = {
    "login-homes": (Reason.UNSUPPORTED, N_("a home lies where keys are not looked for, or leads elsewhere by a link")),
    "login-keys": (Reason.UNREADABLE, N_("a file of keys holds none that is read, or a link stands in its place")),
}
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_NAME = re.compile(r"[!-~]{1,256}")


def login_keys(found: Collected) -> tuple[LoginKey, ...] | Unobserved:
    """Each key that opens an account of the host itself, by the files that the SSH server reads."""
    seen = sshd(found)
    server = seen if isinstance(seen, Unobserved) else seen.printed
    if isinstance(server, Unobserved):
        return server
    stated = (server.value("authorizedkeysfile") or "").split()
    if not stated or not set(stated) <= {*_PLACES, "none"} or server.value("authorizedkeyscommand") not in (None, "none"):
        return found.absent(
            "login-keys", Reason.UNSUPPORTED, "the SSH server takes keys from other places than those that are read"
        )
    for name, (reason, why) in _UNSEEN.items():
        section = found.sections.get(name)
        if section is not None and section.status == _PARTLY:
            return Unobserved(reason=reason, detail=f"{name}: {why}")
    homes = found.read("login-homes", len, Reason.UNREADABLE)
    if isinstance(homes, Unobserved):
        return homes
    places = {_PLACES[place] for place in stated if place != "none"}
    return found.privileged("login-keys", KEYS, lambda text: tuple(_keys(text, places)))


def _keys(text: bytes, places: set[str]) -> Iterator[LoginKey]:
    for place, account, fingerprint in table(text, " ", 3):
        if place not in _PLACES.values() or not _NAME.fullmatch(account) or not _FINGERPRINT.fullmatch(fingerprint):
            raise CollectionError("a line is no key")
        if place in places:
            yield LoginKey(account=escaped(account), fingerprint=fingerprint)
