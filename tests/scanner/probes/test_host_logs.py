"""What the sections on logs and the clock say, in the words of several systems, and whatever a host prints."""

from __future__ import annotations

import re
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import Audit, Journal, LogTarget, Reason, Unobserved
from scanner.probes import collection
from scanner.probes.collection import clock, logs, syslog
from scanner.probes.collection.sections import Collected, Section, collected, prelude

NONCE = "0" * 32
JOURNALD = (
    b"# /etc/systemd/journald.conf\n# See journald.conf(5) for details.\n\n[Journal]\n#Storage=auto\nMaxRetentionSec=1month\n\n"
    b"# /usr/lib/systemd/journald.conf.d/syslog.conf\n[Journal]\nForwardToSyslog=yes\n"
    b"# /etc/systemd/journald.conf.d/50-keep.conf\n[Journal]\n Storage = persistent\nMaxRetentionSec=90day 12h\n"
)
RSYSLOG_DEBIAN = (
    b'/etc/rsyslog.conf:module(load="imuxsock") # provides support for local system logging\n'
    b"/etc/rsyslog.conf:$FileOwner root\n/etc/rsyslog.conf:$IncludeConfig /etc/rsyslog.d/*.conf\n"
    b"/etc/rsyslog.conf:*.*;auth,authpriv.none\t\t-/var/log/syslog\n/etc/rsyslog.conf:auth,authpriv.*\t\t\t/var/log/auth.log\n"
    b"/etc/rsyslog.conf:*.emerg\t\t\t\t:omusrmsg:*\n"
)
RSYSLOG_RHEL = (
    b'/etc/rsyslog.conf:global(workDirectory="/var/lib/rsyslog")\n/etc/rsyslog.conf:module(load="builtin:omfile" Template="RSYSLOG_TraditionalFileFormat")\n'
    b'/etc/rsyslog.conf:include(file="/etc/rsyslog.d/*.conf" mode="optional")\n'
    b"/etc/rsyslog.conf:*.info;mail.none;authpriv.none;cron.none                /var/log/messages\n"
)
CENTRAL = (
    b'/etc/rsyslog.d/90-central.conf:global(DefaultNetstreamDriver="gtls"\n/etc/rsyslog.d/90-central.conf:  DefaultNetstreamDriverCAFile="/etc/ssl/ca.pem")\n'
    b'/etc/rsyslog.d/90-central.conf:*.* action(type="omfwd" target="log.example.vn" port="6514" protocol="tcp"\n'
    b'/etc/rsyslog.d/90-central.conf:  StreamDriverMode="1" StreamDriverAuthMode="x509/name")\n'
)
SYSLOG_NG = (
    b'/etc/syslog-ng/syslog-ng.conf:@version: 3.38\n/etc/syslog-ng/syslog-ng.conf:@include "scl.conf"\n'
    b"/etc/syslog-ng/syslog-ng.conf:source s_src { system(); internal(); };\n"
    b'/etc/syslog-ng/syslog-ng.conf:destination d_net { network("log.example.vn" port(6514) transport("tls") tls(ca-dir("/etc/ca.d"))); };\n'
    b'/etc/syslog-ng/syslog-ng.conf:destination d_idle { udp("192.0.2.9" port(514)); };\n'
    b"/etc/syslog-ng/syslog-ng.conf:log { source(s_src); destination(d_net); };\n"
    b'/etc/syslog-ng/syslog-ng.conf:@include "/etc/syslog-ng/conf.d/*.conf"\n'
)
LOGROTATE_DEBIAN = (
    b"/etc/logrotate.conf:weekly\n/etc/logrotate.conf:rotate 4\n/etc/logrotate.conf:create\n/etc/logrotate.conf:include /etc/logrotate.d\n"
    b"/etc/logrotate.d/rsyslog:/var/log/syslog\n/etc/logrotate.d/rsyslog:/var/log/auth.log\n/etc/logrotate.d/rsyslog:{\n"
    b"/etc/logrotate.d/rsyslog:\tmissingok\n/etc/logrotate.d/rsyslog:\tpostrotate\n"
    b"/etc/logrotate.d/rsyslog:\t\tif [ -x /usr/lib/rsyslog/rsyslog-rotate ]; then { /usr/lib/rsyslog/rsyslog-rotate; }; fi\n"
    b"/etc/logrotate.d/rsyslog:\tendscript\n/etc/logrotate.d/rsyslog:}\n"
    b"/etc/logrotate.d/dpkg:/var/log/dpkg.log {\n/etc/logrotate.d/dpkg:\tmonthly\n/etc/logrotate.d/dpkg:\trotate 12\n/etc/logrotate.d/dpkg:}\n"
)
CHRONY = (
    b"Reference ID    : C0000201 (192.0.2.1)\nStratum         : 3\nRef time (UTC)  : Wed Nov 25 23:31:02 2026\n"
    b"System time     : 0.000012345 seconds slow of NTP time\nLast offset     : -0.000004561 seconds\nRMS offset      : 0.000031 seconds\n"
    b"Frequency       : 12.345 ppm fast\nResidual freq   : -0.001 ppm\nSkew            : 0.012 ppm\nRoot delay      : 0.0012 seconds\n"
    b"Root dispersion : 0.0005 seconds\nUpdate interval : 64.2 seconds\nLeap status     : Normal\n"
)
CHRONY_LOST = (
    b"Reference ID    : 00000000 ()\nStratum         : 0\nRef time (UTC)  : Thu Jan 01 00:00:00 1970\n"
    b"System time     : 0.000000000 seconds fast of NTP time\nLeap status     : Not synchronised\n"
)
NTPQ = (
    b'associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,\nversion="ntpd ntpsec-1.2.2", processor="x86_64", leap=00, stratum=3,\n'
    b"precision=-24, rootdelay=1.2, rootdisp=2.1, refid=192.0.2.1,\nreftime=ee.1 2026-11-25T23:00:00.000Z, offset=-0.123, frequency=1.2\n"
)
TIMESYNCD = (
    b"       Server: 192.0.2.1 (ntp.example.vn)\nPoll interval: 34min 8s (min: 32s; max 34min 8s)\n         Leap: normal\n      Version: 4\n"
    b"      Stratum: 2\n    Reference: 8498E0CA\n    Precision: 1us (-25)\nRoot distance: 579us (max: 5s)\n       Offset: +1.162ms\n"
    b"        Delay: 170.404ms\n       Jitter: 1.296ms\n Packet count: 25\n    Frequency: +13.391ppm\n"
)
RULES = b"-a always,exit -F arch=b64 -S execve,execveat -F key=exec\n-w /etc/passwd -p wa -k identity\n"
STATUS = b"enabled 1\nfailure 1\npid 612\nrate_limit 0\nloginuid_immutable 0 unlocked\n"
AUDITD = b"# c\nlocal_events = yes\nlog_file = /var/log/audit/audit.log\nspace_left = 75\nspace_left_action = EMAIL\naction_mail_acct = root\n"
DF = (
    b"Filesystem     1024-blocks    Used Available Capacity Mounted on\n/dev/vda1         20511312 8123456  11320000      42% /\n"
)
LOG_FILES = (
    b"   523301      4 -rw-r--r--   1 root     adm     1704 Mar  3  2026 /var/log/auth.log.1\n"
    b"   523302      4 drwxrwxrwt   2 root     root    4096 Nov  3 10:12 /var/log/an\\ app\n"
)
GOOD = {
    "user": b"1000\n",
    "processes": b"systemd\nrsyslogd\nkworker/0:1\nrsyslogd\n",
    "contained": b"nginx\nnginx\n",
    "journald": JOURNALD,
    "journal-kept": b"yes\n",
    "journal-oldest": b"1764000000.123456\n",
    "syslog": RSYSLOG_DEBIAN + CENTRAL,
    "logrotate": LOGROTATE_DEBIAN,
    "audit-rules": RULES,
    "audit-status": STATUS,
    "auditd": AUDITD,
    "log-room": DF,
    "log-files": LOG_FILES,
    "chrony": CHRONY,
    "ntp": NTPQ,
    "timesyncd": TIMESYNCD,
}
FACTS = (
    logs.processes,
    logs.contained,
    logs.journal,
    logs.oldest_record,
    syslog.targets,
    logs.rotations,
    logs.audit,
    logs.audit_settings,
    logs.log_room,
    logs.log_files,
    clock.clocks,
)


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    named = {name.replace("_", "-"): text for name, text in changed.items()}
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (GOOD | named).items() if name not in leave}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def reason(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def targets(text: bytes) -> tuple[LogTarget, ...]:
    seen = syslog.targets(found(syslog=text))
    assert not isinstance(seen, Unobserved), seen
    return seen


def rotations(text: bytes) -> dict[str, int | None]:
    seen = logs.rotations(found(logrotate=text))
    assert not isinstance(seen, Unobserved), seen
    return {rotation.path: rotation.days for rotation in seen}


def test_sound_sections_give_every_fact() -> None:
    assert not [fact for read in FACTS if isinstance(fact := read(found()), Unobserved)]


# --- Journal -------------------------------------------------------------------------------------


def test_a_drop_in_overrides_the_file_and_comments_are_no_settings() -> None:
    assert logs.journal(found()) == Journal(storage="persistent", retention_seconds=90 * 86_400 + 12 * 3_600)


@pytest.mark.parametrize(("kept", "storage"), [(b"yes\n", "persistent"), (b"no\n", "volatile")])
def test_a_journal_left_to_itself_is_on_the_disk_where_its_folder_is(kept: bytes, storage: str) -> None:
    seen = logs.journal(found(journald=b"[Journal]\n#Storage=none\n", journal_kept=kept))
    assert isinstance(seen, Journal) and (seen.storage, seen.retention_seconds) == (storage, None)


def test_a_host_without_journald_stores_nothing_there_and_has_no_oldest_record() -> None:
    without = found("journald", "journal-oldest", no_journald=b"")
    assert logs.journal(without) == Journal(storage="none", retention_seconds=None)
    assert logs.oldest_record(without) is None


@pytest.mark.parametrize(
    "text", [b"", b"Storage=persistent\n", b"[Journal]\nStorage=disk\n", b"[Journal]\nMaxRetentionSec=a while\n"]
)
def test_settings_of_journald_that_are_none_are_unreadable(text: bytes) -> None:
    assert reason(logs.journal(found(journald=text))) is Reason.UNREADABLE


def test_the_oldest_record_is_an_instant() -> None:
    assert logs.oldest_record(found()) == datetime.fromtimestamp(1764000000.123456, UTC)
    for odd in (b"--\n", b"\n", b"1e400\n", b"nan\n"):
        assert reason(logs.oldest_record(found(journal_oldest=odd))) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("entries", "told", "status"),
    [
        ("printf '1764000000.1 host a\\n1764000001.2 host b\\n'", b"1764000000.1\n", 0),
        ("true", b"", 0),
        ("false", b"", 1),  # sudo does not allow it
        ("exit 127", b"", 127),
        ("kill -KILL $(exec sh -c 'echo $PPID')", None, None),
    ],
)
def test_an_empty_journal_is_told_from_one_that_may_not_be_read(entries: str, told: bytes | None, status: int | None) -> None:
    (define,) = re.findall(r"^oldest\(\) \{\n.*?^\}\n", logs.SHELL, re.MULTILINE | re.DOTALL)
    shell = f"{prelude(NONCE)}entries() {{ ({entries}); }}\n{define}section user echo 1000\nsection journal-oldest oldest\nsection done true\n"
    run = subprocess.run(["sh"], input=shell.encode(), capture_output=True, check=False, timeout=30)
    seen = collected(run.stdout, NONCE)
    if told is not None:
        assert (seen.sections["journal-oldest"].text, seen.sections["journal-oldest"].status) == (told, status)
    else:
        assert seen.sections["journal-oldest"].status not in (0, 1)
    oldest = logs.oldest_record(seen)
    if status == 0:
        assert oldest == (datetime.fromtimestamp(1764000000.1, UTC) if told else None)
    else:
        assert reason(oldest) is (Reason.UNREADABLE if told is None else Reason.NEEDS_RIGHTS)


