"""What the sections on scheduled jobs, signatures and AIDE say, in the words of real programs, and whatever a host prints."""

from __future__ import annotations

import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import IntegrityBase, Job, Reason, Unobserved
from scanner.probes.collection import protection
from scanner.probes.collection.sections import Collected, Section, prelude

TIMERS = (
    b"Unit=restic-backup.service\nId=restic-backup.timer\nLastTriggerUSec=Wed 2026-11-25 02:10:03 UTC\n\n"
    b"Unit=fstrim.service\nId=fstrim.timer\nLastTriggerUSec=n/a\n\nUnit=old.service\nId=old.timer\nLastTriggerUSec=\n"
)
RESULTS = b"Id=restic-backup.service\nResult=exit-code\n\nId=fstrim.service\nResult=success\n"
DAILY = b"ClamAV-VDB:24 Nov 2026 08-26 +0000:27823:2090000:90:abc:def:ra"
SECTIONS = {
    "user": b"1000\n",
    "crontabs": b"pg_dump\nlogrotate\n",
    "timers": TIMERS,
    "results": RESULTS,
    "clamav": DAILY,
    "aide": b"aide.db/1764000000.5000000000/aide.db.new/1764000001.0/",
}
FACTS = (protection.jobs, protection.signatures, protection.integrity_bases)


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    named = {name.replace("_", "-"): text for name, text in changed.items()}
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (SECTIONS | named).items()}
    return Collected({name: Section(*parts) for name, parts in held.items() if name not in leave}, begun=True, complete=True)


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def test_jobs_are_those_of_cron_and_of_timers_with_what_became_of_them() -> None:
    ran = datetime(2026, 11, 25, 2, 10, 3, tzinfo=UTC)
    assert protection.jobs(found()) == (
        Job(by="cron", name="pg_dump", last=None, failed=False),
        Job(by="cron", name="logrotate", last=None, failed=False),
        Job(by="timer", name="restic-backup.service", last=ran, failed=True),
        Job(by="timer", name="fstrim.service", last=None, failed=False),
        Job(by="timer", name="old.service", last=None, failed=False),
    )
    assert protection.jobs(found("timers", "results", no_timers=b"")) == (
        Job(by="cron", name="pg_dump", last=None, failed=False),
        Job(by="cron", name="logrotate", last=None, failed=False),
    )


CRONTAB = """\
# /etc/crontab: 0 1 * * * root /usr/bin/commented
SHELL=/bin/sh
MYSQL_PWD = SECRET
17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly
0 2 * * * root mysqldump -pSECRET --password SECRET all | gzip
@daily root /usr/local/sbin/backup.sh --key=SECRET SECRET
5 4 * * * postgres test -x /usr/bin/pg_dump || pg_dumpall -f /srv/backup/all.sql
"""


def test_of_a_crontab_the_names_of_programs_leave_the_host_and_no_argument_that_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "cron.d").mkdir()
    (tmp_path / "cron.daily").mkdir()
    (tmp_path / "cron.daily" / "rsnapshot").touch()
    (tmp_path / "crontab").write_text(CRONTAB)
    (tmp_path / "anacrontab").write_text("SHELL=/bin/sh\n7 15 weekly.job nice /usr/bin/borg create SECRET\n")
    (tmp_path / "cron.d" / "no-end").write_text("1 1 * * * root /bin/true")
    shell = prelude("0" * 32) + protection.SHELL.partition("section crontabs")[0].replace("/etc/", f"{tmp_path}/")
    printed = subprocess.run(
        ["/bin/sh"], input=f"{shell}\ncrontabs\n", capture_output=True, text=True, check=True, timeout=10
    ).stdout
    assert "SECRET" not in printed
    assert set(printed.split()) == {
        *("cd", "run-parts", "cron.hourly", "mysqldump", "gzip", "backup.sh", "test", "pg_dump", "pg_dumpall", "all.sql"),
        *("nice", "borg", "true", "rsnapshot"),
    }


def test_signatures_are_as_old_as_they_say_themselves() -> None:
    assert protection.signatures(found()) == datetime(2026, 11, 24, 8, 26, tzinfo=UTC)
    assert protection.signatures(found("clamav", no_clamav=b"")) is None
    for odd in (b"", b"ClamAV-VDB:today:1:", b"ClamAV-VDB:31 Feb 2026 08-26 +0000:1:", DAILY[:20]):
        assert why(protection.signatures(found(clamav=odd))) is Reason.UNREADABLE


def test_a_database_of_aide_counts_once_it_is_in_use(tmp_path: Path) -> None:
    made = datetime.fromtimestamp(1_764_000_000.5, UTC)
    assert protection.integrity_bases(found()) == (IntegrityBase(by="aide", made=made),)
    assert protection.integrity_bases(found(aide=b"aide.db.new/1764000001.0/")) == ()
    assert protection.integrity_bases(found("aide", no_aide=b"")) == ()
    for name in ("aide.db.gz", "aide.db.new.gz", "other"):
        (tmp_path / name).touch()
    line = [str(tmp_path) if word == "/var/lib/aide" else word for word in shlex.split(protection.PRIVILEGED[0])]
    printed = subprocess.run(line, capture_output=True, check=True, timeout=10).stdout
    seen = protection.integrity_bases(found(aide=printed))
    assert not isinstance(seen, Unobserved) and len(seen) == 1
    refused = protection.integrity_bases(found(aide=(b"", 1)))
    assert why(refused) is Reason.NEEDS_RIGHTS and isinstance(refused, Unobserved) and protection.AIDE in refused.detail


@pytest.mark.parametrize(("section", "read"), [("crontabs", 0), ("timers", 0), ("results", 0), ("clamav", 1), ("aide", 2)])
def test_a_section_that_failed_hung_or_may_not_be_read_is_unseen(section: str, read: int) -> None:
    for odd in ((SECTIONS[section], 2), (b"", None), (b"", 77)):
        assert isinstance(FACTS[read](found(**{section: odd})), Unobserved)
    if section != "crontabs":
        assert isinstance(FACTS[read](found(**{section: b"\x1b[2J\xff noise\n"})), Unobserved)


def test_a_timer_without_a_name_makes_the_list_unreadable() -> None:
    for odd in (re.sub(rb"Unit=fstrim.*\n", b"", TIMERS), TIMERS + b"\nUnit=a b\nId=x.timer\n", b"no property\n"):
        assert why(protection.jobs(found(timers=odd))) is Reason.UNREADABLE


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(SECTIONS.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*SECTIONS.values(), b"\n", b"/", b"=", b"nan/nan/", b"\x00", b"\xff"]), max_size=5).map(b"".join),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(SECTIONS)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None])), min_size=1))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    for read in FACTS:
        fact = read(found(**parts))
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()
