"""What probes saw: facts without opinion, each with when, how, by what and from where it was seen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from scanner.observations.base import Count, Method, MissingFactError, PortNumber, Reason, Seen, Unobserved, fact
from scanner.observations.certificates import (
    CertificateFacts,
    ChainFault,
    KeyAlgorithm,
    PeerCertificateObservation,
    Revocation,
    Trust,
)
from scanner.observations.datagrams import Datagram, DatagramsObservation, Reply, ReplyObservation
from scanner.observations.greeting import GreetingObservation
from scanner.observations.host import HostObservation, OsRelease, Package, Setting, Sshd
from scanner.observations.host_accounts import Account, Accounts, Credential, Group, LastLogin, LoginKey, SudoGrant
from scanner.observations.host_authentication import Authentication, PamRule, PamStack, PolicySetting
from scanner.observations.host_confinement import AccessControl, AppArmor, Mount
from scanner.observations.host_hardening import Automounter, Disk, FilterChain, KernelParameter, KeyFile
from scanner.observations.host_logs import Audit, Clock, Journal, LogFile, LogTarget, Rotation
from scanner.observations.host_protection import IntegrityBase, Job
from scanner.observations.host_restarts import ReplacedFile
from scanner.observations.host_services import ServiceSettings
from scanner.observations.host_updates import PackageSource
from scanner.observations.http import HttpAnswer, HttpHeader, HttpObservation
from scanner.observations.neighbours import LeftOut, Neighbour, NeighboursObservation
from scanner.observations.patches import (
    Flaw,
    Missing,
    PatchesObservation,
    Remaining,
    RunningKernel,
    Standing,
    Support,
    Unjudged,
    Update,
)
from scanner.observations.ports import OpenPort, PortsObservation, Weakness
from scanner.observations.ssh import SshHostKey, SshObservation
from scanner.observations.tls import GroupName, SuiteName, TlsObservation, TlsVersion, TlsVersionSupport
from scanner.observations.upgrade import UpgradeObservation
from scanner.observations.web_paths import SecurityTxt, WebPath, WebPathsObservation
from scanner.record import Instant, Record
from scanner.sights import Kind, Sight, SubjectId, Vantage

__all__ = [
    "KINDS",
    "AccessControl",
    "Account",
    "Accounts",
    "AppArmor",
    "Audit",
    "Authentication",
    "Automounter",
    "CertificateFacts",
    "ChainFault",
    "Clock",
    "Count",
    "Credential",
    "Datagram",
    "DatagramsObservation",
    "Disk",
    "FilterChain",
    "Flaw",
    "GreetingObservation",
    "Group",
    "GroupName",
    "HostObservation",
    "HttpAnswer",
    "HttpHeader",
    "HttpObservation",
    "IntegrityBase",
    "Job",
    "Journal",
    "KernelParameter",
    "KeyAlgorithm",
    "KeyFile",
    "Kind",
    "LastLogin",
    "LeftOut",
    "LogFile",
    "LogTarget",
    "LoginKey",
    "Method",
    "Missing",
    "MissingFactError",
    "Mount",
    "Neighbour",
    "NeighboursObservation",
    "Observation",
    "OpenPort",
    "OsRelease",
    "Package",
    "PackageSource",
    "PamRule",
    "PamStack",
    "PatchesObservation",
    "PeerCertificateObservation",
    "PolicySetting",
    "PortNumber",
    "PortsObservation",
    "Reason",
    "Remaining",
    "ReplacedFile",
    "Reply",
    "ReplyObservation",
    "Revocation",
    "Rotation",
    "RunningKernel",
    "SecurityTxt",
    "Seen",
    "ServiceSettings",
    "Setting",
    "Sight",
    "Sighting",
    "SshHostKey",
    "SshObservation",
    "Sshd",
    "Standing",
    "SubjectId",
    "SudoGrant",
    "SuiteName",
    "Support",
    "TlsObservation",
    "TlsVersion",
    "TlsVersionSupport",
    "Trust",
    "Unjudged",
    "Unobserved",
    "Update",
    "UpgradeObservation",
    "Vantage",
    "Weakness",
    "WebPath",
    "WebPathsObservation",
    "answers",
    "fact",
    "shows_something",
]

Observation = (
    TlsObservation
    | PeerCertificateObservation
    | SshObservation
    | HttpObservation
    | GreetingObservation
    | PortsObservation
    | HostObservation
    | UpgradeObservation
    | WebPathsObservation
    | DatagramsObservation
    | ReplyObservation
    | NeighboursObservation
    | PatchesObservation
)
KINDS: dict[str, type[Observation]] = {
    kind.model_fields["kind"].default: kind
    for kind in (
        TlsObservation,
        PeerCertificateObservation,
        SshObservation,
        HttpObservation,
        GreetingObservation,
        PortsObservation,
        HostObservation,
        UpgradeObservation,
        WebPathsObservation,
        DatagramsObservation,
        ReplyObservation,
        NeighboursObservation,
        PatchesObservation,
    )
}


class Sighting(Record):
    """One file under observations/: what was seen of one sight, or why it was not."""

    schema_version: Literal[1] = 1
    sight: Sight
    observed_at: Instant
    vantage: Vantage
    result: Annotated[Observation | Unobserved, Field(discriminator="kind")]


def answers(result: Observation | Unobserved) -> bool:
    """Whether something of its subject answers: closed ports alone, over TCP or UDP, are nothing."""
    return shows_something(result) and bool(getattr(result, "open", True))


def shows_something(result: Observation | Unobserved) -> bool:
    """Whether the result shows that anything of its subject is there: questions over UDP that met nothing but silence do not."""
    match result:
        case Unobserved():
            return False
        case DatagramsObservation():
            return bool(result.answered)
        case _:
            return True
