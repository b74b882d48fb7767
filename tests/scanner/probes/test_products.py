"""Products by their own words: names, versions and CPEs, and nothing from words that are not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.probes.products import product
from scanner.record import escaped


@pytest.mark.parametrize(
    ("said", "name", "version", "cpe"),
    [
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n", "OpenSSH", "9.2p1 Debian-2+deb12u7", "cpe:/a:openbsd:openssh:9.2p1"),
        (b"SSH-2.0-dropbear_2022.83\r\n", "Dropbear sshd", "2022.83", "cpe:/a:matt_johnston:dropbear_ssh_server:2022.83"),
        (b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n", "nginx", "1.22.1", "cpe:/a:igor_sysoev:nginx:1.22.1"),
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n", "nginx", "", "cpe:/a:igor_sysoev:nginx"),
        (
            b"HTTP/1.0 404 No\r\nDate: x\r\nServer: Apache/2.4.62 (Debian)\r\n",
            "Apache httpd",
            "2.4.62",
            "cpe:/a:apache:http_server:2.4.62",
        ),
        (b"220 (vsFTPd 3.0.3)\r\n", "vsftpd", "3.0.3", "cpe:/a:vsftpd:vsftpd:3.0.3"),
        (b"220 mail.mau.test ESMTP Postfix\r\n", "Postfix smtpd", "", "cpe:/a:postfix:postfix"),
        (b"J\x00\x00\x00\x0a5.7.44-log\x00abc", "MySQL", "5.7.44", "cpe:/a:mysql:mysql:5.7.44"),
        (b"J\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB-0+deb12u1\x00abc", "MariaDB", "10.11.6", "cpe:/a:mariadb:mariadb:10.11.6"),
        (b"$9\r\n# Server\r\nredis_version:7.0.15\r\n", "Redis key-value store", "7.0.15", "cpe:/a:redislabs:redis:7.0.15"),
    ],
)
def test_a_product_is_known_by_its_words(said: bytes, name: str, version: str, cpe: str) -> None:
    found = product(escaped(said))
    assert (found.name, found.version, found.cpes) == (name, version, (cpe,))


@given(st.binary(max_size=300))
def test_any_words_give_a_product_or_none(said: bytes) -> None:
    found = product(escaped(said))
    assert found.name or (found.version, found.cpes) == ("", ())
    assert found.version.isprintable()