# --- Syslog --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shipped", [RSYSLOG_DEBIAN, RSYSLOG_RHEL], ids=["debian", "rhel"])
def test_shipped_settings_send_nothing_and_an_action_over_several_lines_is_read(shipped: bytes) -> None:
    assert targets(shipped) == ()
    assert targets(shipped + CENTRAL) == (
        LogTarget(by="rsyslog", host="log.example.vn", protocol="tcp", encrypted=True, what="*.*"),
    )


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("*.* @@log.example.vn:514", ("log.example.vn", "tcp", False, "*.*")),
        ("*.* @192.0.2.9", ("192.0.2.9", "udp", False, "*.*")),
        ("*.info;mail.none  @@(o)log:6514;Format", ("log", "tcp", False, "*.info;mail.none")),
        ("*.* @[2001:db8::1]:514", ("[2001:db8::1]", "udp", False, "*.*")),
        ("auth.* /var/log/a\n& @@log", ("log", "tcp", False, "auth.*")),
        ('action(type="omrelp" target="log" port="20514" tls="on")', ("log", "relp", True, "*.*")),
        (
            'action(type="omfwd" target="log" protocol="udp" StreamDriverMode="1" StreamDriver="gtls")',
            ("log", "udp", False, "*.*"),
        ),
        (
            'action(type="omfwd" target="log" protocol="tcp" StreamDriverMode="0" StreamDriver="gtls")',
            ("log", "tcp", False, "*.*"),
        ),
        ('local7.* action(type="omfwd" target="log" protocol="tcp")', ("log", "tcp", False, "local7.*")),
        ('if $programname == "x" then {\naction(type="omfwd" target="log")\n}', ("log", "udp", False, syslog.SOME)),
        ('if prifilt("local7.*") then action(type="omfwd" target="log")', ("log", "udp", False, syslog.SOME)),
        ("if $msg contains 'x' then {\n*.* @@log\n}", ("log", "tcp", False, syslog.SOME)),
    ],
)
def test_each_way_to_name_a_log_server_says_what_is_sent_and_how(line: str, wanted: tuple[str, str, bool, str]) -> None:
    text = RSYSLOG_DEBIAN + "".join(f"/etc/rsyslog.d/x.conf:{part}\n" for part in line.split("\n")).encode()
    assert [(seen.host, seen.protocol, seen.encrypted, seen.what) for seen in targets(text)] == [wanted]


