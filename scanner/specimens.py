"""Sound observations to build examples from: each is good, and an example changes the one thing it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from scanner.host_specimens import guarded
from scanner.observations import (
    Account,
    Accounts,
    Authentication,
    CertificateFacts,
    Credential,
    Datagram,
    DatagramsObservation,
    Disk,
    FilterChain,
    GreetingObservation,
    Group,
    HostObservation,
    HttpAnswer,
    HttpHeader,
    HttpObservation,
    KernelParameter,
    KeyAlgorithm,
    LastLogin,
    Method,
    Neighbour,
    NeighboursObservation,
    OpenPort,
    OsRelease,
    Package,
    PamRule,
    PamStack,
    PeerCertificateObservation,
    PolicySetting,
    PortsObservation,
    Reply,
    ReplyObservation,
    Revocation,
    SecurityTxt,
    Seen,
    Setting,
    Sshd,
    SshHostKey,
    SshObservation,
    SudoGrant,
    TlsObservation,
    TlsVersion,
    TlsVersionSupport,
    Trust,
    UpgradeObservation,
    Vantage,
    WebPath,
    WebPathsObservation,
)
from scanner.record import Record
from scanner.usual_ports import PORTS

AT = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
VANTAGE = Vantage(zone="specimen", address="192.0.2.1")
SUITES = {
    TlsVersion.TLS_1_2: ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    TlsVersion.TLS_1_3: ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
}


def _seen(how: Method) -> Seen:
    return Seen(observed_at=AT, how=how, by="specimen", vantage=VANTAGE)


def _with(good: dict[str, Any], changes: dict[str, Any], kind: type[Record]) -> Any:
    return kind(**{**good, **changes})


def tls(**changes: Any) -> TlsObservation:
    """An endpoint that accepts TLS 1.2 and 1.3 with AEAD suites; `accepts={version: suites}` replaces what it accepts."""
    accepts = changes.pop("accepts", SUITES)
    versions = tuple(TlsVersionSupport(version=version, accepted=tuple(accepts.get(version, ()))) for version in TlsVersion)
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "sni": "dvc.example.vn",
        "versions": versions,
        "compression": False,
        "secure_renegotiation": True,
        "extended_master_secret": True,
        "session_tickets": False,
        "ocsp_stapling": False,
        "encrypt_then_mac": None,
        "fallback_scsv": True,
        "prefers_own_order": True,
        "groups": ("x25519", "secp256r1"),
        "heartbleed": False,
        "ccs_injection": False,
        "robot": False,
        "composite_dh": None,
        "signs_with_sha1": False,
        "client_renegotiation": False,
        "early_data": False,
        "weakest_dh_bits": None,
    }
    found: TlsObservation = _with(good, changes, TlsObservation)
    return found


def certificate(**changes: Any) -> CertificateFacts:
    """A leaf certificate: ECDSA P-256, SHA-256, from one month before AT to eleven after."""
    good = {
        "sha256": "11" * 32,
        "spki_sha256": "22" * 32,
        "subject": "CN=dvc.example.vn",
        "issuer": "CN=Specimen CA",
        "serial": "01",
        "not_before": datetime(2026, 10, 23, tzinfo=UTC),
        "not_after": datetime(2027, 10, 23, tzinfo=UTC),
        "key": KeyAlgorithm.EC,
        "key_bits": 256,
        "signature_hash": "sha256",
        "names": ("dvc.example.vn",),
    }
    found: CertificateFacts = _with(good, changes, CertificateFacts)
    return found


def peer_certificate(**changes: Any) -> PeerCertificateObservation:
    """A trusted chain of one; `leaf={...}` changes the peer's own certificate."""
    leaf = certificate(**changes.pop("leaf", {}))
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "sni": "dvc.example.vn",
        "chain": (leaf,),
        "trust": Trust(anchors="33" * 32, faults=()),
        "name_matches": True,
        "revocation": Revocation(crls="44" * 32, revoked=False),
        "stapled": False,
    }
    found: PeerCertificateObservation = _with(good, changes, PeerCertificateObservation)
    return found


def ssh(**changes: Any) -> SshObservation:
    """An OpenSSH server with sound algorithms and an Ed25519 host key."""
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "banner": "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7",
        "protocol": "2.0",
        "kex": ("curve25519-sha256", "kex-strict-s-v00@openssh.com"),
        "host_key_algorithms": ("ssh-ed25519",),
        "ciphers": ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com"),
        "macs": ("hmac-sha2-256-etm@openssh.com",),
        "compression": ("none",),
        "host_keys": (SshHostKey(type="ssh-ed25519", algorithm=KeyAlgorithm.ED25519, bits=256, sha256="SHA256:" + "A" * 43),),
        "smallest_group_bits": None,
    }
    found: SshObservation = _with(good, changes, SshObservation)
    return found


