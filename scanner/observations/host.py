"""What a login to a host shows."""

from __future__ import annotations

from typing import Literal

from scanner.observations.base import Count, Reason, Seen, Unobserved
from scanner.observations.host_accounts import Accounts, Credential, LastLogin, LoginKey, SudoGrant
from scanner.observations.host_authentication import Authentication, PolicySetting
from scanner.observations.host_confinement import AccessControl, Mount
from scanner.observations.host_hardening import Automounter, Disk, FilterChain, KernelParameter, KeyFile
from scanner.observations.host_logs import Audit, Clock, Journal, LogFile, LogTarget, Rotation
from scanner.observations.host_protection import IntegrityBase, Job
from scanner.observations.host_restarts import ReplacedFile
from scanner.observations.host_services import PROGRAMS, ServiceSettings
from scanner.observations.host_updates import PackageSource
from scanner.observations.ports import OpenPort
from scanner.record import Instant, PeerText, Record, Sorted


class OsRelease(Record):
    """The operating system by its own word (os-release(5))."""

    id: PeerText
    version_id: PeerText
    pretty_name: PeerText


class Package(Record):
    """One installed package."""

    name: PeerText
    version: PeerText
    architecture: PeerText
    source: PeerText
    """The source package's name; the package's own where it is the same."""
    source_version: PeerText
    vendor: PeerText = ""
    """Who built it, by rpm's word; empty where it says nothing, and for dpkg and apk."""
    module: PeerText = ""
    """The module and its stream, as in postgresql:15, that rpm says it belongs to; empty for every other package."""


class Setting(Record):
    """One effective setting, its name in lower case."""

    name: PeerText
    value: PeerText


class Sshd(Record):
    """The SSH server's effective configuration."""

    settings: Sorted[Setting]
    source: Literal["program", "unconfirmed", "files"] = "program"
    """How it was seen: printed by the program (`sshd -T`), where the servers that run are seen to use what it prints, or where nobody
    could see whether they do; or reckoned from its files, as far as these are certain."""

    def value(self, name: str) -> str | None:
        """The value of a setting that can stand once; None where the server does not know it."""
        return next((setting.value for setting in self.settings if setting.name == name), None)

    def leaves_open(self, name: str) -> bool:
        """Whether nobody knows the setting's value: the server was not asked, and its files do not say."""
        return self.source == "files" and self.value(name) is None

    @property
    def printed(self) -> Sshd | Unobserved:
        """These settings where the server itself printed them, and is seen to run with them."""
        if self.source == "program":
            return self
        if self.source == "unconfirmed":
            detail = "sshd: no server could be seen to run with what sshd -T prints, which cannot show then that all is well"
            return Unobserved(reason=Reason.UNREADABLE, detail=detail)
        detail = "sshd: only its files were read, which cannot show that all is well, so allow: sudo -n /usr/sbin/sshd -T"
        return Unobserved(reason=Reason.NEEDS_RIGHTS, detail=detail)


