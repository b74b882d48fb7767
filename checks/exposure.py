"""Checks of which ports of a host are open, seen from where the probe looked."""

from __future__ import annotations

from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import OpenPort, PortsObservation
from scanner.specimens import ports

_CLOSE = (
    "Close the service, or at the firewall: nft add rule inet filter input tcp dport PORT drop  "
    "(and save it in /etc/nftables.conf)"
)


class ClearServices(Parameters):
    """Services, by nmap's names, that carry passwords or commands in clear."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "telnet",
        "ftp",
        "tftp",
        "exec",
        "login",
        "shell",
        "klogin",
        "kshell",
        "rsh",
        "rlogin",
        "vnc",
        "vnc-http",
        "X11",
        "finger",
        "snmp",
    )


class DatabaseServices(Parameters):
    """Data stores, by nmap's names."""

    refused: Annotated[tuple[str, ...], Stricter.SUPERSET] = (
        "ms-sql-s",
        "oracle-tns",
        "oracle",
        "mysql",
        "postgresql",
        "mongodb",
        "mongod",
        "redis",
        "memcached",
        "cassandra",
        "couchdb",
        "elasticsearch",
        "ibm-db2",
    )


def _open(port: int, service: str, *, tls: bool = False) -> OpenPort:
    return OpenPort(port=port, transport="tcp", service=service, tls=tls)


def _shown(found: list[OpenPort]) -> str:
    return ", ".join(f"{port.port}/{port.transport} {port.service}" for port in found)


