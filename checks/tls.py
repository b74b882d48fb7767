"""Checks of what an endpoint accepts in a TLS handshake: versions, suites and groups, not certificates."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import TlsObservation, TlsVersion, fact
from scanner.specimens import SUITES, tls

_OLD = ("TLS_RSA_WITH_AES_128_CBC_SHA",)
_ONLY_1_3 = {TlsVersion.TLS_1_3: SUITES[TlsVersion.TLS_1_3]}


class MinimumVersion(Parameters):
    """The oldest version that may be accepted."""

    minimum: Annotated[Literal[TlsVersion.TLS_1_2, TlsVersion.TLS_1_3], Stricter.HIGHER] = TlsVersion.TLS_1_2


class NewestVersion(Parameters):
    """The version that, or one newer than which, must be accepted."""

    at_least: Annotated[Literal[TlsVersion.TLS_1_2, TlsVersion.TLS_1_3], Stricter.HIGHER] = TlsVersion.TLS_1_2


class RefusedSuites(Parameters):
    """Suites that may not be accepted, as patterns of IANA names: * stands for any letters, case for nothing."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "*NULL*",
        "TLS_SHA256_SHA256",
        "TLS_SHA384_SHA384",
        "*_anon_*",
        "*EXPORT*",
        "*_RC2_*",
        "*_RC4_*",
        "*_DES_*",
        "*_DES40_*",
        "*_3DES_*",
    )


class DhGroup(Parameters):
    """The smallest finite-field Diffie-Hellman group that may be used."""

    bits: Annotated[int, Stricter.HIGHER] = 2_048


