"""Checks of what a host answers over UDP. Silence is neither: a firewall that drops says nothing about what is behind it."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, NotApplicable, Pass, Verdict, said
from scanner.observations import Datagram, DatagramsObservation, Reply, Unobserved, fact
from scanner.specimens import datagrams

_CLOSE = "Close it to all but those who need it: nft add rule inet filter input udp dport PORT drop  (and in /etc/nftables.conf)"


def _judged(found: dict[str, Datagram | Unobserved], refused: tuple[Reply, ...] = (Reply.SERVED,)) -> Verdict:
    """Fails on a refused reply; passes where each question has another answer; silence at any one of them decides nothing."""
    seen = {name: fact(value) for name, value in found.items()}
    bad = [f"{one.port}/udp {name.replace('_', '-')}" for name, one in seen.items() if one.reply in refused]
    if bad:
        return Fail(said("answers strangers: {questions}", questions=", ".join(bad)))
    silent = sorted({f"{one.port}/udp" for one in seen.values() if one.reply is Reply.SILENT})
    if silent:
        return NotApplicable(
            said("no answer from here on {ports}: the host's own list of sockets decides", ports=", ".join(silent))
        )
    replies = ", ".join(sorted({f"{one.port}/udp {one.reply}" for one in seen.values()}))
    return Pass(said("answers no stranger: {replies}", replies=replies))


@check(
    "exposure-no-open-snmp",
    observes=DatagramsObservation,
    facts=("snmp_v1", "snmp_v2c"),
    passes=(datagrams(), datagrams(snmp_v1=Reply.IGNORED, snmp_v2c=Reply.IGNORED, snmp_v3=Reply.SERVED)),
    fails=(
        datagrams(snmp_v1=Reply.SERVED),
        datagrams(snmp_v2c=Reply.SERVED),
        datagrams(snmp_v1=Reply.SILENT, snmp_v2c=Reply.SERVED),
    ),
    fixes={
        "net-snmp": (
            "Take rocommunity, rwcommunity and com2sec out of /etc/snmp/snmpd.conf; createUser and rouser USER authpriv  in their place"
        ),
        "cisco-ios": "no snmp-server community COMMUNITY; snmp-server group GROUP v3 priv",
        "firewall": _CLOSE,
    },
    retests={
        "any": Retest("snmpget -v2c -c COMMUNITY HOST 1.3.6.1.2.1.1.1.0", "ends with a timeout"),
    },
)
def no_open_snmp(found: DatagramsObservation, _: Parameters) -> Verdict:
    """No SNMP agent answers versions 1 and 2c without a credential.

    Fails where the agent answers a read with the empty community. Passes where nothing listens, and where an agent that
    answers discovery of version 3 ignores it; that it knows no community at all is not seen (TCVN 14423:2026 clause
    5.12.2.4a).
    """
    return _judged({"snmp_v1": found.snmp_v1, "snmp_v2c": found.snmp_v2c})


@check(
    "exposure-no-tftp",
    observes=DatagramsObservation,
    facts=("tftp",),
    passes=(datagrams(),),
    fails=(datagrams(tftp=Reply.SERVED), datagrams(tftp=Reply.DECLINED)),
    fixes={
        "debian": "apt purge tftpd-hpa atftpd tftpd; use SFTP or HTTPS in its place.",
        "rhel": "dnf remove tftp-server; use SFTP or HTTPS in its place.",
        "cisco-ios": "no tftp-server flash:FILE; use copy scp: in its place.",
    },
    retests={
        "any": Retest("ss -Huln 'sport = :69'", "prints nothing"),
        "cisco-ios": Retest("nmap -Pn -sU -p 69 HOST", "says closed or open|filtered, and not open"),
    },
)
def no_tftp(found: DatagramsObservation, _: Parameters) -> Verdict:
    """No TFTP server answers.

    Fails on any answer of a TFTP server, that there is no such file among them: it knows neither passwords nor encryption
    (TCVN 14423:2026 clauses 5.12.2.4a and 5.5.2.1c).
    """
    return _judged({"tftp": found.tftp}, (Reply.SERVED, Reply.DECLINED))


@check(
    "exposure-no-open-recursion",
    observes=DatagramsObservation,
    facts=("dns_recursion",),
    passes=(datagrams(), datagrams(dns_recursion=Reply.DECLINED)),
    fails=(datagrams(dns_recursion=Reply.SERVED),),
    fixes={
        "bind": "allow-recursion { localnets; }; and allow-query-cache { localnets; };  in named.conf, or recursion no;",
        "unbound": "access-control: 0.0.0.0/0 refuse and an allow line for each network that is served, in unbound.conf",
        "dnsmasq": "listen-address and bind-interfaces, or local-service, in /etc/dnsmasq.conf",
        "windows": "Set-DnsServerRecursion -Enable $false, or a recursion scope for the networks that are served",
    },
    retests={
        "any": Retest(
            "dig @HOST example.com A +time=3 +tries=1",
            "shows no answer section, from a network that is not served",
        ),
    },
)
def no_open_recursion(found: DatagramsObservation, _: Parameters) -> Verdict:
    """No name server resolves names for strangers.

    Fails where a server says that recursion is available to the inspector; a server that answers for its own names and
    refuses the rest passes (TCVN 14423:2026 clauses 5.5.2.1c and 5.9.2.2).
    """
    return _judged({"dns_recursion": found.dns_recursion})


@check(
    "exposure-no-ntp-queries",
    observes=DatagramsObservation,
    facts=("ntp_control", "ntp_private"),
    passes=(
        datagrams(),
        datagrams(ntp_control=Reply.IGNORED, ntp_private=Reply.IGNORED, ntp_time=Reply.SERVED),
        datagrams(ntp_control=Reply.DECLINED, ntp_private=Reply.IGNORED),
    ),
    fails=(datagrams(ntp_control=Reply.SERVED), datagrams(ntp_private=Reply.SERVED, ntp_control=Reply.SILENT)),
    fixes={
        "ntp": "restrict default kod limited nomodify notrap nopeer noquery  and the same with -6, in ntp.conf",
        "ntpsec": "restrict default kod limited nomodify noquery  in /etc/ntpsec/ntp.conf",
        "chrony": "cmdport 0  in chrony.conf; chrony itself answers neither mode",
        "cisco-ios": "ntp allow mode control 3, and access lists with ntp access-group serve-only",
    },
    retests={
        "any": Retest("ntpq -n -c rv HOST", "ends with a timeout"),
    },
)
def no_ntp_queries(found: DatagramsObservation, _: Parameters) -> Verdict:
    """No time server tells strangers its state (modes 6 and 7).

    Fails where a query of mode 6 or 7 is answered: it tells of the system, and forged queries turn the server against
    others. Passes where it is refused, and where a server that gives the time ignores it (TCVN 14423:2026 clause 5.5.2.1c).
    """
    return _judged({"ntp_control": found.ntp_control, "ntp_private": found.ntp_private})


@check(
    "exposure-no-ipmi",
    observes=DatagramsObservation,
    facts=("ipmi", "ipmi_ciphers"),
    passes=(datagrams(),),
    fails=(datagrams(ipmi=Reply.SERVED), datagrams(ipmi_ciphers=Reply.SERVED), datagrams(ipmi_ciphers=Reply.DECLINED)),
    fixes={
        "ipmitool": "ipmitool lan set 1 access off, or a network of its own for management; lan set 1 cipher_privs Xaaaaaaaaaaaaaa",
        "idrac": "racadm set iDRAC.IPMILan.Enable 0",
        "firewall": _CLOSE,
    },
    retests={
        "any": Retest("nmap -Pn -sU -p 623 HOST", "says closed or open|filtered, and not open"),
    },
)
def no_ipmi(found: DatagramsObservation, _: Parameters) -> Verdict:
    """No management controller (IPMI) answers from here.

    Fails where a controller answers the presence ping or lists its cipher suites, suite zero or not: version 2.0 hands the
    hash of a password to whoever asks (TCVN 14423:2026 clauses 5.12.2.5 and 5.5.2.1c).
    """
    return _judged({"ipmi": found.ipmi, "ipmi_ciphers": found.ipmi_ciphers}, (Reply.SERVED, Reply.DECLINED))


@check(
    "exposure-no-internal-datagrams",
    observes=DatagramsObservation,
    facts=("portmapper", "memcached"),
    passes=(datagrams(),),
    fails=(datagrams(portmapper=Reply.SERVED), datagrams(portmapper=Reply.DECLINED), datagrams(memcached=Reply.SERVED)),
    fixes={
        "rpcbind": "systemctl disable --now rpcbind.socket rpcbind.service; NFS version 4 needs none.",
        "memcached": "-U 0 and -l 127.0.0.1  in /etc/memcached.conf",
        "firewall": _CLOSE,
    },
    retests={
        "rpcbind": Retest("nmap -Pn -sU -p 111 HOST", "says closed or open|filtered, and not open"),
        "memcached": Retest("nmap -Pn -sU -p 11211 HOST", "says closed or open|filtered, and not open"),
        "firewall": Retest("nmap -Pn -sU -p PORT HOST", "says closed or open|filtered, and not open"),
    },
)
def no_internal_datagrams(found: DatagramsObservation, _: Parameters) -> Verdict:
    """Services meant for machines next door answer no stranger: the RPC port mapper and memcached.

    Fails on any answer of either (TCVN 14423:2026 clause 5.5.2.1c).
    """
    return _judged({"portmapper": found.portmapper, "memcached": found.memcached}, (Reply.SERVED, Reply.DECLINED))


@check(
    "exposure-no-announcements",
    observes=DatagramsObservation,
    facts=("mdns", "ssdp", "netbios", "cldap"),
    passes=(datagrams(),),
    fails=tuple(datagrams(**{name: Reply.SERVED}) for name in ("mdns", "ssdp", "netbios", "cldap")),
    fixes={
        "debian": "systemctl disable --now avahi-daemon nmbd",
        "windows": "Disable NetBIOS over TCP/IP on each adapter; Set-Service SSDPSRV -StartupType Disabled",
        "firewall": _CLOSE,
    },
    retests={
        "debian": Retest("ss -Huln '( sport = :5353 or sport = :137 or sport = :138 )'", "prints nothing"),
        "windows": Retest("Get-NetUDPEndpoint -LocalPort 137,1900,5353 -ErrorAction SilentlyContinue", "prints nothing"),
        "firewall": Retest("nmap -Pn -sU -p PORT HOST", "says closed or open|filtered, and not open"),
    },
)
def no_announcements(found: DatagramsObservation, _: Parameters) -> Verdict:
    """The host does not tell strangers what it is (multicast DNS, SSDP, NetBIOS, LDAP over UDP).

    Fails on any answer of these (TCVN 14423:2026 clause 5.5.2.1c).
    """
    names = ("mdns", "ssdp", "netbios", "cldap")
    return _judged({name: getattr(found, name) for name in names}, (Reply.SERVED, Reply.DECLINED))
