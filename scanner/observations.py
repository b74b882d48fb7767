"""What probes saw: facts without opinion, each with when, how, by what and from where it was seen."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import Field, StringConstraints

from scanner.record import Instant, Name, PeerText, Record, Sha256, Sorted, Text

Count = Annotated[int, Field(ge=0)]
PortNumber = Annotated[int, Field(ge=0, le=65_535)]


class Method(StrEnum):
    """How a thing was seen (DESIGN glossary, Observation)."""

    HANDSHAKE = "handshake"
    LOGIN = "login"
    BANNER = "banner"
    DOCUMENT = "document"


class Vantage(Record):
    """From where a thing was seen: the network zone and the address the probe looked from."""

    zone: Name
    address: PeerText


class Seen(Record):
    """When, how, by what and from where a thing was seen."""

    observed_at: Instant
    how: Method
    by: Text
    vantage: Vantage
    connections: Count = 0
    """Connections opened to see it."""


class Reason(StrEnum):
    """Why a probe could not see."""

    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    BLOCKED = "blocked"
    RESET = "reset"
    NAME_UNRESOLVED = "name-unresolved"
    NOT_PERMITTED = "not-permitted"
    BUDGET_SPENT = "budget-spent"
    NOT_SPOKEN = "not-spoken"
    """The peer speaks something else than what was declared."""
    SILENT = "silent"
    """The peer accepted the connection and said nothing."""
    UNREADABLE = "unreadable"
    """The peer's or the tool's answer could not be parsed or was larger than what is read."""
    NO_CREDENTIAL = "no-credential"
    LOGIN_REFUSED = "login-refused"
    HOST_KEY_CHANGED = "host-key-changed"
    NEEDS_RIGHTS = "needs-rights"
    UNSUPPORTED = "unsupported"
    NOT_ASKED = "not-asked"
    """The probe does not ask this, or was told to skip it."""
    NOT_GIVEN = "not-given"
    """The operator gave nothing to compare with, such as a CA store."""
    TOOL_MISSING = "tool-missing"
    TOOL_FAILED = "tool-failed"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"


class Unobserved(Record):
    """What could not be seen, and why. A value, never an exception, never a pass."""

    kind: Literal["unobserved"] = "unobserved"
    reason: Reason
    detail: PeerText = ""


# --- TLS -----------------------------------------------------------------------------------------


class TlsVersion(StrEnum):
    """Protocol versions, oldest first; they compare in that order."""

    SSL_2_0 = "SSL 2.0"
    SSL_3_0 = "SSL 3.0"
    TLS_1_0 = "TLS 1.0"
    TLS_1_1 = "TLS 1.1"
    TLS_1_2 = "TLS 1.2"
    TLS_1_3 = "TLS 1.3"


SuiteName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+$", max_length=80)]
"""A cipher suite's IANA name, as in TLS_AES_128_GCM_SHA256."""


GroupName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=60)]
"""A named group's IANA name, as in x25519."""


class TlsVersionSupport(Record):
    """Whether one protocol version is accepted, and with which suites."""

    version: TlsVersion
    accepted: Sorted[SuiteName]
    """Suites accepted in this version; empty where the version is refused."""


_NOTHING_ACCEPTED = Unobserved(reason=Reason.UNSUPPORTED, detail="no version was accepted")


def _unclear(versions: Iterable[TlsVersion]) -> Unobserved:
    return Unobserved(reason=Reason.SILENT, detail=f"no clear answer for {', '.join(versions)}")


