"""Checks of known defects in TLS implementations. Judges what a handshake proved, never a version number."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import TlsObservation, TlsVersion, fact
from scanner.specimens import SUITES, tls

_ONLY_1_3 = {TlsVersion.TLS_1_3: SUITES[TlsVersion.TLS_1_3]}


@check(
    "tls-no-compression",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("compression",),
    passes=(tls(),),
    fails=(tls(compression=True),),
    fixes={
        "nginx": "Upgrade to nginx 1.3.2 or newer, which never compresses TLS.",
        "apache": "SSLCompression off",
        "haproxy": "Upgrade OpenSSL to 1.1.0 or newer, which compiles TLS compression out.",
    },
    retests={
        "any": Retest("nmap -Pn -p PORT --script ssl-enum-ciphers HOST", "names NULL as the only compressor"),
    },
)
def no_compression(tls: TlsObservation, _: Parameters) -> Verdict:
    """TLS does not compress.

    Fails where a compression method is negotiated: it lets an onlooker guess secrets from lengths (CRIME,
    CVE-2012-4929). RFC 9325 section 3.3: TLS-level compression should be disabled; all four profiles refuse it.
    """
    return Fail(said("negotiates compression")) if fact(tls.compression) else Pass()


@check(
    "tls-secure-renegotiation",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("secure_renegotiation",),
    passes=(tls(), tls(accepts=_ONLY_1_3, secure_renegotiation=False)),
    fails=(
        tls(secure_renegotiation=False),
        tls(accepts={TlsVersion.TLS_1_2: SUITES[TlsVersion.TLS_1_2]}, secure_renegotiation=False),
    ),
    fixes={
        "nginx": "Upgrade OpenSSL: apt upgrade openssl (Debian) or dnf upgrade openssl (RHEL), then restart nginx.",
        "apache": "SSLInsecureRenegotiation off, and upgrade OpenSSL.",
        "iis": (
            "Install the update of Microsoft bulletin MS10-049 and set AllowInsecureRenegoClients=0 and "
            "AllowInsecureRenegoServers=0 for SCHANNEL."
        ),
        "haproxy": "Upgrade OpenSSL: apt upgrade openssl (Debian) or dnf upgrade openssl (RHEL), then systemctl restart haproxy.",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -tls1_2 </dev/null | grep -E 'Secure Renegotiation'",
            "says Secure Renegotiation IS supported",
        ),
    },
)
def secure_renegotiation(tls: TlsObservation, _: Parameters) -> Verdict:
    """Renegotiation is bound to the connection it renews.

    Fails where a server of TLS 1.2 or older does not know renegotiation_info. RFC 9325 section 3.5 and RFC 5746; TLS
    1.3 has no renegotiation (RFC 8446 section 4.1.2), so a server of TLS 1.3 alone passes.
    """
    supported = fact(tls.secure_renegotiation)
    if tls.accepted_versions == (TlsVersion.TLS_1_3,) and not tls.unasked:
        return Pass(said("accepts TLS 1.3 only, which has no renegotiation"))
    return Pass() if supported else Fail(said("does not support secure renegotiation"))


@check(
    "tls-heartbleed",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("heartbleed",),
    passes=(tls(),),
    fails=(tls(heartbleed=True),),
    fixes={
        "debian": (
            "apt upgrade openssl, restart every service that uses it, then replace its private keys, certificates and passwords."
        ),
        "rhel": (
            "dnf upgrade openssl, restart every service that uses it, then replace its private keys, certificates and passwords."
        ),
        "appliance": ("Install the vendor's firmware with OpenSSL 1.0.1g or newer, then replace private keys and passwords."),
    },
    retests={
        "any": Retest("nmap -Pn -p PORT --script ssl-heartbleed HOST", "says open, and nowhere VULNERABLE"),
    },
)
def heartbleed(tls: TlsObservation, _: Parameters) -> Verdict:
    """The server does not leak its memory (Heartbleed).

    Fails where a heartbeat request is answered with more than was sent (CVE-2014-0160), a vulnerability known to be
    exploited.
    """
    return Fail(said("answers a heartbeat request with its memory")) if fact(tls.heartbleed) else Pass()


@check(
    "tls-ccs-injection",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("ccs_injection",),
    passes=(tls(),),
    fails=(tls(ccs_injection=True),),
    fixes={
        "debian": "apt upgrade openssl, then restart every service that uses it.",
        "rhel": "dnf upgrade openssl, then restart every service that uses it.",
        "appliance": "Install the vendor's firmware with OpenSSL 1.0.1h or newer.",
    },
    retests={
        "any": Retest("nmap -Pn -p PORT --script ssl-ccs-injection HOST", "says open, and nowhere VULNERABLE"),
    },
)
def ccs_injection(tls: TlsObservation, _: Parameters) -> Verdict:
    """Nobody between can make the server use empty keys (ChangeCipherSpec injection).

    Fails where a ChangeCipherSpec is taken before keys are agreed on (CVE-2014-0224).
    """
    return Fail(said("takes a ChangeCipherSpec before there are keys")) if fact(tls.ccs_injection) else Pass()


@check(
    "tls-robot",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("robot",),
    passes=(tls(),),
    fails=(tls(robot=True),),
    fixes={
        "any": "Offer no suites that begin with TLS_RSA_ (RSA key exchange), or install the vendor's update.",
        "nginx": "ssl_ciphers with ECDHE suites only",
        "appliance": "Install the vendor's firmware that answers ROBOT, and turn RSA key exchange off.",
        "apache": "SSLCipherSuite with ECDHE suites only, then apachectl configtest && systemctl reload apache2",
        "haproxy": "ssl-default-bind-ciphers with ECDHE suites only  (in global)",
        "iis": "Disable-TlsCipherSuite -Name TLS_RSA_WITH_AES_256_GCM_SHA384  (PowerShell, once for each suite that begins with TLS_RSA_)",
        "postgresql": "ssl_ciphers with ECDHE suites only  in postgresql.conf, then psql -c 'SELECT pg_reload_conf()'",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -tls1_2 -cipher 'kRSA:@SECLEVEL=0' </dev/null 2>&1 | grep -E 'Cipher "
                "is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
        "postgresql": Retest(
            (
                "openssl s_client -connect HOST:5432 -starttls postgres -tls1_2 -cipher 'kRSA:@SECLEVEL=0' </dev/null 2>&1 | "
                "grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
    },
)
def robot(tls: TlsObservation, _: Parameters) -> Verdict:
    """Answers do not tell malformed RSA key exchanges apart (ROBOT).

    Fails where the answers to differently malformed key exchanges differ: an onlooker can decrypt with such a server's help
    (CVE-2017-13099 and others of its kind). Passes where no RSA key exchange is accepted.
    """
    return Fail(said("tells malformed RSA key exchanges apart")) if fact(tls.robot) else Pass()


@check(
    "tls-no-client-renegotiation",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("client_renegotiation",),
    passes=(tls(),),
    fails=(tls(client_renegotiation=True),),
    fixes={
        "nginx": "Upgrade: nginx has refused it since 0.8.23",
        "openssl": "Options = NoRenegotiation  in the system_default section of openssl.cnf",
        "any": "Accept TLS 1.3 only, which has no renegotiation, or install the vendor's update.",
        "apache": "Upgrade: Apache has refused it since 2.2.15",
        "iis": "Under HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL set DisableRenegoOnServer=1, then restart the server.",
    },
    retests={
        "any": Retest(
            "(sleep 2; echo R; sleep 2) | openssl s_client -connect HOST:PORT -tls1_2 2>&1 | grep -iE 'renegotiation:|alert'",
            "says no renegotiation, or shows an alert, after RENEGOTIATING",
        ),
    },
)
def no_client_renegotiation(tls: TlsObservation, _: Parameters) -> Verdict:
    """Clients cannot make the server renegotiate.

    Fails where one renegotiation that the client asks for is granted: each costs the server far more than the client (BSI TR-02102-2
    section 3.3).
    """
    return Fail(said("renegotiates when a client asks for it")) if fact(tls.client_renegotiation) else Pass()


@check(
    "tls-no-early-data",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("early_data",),
    passes=(tls(),),
    fails=(tls(early_data=True),),
    fixes={
        "nginx": "ssl_early_data off;",
        "haproxy": "Take allow-0rtt from the bind line.",
        "apache": "Nothing to do: Apache takes none.",
    },
    retests={
        "any": Retest(
            "sleep 2 | openssl s_client -connect HOST:PORT -tls1_3 | grep 'Max Early Data'",
            "says Max Early Data: 0, or prints nothing",
        ),
    },
)
def no_early_data(tls: TlsObservation, _: Parameters) -> Verdict:
    """No data is taken before the handshake is over.

    Fails where early data of a resumed session is accepted: whoever recorded it can send it again (RFC 8446 section 8; RFC 9325 section
    3.4 and BSI TR-02102-2 section 3.3 advise against it).
    """
    return Fail(said("takes early data")) if fact(tls.early_data) else Pass()
