"""Checks of services that begin in clear and may change to TLS."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import UpgradeObservation
from scanner.specimens import upgrade


@check(
    "tls-upgrade-offered",
    observes=UpgradeObservation,
    parameters=Parameters,
    passes=(upgrade(), upgrade(protocol="postgres")),
    fails=(
        upgrade(offered=False, said="offers no change to TLS: 250 SIZE"),
        upgrade(protocol="mssql", offered=False, said="offers no change to TLS"),
    ),
    fixes={
        "postfix": "smtpd_tls_security_level = may  (encrypt where only our own clients connect), smtpd_tls_chain_files = KEY, CHAIN",
        "dovecot": "ssl = required, ssl_cert = </etc/dovecot/CHAIN, ssl_key = </etc/dovecot/KEY",
        "openldap": "olcTLSCertificateFile, olcTLSCertificateKeyFile and olcSecurity: tls=1 in cn=config",
        "postgresql": "ssl = on in postgresql.conf, and hostssl in place of host in pg_hba.conf",
        "mariadb": "ssl_cert, ssl_key and require_secure_transport = ON under [mariadb]",
        "mssql": "Force Encryption: Yes in SQL Server Configuration Manager, with a certificate of your CA",
        "windows": "Remote Desktop Session Host > Security: require use of a specific security layer: SSL",
        "vsftpd": "Use SFTP in its place; else ssl_enable=YES, force_local_logins_ssl=YES, force_local_data_ssl=YES",
    },
    retests={
        "postfix": Retest(
            "openssl s_client -connect HOST:25 -starttls smtp </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "dovecot": Retest(
            "openssl s_client -connect HOST:143 -starttls imap </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "openldap": Retest(
            "openssl s_client -connect HOST:389 -starttls ldap </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "postgresql": Retest(
            "openssl s_client -connect HOST:5432 -starttls postgres </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "mariadb": Retest(
            "openssl s_client -connect HOST:3306 -starttls mysql </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "vsftpd": Retest(
            "openssl s_client -connect HOST:21 -starttls ftp </dev/null | grep -E 'Cipher is'",
            "names a suite behind Cipher is, and not (NONE)",
        ),
        "mssql": Retest("nmap -Pn -p 1433 --script ssl-cert HOST", "shows the server's certificate"),
        "windows": Retest("nmap -Pn -p 3389 --script ssl-cert HOST", "shows the server's certificate"),
    },
)
def upgrade_offered(upgrade: UpgradeObservation, _: Parameters) -> Verdict:
    """A service that begins in clear changes to TLS.

    Fails where the server, asked in its own protocol, offers no TLS: everything it is told then travels in clear (TCVN
    14423:2026 clause 5.12.2.4a).
    """
    if upgrade.offered:
        return Pass(said("{protocol} changes to TLS", protocol=upgrade.protocol))
    return Fail(said("{protocol} {words}", protocol=upgrade.protocol, words=upgrade.said))
