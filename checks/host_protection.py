"""Checks of what guards a host: an agent against malware, a watch over its files, jobs that back it up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import HostObservation, IntegrityBase, Job, fact
from scanner.specimens import AT, host


class Agents(Parameters):
    """Products by name, each with the processes that must all be running for it to count (15 letters at most)."""

    products: Annotated[Mapping[str, tuple[str, ...]], Stricter.NONE] = {}


class SignatureDays(Parameters):
    """How many days old signatures may be."""

    days: Annotated[int, Stricter.LOWER] = 7


class Watchers(Parameters):
    """Processes that compare files with their sums, and names, as patterns, of jobs that do so; the age of AIDE's database."""

    processes: Annotated[tuple[str, ...], Stricter.SUBSET] = ()
    jobs: Annotated[tuple[str, ...], Stricter.SUBSET] = ("*aide*",)
    days: Annotated[int, Stricter.LOWER] = 366


class Backups(Parameters):
    """Names, as patterns, of jobs and of processes that back up, and for how many hours a job may not have run."""

    jobs: Annotated[tuple[str, ...], Stricter.SUBSET] = ()
    processes: Annotated[tuple[str, ...], Stricter.SUBSET] = ()
    hours: Annotated[int, Stricter.LOWER] = 192


_CLAMAV = Agents(products={"ClamAV": ("clamd", "clamonacc")})
_RESTIC = Backups(jobs=("restic*",), processes=("bacula-fd",))


def _running(host: HostObservation, agents: Agents) -> list[str]:
    running = set(fact(host.processes))
    return sorted(name for name, needed in agents.products.items() if needed and set(needed) <= running)


def _job(name: str, *, hours: int | None = 1, failed: bool = False) -> HostObservation:
    last = None if hours is None else AT - timedelta(hours=hours)
    return host(jobs=(Job(by="timer", name=name, last=last, failed=failed),))


def _verdict(host: HostObservation, agents: Agents) -> Verdict:
    found = _running(host, agents)
    if found:
        return Pass(said("running: {products}", products=", ".join(found)))
    return Fail(said("none of these is running: {products}", products=", ".join(sorted(agents.products)) or "-"))


@check(
    "host-malware-agent",
    observes=HostObservation,
    facts=("processes",),
    parameters=Agents,
    passes=((host(processes=("clamd", "clamonacc")), _CLAMAV),),
    fails=(
        host(),
        (host(processes=("clamd",)), _CLAMAV),
        (host(processes=("clamd-not", "clamonacc")), _CLAMAV),
        (host(), Agents(products={"empty": ()})),
    ),
    fixes={
        "debian": "apt install clamav-daemon, OnAccessIncludePath in /etc/clamav/clamd.conf, systemctl enable --now clamav-clamonacc",
        "ubuntu": "apt install clamav-daemon, OnAccessIncludePath in /etc/clamav/clamd.conf, systemctl enable --now clamav-clamonacc",
        "rhel": "dnf install clamd clamav-freshclam (EPEL), then systemctl enable --now clamd@scan clamav-clamonacc",
        "any": "Where another product guards the host, add its processes to the rule's parameters.",
    },
    retests={
        "debian": Retest("systemctl is-active clamav-daemon clamav-clamonacc", "prints active for each"),
        "ubuntu": Retest("systemctl is-active clamav-daemon clamav-clamonacc", "prints active for each"),
        "rhel": Retest("systemctl is-active clamd@scan clamav-clamonacc", "prints active for each"),
        "any": Retest("pgrep -a AGENT", "prints the agent's processes"),
    },
)
def malware_agent(host: HostObservation, parameters: Agents) -> Verdict:
    """A product against malware guards the host in real time.

    Passes where all processes of one of the listed products are running (TCVN 14423:2026 clause 5.10.2.1). The list is the
    baseline's; a product that is not on it, or one that works outside of the host, is not seen.
    """
    return _verdict(host, parameters)


@check(
    "host-edr-agent",
    observes=HostObservation,
    facts=("processes",),
    parameters=Agents,
    passes=((host(processes=("falcon-sensor",)), Agents(products={"Falcon": ("falcon-sensor",)})),),
    fails=(host(), (host(processes=("clamd",)), Agents(products={"Falcon": ("falcon-sensor",)}))),
    fixes={
        "any": "Install the agent of the agency's EDR and start it; where it is not on the list, add its processes to the rule."
    },
    retests={
        "any": Retest("pgrep -a AGENT", "prints the agent's processes"),
    },
)
def edr_agent(host: HostObservation, parameters: Agents) -> Verdict:
    """An agent for detection and response runs on the host.

    Passes where all processes of one of the listed products are running (TCVN 14423:2026 clause 5.10.2.4). Whether it reports
    to a SIEM is not seen.
    """
    return _verdict(host, parameters)