@check(
    "exposure-only-declared",
    observes=PortsObservation,
    parameters=Parameters,
    passes=(ports(), ports(unanswered=(8_443,))),
    fails=(ports(open=(_open(22, "ssh"), _open(8_080, "http-proxy")), undeclared=(8_080,)),),
    fixes={
        "debian": (
            "ss -tulpn names the program; then systemctl disable --now UNIT, or apt purge PACKAGE, or declare the service."
        ),
        "rhel": (
            "ss -tulpn names the program; then systemctl disable --now UNIT, and firewall-cmd --permanent "
            "--remove-port=PORT/tcp && firewall-cmd --reload"
        ),
        "firewall": _CLOSE,
        "windows": (
            "Get-NetTCPConnection -State Listen | Select LocalPort,OwningProcess; then Stop-Service and Set-Service "
            "-StartupType Disabled"
        ),
    },
    retests={
        "debian": Retest("ss -Htuln", "lists declared ports, or loopback addresses, only"),
        "rhel": Retest("ss -Htuln", "lists declared ports, or loopback addresses, only"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
        "windows": Retest(
            "Get-NetTCPConnection -State Listen | Select LocalAddress,LocalPort",
            "lists declared ports, or loopback addresses, only",
        ),
    },
)
def only_declared(ports: PortsObservation, _: Parameters) -> Verdict:
    """Only declared ports are open.

    Fails on every open port that the scope does not name, among the ports that were asked for (TCVN 14423:2026 clause
    5.5.2.1c).
    """
    if not ports.undeclared:
        return Pass(said("of ports {asked} only declared ones are open", asked=ports.asked))
    return Fail(said("ports nobody declared are open: {ports}", ports=", ".join(map(str, ports.undeclared))))


@check(
    "exposure-declared-answer",
    observes=PortsObservation,
    parameters=Parameters,
    passes=(ports(),),
    fails=(ports(unanswered=(8_443,)),),
    fixes={
        "any": ("Start the service, open the way for the inspector's address, or take the service out of the scope file."),
        "debian": ("systemctl status UNIT; ss -tlpn shows whether it listens, and nft list ruleset whether it is filtered."),
    },
    retests={
        "any": Retest("nmap -Pn -p PORT HOST", "says open, from the inspector's network"),
        "debian": Retest("ss -Htln 'sport = :PORT'", "lists a listener on the declared address"),
    },
)
def declared_answer(ports: PortsObservation, _: Parameters) -> Verdict:
    """Every declared port is open.

    Fails on every declared port that did not turn out to be open: the inventory is wrong, or something stands in the
    way.
    """
    if not ports.unanswered:
        return Pass()
    return Fail(said("declared ports are not open: {ports}", ports=", ".join(map(str, ports.unanswered))))


@check(
    "exposure-no-cleartext-services",
    observes=PortsObservation,
    parameters=ClearServices,
    passes=(ports(), ports(open=(_open(990, "ftp", tls=True),)), ports(open=(_open(49_152, "unknown"),))),
    fails=(
        ports(open=(_open(23, "telnet"),)),
        ports(open=(_open(21, "ftp"), _open(22, "ssh"))),
        ports(open=(_open(514, "shell"),)),
        ports(open=(_open(5_900, "vnc"),)),
    ),
    fixes={
        "debian": "apt purge telnetd inetutils-telnetd rsh-server vsftpd tftpd-hpa; use SSH and SFTP in their place.",
        "rhel": "dnf remove telnet-server rsh-server vsftpd tftp-server; use SSH and SFTP in their place.",
        "cisco-ios": "line vty 0 15, then: transport input ssh",
        "vnc": "Bind it to loopback (vncserver -localhost yes) and reach it through an SSH tunnel.",
        "snmp": "Use SNMP v3 with authPriv, and remove every community from the configuration.",
    },
    retests={
        "any": Retest(
            "ss -Htuln '( sport = :21 or sport = :23 or sport = :69 or sport = :513 or sport = :514 )'",
            "prints nothing",
        ),
        "cisco-ios": Retest("nmap -Pn -p 23 HOST", "says closed or filtered, from a machine that has no business there"),
        "vnc": Retest("ss -Htln '( sport >= :5900 and sport <= :5999 )'", "shows loopback addresses only"),
        "snmp": Retest("snmpget -v2c -c COMMUNITY HOST 1.3.6.1.2.1.1.1.0", "ends with a timeout"),
    },
)
def no_cleartext_services(ports: PortsObservation, parameters: ClearServices) -> Verdict:
    """No service that carries passwords in clear is open.

    Fails on every open port whose service is a refused one and not inside TLS (TCVN 14423:2026 clauses 5.12.2.4a and
    5.5.2.1c).
    """
    clear = [port for port in ports.open if port.service in parameters.refused and not port.tls]
    return Fail(said("open in clear: {ports}", ports=_shown(clear))) if clear else Pass()


@check(
    "exposure-no-database-ports",
    observes=PortsObservation,
    parameters=DatabaseServices,
    passes=(ports(),),
    fails=(ports(open=(_open(5_432, "postgresql"),)), ports(open=(_open(1_433, "ms-sql-s", tls=True),))),
    fixes={
        "postgresql": (
            "listen_addresses = 'localhost'  (or the address in the database zone) in postgresql.conf, and a narrow pg_hba.conf"
        ),
        "mysql": "bind-address = 127.0.0.1  (or the address in the database zone) in my.cnf",
        "redis": "bind 127.0.0.1 -::1 and protected-mode yes  in redis.conf",
        "mongodb": "net.bindIp: 127.0.0.1  in mongod.conf",
        "firewall": _CLOSE,
    },
    retests={
        "postgresql": Retest("nmap -Pn -p 5432 HOST", "says closed or filtered, from a machine that has no business there"),
        "mysql": Retest("nmap -Pn -p 3306 HOST", "says closed or filtered, from a machine that has no business there"),
        "redis": Retest("nmap -Pn -p 6379 HOST", "says closed or filtered, from a machine that has no business there"),
        "mongodb": Retest("nmap -Pn -p 27017 HOST", "says closed or filtered, from a machine that has no business there"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def no_database_ports(ports: PortsObservation, parameters: DatabaseServices) -> Verdict:
    """Data stores cannot be reached from here.

    Fails on every data store that is open towards the zone the probe looked from (TCVN 14423:2026 clause 5.12.2.2b
    asks for a zone of their own), encrypted or not.
    """
    found = [port for port in ports.open if port.service in parameters.refused]
    zone = ports.seen.vantage.zone
    return Fail(said("open towards zone {zone}: {ports}", zone=zone, ports=_shown(found))) if found else Pass()
