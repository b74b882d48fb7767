"""What guards the host: scheduled jobs by their names, the age of ClamAV's signatures, AIDE's database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from scanner.observations import IntegrityBase, Job, Reason, Unobserved
from scanner.probes.collection.sections import Collected, CollectionError, text_lines
from scanner.record import escaped

AIDE = "/usr/bin/find /var/lib/aide -maxdepth 1 -name aide.db* -printf %f/%T@/"
_AIDE = "/usr/bin/find /var/lib/aide -maxdepth 1 -name 'aide.db*' -printf %f/%T@/"
PRIVILEGED = (_AIDE,)

SHELL = rf"""
crontabs() {{
  for file in /etc/crontab /etc/anacrontab /etc/cron.d/*; do
    if [ -r "$file" ]; then
      awk '/^[ \t]*#/ || /^[ \t]*[A-Za-z_]+[ \t]*=/ {{ next }}
        {{ begins = FILENAME ~ /anacrontab$/ ? 4 : $1 ~ /^@/ ? 3 : 7
          for (at = begins; at <= NF; at++)
            if ((at == begins || $at ~ /^\// || $(at - 1) ~ /^(&&|[|][|]?|;)$/) && $at ~ /^[A-Za-z0-9._\/-]+$/) {{
              name = $at; sub(/.*\//, "", name); if (name != "") print name }} }}' "$file"
    elif hidden "$file"; then return 77
    fi
  done
  for folder in /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly; do
    if [ -d $folder ]; then ls $folder || return 77; fi
  done
}}
section crontabs crontabs
timers() {{ TZ=UTC; export TZ; brief systemctl show --no-pager -p Id,Unit,LastTriggerUSec '*.timer'; }}
results() {{ brief systemctl show --no-pager -p Id,Result '*.service'; }}
if [ -d /run/systemd/system ]; then section timers timers; section results results; else section no-timers true; fi
signatures() {{
  for file in /var/lib/clamav/daily.cld /var/lib/clamav/daily.cvd; do
    if [ -r $file ]; then head -c 64 $file; return; elif [ -e $file ]; then return 77; fi
  done
  [ -x /var/lib/clamav ] || return 77
}}
if [ -d /var/lib/clamav ]; then section clamav signatures; else section no-clamav true; fi
if [ -d /var/lib/aide ]; then section aide asroot {_AIDE}; else section no-aide true; fi
"""

_TIME = re.compile(r"[A-Z][a-z]{2} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")
_HEADER = re.compile(rb"ClamAV-VDB:(\d\d? [A-Z][a-z]{2} \d{4} \d\d-\d\d [+-]\d{4}):.*", re.DOTALL)
_NAMED = re.compile(r"[A-Za-z0-9._@:\\-]{1,200}")


def jobs(found: Collected) -> tuple[Job, ...] | Unobserved:
    """The jobs of cron and of systemd's timers; not those in crontabs of users."""
    cron = found.read("crontabs", lambda text: tuple(_cron(text)), Reason.UNREADABLE)
    if isinstance(cron, Unobserved) or "no-timers" in found.sections:
        return cron
    failed = found.read("results", _failed, Reason.UNSUPPORTED)
    if isinstance(failed, Unobserved):
        return failed
    timed = found.read("timers", lambda text: tuple(_timers(text, failed)), Reason.UNSUPPORTED)
    return timed if isinstance(timed, Unobserved) else cron + timed


def _cron(text: bytes) -> Iterator[Job]:
    for line in filter(None, text_lines(text)):
        if " " not in line:
            yield Job(by="cron", name=escaped(line, limit=200), last=None, failed=False)


def properties(text: bytes) -> Iterator[dict[str, str]]:
    """The properties of units as systemctl shows them, a blank line between two."""
    for block in "\n".join(text_lines(text)).split("\n\n"):
        pairs = [line.partition("=") for line in block.split("\n") if line]
        if any(not equals for _, equals, _ in pairs):
            raise CollectionError("a line is no property")
        if pairs:
            yield {name: value for name, _, value in pairs}


def _failed(text: bytes) -> set[str]:
    return {block.get("Id", "") for block in properties(text) if block.get("Result", "success") != "success"}


def _timers(text: bytes, failed: set[str]) -> Iterator[Job]:
    for block in properties(text):
        if not _NAMED.fullmatch(block.get("Id", "")) or not _NAMED.fullmatch(block.get("Unit", "")):
            raise CollectionError("a timer has no name")
        at = _TIME.fullmatch(block.get("LastTriggerUSec", ""))
        last = datetime.strptime(f"{at[1]} +0000", "%Y-%m-%d %H:%M:%S %z") if at else None
        yield Job(by="timer", name=escaped(block["Unit"]), last=last, failed=block["Unit"] in failed)


def signatures(found: Collected) -> datetime | Unobserved | None:
    """When ClamAV's daily signatures were made, by their own word; None where there is no ClamAV."""
    if "no-clamav" in found.sections:
        return None

    def read(text: bytes) -> datetime:
        match = _HEADER.fullmatch(text)
        if match is None:
            raise CollectionError("no signatures of ClamAV")
        return datetime.strptime(match[1].decode(), "%d %b %Y %H-%M %z").astimezone(UTC)

    return found.read("clamav", read, Reason.UNREADABLE)


def integrity_bases(found: Collected) -> tuple[IntegrityBase, ...] | Unobserved:
    """AIDE's database; none where AIDE was never made ready."""
    if "no-aide" in found.sections:
        return ()
    return found.privileged("aide", AIDE, lambda text: tuple(_aide(text)))


def _aide(text: bytes) -> Iterator[IntegrityBase]:
    parts = "".join(text_lines(text)).split("/")
    if len(parts) % 2 == 0 or parts[-1]:
        raise CollectionError("a file has no time")
    for name, made in zip(parts[:-1:2], parts[1::2], strict=True):
        if name in ("aide.db", "aide.db.gz"):  # what is new, but not yet in use, is compared with nothing
            try:
                yield IntegrityBase(by="aide", made=datetime.fromtimestamp(float(made), UTC))
            except (OverflowError, OSError):
                raise CollectionError("a time that is none") from None