@check(
    "host-malware-signatures",
    observes=HostObservation,
    facts=("signatures",),
    parameters=SignatureDays,
    passes=(host(signatures=AT - timedelta(days=7)),),
    fails=(host(signatures=AT - timedelta(days=7, seconds=1)),),
    fixes={
        "any": "systemctl enable --now clamav-freshclam; without a network, PrivateMirror in freshclam.conf names the agency's own"
    },
    retests={
        "any": Retest("clamdscan --version", "ends with a date that is no older than the rule allows"),
    },
)
def malware_signatures(host: HostObservation, parameters: SignatureDays) -> Verdict:
    """Signatures of malware are fresh.

    Fails where ClamAV's daily signatures are older than asked, by the time that stands in them (TCVN 14423:2026 clause 5.10.2.1).
    Those of other products are not seen.
    """
    made = fact(host.signatures)
    if made is None:
        return NotApplicable(said("ClamAV is not installed"))
    seen = said("signatures of {date}", date=f"{made:%Y-%m-%d}")
    return Pass(seen) if host.seen.observed_at - made <= timedelta(days=parameters.days) else Fail(seen)


@check(
    "host-integrity-watched",
    observes=HostObservation,
    facts=("processes", "jobs", "integrity_bases"),
    parameters=Watchers,
    passes=(host(), (host(integrity_bases=(), processes=("wazuh-syscheckd",)), Watchers(processes=("wazuh-syscheckd",)))),
    fails=(
        host(integrity_bases=()),
        host(jobs=()),
        host(integrity_bases=(IntegrityBase(by="aide", made=AT - timedelta(days=367)),)),
        host(jobs=(Job(by="timer", name="dailyaidecheck.service", last=None, failed=True),)),
    ),
    fixes={
        "debian": "apt install aide && aideinit, then systemctl enable --now dailyaidecheck.timer",
        "rhel": "dnf install aide && aide --init && mv /var/lib/aide/aide.db.new.gz /var/lib/aide/aide.db.gz, and a job for aide --check",
    },
    retests={
        "debian": Retest("systemctl list-timers dailyaidecheck.timer", "shows when it runs next"),
        "rhel": Retest("aide --check", "compares the files with its database"),
    },
)
def integrity_watched(host: HostObservation, parameters: Watchers) -> Verdict:
    """Changes to the host's files are noticed.

    Passes where AIDE has a database not older than asked and a job that did not fail, or where one of the named processes is
    running (TCVN 14423:2026 clause 5.4.2.5; CIS Debian 12 6.3). Which files it watches is not seen.
    """
    watchers = sorted(set(parameters.processes) & set(fact(host.processes)))
    oldest = host.seen.observed_at - timedelta(days=parameters.days)
    bases = [base for base in fact(host.integrity_bases) if base.made >= oldest]
    checked = [job.name for job in fact(host.jobs) if not job.failed and _matches(job.name, parameters.jobs)]
    if watchers or (bases and checked):
        return Pass(said("watched by {what}", what=", ".join(watchers or checked)))
    return Fail(said("databases: {bases}; jobs: {jobs}", bases=len(bases), jobs=", ".join(checked) or "-"))


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name.lower(), pattern) for pattern in patterns)


@check(
    "host-backup-job",
    observes=HostObservation,
    facts=("processes", "jobs"),
    parameters=Backups,
    passes=(
        (_job("restic-backup.service"), _RESTIC),
        (host(jobs=(Job(by="cron", name="restic", last=None, failed=False),)), _RESTIC),
        (host(jobs=(), processes=("bacula-fd",)), _RESTIC),
    ),
    fails=(
        host(),
        (host(jobs=()), _RESTIC),
        (_job("restic-backup.service", failed=True), _RESTIC),
        (_job("restic-backup.service", hours=193), _RESTIC),
        (_job("restic-backup.service", hours=None), _RESTIC),
        (_job("apt-daily.service"), _RESTIC),
    ),
    fixes={
        "any": "A timer or a line of /etc/cron.d that runs the backup program daily; where its name is not known, add it to the rule."
    },
    retests={
        "any": Retest("systemctl list-timers --all; ls /etc/cron.d", "names the job that runs the backup"),
    },
)
def backup_job(host: HostObservation, parameters: Backups) -> Verdict:
    """A job backs the host up.

    Passes where a job of cron bears one of the names; where a timer does, its last run was within the hours and did not fail; or
    where the agent of a backup server is running (TCVN 14423:2026 clause 5.11.2.1). Jobs of users' own crontabs, whether those of
    cron succeed, and backups made from outside are not seen.
    """
    agents = sorted(name for name in fact(host.processes) if _matches(name, parameters.processes))
    named = [job for job in fact(host.jobs) if _matches(job.name, parameters.jobs)]
    sound = [job.name for job in named if not job.failed and (job.by == "cron" or _recent(host, job, parameters.hours))]
    if agents or sound:
        return Pass(said("backed up by {what}", what=", ".join((*agents, *sound))))
    if not named:
        return Fail(said("no backup runs, and none of the names is known here"))
    return Fail(said("no backup that runs; not running well: {jobs}", jobs=", ".join(job.name for job in named)))


def _recent(host: HostObservation, job: Job, hours: int) -> bool:
    return job.last is not None and host.seen.observed_at - job.last <= timedelta(hours=hours)
