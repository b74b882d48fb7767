"""Checks of how a TLS handshake agrees on keys: the groups, and whose order of suites counts."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import TlsObservation, fact
from scanner.specimens import tls


class RefusedGroups(Parameters):
    """Groups that may not be accepted, as patterns in which * stands for any letters."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("sect1*", "secp160*", "secp192*")


@check(
    "tls-strong-groups",
    observes=TlsObservation,
    parameters=RefusedGroups,
    facts=("groups",),
    passes=(
        tls(),
        tls(groups=()),
        tls(groups=("X25519MLKEM768", "x448", "secp521r1", "ffdhe3072", "brainpoolP256r1", "unknown-7e7e")),
    ),
    fails=(
        tls(groups=("secp256r1", "secp192r1")),
        tls(groups=("sect163k1",)),
        (tls(groups=("x25519",)), RefusedGroups(refused=("x25519",))),
    ),
    fixes={
        "nginx": "ssl_ecdh_curve X25519:prime256v1:secp384r1;",
        "apache": "SSLOpenSSLConfCmd Groups X25519:P-256:P-384",
        "haproxy": "ssl-default-bind-curves X25519:P-256:P-384  (in global)",
        "openssl": "Groups = X25519:P-256:P-384  in the system_default section of openssl.cnf",
        "iis": "Disable-TlsEccCurve -Name NAME  (PowerShell, once for each curve named; Windows Server 2016 or newer)",
        "postgresql": "ssl_ecdh_curve = 'prime256v1'  in postgresql.conf  (18 or newer: ssl_groups = 'X25519:prime256v1'), then psql -c 'SELECT pg_reload_conf()'",
        "rhel": "update-crypto-policies --set DEFAULT, then restart the service",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -tls1_2 -cipher 'ECDHE:@SECLEVEL=0' -groups GROUP </dev/null 2>&1 | "
                "grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
        "postgresql": Retest(
            (
                "openssl s_client -connect HOST:5432 -starttls postgres -tls1_2 -cipher 'ECDHE:@SECLEVEL=0' -groups GROUP "
                "</dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
    },
)
def strong_groups(tls: TlsObservation, parameters: RefusedGroups) -> Verdict:
    """Weak elliptic curves are refused.

    Fails on every group accepted that matches a refused pattern: curves of fewer than 224 bits give less than 112 bits
    of strength (NIST SP 800-57 part 1, table 2), and RFC 8422 withdraws them. A group no pattern names never fails.
    """
    weak = [group for group in fact(tls.groups) if any(fnmatchcase(group, pattern) for pattern in parameters.refused)]
    return Fail(said("accepts the groups {groups}", groups=", ".join(weak))) if weak else Pass()


@check(
    "tls-server-order",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("prefers_own_order",),
    passes=(tls(), tls(prefers_own_order=None)),
    fails=(tls(prefers_own_order=False),),
    fixes={
        "nginx": "ssl_prefer_server_ciphers on;",
        "apache": "SSLHonorCipherOrder on",
        "haproxy": "ssl-default-bind-options prefer-client-ciphers  must not stand in global",
        "postgresql": "ssl_prefer_server_ciphers = on",
        "iis": "Windows keeps the server's order: set it with the policy SSL Cipher Suite Order, or Enable-TlsCipherSuite -Name SUITE -Position 0.",
        "redis": "tls-prefer-server-ciphers yes  in redis.conf, then systemctl restart redis-server",
    },
    retests={
        "any": Retest("nmap -Pn -p PORT --script ssl-enum-ciphers HOST", "says cipher preference: server"),
    },
)
def server_order(tls: TlsObservation, _: Parameters) -> Verdict:
    """The server's order of suites counts, not the client's.

    Fails where the client's order decides; passes where no version accepts two suites (RFC 9325 section 4.2.1, as advice: where
    all accepted suites are strong, either order is safe).
    """
    return Fail(said("takes the client's order of suites")) if fact(tls.prefers_own_order) is False else Pass()


@check(
    "tls-extended-master-secret",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("extended_master_secret",),
    passes=(tls(),),
    fails=(tls(extended_master_secret=False),),
    fixes={
        "openssl": "Upgrade OpenSSL to 1.1.0 or newer and restart the service.",
        "iis": "Install the monthly updates; Windows Server 2012 R2 and newer know it since bulletin MS15-121.",
        "java": "Upgrade to Java 8u161 or newer.",
        "debian": "Debian 9 or newer: apt upgrade openssl, then restart the service.",
        "rhel": "RHEL 8 or newer: dnf upgrade openssl, then restart the service.",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -tls1_2 </dev/null | grep -E 'Extended master secret'",
            "says Extended master secret: yes",
        ),
    },
)
def extended_master_secret(tls: TlsObservation, _: Parameters) -> Verdict:
    """The master secret is bound to the whole handshake.

    Fails where a server of TLS 1.2 or older does not know the extended master secret (RFC 7627; RFC 9325 section 3.5 recommends
    it). TLS 1.3 has it built in.
    """
    return Pass() if fact(tls.extended_master_secret) else Fail(said("does not know the extended master secret"))


@check(
    "tls-dh-prime",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("composite_dh",),
    passes=(tls(), tls(composite_dh=False, weakest_dh_bits=2_048)),
    fails=(tls(composite_dh=True, weakest_dh_bits=2_048),),
    fixes={
        "nginx": "openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe3072 -out dh.pem; then ssl_dhparam dh.pem",
        "apache": "SSLOpenSSLConfCmd DHParameters dh.pem, made with: openssl genpkey -genparam -algorithm DH -pkeyopt group:ffdhe3072",
        "any": "Find out who put these parameters there: a modulus that is no prime lets whoever made it read along.",
        "haproxy": "tune.ssl.default-dh-param 3072  (in global), and no parameters of another origin in the files that crt names",
        "postgresql": "ssl_dh_params_file = ''  in postgresql.conf, which takes PostgreSQL's own parameters, then psql -c 'SELECT pg_reload_conf()'",
    },
    retests={
        "any": Retest("nmap -Pn -p PORT --script ssl-dh-params HOST", "says open, and nowhere VULNERABLE"),
    },
)
def dh_prime(tls: TlsObservation, _: Parameters) -> Verdict:
    """The modulus of a Diffie-Hellman exchange is a prime.

    Fails where a group's modulus is composite: logarithms can then be taken by whoever knows its factors (RFC 7919 section 7.1 tells
    what a sound group is).
    """
    if fact(tls.composite_dh):
        return Fail(said("hands out a modulus that is no prime"))
    return Pass() if tls.composite_dh is not None else Pass(said("uses no finite-field group"))


@check(
    "tls-no-old-signatures",
    observes=TlsObservation,
    parameters=Parameters,
    facts=("signs_with_sha1",),
    passes=(tls(), tls(signs_with_sha1=None)),
    fails=(tls(signs_with_sha1=True),),
    fixes={
        "openssl": "SignatureAlgorithms = ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA+SHA384  in the system_default section",
        "apache": "SSLOpenSSLConfCmd SignatureAlgorithms ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256",
        "haproxy": "ssl-default-bind-sigalgs ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256  (2.8 or newer)",
        "rhel": "update-crypto-policies --set DEFAULT, which leaves SHA-1 out",
        "nginx": "ssl_conf_command SignatureAlgorithms ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256;  (1.19.4 or newer)",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -tls1_2 -sigalgs RSA+SHA1:ECDSA+SHA1 -cipher 'ECDHE:DHE:@SECLEVEL=0' "
                "</dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
    },
)
def no_old_signatures(tls: TlsObservation, _: Parameters) -> Verdict:
    """Key exchanges are not signed with SHA-1 or MD5.

    Fails where a client of TLS 1.2 that knows no other hash is given a signed key exchange (RFC 9155 section 4; RFC 9325 section 4.5).
    """
    return Fail(said("signs key exchanges with SHA-1 or MD5")) if fact(tls.signs_with_sha1) else Pass()
