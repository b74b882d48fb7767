"""Checks of a host's logs and clock: that something writes them, that they last or leave, that their times are right."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.host_specimens import clock, target
from scanner.observations import HostObservation, Journal, LogTarget, Rotation, fact
from scanner.specimens import AT, host

_DAEMONS = {"rsyslog": "rsyslogd", "syslog-ng": "syslog-ng"}


class Loggers(Parameters):
    """Processes that write the system log to files."""

    processes: Annotated[tuple[str, ...], Stricter.SUBSET] = ("rsyslogd", "syslog-ng", "syslogd")


class Shippers(Parameters):
    """Processes that send logs to a central store by settings of their own."""

    processes: Annotated[tuple[str, ...], Stricter.SUBSET] = ()


class Retention(Parameters):
    """For how many days records stay at least, and the files that hold those of the system and of logins."""

    days: Annotated[int, Stricter.HIGHER] = 90
    paths: Annotated[tuple[str, ...], Stricter.NONE] = (
        "/var/log/syslog",
        "/var/log/messages",
        "/var/log/auth.log",
        "/var/log/secure",
    )


class Room(Parameters):
    """How much of the file system under /var/log may be used, in percent."""

    percent: Annotated[int, Stricter.LOWER] = 90


class Precision(Parameters):
    """By less than how many milliseconds the clock is off."""

    milliseconds: Annotated[int, Stricter.LOWER] = 1_000


def _sends(host: HostObservation) -> list[LogTarget]:
    """The log servers that a running daemon tells of every facility."""
    running = fact(host.processes)
    return [target for target in fact(host.log_targets) if _DAEMONS[target.by] in running and target.what.startswith("*.")]


def _named(targets: list[LogTarget]) -> str:
    return ", ".join(f"{target.host} ({target.protocol}{', TLS' if target.encrypted else ''})" for target in targets)


@check(
    "host-system-log-kept",
    observes=HostObservation,
    facts=("journal", "processes"),
    parameters=Loggers,
    passes=(
        host(),
        host(processes=("systemd",)),
        host(journal=Journal(storage="volatile", retention_seconds=None)),
        host(journal=Journal(storage="none", retention_seconds=None), processes=("syslogd",)),
    ),
    fails=(
        host(journal=Journal(storage="volatile", retention_seconds=None), processes=("systemd", "systemd-journal")),
        host(journal=Journal(storage="none", retention_seconds=None), processes=("init",)),
    ),
    fixes={
        "debian": "mkdir -p /var/log/journal && systemctl restart systemd-journald, or apt install rsyslog",
        "ubuntu": "mkdir -p /var/log/journal && systemctl restart systemd-journald, or apt install rsyslog",
        "rhel": "Storage=persistent in /etc/systemd/journald.conf, then systemctl restart systemd-journald",
        "alpine": "rc-update add syslog boot && rc-service syslog start",
    },
    retests={
        "any": Retest("journalctl --header | grep 'File path'", "names files under /var/log/journal"),
        "alpine": Retest("tail -n 1 /var/log/messages", "shows a line of today"),
    },
)
def system_log_kept(host: HostObservation, parameters: Loggers) -> Verdict:
    """The system log outlives a restart.

    Passes where journald keeps its records on the disk, or a syslog daemon is running (TCVN 14423:2026 clause 5.8.2.1a; CIS
    Debian 12 6.1). Fails where records are in memory only or nowhere.
    """
    journal = fact(host.journal)
    daemons = sorted(set(parameters.processes) & set(fact(host.processes)))
    seen = said("journal: {storage}; daemons: {daemons}", storage=journal.storage, daemons=", ".join(daemons) or "-")
    return Pass(seen) if daemons or journal.storage == "persistent" else Fail(seen)


@check(
    "host-logs-sent",
    observes=HostObservation,
    facts=("log_targets", "processes"),
    parameters=Shippers,
    passes=(
        host(),
        host(log_targets=(target(what="*.info", protocol="udp", encrypted=False),)),
        (host(log_targets=(), processes=("filebeat",)), Shippers(processes=("filebeat",))),
    ),
    fails=(
        host(log_targets=()),
        host(log_targets=(), processes=("filebeat",)),
        host(processes=("systemd",)),
        host(log_targets=(target(what="auth,authpriv.*"),)),
        host(log_targets=(target(by="syslog-ng"),)),
    ),
    fixes={
        "debian": (
            'In /etc/rsyslog.d/90-central.conf: *.* action(type="omfwd" target="LOG.SERVER" port="6514" protocol="tcp" '
            'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name"); then systemctl restart rsyslog'
        ),
        "rhel": "The same in /etc/rsyslog.d/90-central.conf, with dnf install rsyslog-gnutls",
        "syslog-ng": 'A destination network("LOG.SERVER" transport("tls")) and a log path from the system\'s source to it',
    },
    retests={
        "any": Retest("logger -p auth.notice clearance", "puts a line into the log of the central server"),
    },
)
def logs_sent(host: HostObservation, parameters: Shippers) -> Verdict:
    """The system log is sent to a central log server.

    Passes where rsyslog or syslog-ng is running and told to send every facility to another machine, or where one of the named
    shippers is running (TCVN 14423:2026 clause 5.8.2.1a). Whether it arrives, and what a shipper reads, is not seen.
    """
    targets = _sends(host)
    shippers = sorted(set(parameters.processes) & set(fact(host.processes)))
    if targets or shippers:
        return Pass(said("sends to {targets}", targets=", ".join(filter(None, (_named(targets), *shippers)))))
    others = [f"{target.host} ({target.what})" for target in fact(host.log_targets)]
    return Fail(said("sends everything nowhere; other targets: {others}", others=", ".join(others) or "-"))


@check(
    "host-logs-sent-encrypted",
    observes=HostObservation,
    facts=("log_targets", "processes"),
    passes=(host(), host(log_targets=(target(protocol="relp"), target(protocol="udp", encrypted=False, what="local7.*")))),
    fails=(
        host(log_targets=(target(encrypted=False),)),
        host(log_targets=(target(), target(host="192.0.2.9", protocol="udp", encrypted=False))),
    ),
    fixes={
        "rsyslog": 'StreamDriver="gtls" StreamDriverMode="1" in the action, and the certificate authority\'s file in global()',
        "syslog-ng": 'transport("tls") and tls(ca-dir(...) peer-verify(required-trusted)) in the destination',
    },
    retests={
        "any": Retest(
            "ss -Htnp state established '( dport = :6514 )'",
            "shows the log daemon's connection to the log server",
        ),
    },
)
def logs_sent_encrypted(host: HostObservation, _: Parameters) -> Verdict:
    """Logs travel inside TLS.

    Fails where rsyslog or syslog-ng sends the system log to a machine without TLS (TCVN 14423:2026 clause 5.4.2.4b).
    """
    targets = _sends(host)
    if not targets:
        return NotApplicable(said("no syslog daemon sends the whole log to another machine"))
    plain = [target for target in targets if not target.encrypted]
    return Fail(said("sends in clear to {targets}", targets=_named(plain))) if plain else Pass()


_JOURNAL_ONLY = host(log_targets=(), rotations=(Rotation(path="/var/log/dpkg.log", days=1),))


@check(
    "host-log-retention",
    observes=HostObservation,
    facts=("rotations", "log_targets", "processes", "journal", "oldest_record"),
    parameters=Retention,
    passes=(
        host(),
        host(log_targets=()),
        host(rotations=()),
        host(log_targets=(), rotations=(Rotation(path="/var/log/*", days=90),)),
        _JOURNAL_ONLY,
        _JOURNAL_ONLY.model_copy(update={"oldest_record": AT - timedelta(days=90)}),
    ),
    fails=(
        host(log_targets=(), rotations=(Rotation(path="/var/log/syslog", days=28),)),
        host(log_targets=(), rotations=(Rotation(path="/var/log/*log", days=None),)),
        host(processes=(), rotations=(Rotation(path="/var/log/auth.log", days=89),)),
        (host(log_targets=()), Retention(days=180)),
        _JOURNAL_ONLY.model_copy(update={"oldest_record": AT - timedelta(days=89)}),
        _JOURNAL_ONLY.model_copy(update={"oldest_record": None}),
        _JOURNAL_ONLY.model_copy(update={"journal": Journal(storage="persistent", retention_seconds=2_629_800)}),
        _JOURNAL_ONLY.model_copy(update={"journal": Journal(storage="volatile", retention_seconds=None)}),
    ),
    fixes={
        "any": (
            "weekly and rotate 14 (27, 53) in /etc/logrotate.conf and in each file of /etc/logrotate.d, and no size or maxsize; for "
            "a host with journald alone: Storage=persistent, SystemMaxUse= large enough and MaxRetentionSec=0 in journald.conf"
        )
    },
    retests={
        "any": Retest(
            "logrotate --debug /etc/logrotate.conf 2>&1 | grep rotations",
            "shows as many rotations as the rule asks for",
        ),
    },
)
def log_retention(host: HostObservation, parameters: Retention) -> Verdict:
    """Logs are not deleted before their time.

    Fails where logrotate deletes system logs sooner than asked, or by size, and they are not sent to a log server first; where
    logrotate has none of them, unless the journal's oldest record is as old as asked (TCVN 14423:2026 clause 5.8.2.1a: 1, 3, 6,
    12 months from level 2; CIS sets one month, which does not meet it from level 3). How long the server keeps them is a
    document's word.
    """
    sent = _sends(host)
    if sent:
        return Pass(said("sends to {targets}", targets=_named(sent)))
    kept = [rotation for rotation in fact(host.rotations) if _concerns(rotation, parameters)]
    if not kept:
        return _reaches_back(host, timedelta(days=parameters.days))
    short = [rotation for rotation in kept if rotation.days is None or rotation.days < parameters.days]
    named = [f"{found.path}: {'by size' if found.days is None else f'{found.days} d'}" for found in short]
    return Fail(said("deletes early: {paths}", paths=", ".join(named))) if short else Pass()


def _concerns(rotation: Rotation, parameters: Retention) -> bool:
    return any(fnmatchcase(path, rotation.path) for path in parameters.paths)


def _reaches_back(host: HostObservation, wanted: timedelta) -> Verdict:
    journal, oldest = fact(host.journal), fact(host.oldest_record)
    lasts = journal.retention_seconds is None or timedelta(seconds=journal.retention_seconds) >= wanted
    reaches = oldest is not None and host.seen.observed_at - oldest >= wanted
    date = f"{oldest:%Y-%m-%d}" if oldest else "-"
    seen = said("journal: {storage}; oldest record of {date}", storage=journal.storage, date=date)
    return Pass(seen) if journal.storage == "persistent" and lasts and reaches else Fail(seen)


@check(
    "host-log-room",
    observes=HostObservation,
    facts=("log_room_used",),
    parameters=Room,
    passes=(host(), host(log_room_used=90), (host(log_room_used=95), Room(percent=95))),
    fails=(host(log_room_used=91), host(log_room_used=100)),
    fixes={"any": "Give /var/log more room, or move logs that were sent away: journalctl --disk-usage; du -xsh /var/log/*"},
    retests={
        "any": Retest("df -h /var/log", "shows more room than the rule asks for"),
    },
)
def log_room(host: HostObservation, parameters: Room) -> Verdict:
    """There is room for logs.

    Fails where more of the file system under /var/log is used than asked (TCVN 14423:2026 clause 5.8.2.1a).
    """
    used = fact(host.log_room_used)
    seen = said("{percent} % used", percent=used)
    return Pass(seen) if used <= parameters.percent else Fail(seen)


@check(
    "host-clock-synchronised",
    observes=HostObservation,
    facts=("clocks",),
    parameters=Precision,
    passes=(host(), host(clocks=(clock(synchronised=False, by="ntp"), clock(offset_milliseconds=999)))),
    fails=(
        host(clocks=()),
        host(clocks=(clock(synchronised=False),)),
        host(clocks=(clock(offset_milliseconds=1_000),)),
        host(clocks=(clock(offset_milliseconds=None),)),
        host(clocks=(clock(), clock(by="timesyncd", offset_milliseconds=5_000))),
    ),
    fixes={
        "debian": "apt install chrony; server TIME.SERVER iburst in /etc/chrony/sources.d/agency.sources; systemctl restart chrony",
        "ubuntu": "NTP=TIME.SERVER in /etc/systemd/timesyncd.conf; systemctl restart systemd-timesyncd",
        "rhel": "server TIME.SERVER iburst in /etc/chrony.conf; systemctl enable --now chronyd",
    },
    retests={
        "any": Retest("timedatectl show -p NTPSynchronized", "prints NTPSynchronized=yes"),
    },
)
def clock_synchronised(host: HostObservation, parameters: Precision) -> Verdict:
    """The clock is right.

    Passes where a time service follows a server and says that the clock is off by less than asked; fails where none follows one,
    where it follows the host's own clock, and where any says more (TCVN 14423:2026 clause 5.8.2.1a).
    """
    follows = [clock for clock in fact(host.clocks) if clock.synchronised]
    offsets = [clock.offset_milliseconds for clock in follows]
    seen = said(
        "follows {sources}",
        sources=", ".join(f"{clock.source} ({clock.by}, {clock.offset_milliseconds} ms)" for clock in follows) or "-",
    )
    right = bool(offsets) and all(offset is not None and offset < parameters.milliseconds for offset in offsets)
    return Pass(seen) if right else Fail(seen)