@pytest.mark.parametrize(
    "text",
    [
        CENTRAL,
        RSYSLOG_DEBIAN.replace(b"$IncludeConfig /etc/rsyslog.d/*.conf", b"$Umask 0022") + CENTRAL,
        RSYSLOG_DEBIAN + CENTRAL.replace(b"90-central.conf:", b"90-central.conf.off:"),
        RSYSLOG_DEBIAN + b"/etc/rsyslog.d/x.conf:/*\n/etc/rsyslog.d/x.conf:*.* @@log\n/etc/rsyslog.d/x.conf:*/\n",
    ],
    ids=["no-rsyslog", "not-included", "other-name", "remark"],
)
def test_what_is_not_in_force_sends_nothing(text: bytes) -> None:
    assert targets(text) == ()


def test_includes_from_elsewhere_make_the_settings_unreadable() -> None:
    for line in (
        b"$IncludeConfig /srv/*.conf",
        b'include(file="/srv/x.conf")',
        b'include(file="/srv/x.conf" mode="abort-if-missing")',
    ):
        assert reason(syslog.targets(found(syslog=RSYSLOG_DEBIAN + b"/etc/rsyslog.conf:" + line + b"\n"))) is Reason.UNREADABLE


def test_destinations_of_syslog_ng_count_where_a_log_path_leads_to_them() -> None:
    wanted = LogTarget(by="syslog-ng", host="log.example.vn", protocol="tcp", encrypted=True, what="*.*")
    assert targets(SYSLOG_NG) == (wanted,)
    filtered = SYSLOG_NG.replace(b"source(s_src); dest", b"source(s_src); filter(f_auth); dest")
    assert targets(filtered) == (wanted.model_copy(update={"what": syslog.SOME}),)
    assert reason(syslog.targets(found(syslog=SYSLOG_NG + b"/etc/syslog-ng/syslog-ng.conf:log {\n"))) is Reason.UNREADABLE