def http(**changes: Any) -> HttpObservation:
    """An HTTPS site with HSTS and security headers; `headers={...}` adds to or (None) takes from the root's."""
    headers = {
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "content-security-policy": "default-src 'self'",
        "server": "nginx",
    } | changes.pop("headers", {})
    lines = tuple(HttpHeader(name=name, value=value) for name, value in headers.items() if value is not None)
    status = changes.pop("status", 200)
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "tls": True,
        "root": HttpAnswer(url="https://dvc.example.vn/", status=status, headers=lines),
        "missing": HttpAnswer(url="https://dvc.example.vn/missing", status=404, headers=lines),
    }
    found: HttpObservation = _with(good, changes, HttpObservation)
    return found


def web_paths(**changes: Any) -> WebPathsObservation:
    """A site with nothing at the well-known paths but its contact for reports; `security_txt=(...)` gives that file's lines."""
    lines = changes.pop("security_txt", ("Contact: mailto:csirt@example.vn", "Expires: 2027-06-01T00:00:00Z"))
    contact = SecurityTxt(status=200, content_type="text/plain", lines=lines) if isinstance(lines, tuple) else lines
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "tls": True,
        "impossible": 404,
        "paths": (WebPath(path="/", status=200), WebPath(path="/admin/", status=404)),
        "security_txt": contact,
        "trace": False,
    }
    found: WebPathsObservation = _with(good, changes, WebPathsObservation)
    return found


def upgrade(**changes: Any) -> UpgradeObservation:
    """A mail server that changes to TLS."""
    good = {"seen": _seen(Method.HANDSHAKE), "protocol": "smtp", "offered": True, "said": ""}
    found: UpgradeObservation = _with(good, changes, UpgradeObservation)
    return found


def greeting(**changes: Any) -> GreetingObservation:
    """A redis that demands a password."""
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "protocol": "redis",
        "said": "-NOAUTH Authentication required.",
        "encrypted": False,
        "answers_unauthenticated": False,
    }
    found: GreetingObservation = _with(good, changes, GreetingObservation)
    return found


def ports(**changes: Any) -> PortsObservation:
    """A host on which only the declared ports 22 and 443 are open."""
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "asked": PORTS,
        "open": (
            OpenPort(port=22, transport="tcp", service="ssh"),
            OpenPort(port=443, transport="tcp", service="http", tls=True),
        ),
        "undeclared": (),
        "unanswered": (),
    }
    found: PortsObservation = _with(good, changes, PortsObservation)
    return found


UDP_PORTS = {
    "snmp_v1": 161,
    "snmp_v2c": 161,
    "snmp_v3": 161,
    "tftp": 69,
    "dns_recursion": 53,
    "ntp_time": 123,
    "ntp_control": 123,
    "ntp_private": 123,
    "ipmi": 623,
    "ipmi_ciphers": 623,
    "portmapper": 111,
    "memcached": 11_211,
    "mdns": 5_353,
    "ssdp": 1_900,
    "netbios": 137,
    "cldap": 389,
}


def datagrams(**changes: Any) -> DatagramsObservation:
    """A host on which nothing listens on UDP, and which says so; a `Reply` in place of a fact changes that one's reply."""
    replies = {name: changes.get(name, Reply.REFUSED) for name in UDP_PORTS}
    facts = {
        name: Datagram(port=UDP_PORTS[name], reply=reply) if isinstance(reply, Reply) else reply
        for name, reply in replies.items()
    }
    found: DatagramsObservation = _with({"seen": _seen(Method.HANDSHAKE)}, {**changes, **facts}, DatagramsObservation)
    return found


def reply(**changes: Any) -> ReplyObservation:
    """A declared resolver that answers in its protocol."""
    good = {"seen": _seen(Method.HANDSHAKE), "asked": "dns", "spoken": True, "said": "REFUSED"}
    found: ReplyObservation = _with(good, changes, ReplyObservation)
    return found


NEIGHBOUR = Neighbour(address="192.0.2.200", port=443, accepted=True)


def neighbours(**changes: Any) -> NeighboursObservation:
    """A permitted network in which nothing answers but the declared hosts."""
    good = {
        "seen": _seen(Method.HANDSHAKE),
        "networks": ("192.0.2.0/24",),
        "ports": "22,80,443,445,3389",
        "asked": 250,
        "left_out": (),
        "answering": (),
        "rest": True,
    }
    found: NeighboursObservation = _with(good, changes, NeighboursObservation)
    return found


SSHD = {
    "permitrootlogin": "no",
    "passwordauthentication": "no",
    "permitemptypasswords": "no",
    "clientaliveinterval": "100",
    "clientalivecountmax": "3",
    "authenticationmethods": "publickey,keyboard-interactive",
    "maxauthtries": "4",
    "logingracetime": "60",
    "x11forwarding": "no",
    "hostbasedauthentication": "no",
    "ignorerhosts": "yes",
    "gssapiauthentication": "no",
    "permituserenvironment": "no",
    "disableforwarding": "yes",
    "usepam": "yes",
    "loglevel": "VERBOSE",
}