@check(
    "tls-minimum-version",
    observes=TlsObservation,
    parameters=MinimumVersion,
    facts=("oldest_accepted",),
    passes=(tls(), (tls(accepts=_ONLY_1_3), MinimumVersion(minimum=TlsVersion.TLS_1_3))),
    fails=(
        tls(accepts={**SUITES, TlsVersion.TLS_1_1: _OLD}),
        tls(accepts={**SUITES, TlsVersion.TLS_1_0: _OLD}, unasked=(TlsVersion.SSL_2_0,)),
        tls(accepts={TlsVersion.SSL_2_0: ("SSL_CK_RC4_128_WITH_MD5",)}),
        tls(accepts={TlsVersion.SSL_3_0: _OLD}),
        (tls(), MinimumVersion(minimum=TlsVersion.TLS_1_3)),
    ),
    fixes={
        "nginx": ("ssl_protocols TLSv1.2 TLSv1.3;  (in every server block and in http), then nginx -t && systemctl reload nginx"),
        "apache": (
            "SSLProtocol -all +TLSv1.2 +TLSv1.3  (in every virtual host), then apachectl configtest && systemctl reload apache2"
        ),
        "haproxy": "ssl-default-bind-options ssl-min-ver TLSv1.2  (in global)",
        "iis": (
            "Under HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols set Enabled=0 "
            "for\n"
            "SSL 2.0, SSL 3.0, TLS 1.0 and TLS 1.1 in their Server keys, then restart the server."
        ),
        "tomcat": '<SSLHostConfig protocols="TLSv1.2+TLSv1.3">  in conf/server.xml',
        "rhel": (
            "update-crypto-policies --set DEFAULT, then restart the service  (RHEL 8: the DEFAULT policy already refuses TLS 1.1)"
        ),
        "postgresql": "ssl_min_protocol_version = 'TLSv1.2'  in postgresql.conf (12 or newer), then psql -c 'SELECT pg_reload_conf()'",
        "mariadb": "tls_version = TLSv1.2,TLSv1.3  under [mariadb], then systemctl restart mariadb",
        "redis": 'tls-protocols "TLSv1.2 TLSv1.3"  in redis.conf, then systemctl restart redis-server',
        "debian": "MinProtocol = TLSv1.2  in the section of /etc/ssl/openssl.cnf that system_default names, then restart the service",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -min_protocol TLSv1 -max_protocol TLSv1.1 -cipher 'ALL:@SECLEVEL=0' "
                "</dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
        "postgresql": Retest(
            (
                "openssl s_client -connect HOST:5432 -starttls postgres -min_protocol TLSv1 -max_protocol TLSv1.1 -cipher "
                "'ALL:@SECLEVEL=0' </dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
        "mariadb": Retest(
            (
                "openssl s_client -connect HOST:3306 -starttls mysql -min_protocol TLSv1 -max_protocol TLSv1.1 -cipher "
                "'ALL:@SECLEVEL=0' </dev/null 2>&1 | grep -E 'Cipher is|alert'"
            ),
            "says Cipher is (NONE), after an alert of the server",
        ),
    },
)
def minimum_version(tls: TlsObservation, parameters: MinimumVersion) -> Verdict:
    """Old protocol versions are refused.

    Fails on every version accepted that is older than the minimum. RFC 9325 section 3.1.1 and RFC 8996: SSL 2.0, SSL
    3.0, TLS 1.0 and TLS 1.1 must not be negotiated. A version that gave no clear answer is not taken for refused.
    """
    if fact(tls.oldest_accepted) >= parameters.minimum:
        return Pass(said("accepts {versions}", versions=", ".join(tls.accepted_versions)))
    old = [version for version in tls.accepted_versions if version < parameters.minimum]
    return Fail(said("accepts {versions}", versions=", ".join(old)))


@check(
    "tls-modern-offered",
    observes=TlsObservation,
    parameters=NewestVersion,
    facts=("newest_accepted",),
    passes=(
        tls(),
        tls(accepts={TlsVersion.TLS_1_2: SUITES[TlsVersion.TLS_1_2]}),
        (tls(), NewestVersion(at_least=TlsVersion.TLS_1_3)),
    ),
    fails=(
        tls(accepts={TlsVersion.TLS_1_0: _OLD, TlsVersion.TLS_1_1: _OLD}),
        (tls(accepts={TlsVersion.TLS_1_2: SUITES[TlsVersion.TLS_1_2]}), NewestVersion(at_least=TlsVersion.TLS_1_3)),
    ),
    fixes={
        "nginx": "ssl_protocols TLSv1.2 TLSv1.3;  (TLS 1.3 needs nginx 1.13 and OpenSSL 1.1.1 or newer)",
        "apache": "SSLProtocol -all +TLSv1.2 +TLSv1.3  (TLS 1.3 needs Apache 2.4.37 and OpenSSL 1.1.1 or newer)",
        "haproxy": "ssl-default-bind-options ssl-min-ver TLSv1.2  (and no ssl-max-ver)",
        "iis": (
            "TLS 1.2 is on from Windows Server 2012, TLS 1.3 from Windows Server 2022; remove registry keys that disable them."
        ),
        "postgresql": "ssl_max_protocol_version = ''  in postgresql.conf (12 or newer), then psql -c 'SELECT pg_reload_conf()'",
        "mariadb": "tls_version = TLSv1.2,TLSv1.3  under [mariadb], then systemctl restart mariadb",
        "redis": 'tls-protocols "TLSv1.2 TLSv1.3"  in redis.conf, then systemctl restart redis-server',
        "rhel": "update-crypto-policies --set DEFAULT, then restart the service",
    },
    retests={
        "any": Retest(
            "openssl s_client -connect HOST:PORT -min_protocol TLSv1.2 </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "postgresql": Retest(
            "openssl s_client -connect HOST:5432 -starttls postgres -min_protocol TLSv1.2 </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "mariadb": Retest(
            "openssl s_client -connect HOST:3306 -starttls mysql -min_protocol TLSv1.2 </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
    },
)
def modern_offered(tls: TlsObservation, parameters: NewestVersion) -> Verdict:
    """A current protocol version is accepted.

    Fails where the newest version accepted is older than asked for. RFC 9325 section 3.1.1: TLS 1.2 must be supported
    and TLS 1.3 should be.
    """
    newest = fact(tls.newest_accepted)
    seen = said("accepts at most {version}", version=newest)
    return Pass(seen) if newest >= parameters.at_least else Fail(seen)


@check(
    "tls-strong-suites",
    observes=TlsObservation,
    parameters=RefusedSuites,
    facts=("suites",),
    passes=(
        tls(),
        tls(accepts=_ONLY_1_3),
        tls(accepts={TlsVersion.TLS_1_2: ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256")}),
    ),
    fails=(
        tls(accepts={**SUITES, TlsVersion.TLS_1_2: ("TLS_RSA_WITH_NULL_SHA256",)}),
        tls(accepts={**SUITES, TlsVersion.TLS_1_2: ("TLS_ECDH_anon_WITH_AES_128_CBC_SHA",)}),
        tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",)}),
        tls(accepts={**SUITES, TlsVersion.TLS_1_2: ("TLS_ECDHE_RSA_WITH_RC4_128_SHA",)}),
        tls(accepts={**SUITES, TlsVersion.TLS_1_2: ("TLS_RSA_WITH_3DES_EDE_CBC_SHA",)}),
        tls(accepts={**SUITES, TlsVersion.TLS_1_0: ("TLS_DHE_RSA_WITH_DES_CBC_SHA",)}),
        tls(accepts={TlsVersion.TLS_1_3: ("TLS_SHA256_SHA256",)}),
        (
            tls(accepts={TlsVersion.TLS_1_2: ("TLS_RSA_WITH_AES_128_GCM_SHA256",)}),
            RefusedSuites(refused=("TLS_RSA_*",)),
        ),
    ),
    fixes={
        "nginx": (
            "ssl_ciphers "
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
            "ECDHE-RSA-AES256-GCM-SHA384;"
        ),
        "apache": (
            "SSLCipherSuite "
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
            "ECDHE-RSA-AES256-GCM-SHA384"
        ),
        "haproxy": (
            "ssl-default-bind-ciphers "
            "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
            "ECDHE-RSA-AES256-GCM-SHA384"
        ),
        "iis": (
            "Disable-TlsCipherSuite -Name TLS_RSA_WITH_3DES_EDE_CBC_SHA  (PowerShell, once for each suite named), "
            "then restart the server."
        ),
        "rhel": "update-crypto-policies --set DEFAULT, then restart the service",
        "postgresql": "ssl_ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384'  in postgresql.conf, then psql -c 'SELECT pg_reload_conf()'",
        "mariadb": "ssl_cipher = ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384  under [mariadb], then systemctl restart mariadb",
        "redis": "tls-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384  in redis.conf, then systemctl restart redis-server",
    },
    retests={
        "any": Retest(
            "nmap -Pn -p PORT --script ssl-enum-ciphers HOST", "shows the algorithms, and none of those that were found"
        ),
    },
)
def strong_suites(tls: TlsObservation, parameters: RefusedSuites) -> Verdict:
    """Weak cipher suites are refused.

    Fails on every suite accepted that matches a refused pattern. RFC 9325 section 4.1: suites without encryption or
    without authentication, export-grade suites, RC4 and what is weaker than 112 bits must not be negotiated; 3DES,
    which is at most that strong and has 64-bit blocks, stands in none of the profiles of NIST, BSI and Mozilla. A
    suite no pattern names never fails.
    """
    refused = [pattern.upper() for pattern in parameters.refused]
    weak = [suite for suite in fact(tls.suites) if any(fnmatchcase(suite.upper(), pattern) for pattern in refused)]
    return Fail(said("accepts {suites}", suites=", ".join(weak))) if weak else Pass()


@check(
    "tls-dh-size",
    observes=TlsObservation,
    parameters=DhGroup,
    facts=("weakest_dh_bits",),
    passes=(
        tls(),
        tls(weakest_dh_bits=2_048),
        tls(weakest_dh_bits=8_192),
        (tls(weakest_dh_bits=3_072), DhGroup(bits=3_072)),
    ),
    fails=(tls(weakest_dh_bits=1_024), tls(weakest_dh_bits=2_047), (tls(weakest_dh_bits=2_048), DhGroup(bits=3_072))),
    fixes={
        "nginx": (
            "Offer no DHE suites (ssl_ciphers with ECDHE only), or: openssl dhparam -out /etc/nginx/dh.pem 3072; "
            "ssl_dhparam /etc/nginx/dh.pem;"
        ),
        "apache": (
            'Offer no DHE suites (SSLCipherSuite with ECDHE only), or: SSLOpenSSLConfCmd DHParameters "/etc/apache2/dh.pem"'
        ),
        "haproxy": "tune.ssl.default-dh-param 3072  (in global), or ssl-dh-param-file",
        "tomcat": "Offer no DHE suites, or start Java with -Djdk.tls.ephemeralDHKeySize=3072",
        "iis": "Under HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\KeyExchangeAlgorithms\\Diffie-Hellman set ServerMinKeyBitLength=3072, then restart the server.",
        "postgresql": "openssl dhparam -out dh.pem 3072  in the data directory; ssl_dh_params_file = 'dh.pem'  in postgresql.conf, then psql -c 'SELECT pg_reload_conf()'",
        "redis": "openssl dhparam -out /etc/redis/dh.pem 3072; tls-dh-params-file /etc/redis/dh.pem  in redis.conf, then systemctl restart redis-server",
    },
    retests={
        "any": Retest(
            (
                "openssl s_client -connect HOST:PORT -tls1_2 -cipher 'DHE:@SECLEVEL=0' </dev/null | grep -E 'Cipher "
                "is|Server Temp Key'"
            ),
            "says 2048 bits or more behind DH, or Cipher is (NONE)",
        ),
        "postgresql": Retest(
            (
                "openssl s_client -connect HOST:5432 -starttls postgres -tls1_2 -cipher 'DHE:@SECLEVEL=0' </dev/null | grep "
                "-E 'Cipher is|Server Temp Key'"
            ),
            "says 2048 bits or more behind DH, or Cipher is (NONE)",
        ),
    },
)
def dh_size(tls: TlsObservation, parameters: DhGroup) -> Verdict:
    """Diffie-Hellman groups are large enough.

    Fails where the smallest finite-field group seen has fewer bits than asked for; passes where none is used. RFC 9325
    section 4.5: groups of at least 2048 bits are required.
    """
    bits = fact(tls.weakest_dh_bits)
    if bits is None:
        return Pass(said("uses no finite-field Diffie-Hellman"))
    seen = said("uses a Diffie-Hellman group of {bits} bits", bits=bits)
    return Pass(seen) if bits >= parameters.bits else Fail(seen)