# --- logrotate -----------------------------------------------------------------------------------


def test_general_directives_hold_where_a_block_says_nothing_else_and_scripts_are_skipped() -> None:
    assert rotations(LOGROTATE_DEBIAN) == {"/var/log/syslog": 28, "/var/log/auth.log": 28, "/var/log/dpkg.log": 366}


@pytest.mark.parametrize(
    ("block", "days"),
    [
        ("daily\nrotate 90", 90),
        ("monthly\nrotate 3", 91),
        ("hourly\nrotate 2160", 90),
        ("daily\nrotate 90\nmaxage 30", 30),
        ("daily\nrotate 400\nmaxsize 10M", None),
        ("daily\nsize 10M\nrotate 400", None),
        ("daily\nsize=10M\nrotate 400", None),
        ("size 10M\ndaily\nrotate 400", 400),
        ("daily\nrotate -1", 999_999 * 1),
        ("daily\nrotate 0", 0),
    ],
)
def test_how_long_a_block_keeps_what_was_written(block: str, days: int | None) -> None:
    body = "".join(f"/etc/logrotate.d/x:{line}\n" for line in ("/var/log/x", "{", *block.split("\n"), "}"))
    assert rotations(f"/etc/logrotate.conf:include /etc/logrotate.d\n{body}".encode()) == {"/var/log/x": days}