class TlsObservation(Record):
    """What an endpoint accepts in a TLS handshake."""

    kind: Literal["tls"] = "tls"
    seen: Seen
    sni: PeerText
    versions: Sorted[TlsVersionSupport]
    """The versions that could be asked for, each with its answer."""
    unasked: Sorted[TlsVersion] = ()
    """Versions whose question got no clear answer (time-out, reset): neither accepted nor refused."""
    compression: bool | Unobserved
    secure_renegotiation: bool | Unobserved
    extended_master_secret: bool | Unobserved
    """RFC 7627; true where only TLS 1.3 is spoken, which has it built in."""
    session_tickets: bool | Unobserved
    """Whether it hands out tickets before TLS 1.3 (RFC 5077)."""
    ocsp_stapling: bool | Unobserved
    """Whether it answers a status request before TLS 1.3 (RFC 6066 section 8)."""
    encrypt_then_mac: bool | Unobserved | None
    """RFC 7366; None where no suite in CBC mode is accepted."""
    fallback_scsv: bool | Unobserved | None
    """Whether it refuses a client that says it fell back (RFC 7507); None where there is nothing to fall back to."""
    prefers_own_order: bool | Unobserved | None
    """Whether the server's order of suites counts and not the client's; None where no version accepts two."""
    groups: Sorted[GroupName] | Unobserved
    """The groups accepted in any version, by IANA's names; empty where no key exchange shows one."""
    heartbleed: bool | Unobserved
    """CVE-2014-0160."""
    ccs_injection: bool | Unobserved
    """CVE-2014-0224."""
    robot: bool | Unobserved
    """Whether it tells malformed RSA key exchanges apart (CVE-2017-13099 and others)."""
    weakest_dh_bits: Count | Unobserved | None
    """The smallest finite-field Diffie-Hellman group seen; None where only elliptic curves or none were used."""

    @property
    def accepted_versions(self) -> tuple[TlsVersion, ...]:
        """The versions accepted with at least one suite, oldest first."""
        return tuple(sorted(support.version for support in self.versions if support.accepted))

    @property
    def accepted_suites(self) -> tuple[str, ...]:
        """Every suite accepted in any version, in alphabetical order."""
        return tuple(sorted({suite for support in self.versions for suite in support.accepted}))

    @property
    def oldest_accepted(self) -> TlsVersion | Unobserved:
        """The oldest version accepted; unobserved where an older one got no clear answer.

        Where TLS 1.1 or older is accepted it is old enough to be judged, whatever else got no answer.
        """
        accepted = self.accepted_versions
        if not accepted:
            return _NOTHING_ACCEPTED
        unclear = [version for version in self.unasked if version < accepted[0]]
        return _unclear(unclear) if unclear and accepted[0] >= TlsVersion.TLS_1_2 else accepted[0]

    @property
    def newest_accepted(self) -> TlsVersion | Unobserved:
        """The newest version accepted; unobserved where a newer one got no clear answer."""
        accepted = self.accepted_versions
        if not accepted:
            return _NOTHING_ACCEPTED
        unclear = [version for version in self.unasked if version > accepted[-1]]
        return _unclear(unclear) if unclear else accepted[-1]

    @property
    def suites(self) -> tuple[str, ...] | Unobserved:
        """Every suite accepted in any version; unobserved where a version got no clear answer."""
        if not self.accepted_versions:
            return _NOTHING_ACCEPTED
        return _unclear(self.unasked) if self.unasked else self.accepted_suites


class KeyAlgorithm(StrEnum):
    """Public key algorithms of certificates and SSH host keys."""

    RSA = "RSA"
    DSA = "DSA"
    EC = "EC"
    ED25519 = "Ed25519"
    ED448 = "Ed448"
    OTHER = "other"


class ChainFault(StrEnum):
    """What building a path to the operator's trust anchors found wrong."""

    SELF_SIGNED = "self-signed"
    UNKNOWN_ROOT = "unknown-root"
    MISSING_INTERMEDIATE = "missing-intermediate"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    BAD_SIGNATURE = "bad-signature"
    WRONG_USAGE = "wrong-usage"
    OTHER = "other"


class Trust(Record):
    """Whether the served chain leads to the operator's trust anchors at the time it was seen, names aside."""

    anchors: Sha256
    """Digest of the CA store it was checked against."""
    faults: Sorted[ChainFault]
    """Empty where the path is valid."""
    detail: PeerText = ""


class CertificateFacts(Record):
    """One certificate as served."""

    sha256: Sha256
    spki_sha256: Sha256
    subject: PeerText
    issuer: PeerText
    serial: PeerText
    not_before: Instant
    not_after: Instant
    key: KeyAlgorithm
    key_bits: Count
    signature_hash: PeerText
    """The hash of the signature, as in sha256; `none` where the algorithm has none of its own (Ed25519)."""
    names: Sorted[PeerText]
    """DNS names and addresses of the subject alternative name."""


class PeerCertificateObservation(Record):
    """The certificate chain an endpoint serves."""

    kind: Literal["peer-certificate"] = "peer-certificate"
    seen: Seen
    sni: PeerText
    chain: tuple[CertificateFacts, ...] = Field(min_length=1)
    """As served: the peer's own certificate first."""
    trust: Trust | Unobserved
    name_matches: bool | Unobserved
    """Whether the declared name stands in the peer's certificate (RFC 9525); unobserved where no name is declared."""


# --- SSH -----------------------------------------------------------------------------------------


class SshHostKey(Record):
    """One host key, as the key exchange reply showed it."""

    type: PeerText
    algorithm: KeyAlgorithm
    bits: Count
    sha256: PeerText
    """OpenSSH's fingerprint, as in SHA256:base64 without padding."""


