"""Checks of what the open services of a host allow to strangers, declared or not: seen from outside, without any credential."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import OpenPort, PortsObservation, Unobserved, Weakness, fact
from scanner.specimens import ports

_CLOSE = "Close it to all but the machines that need it: nft add rule inet filter input tcp dport PORT drop"


def _with(service: str, port: int, *weaknesses: Weakness) -> PortsObservation:
    return ports(open=(OpenPort(port=port, transport="tcp", service=service, weaknesses=weaknesses),))


def _judged(found: tuple[OpenPort, ...] | Unobserved) -> Verdict:
    open_here = fact(found)
    shown = ", ".join(f"{port.port}/{port.transport} {port.service} ({', '.join(port.weaknesses)})" for port in open_here)
    return Fail(said("open to strangers: {ports}", ports=shown)) if open_here else Pass()


@check(
    "exposure-serves-no-strangers",
    observes=PortsObservation,
    parameters=Parameters,
    facts=("serving_strangers",),
    passes=(ports(), _with("smb", 445, Weakness.SMB_UNSIGNED)),
    fails=(
        _with("redis", 6_379, Weakness.SERVES_STRANGERS),
        _with("docker", 2_375, Weakness.SERVES_STRANGERS),
        _with("x11", 6_000, Weakness.SERVES_STRANGERS),
        _with("rpcbind", 111, Weakness.SERVES_STRANGERS),
    ),
    fixes={
        "redis": "requirepass or ACL users in redis.conf; bind 127.0.0.1 -::1",
        "docker": "Take -H tcp:// out of the daemon's options, or demand client certificates: --tlsverify",
        "kubernetes": "--anonymous-auth=false on the API server and the kubelet, --read-only-port=0 on the kubelet",
        "etcd": "--client-cert-auth and auth enable, and listen on the control plane's own network",
        "x11": "Xorg -nolisten tcp, which is the default; reach displays through SSH",
        "debian": "systemctl disable --now rpcbind.socket rpcbind  where no NFS version 2 or 3 is needed",
        "firewall": _CLOSE,
    },
    retests={
        "redis": Retest("redis-cli -h HOST -p PORT ping", "answers NOAUTH"),
        "docker": Retest("docker -H tcp://HOST:PORT version", "is refused, or demands a certificate"),
        "kubernetes": Retest("curl -sko /dev/null -w '%{http_code}\\n' https://HOST:PORT/api", "prints 401"),
        "etcd": Retest(
            "etcdctl --endpoints=https://HOST:PORT get / --prefix --keys-only",
            "is refused, or demands a certificate",
        ),
        "x11": Retest("ss -Htln '( sport >= :6000 and sport <= :6063 )'", "prints nothing"),
        "debian": Retest("ss -Htuln 'sport = :111'", "prints nothing"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def serves_no_strangers(ports: PortsObservation, _: Parameters) -> Verdict:
    """No open service serves strangers.

    Fails where any open port, declared or not, executes a command, hands out data or lists its programs without a credential (TCVN
    14423:2026 clause 5.6.2.2). Where a service could not be recognised, this is not checked.
    """
    return _judged(ports.serving_strangers)


@check(
    "exposure-desktops-demand-nla",
    observes=PortsObservation,
    parameters=Parameters,
    facts=("desktops_without_nla",),
    passes=(ports(), _with("rdp", 3_389)),
    fails=(_with("rdp", 3_389, Weakness.RDP_WITHOUT_NLA),),
    fixes={
        "windows": (
            "Remote Desktop Session Host > Security: require user authentication by using network-level authentication: enabled, and "
            "require use of a specific security layer: SSL"
        ),
        "xrdp": "xrdp knows no NLA: bind it to loopback (address=127.0.0.1 in xrdp.ini) and reach it through an SSH tunnel",
        "firewall": _CLOSE,
    },
    retests={
        "any": Retest(
            "nmap -Pn -p 3389 --script rdp-enum-encryption HOST",
            "says SUCCESS beside CredSSP, and beside neither SSL nor Native RDP",
        ),
        "xrdp": Retest("ss -Htln 'sport = :3389'", "shows loopback addresses only"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def desktops_demand_nla(ports: PortsObservation, _: Parameters) -> Verdict:
    """Remote desktops demand network-level authentication.

    Fails where a client is let in to the login screen by RDP's own security or by TLS alone (MS-RDPBCGR section 5.4; TCVN 14423:2026
    clause 5.12.2.4a). A host without an open desktop passes.
    """
    return _judged(ports.desktops_without_nla)


@check(
    "exposure-shares-are-signed",
    observes=PortsObservation,
    parameters=Parameters,
    facts=("weak_shares",),
    passes=(ports(), _with("smb", 445)),
    fails=(
        _with("smb", 445, Weakness.SMB_1),
        _with("smb", 445, Weakness.SMB_UNSIGNED),
        _with("rpcbind", 111, Weakness.OPEN_EXPORT),
    ),
    fixes={
        "samba": "server min protocol = SMB3_00 and server signing = mandatory  under [global] in smb.conf",
        "windows": "Set-SmbServerConfiguration -EnableSMB1Protocol $false -RequireSecuritySignature $true",
        "nfs": "Name the clients in /etc/exports in place of *, then exportfs -ra; better NFS version 4 with sec=krb5p",
        "firewall": _CLOSE,
    },
    retests={
        "any": Retest(
            "nmap -Pn -p 445 --script smb2-security-mode,smb-protocols HOST",
            "says that signing is enabled and required, and names no SMBv1",
        ),
        "nfs": Retest("showmount -e HOST", "names clients, and nowhere * or (everyone)"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def shares_are_signed(ports: PortsObservation, _: Parameters) -> Verdict:
    """File servers insist on signatures, know their clients, and speak no SMB 1.

    Fails where SMB 1 is accepted, where signing is not required of SMB 2 and 3, and where NFS exports a file system to everybody (MS-SMB2
    section 2.2.4; TCVN 14423:2026 clause 5.5.2.1c). A host without an open share passes.
    """
    return _judged(ports.weak_shares)


@check(
    "exposure-directories-closed",
    observes=PortsObservation,
    parameters=Parameters,
    facts=("open_directories",),
    passes=(ports(), _with("ldap", 389)),
    fails=(_with("ldap", 389, Weakness.OPEN_DIRECTORY),),
    fixes={
        "openldap": "olcDisallows: bind_anon and olcRequires: authc  in cn=config, and access rules that begin with: to * by users read",
        "active-directory": "dSHeuristics with its seventh character 0 (the default): no anonymous operations but on the root DSE",
        "firewall": _CLOSE,
    },
    retests={
        "any": Retest("ldapsearch -x -H ldap://HOST -b BASE dn", "shows no entry, and says why not"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def directories_closed(ports: PortsObservation, _: Parameters) -> Verdict:
    """Directories show strangers nothing of their entries.

    Fails where a search without a bind brings entries below the first naming context (RFC 4513 section 6.3.1 and 6.4; TCVN 14423:2026
    clause 5.6.2.2). What a server tells about itself in its root entry does not count.
    """
    return _judged(ports.open_directories)


@check(
    "exposure-stores-offer-tls",
    observes=PortsObservation,
    parameters=Parameters,
    facts=("stores_without_tls",),
    passes=(ports(), _with("postgresql", 5_432)),
    fails=(_with("postgresql", 5_432, Weakness.NO_TLS), _with("mysql", 3_306, Weakness.NO_TLS)),
    fixes={
        "postgresql": "ssl = on in postgresql.conf, and hostssl in place of host in pg_hba.conf",
        "mariadb": "ssl_cert, ssl_key and require_secure_transport = ON under [mariadb]",
        "mysql": "require_secure_transport = ON under [mysqld]",
        "firewall": _CLOSE,
    },
    retests={
        "postgresql": Retest("psql 'host=HOST sslmode=disable' -c 'SELECT 1'", "is refused, since nothing is encrypted"),
        "mariadb": Retest("mariadb -h HOST --skip-ssl -e 'SELECT 1'", "is refused, since nothing is encrypted"),
        "mysql": Retest("mysql -h HOST --ssl-mode=DISABLED -e 'SELECT 1'", "is refused, since nothing is encrypted"),
        "firewall": Retest("nmap -Pn -p PORT HOST", "says closed or filtered, from a machine that has no business there"),
    },
)
def stores_offer_tls(ports: PortsObservation, _: Parameters) -> Verdict:
    """Data stores that can be reached speak TLS.

    Fails where an open PostgreSQL, MySQL or MariaDB says that it knows no TLS: passwords and data then travel in clear (TCVN 14423:2026
    clause 5.4.2.4b).
    """
    return _judged(ports.stores_without_tls)
