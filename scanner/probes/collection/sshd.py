"""The SSH server's effective settings: what `sshd -T` prints, and what Match blocks set otherwise, which it does not print.

They are those of the servers that run (sshd_running), or nobody's.

Where it may not be run, what the files set by themselves (sshd_files), which can be a fault and never a merit.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

from scanner.i18n import N_
from scanner.observations import Reason, Setting, Sshd, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, files, text_lines
from scanner.probes.collection.sshd_files import LISTS, reckoned
from scanner.probes.collection.sshd_running import SHELL as RUNNING
from scanner.probes.collection.sshd_running import otherwise
from scanner.record import escaped

SSHD_T = "/usr/sbin/sshd -T"
PRIVILEGED = (SSHD_T,)

SHELL = (
    RUNNING
    + r"""
match_blocks() {
  if [ ! -r "$1" ] || [ ${#2} -gt 16 ]; then status=1; return; fi
  sed -n '/^[[:space:]]*[Mm][Aa][Tt][Cc][Hh][[:space:]=]/,$p' "$1" || status=1
  printf '\n'
  for file in $(sed -n -e 's/"//g' -e 's/^[[:space:]]*[Ii][Nn][Cc][Ll][Uu][Dd][Ee][[:space:]=]\{1,\}//p' "$1"); do
    if [ -e "$file" ]; then match_blocks "$file" "+$2"
    elif hidden "$file"; then status=1
    fi
  done
}
sshd_match() { status=0; if cd /etc/ssh; then match_blocks sshd_config +; else status=1; fi; return $status; }
sshd_file() {
  case "$seen" in *":$1:"*) return ;; esac
  if [ ! -f "$1" ] || [ ! -r "$1" ] || [ ${#2} -gt 17 ]; then status=77; return; fi
  seen="$seen$1:"
  printf '%s:\n' "$1"
  lines "$1" || status=77
  for included in $(sed -n -e 's/"//g' -e 's/^[[:space:]]*[Ii][Nn][Cc][Ll][Uu][Dd][Ee][[:space:]=]\{1,\}//p' "$1"); do
    case "$included" in /*) ;; *) included=/etc/ssh/$included ;; esac
    if [ -e "$included" ]; then sshd_file "$included" "+$2"
    elif hidden "$included"; then status=77
    fi
  done
}
sshd_files() { status=0; seen=:; if cd /etc/ssh; then sshd_file /etc/ssh/sshd_config +; else status=77; fi; return $status; }
if [ ! -e /usr/sbin/sshd ]; then section no-sshd true; else section sshd asroot /usr/sbin/sshd -T; fi
section sshd-match sshd_match
section sshd-files sshd_files
"""
)

_SETTING = re.compile(r"([A-Za-z0-9]{1,60})(?: (.*))?")
_LINE = re.compile(r"\s*([A-Za-z0-9]{1,60})(?:\s*=\s*|\s+)(.*?)\s*")
_READ = 8_192
_LET_READ = N_("let the audit user read /etc/ssh/sshd_config and every file it includes, since no Match block is shown by")
Overrides = Mapping[str, list[str]]


def sshd(found: Collected) -> Sshd | Unobserved:
    """The settings in force.

    A value that a Match block changes for some is written together with that block, so that no check takes the general
    value for the whole truth (sshd_config(5), Match).
    """
    if "no-sshd" in found.sections:
        return Unobserved(reason=Reason.UNSUPPORTED, detail="no /usr/sbin/sshd")
    blocks = found.sections.get("sshd-match")
    if blocks is not None and blocks.status == 1:
        return Unobserved(reason=Reason.NEEDS_RIGHTS, detail=f"{_LET_READ}: {SSHD_T}")
    overrides = found.read("sshd-match", _overrides, Reason.NEEDS_RIGHTS)
    if isinstance(overrides, Unobserved):
        return overrides
    other = otherwise(found)
    if other is not None and other.reason is Reason.DISAGREEMENT:
        return other
    source: Literal["program", "unconfirmed"] = "program" if other is None else "unconfirmed"
    printed = found.privileged("sshd", SSHD_T, lambda text: Sshd(settings=_settings(text, overrides), source=source))
    if isinstance(printed, Unobserved) and printed.reason is Reason.NEEDS_RIGHTS:
        return _by_files(found, overrides, printed)
    return printed


def _by_files(found: Collected, overrides: Overrides, refused: Unobserved) -> Sshd | Unobserved:
    """What the files say, where every one of them could be read and is understood; else why the server could not be asked."""
    seen = found.read("sshd-files", lambda text: Sshd(settings=_from_files(text, overrides), source="files"), refused.reason)
    if isinstance(seen, Unobserved):
        return Unobserved(reason=refused.reason, detail=f"{refused.detail}; its files do not do instead ({seen.detail})")
    return seen


def _from_files(text: bytes, overrides: Overrides) -> tuple[Setting, ...]:
    values = defaultdict(list, reckoned(files(text)))
    for name, others in overrides.items():
        if name in values or name in LISTS:  # beside a general value that nobody knows, a Match block says nothing certain
            _override(values, name, others)
    return _written(values)


def _settings(text: bytes, overrides: Overrides) -> tuple[Setting, ...]:
    values: dict[str, list[str]] = defaultdict(list)
    for line in filter(None, text_lines(text)):
        match = _SETTING.fullmatch(line)
        if match is None:
            raise CollectionError("a line is no setting")
        values[match[1].lower()].append(match[2] or "")
    if not values:
        raise CollectionError("no setting was printed")
    for name, others in overrides.items():
        _override(values, name, others)
    return _written(values)


def _written(values: Mapping[str, list[str]]) -> tuple[Setting, ...]:
    return tuple(Setting(name=name, value=escaped(value, limit=_READ)) for name, every in values.items() for value in every)


def _override(values: dict[str, list[str]], name: str, others: list[str]) -> None:
    """Writes beside the general value those of the Match blocks; where one value stands, it stays one."""
    general = values[name]
    known = {value.lower() for value in general}
    changed = [other for other in others if other.partition(" under Match ")[0].lower() not in known]
    if len(general) == 1 and changed:
        values[name] = ["; ".join((general[0], *changed))]
    else:
        general.extend(changed)


def _overrides(text: bytes) -> Overrides:
    """What the Match blocks set, by setting, each as `value under Match criteria`; the text begins at the first of them."""
    found: dict[str, list[str]] = defaultdict(list)
    criteria = ""
    for line in text_lines(text):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CollectionError("a line is no setting")
        name, value = match[1].lower(), match[2].strip('"')
        if name == "match":
            criteria = value
        elif name == "include":
            raise CollectionError("a Match block includes other files, which is not read")
        else:
            found[name].append(f"{value} under Match {criteria}")
    return found
