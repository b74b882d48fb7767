"""Which product speaks, by its own words in a greeting. Pure; a claim, never a proof of a patch."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """A product by its own word: its name, its version and its CPE (as NISTIR 7695 binds it to a URI), empty where unsaid."""

    name: str = ""
    version: str = ""
    cpes: tuple[str, ...] = ()


_WORDS: tuple[tuple[str, str, str], ...] = (
    # product, vendor and product of its CPE, pattern with the version as its group
    ("OpenSSH", "openbsd:openssh", r"SSH-[\d.]+-OpenSSH_(?P<version>[^\s\\]+(?: [^\n\\]+)?)"),
    ("Dropbear sshd", "matt_johnston:dropbear_ssh_server", r"SSH-[\d.]+-dropbear_?(?P<version>[^\s\\]*)"),
    ("nginx", "igor_sysoev:nginx", r"^(?:\\x0a)?Server: nginx(?:/(?P<version>[\d.]+))?"),
    ("Apache httpd", "apache:http_server", r"^(?:\\x0a)?Server: Apache(?:/(?P<version>[\d.]+))?"),
    ("Microsoft IIS httpd", "microsoft:internet_information_services", r"^(?:\\x0a)?Server: Microsoft-IIS/(?P<version>[\d.]+)"),
    ("vsftpd", "vsftpd:vsftpd", r"^220 \(vsFTPd (?P<version>[\d.]+)\)"),
    ("ProFTPD", "proftpd:proftpd", r"^220 ProFTPD (?P<version>[\d.a-z]+)?"),
    ("Pure-FTPd", "pureftpd:pure-ftpd", r"^220-+ Welcome to Pure-FTPd"),
    ("Postfix smtpd", "postfix:postfix", r"^220[ -][^\r\n]*ESMTP Postfix"),
    ("Exim smtpd", "exim:exim", r"^220[ -][^\r\n]*ESMTP Exim (?P<version>[\d.]+)"),
    ("Dovecot", "dovecot:dovecot", r"^(?:\+OK|\* OK)[^\r\n]*Dovecot"),
    ("MariaDB", "mariadb:mariadb", r"\\x0a(?:5\.5\.5-)?(?P<version>\d+\.\d+\.\d+)-MariaDB"),
    ("MySQL", "mysql:mysql", r"\\x0a(?P<version>\d+\.\d+\.\d+)[\w.~+-]*\\x00"),
    ("Redis key-value store", "redislabs:redis", r"redis_version:(?P<version>[\d.]+)"),
)
_COMPILED = tuple((name, cpe, re.compile(pattern, re.MULTILINE | re.IGNORECASE)) for name, cpe, pattern in _WORDS)


def product(said: str) -> Product:
    """The product these words, escaped as they are recorded, name; none where they name none that is known."""
    lines = said.replace("\\x0d", "").replace("\\x0a", "\n\\x0a")
    for name, cpe, pattern in _COMPILED:
        found = pattern.search(lines)
        if found:
            version = (found.groupdict().get("version") or "").strip()[:100]
            bare = re.match(r"[\w.]*", version)
            return Product(name, version, (f"cpe:/a:{cpe}:{bare[0]}" if bare and bare[0] else f"cpe:/a:{cpe}",))
    return Product()