POLICY = {
    "login.defs": {"PASS_MAX_DAYS": "60"},
    "pwquality.conf": {"minlen": "14", "minclass": "4"},
    "faillock.conf": {"deny": "5", "unlock_time": "43200"},
}
PARAMETERS = {
    "net.ipv4.ip_forward": "0",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv6.conf.all.accept_redirects": "0",
    "kernel.randomize_va_space": "2",
    "fs.suid_dumpable": "0",
}


def authentication(
    *rules: PamRule, policy: dict[str, dict[str, str]] | None = None, timeouts: tuple[int, ...] = (300,)
) -> Authentication:
    """A host's rules for passwords and lockout; `rules` and `policy` replace those of the stack and the files."""
    files = POLICY if policy is None else policy
    return Authentication(
        stacks=(PamStack(service="sshd", rules=rules or PAM),),
        settings=tuple(
            PolicySetting(file=file, name=name, value=value) for file, held in files.items() for name, value in held.items()
        ),
        shell_timeouts=timeouts,
    )


def pam(kind: str, module: str, *arguments: str, control: str = "required") -> PamRule:
    """One line of a PAM stack."""
    return PamRule(kind=kind, control=control, module=module, arguments=arguments)


PAM = (
    pam("auth", "pam_faillock.so", "preauth"),
    pam("auth", "pam_unix.so"),
    pam("auth", "pam_faillock.so", "authfail"),
    pam("account", "pam_faillock.so"),
    pam("password", "pam_pwquality.so", control="requisite"),
    pam("password", "pam_pwhistory.so", "remember=10", control="requisite"),
    pam("password", "pam_unix.so", "yescrypt"),
)


def account(name: str, uid: int, shell: str = "/bin/bash", *, kept_in: Literal["empty", "shadow", "here"] = "shadow") -> Account:
    """One account with a group of its own."""
    return Account(name=name, kept_in=kept_in, uid=uid, gid=uid, shell=shell)


def credential(name: str = "an", **changes: Any) -> Credential:
    """A password of ten days ago that is changed every two months."""
    today = (AT - datetime(1970, 1, 1, tzinfo=UTC)).days
    good = {"name": name, "state": "open", "scheme": "y", "changed": today - 10, "maximum": 60, "inactive": 45, "expires": None}
    found: Credential = _with(good, changes, Credential)
    return found


def accounts(*more: Account) -> Accounts:
    """Root, the auditor and one administrator, and more."""
    plain = (
        account("root", 0),
        account("daemon", 1, "/usr/sbin/nologin"),
        account("an", 1_000),
        account("audit", 998, "/bin/sh"),
    )
    return Accounts(accounts=(*plain, *more), groups=(Group(name="sudo", gid=27, members=("an",)),))


def host(**changes: Any) -> HostObservation:
    """A Debian 12 host; `sshd_settings={...}` changes single settings of its SSH server (None takes one away)."""
    settings = SSHD | changes.pop("sshd_settings", {})
    good = {
        "seen": _seen(Method.LOGIN),
        "user": "audit",
        "host_key": "SHA256:" + "A" * 43,
        "os": OsRelease(id="debian", version_id="12", pretty_name="Debian GNU/Linux 12 (bookworm)"),
        "packages": (
            Package(
                name="openssl",
                version="3.0.17-1~deb12u3",
                architecture="amd64",
                source="openssl",
                source_version="3.0.17-1~deb12u3",
            ),
        ),
        "sshd": Sshd(settings=tuple(Setting(name=name, value=value) for name, value in settings.items() if value is not None)),
        "kernel": "6.1.0-40-amd64",
        "kernel_version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.159-1 (2026-01-15)",
        "listening": (OpenPort(port=22, transport="tcp", service="sshd"),),
        "accounts": accounts(),
        "credentials": (credential("root", state="locked", scheme="none"), credential()),
        "logins": (LastLogin(name="root", at=None), LastLogin(name="an", at=AT - timedelta(days=1))),
        "sudo": (SudoGrant(who="%sudo", commands=("ALL",), asks=True),),
        "authentication": authentication(),
        "automatic_logins": (),
        "packet_filter": tuple(
            FilterChain(family="inet", table="filter", name=hook, hook=hook, denies=True)
            for hook in ("input", "forward", "output")
        ),
        "kernel_parameters": tuple(KernelParameter(name=name, value=value) for name, value in PARAMETERS.items()),
        "exposed_keys": (),
        "disks": (Disk(mounted="/", encrypted=True),),
        **guarded(AT),
    }
    found: HostObservation = _with(good, changes, HostObservation)
    return found