class SshObservation(Record):
    """What an SSH server offers in its first packet, and the host keys it proves."""

    kind: Literal["ssh"] = "ssh"
    seen: Seen
    banner: PeerText
    protocol: PeerText
    """As in 2.0."""
    kex: tuple[PeerText, ...]
    host_key_algorithms: tuple[PeerText, ...]
    ciphers: tuple[PeerText, ...]
    """Both directions together, in the server's order."""
    macs: tuple[PeerText, ...]
    compression: tuple[PeerText, ...]
    host_keys: Sorted[SshHostKey] | Unobserved


# --- HTTP ----------------------------------------------------------------------------------------


class HttpHeader(Record):
    """One header line, its name in lower case."""

    name: PeerText
    value: PeerText


class HttpAnswer(Record):
    """One answer: status and headers."""

    url: PeerText
    status: Count
    headers: Sorted[HttpHeader]
    body_start: PeerText = ""
    """The first bytes of the body."""

    def header(self, name: str) -> str | None:
        """The value of the header of this name, several joined by commas; None where it is absent."""
        found = [header.value for header in self.headers if header.name == name]
        return ", ".join(found) if found else None


class HttpObservation(Record):
    """What an endpoint answers to GET / and to a path that does not exist; redirects are noted, not followed."""

    kind: Literal["http"] = "http"
    seen: Seen
    tls: bool
    root: HttpAnswer
    missing: HttpAnswer | Unobserved
    """The answer for a path that cannot exist: where products show their version and stack traces."""


# --- Anything that listens -----------------------------------------------------------------------


class GreetingObservation(Record):
    """What a service says first, and what it answers to the one harmless question its greeting calls for."""

    kind: Literal["greeting"] = "greeting"
    seen: Seen
    protocol: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=40)]
    """The protocol recognised, as in redis or telnet; `unknown` where none was."""
    said: PeerText
    encrypted: bool
    """Whether the service speaks TLS from its first byte."""
    answers_unauthenticated: bool | Unobserved
    """Whether it executed a read-only command without a credential; False also where its protocol asks for one first."""

    @property
    def spoken_in_clear(self) -> str | Unobserved | None:
        """The protocol spoken in clear; None where the service speaks TLS, unobserved where it is not recognised."""
        if self.encrypted:
            return None
        if self.protocol == "unknown":
            return Unobserved(reason=Reason.UNREADABLE, detail="the protocol is not recognised")
        return self.protocol


class OpenPort(Record):
    """One open port as nmap saw it."""

    port: PortNumber
    transport: Literal["tcp", "udp"]
    service: PeerText
    product: PeerText = ""
    version: PeerText = ""
    tls: bool = False
    """nmap's tunnel attribute is ssl."""
    cpes: Sorted[PeerText] = ()


class PortsObservation(Record):
    """The open ports of a host, and which of them nobody declared."""

    kind: Literal["ports"] = "ports"
    seen: Seen
    asked: PeerText
    """Which ports were asked for, in nmap's notation."""
    open: Sorted[OpenPort]
    undeclared: Sorted[PortNumber]
    """Open ports the scope does not name."""
    unanswered: Sorted[PortNumber]
    """Declared ports that did not turn out to be open."""


# --- Login ---------------------------------------------------------------------------------------


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


class Setting(Record):
    """One effective setting, its name in lower case."""

    name: PeerText
    value: PeerText


class Sshd(Record):
    """The SSH server's effective configuration (`sshd -T`)."""

    settings: Sorted[Setting]

    def value(self, name: str) -> str | None:
        """The value of a setting that can stand once; None where the server does not know it."""
        return next((setting.value for setting in self.settings if setting.name == name), None)


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
    listening: Sorted[OpenPort] | Unobserved
    """TCP sockets that listen on other than loopback, as the host itself lists them."""


Observation = (
    TlsObservation
    | PeerCertificateObservation
    | SshObservation
    | HttpObservation
    | GreetingObservation
    | PortsObservation
    | HostObservation
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
    )
}

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{1,39}$")]
SubjectId = Annotated[str, StringConstraints(max_length=140, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5})?$")]
"""`agency`, a host's id, or an endpoint as `web1:443`."""


class Sight(Record):
    """One thing to look at: a subject and a kind of observation. The plan is a set of these."""

    subject: SubjectId
    kind: Kind


class Sighting(Record):
    """One file under observations/: what was seen of one sight, or why it was not."""

    schema_version: Literal[1] = 1
    sight: Sight
    observed_at: Instant
    vantage: Vantage
    result: Annotated[Observation | Unobserved, Field(discriminator="kind")]


F = TypeVar("F")


class MissingFactError(LookupError):
    """A check read a fact that could not be seen and that it had not declared: the engine makes it an error."""


def fact(value: F | Unobserved) -> F:
    """The fact itself; a check calls this on the facts it declares."""
    if isinstance(value, Unobserved):
        raise MissingFactError(f"{value.reason}: a fact the check did not declare")
    return value