def test_a_real_logrotate_reads_a_block_as_we_do(tmp_path: Path) -> None:
    main = LOGROTATE_DEBIAN.decode().splitlines()
    config = tmp_path / "logrotate.conf"
    config.write_text("\n".join(line.partition(":")[2] for line in main if "include" not in line) + "\n")
    said = subprocess.run(
        ["/usr/sbin/logrotate", "-d", "-s", tmp_path / "state", config], capture_output=True, text=True, check=False, timeout=30
    ).stderr
    assert "rotating pattern: /var/log/syslog\n/var/log/auth.log\n weekly (4 rotations)" in said
    assert "rotating pattern: /var/log/dpkg.log  monthly (12 rotations)" in said


def test_files_left_by_the_package_manager_are_left_out() -> None:
    odd = LOGROTATE_DEBIAN.replace(b"/etc/logrotate.d/rsyslog:", b"/etc/logrotate.d/rsyslog.dpkg-old:")
    assert rotations(odd) == {"/var/log/dpkg.log": 366}


@pytest.mark.parametrize(
    "line",
    [b"/etc/logrotate.d/x:/var/log/x {\n", b"/etc/logrotate.d/x:/var/log/x {\n/etc/logrotate.d/x:rotate many\n/etc/logrotate.d/x:}\n",
     b"/etc/logrotate.conf:include /srv/rotate\n", b"rotate 4\n"],
)  # fmt: skip
def test_rules_that_cannot_be_followed_are_unreadable_and_never_fewer(line: bytes) -> None:
    assert reason(logs.rotations(found(logrotate=LOGROTATE_DEBIAN + line))) is Reason.UNREADABLE


# --- Audit, room, processes ----------------------------------------------------------------------


def test_the_audit_system_says_whether_it_is_at_work_and_by_which_rules() -> None:
    assert logs.audit(found()) == Audit(enabled=True, running=True, rules=tuple(RULES.decode().splitlines()))
    assert logs.audit(found(audit_rules=b"No rules\n", audit_status=b"enabled 0\npid 0\n")) == Audit(
        enabled=False, running=False, rules=()
    )
    assert logs.audit(found("audit-rules", "audit-status", no_audit=b"")) == Audit(enabled=False, running=False, rules=())
    for odd in (b"", b"-w /etc -p wa\nError\n", b"\n"):
        assert reason(logs.audit(found(audit_rules=odd))) is Reason.UNREADABLE
    assert reason(logs.audit(found(audit_status=b"enabled 1\n"))) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("section", "read"),
    [
        ("audit-rules", logs.audit),
        ("audit-status", logs.audit),
        ("auditd", logs.audit_settings),
        ("journal-oldest", logs.oldest_record),
        ("log-files", logs.log_files),
    ],
)
def test_without_a_sudoers_line_the_part_names_the_line_that_is_missing(section: str, read: object) -> None:
    assert callable(read)
    refused = read(found(**{section: (b"", 1)}))
    assert reason(refused) is Reason.NEEDS_RIGHTS and "sudo -n /usr/" in refused.detail


