"""Whether the SSH servers that run are ones of which `sshd -T` tells: the one that let the audit user in, and every other of the host's own.

`sshd -T` prints what /etc/ssh/sshd_config sets. A server that was started with another file or with options of its own is not told
of; its command line says so. No other process's arguments are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.i18n import N_
from scanner.observations import Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, text_lines
from scanner.record import escaped

PROGRAM = "/usr/sbin/sshd"

SHELL = r"""
server() {
  case $(cat "/proc/$2/comm") in sshd | sshd-session | sshd-auth) printf '%s ' "$1"; head -c 4097 "/proc/$2/cmdline" | tr '\000\n' '  '; echo ;; esac
}
servers() {
  [ -r /proc/1/status ] || return 77
  number=$$
  while [ "${number:-0}" -gt 0 ]; do
    server above "$number"
    number=$(awk '/^PPid:/ { print $2 }' "/proc/$number/status")
  done
  for number in $(cat /proc/[0-9]*/status | awk '/^Name:/ { name = $2 } /^Pid:/ { number = $2 }
    /^NSpid:/ && NF == 2 && name ~ /^sshd(-session|-auth)?$/ { print number }')
  do server beside "$number"
  done
}
section sshd-running servers
"""

_LINE = re.compile(r"(above|beside) (.*?) *")
_LISTENER = re.compile(r"sshd: (.*) \[listener\] \d+ of \d+-\d+ startups")
"""How OpenSSH since 8.2 calls a server that waits: with the words it was started by."""
_SESSION = re.compile(r"sshd(?:-session|-auth)?: (?:\[[a-z]+\]|[^\s/]+(?: \[[a-z]+\]|@\S+)?)|\S*/sshd-(?:session|auth)(?: .*)?")
"""How it calls a process that serves one connection, by the account; nothing of what the server was started by is left there."""
_LONGEST = 4_096
"""Bytes of a command line that are read."""

_HARMLESS = "46De"
"""Options without a value that change nothing of what is judged of the settings."""
_WITH_VALUE = "bcCEfghkopuw"
_OF_NO_SETTING = "Eu"
"""Those with a value that change nothing of it either: where the log goes, and how long a name in utmp is."""
_PER_CONNECTION = "iR"
_ON_THE_WIRE = (
    "casignaturealgorithms",
    "ciphers",
    "gssapikexalgorithms",
    "hostbasedacceptedalgorithms",
    "hostbasedacceptedkeytypes",
    "hostkeyalgorithms",
    "kexalgorithms",
    "macs",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
)
"""Settings that Red Hat's crypto policies give on the command line: what they come to is seen over the network, and judged there."""

_UNSEEN = N_("the server that let the audit user in could not be seen to be /usr/sbin/sshd")
_ELSEWHERE = N_("an SSH server that is running is another program than /usr/sbin/sshd, whose settings were asked for")
_OWN = N_("a running sshd was started with options that sshd -T does not tell of, so move them to /etc/ssh/sshd_config")


def otherwise(found: Collected) -> Unobserved | None:
    """Why the settings that `sshd -T` prints are not those of a server that runs; None where they are.

    A disagreement says it for certain; another reason, that nobody could see it.
    """
    seen = found.read("sshd-running", _servers, Reason.UNREADABLE)
    if isinstance(seen, Unobserved):
        return seen
    let_in, every = seen
    for words in every:
        if words[:1] != [PROGRAM]:
            return Unobserved(reason=Reason.DISAGREEMENT, detail=f"sshd: {_ELSEWHERE}: {escaped(' '.join(words[:1]), limit=100)}")
        own = sorted(set(_own(words[1:])))
        if own:
            return Unobserved(reason=Reason.DISAGREEMENT, detail=f"sshd: {_OWN}: {escaped(', '.join(own), limit=100)}")
    return None if let_in else Unobserved(reason=Reason.UNREADABLE, detail=f"sshd: {_UNSEEN}")


def _servers(text: bytes) -> tuple[bool, list[list[str]]]:
    """Whether the server is seen that let the audit user in, and the words by which each server was started."""
    let_in, every = False, []
    for line in filter(None, text_lines(text)):
        match = _LINE.fullmatch(line)
        if match is None:
            raise CollectionError("a line is no SSH server")
        if len(line) >= _LONGEST or (
            match[2].startswith("sshd") and not _LISTENER.fullmatch(match[2]) and not _SESSION.fullmatch(match[2])
        ):
            # it is longer than what is read, or the server had no room to write all of it: what it was started by is not known
            raise CollectionError("the command line of an SSH server is not whole")
        listener = _LISTENER.fullmatch(match[2])
        if listener is None and (_SESSION.fullmatch(match[2]) or not match[2]):
            continue  # a kernel that tells no command line of it leaves the server unseen
        words = (listener[1] if listener else match[2]).split()
        flags = [flag for flag, _value in _options(words[1:])]
        let_in = let_in or (match[1] == "above" and not set(flags) & set(_PER_CONNECTION))
        every.append(words)
    return let_in, every


def _own(words: list[str]) -> Iterator[str]:
    """The options that set something of their own."""
    for flag, value in _options(words):
        keyword = re.split(r"[=\s]", value, maxsplit=1)[0].lower()
        if flag == "o" and "=" in value and keyword in _ON_THE_WIRE:
            continue
        if flag not in _HARMLESS + _OF_NO_SETTING + _PER_CONNECTION:
            yield f"-{flag} {keyword}" if flag == "o" else f"-{flag}"


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each option and its value, as getopt(3) reads them; a word that is none is told as `?`."""
    left = iter(words)
    for word in left:
        letters = word[1:] if word.startswith("-") else ""
        if not letters:
            yield "?", ""
        for at, letter in enumerate(letters):
            if letter in _WITH_VALUE:
                yield letter, letters[at + 1 :] or next(left, "")
                break
            yield letter, ""
