"""A check of who may change what a host writes down, or read who logged in."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, LogFile, fact
from scanner.specimens import host


def _open(mode: str, path: str = "/var/log/auth.log") -> HostObservation:
    return host(log_files=(LogFile(path=path, mode=mode, owner="root"),))


@check(
    "host-log-file-modes",
    observes=HostObservation,
    facts=("log_files",),
    passes=(host(), _open("drwxrwxrwt", "/var/log/app")),
    fails=(
        _open("-rw-r--r--"),
        _open("-rw-rw-rw-", "/var/log/app/app.log"),
        _open("drwxrwxrwx", "/var/log/app"),
        _open("-rw-r--r--+", "/var/log/audit/audit.log"),
    ),
    fixes={
        "any": "chmod o-rwx FILE or chmod o-w FOLDER; then the same in what makes it: create 640 in /etc/logrotate.d, FileCreateMode "
        "of rsyslog, log_group of auditd"
    },
    retests={
        "any": Retest("stat -c '%A %n' FILE", "shows no w for others, and no r where the file tells who logged in"),
    },
)
def log_file_modes(host: HostObservation, _: Parameters) -> Verdict:
    """Not everybody may change logs, or read who logged in.

    Fails on files and folders under /var/log that others than owner and group may write to, and on those of logins and of the
    audit system that others may read (TCVN 14423:2026 clause 5.8.2.1a; CIS Debian 12 6.1.4.1). Folders in which each may only
    change what is his own do not count. Logs elsewhere are not seen.
    """
    files = [f"{file.path} {file.mode} {file.owner}" for file in fact(host.log_files) if not _sticky(file.mode)]
    return Fail(said("open to everybody: {files}", files=", ".join(files))) if files else Pass()


def _sticky(mode: str) -> bool:
    return mode.startswith("d") and mode[9:10].lower() == "t"