def test_where_proc_hides_others_processes_nothing_is_taken_for_absent() -> None:
    assert reason(logs.processes(found(processes=(b"", 77)))) is Reason.NEEDS_RIGHTS
    assert reason(logs.processes(found(processes=b""))) is Reason.UNREADABLE
    assert reason(logs.contained(found(contained=(b"", 77)))) is Reason.NEEDS_RIGHTS
    assert reason(logs.contained(found(contained=(b"", 1)))) is Reason.UNREADABLE
    assert logs.contained(found(contained=b"")) == ()


def test_room_is_the_share_that_is_used() -> None:
    assert logs.log_room(found()) == 42
    for odd in (b"", DF + DF, DF.replace(b"%", b"")):
        assert reason(logs.log_room(found(log_room=odd))) is Reason.UNREADABLE


def test_of_logs_names_modes_and_owners_are_seen_and_a_line_that_is_none_makes_them_unreadable() -> None:
    seen = logs.log_files(found())
    assert not isinstance(seen, Unobserved)
    assert [(file.path, file.mode, file.owner) for file in seen] == [
        ("/var/log/auth.log.1", "-rw-r--r--", "root"),
        ("/var/log/an\\\\ app", "drwxrwxrwt", "root"),
    ]
    assert logs.log_files(found(log_files=b"")) == ()
    assert reason(logs.log_files(found(log_files=LOG_FILES + b"find: denied\n"))) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("name", "mode", "shown"),
    [
        ("auth.log", 0o640, False),
        ("auth.log.1", 0o644, True),
        ("secure-20261101", 0o604, True),
        ("btmp", 0o664, True),
        ("audit/audit.log", 0o644, True),
        ("audit/audit.log", 0o600, False),
        ("syslog", 0o644, False),
        ("syslog", 0o646, True),
        ("wtmp", 0o664, False),
        ("app", 0o1777, True),
        ("app", 0o777, True),
    ],
)
def test_the_published_find_line_lists_what_is_open_and_nothing_else(tmp_path: Path, name: str, mode: int, shown: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    (path.mkdir if name == "app" else path.touch)()
    path.chmod(mode)
    line = [word.replace("/var/log", str(tmp_path)) for word in shlex.split(logs.LOG_FILES)]
    printed = subprocess.run(line, capture_output=True, check=True, timeout=10).stdout
    seen = logs.log_files(found(log_files=printed))
    assert not isinstance(seen, Unobserved)
    assert [file.path for file in seen] == ([str(path)] if shown else [])


# --- Whatever a host prints ----------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"user"}))
def test_a_failed_hung_or_noisy_section_is_never_another_fact(name: str) -> None:
    whole = [read(found()) for read in FACTS]
    key = name.replace("-", "_")
    for odd in (found(**{key: (GOOD[name], 2)}), found(**{key: (b"", None)}), found(**{key: (b"", 77)})):
        for read, fact in zip(FACTS, whole, strict=True):
            seen = read(odd)
            assert seen == fact or isinstance(seen, Unobserved) or read is clock.clocks
    if name != "processes":
        assert [read for read in FACTS if read(found(**{key: b"\x1b[2J\xff noise\n"})) != read(found())]


def test_the_script_collects_all_of_it_on_the_machine_the_test_runs_on() -> None:
    run = subprocess.run(["/bin/sh"], input=collection.script("0" * 32), capture_output=True, timeout=120, check=False)
    real = collected(run.stdout, "0" * 32)
    assert {"processes", "journal-kept", "syslog", "logrotate", "log-room"} <= set(real.sections)
    running, room, kept = logs.processes(real), logs.log_room(real), logs.rotations(real)
    assert not isinstance(running, Unobserved) and "sh" in running
    assert isinstance(room, int) and not isinstance(kept, Unobserved)


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(GOOD.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*GOOD.values(), SYSLOG_NG, b"\n", b":", b"{", b"}", b"(", b'"', b"\x00", b"\xff"]), max_size=4).map(
        b"".join
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None])), min_size=1))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    odd = found(**{name.replace("-", "_"): held for name, held in parts.items()})
    for read in FACTS:
        fact = read(odd)
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()
