"""Checks of what a service says to a stranger. A protocol that is not recognised never passes for a harmless one."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import GreetingObservation, fact
from scanner.specimens import greeting


class ClearProtocols(Parameters):
    """Protocols that carry passwords or commands in clear."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = ("telnet", "ftp", "rsh", "rlogin", "rexec", "vnc", "tftp", "x11")


@check(
    "exposure-no-cleartext-administration",
    observes=GreetingObservation,
    parameters=ClearProtocols,
    facts=("spoken_in_clear",),
    passes=(greeting(), greeting(protocol="ftp", encrypted=True), greeting(protocol="unknown", encrypted=True)),
    fails=tuple(greeting(protocol=protocol, said="220 ready") for protocol in ("telnet", "ftp", "rlogin", "vnc")),
    fixes={
        "debian": "apt purge telnetd inetutils-telnetd rsh-server vsftpd; use SSH and SFTP in their place.",
        "rhel": "dnf remove telnet-server rsh-server vsftpd; use SSH and SFTP in their place.",
        "cisco-ios": "line vty 0 15, then: transport input ssh",
        "vnc": "Bind it to loopback (vncserver -localhost yes) and reach it through an SSH tunnel.",
    },
    retests={
        "any": Retest("ss -Htln '( sport = :21 or sport = :23 or sport = :513 or sport = :514 )'", "prints nothing"),
        "cisco-ios": Retest("nmap -Pn -p 23 HOST", "says closed or filtered, from a machine that has no business there"),
        "vnc": Retest("ss -Htln '( sport >= :5900 and sport <= :5999 )'", "shows loopback addresses only"),
    },
)
def no_cleartext_administration(greeting: GreetingObservation, parameters: ClearProtocols) -> Verdict:
    """Nothing is administered in clear.

    Fails where the service's own greeting shows a refused protocol without TLS (TCVN 14423:2026 clause 5.12.2.4a). A
    service that is not recognised is not taken for a harmless one.
    """
    protocol = fact(greeting.spoken_in_clear)
    if protocol is None:
        return Pass(said("speaks TLS"))
    seen = said("speaks {protocol} in clear", protocol=protocol)
    return Fail(seen) if protocol in parameters.refused else Pass(seen)


@check(
    "exposure-authenticated-stores",
    observes=GreetingObservation,
    parameters=Parameters,
    facts=("answers_unauthenticated",),
    passes=(greeting(),),
    fails=(
        greeting(answers_unauthenticated=True, said="+PONG"),
        greeting(protocol="memcached", answers_unauthenticated=True),
    ),
    fixes={
        "redis": (
            "requirepass or, better, ACL users in redis.conf (aclfile /etc/redis/users.acl, user default off); bind "
            "127.0.0.1 -::1"
        ),
        "mongodb": "security.authorization: enabled  in mongod.conf, after creating an administrator",
        "memcached": "Listen on loopback only (-l 127.0.0.1), or build with SASL and start with -S",
        "elasticsearch": "xpack.security.enabled: true  in elasticsearch.yml, then bin/elasticsearch-setup-passwords",
        "firewall": "Close it to all but the machines that need it: nft add rule inet filter input tcp dport PORT drop",
    },
    retests={
        "redis": Retest("redis-cli -h HOST -p PORT ping", "answers NOAUTH"),
        "mongodb": Retest(
            "mongosh --quiet HOST:PORT/admin --eval 'db.adminCommand({listDatabases: 1})'",
            "says that authentication is required",
        ),
        "memcached": Retest("nmap -Pn -p PORT --script memcached-info HOST", "shows no version"),
        "elasticsearch": Retest("curl -sko /dev/null -w '%{http_code}\\n' https://HOST:PORT/", "prints 401"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def authenticated_stores(greeting: GreetingObservation, _: Parameters) -> Verdict:
    """Services answer nobody without a credential.

    Fails where the service executed a read-only command for a stranger (TCVN 14423:2026 clause 5.6.2.2).
    """
    if fact(greeting.answers_unauthenticated):
        return Fail(said("{protocol} executes a command without a credential", protocol=greeting.protocol))
    return Pass(said("{protocol} asks for a credential", protocol=greeting.protocol))