class HostObservation(Record):
    """What a login to the host shows."""

    kind: Literal["host"] = "host"
    seen: Seen
    user: PeerText
    host_key: PeerText
    """The fingerprint of the key the host proved, as in SHA256:..."""
    os: OsRelease | Unobserved
    packages: Sorted[Package] | Unobserved
    sshd: Sshd | Unobserved
    kernel: PeerText | Unobserved
    kernel_version: PeerText | Unobserved
    """When and by whom the running kernel was built; Debian's names its package's version."""
    listening: Sorted[OpenPort] | Unobserved
    """TCP and UDP sockets that listen on other than loopback, as the host itself lists them."""
    accounts: Accounts | Unobserved
    credentials: Sorted[Credential] | Unobserved
    logins: Sorted[LastLogin] | Unobserved
    sudo: Sorted[SudoGrant] | Unobserved
    authentication: Authentication | Unobserved
    automatic_logins: Sorted[PeerText] | Unobserved
    """The lines of configuration that let somebody in at the console unasked."""
    packet_filter: Sorted[FilterChain] | Unobserved
    kernel_parameters: Sorted[KernelParameter] | Unobserved
    exposed_keys: Sorted[KeyFile] | Unobserved
    """Files of private keys that others may read or a group may change."""
    disks: Sorted[Disk] | Unobserved
    processes: Sorted[PeerText] | Unobserved
    """The names of what is running outside of containers, cut at 15 letters as the kernel keeps them."""
    journal: Journal | Unobserved
    oldest_record: Instant | Unobserved | None
    """The time of the oldest record in the journal; None where the host has none."""
    log_targets: Sorted[LogTarget] | Unobserved
    rotations: Sorted[Rotation] | Unobserved
    audit: Audit | Unobserved
    audit_settings: Sorted[PolicySetting] | Unobserved
    """The settings of auditd; none where it is not installed."""
    log_room_used: Count | Unobserved
    """How many percent of the file system under /var/log are used."""
    clocks: Sorted[Clock] | Unobserved
    jobs: Sorted[Job] | Unobserved
    signatures: Instant | Unobserved | None
    """When ClamAV's daily signatures were made; None where there is no ClamAV."""
    integrity_bases: Sorted[IntegrityBase] | Unobserved
    nginx: ServiceSettings | Unobserved | None
    """By server block; None, as for the next, where the service is neither set up nor running outside of containers."""
    apache: ServiceSettings | Unobserved | None
    postgresql: ServiceSettings | Unobserved | None
    mysql: ServiceSettings | Unobserved | None
    redis: ServiceSettings | Unobserved | None
    package_sources: Sorted[PackageSource] | Unobserved
    upgraded: Instant | Unobserved | None
    """When a package was last installed or upgraded; None where a log of a month or two tells of none."""
    module_streams: Sorted[PeerText] | Unobserved
    """The streams of modules that dnf has enabled, as in postgresql:15."""
    replaced_files: Sorted[ReplacedFile] | Unobserved
    """Programs and libraries that were deleted or replaced and that processes outside of containers still run."""
    restart_required: Sorted[PeerText] | Unobserved
    """The packages because of which the host asks to be restarted."""
    filter_logs: bool | Unobserved
    """Some rule of the packet filter writes to the log."""
    contained: Sorted[PeerText] | Unobserved
    """The names of what is running inside containers; what shares the host's process numbers is among `processes`, too."""
    mounts: Sorted[Mount] | Unobserved
    access_control: AccessControl | Unobserved
    automounters: Sorted[Automounter] | Unobserved
    """Services that mount media by themselves, which the boot starts or which are running."""
    resolvers: Sorted[PeerText] | Unobserved
    """The addresses that are asked for the names of machines."""
    account_sources: Sorted[PeerText] | Unobserved
    """Where accounts come from, by the names of nsswitch.conf."""
    log_files: Sorted[LogFile] | Unobserved
    """What everybody may change under /var/log, or read of logins and of the audit system."""
    login_keys: Sorted[LoginKey] | Unobserved
    """The public keys that open accounts over SSH."""

    @property
    def nginx_whole(self) -> bool | Unobserved:
        """True where no nginx runs inside a container, whose settings nobody reads; the next say the same of other products."""
        return self._whole("nginx")

    @property
    def apache_whole(self) -> bool | Unobserved:
        """See `nginx_whole`."""
        return self._whole("apache")

    @property
    def postgresql_whole(self) -> bool | Unobserved:
        """See `nginx_whole`."""
        return self._whole("postgresql")

    @property
    def mysql_whole(self) -> bool | Unobserved:
        """See `nginx_whole`."""
        return self._whole("mysql")

    @property
    def redis_whole(self) -> bool | Unobserved:
        """See `nginx_whole`."""
        return self._whole("redis")

    def _whole(self, product: str) -> bool | Unobserved:
        if isinstance(self.contained, Unobserved):
            return self.contained
        there = next((name for name in PROGRAMS[product] if name in self.contained), None)
        if there is None:
            return True
        return Unobserved(
            reason=Reason.UNSUPPORTED, detail=f"a program runs inside a container, and its settings are not read: {there}"
        )

    @property
    def sshd_printed(self) -> Sshd | Unobserved:
        """The SSH server's settings as the server itself prints them: what only its files say can fail and never pass."""
        return self.sshd if isinstance(self.sshd, Unobserved) else self.sshd.printed
