"""What Apache is set to, by files of Debian's and Red Hat's shape and by settings that cannot be followed."""

from __future__ import annotations

import pytest

from scanner.findings import Fail, Pass
from scanner.observations import Reason, ServiceSettings
from scanner.probes.collection import services
from tests.scanner.probes.test_host_services import APACHE, found, read, verdict, why


def site(*lines: str, file: str = "conf-enabled/zz.conf") -> ServiceSettings:
    """Debian's settings with these lines in a file that is read late."""
    return read("apache", apache=APACHE + "".join(f"/etc/apache2/{file}:{line}\n" for line in lines).encode())


HARDENED = ("ServerTokens Prod", "ServerSignature Off", "SSLProtocol -all +TLSv1.2 +TLSv1.3")


def test_debian_s_own_settings_of_apache_tell_much_and_take_old_tls() -> None:
    seen = read("apache")
    assert seen.places() == ("1: *:443", "server")
    assert seen.values("1: *:443", "servertokens") == ("OS",) and seen.values("1: *:443", "sslengine") == ("on",)
    assert verdict("host-apache-tls-versions", apache=seen) is Fail and verdict("host-apache-reserved", apache=seen) is Fail


@pytest.mark.parametrize(
    ("lines", "tls"),
    [
        (HARDENED, Pass),
        ((*HARDENED, "<IfDefine OLD>", "SSLProtocol all", "</IfDefine>"), Fail),
        (("<IfDefine NEW>", *HARDENED, "</IfDefine>"), Fail),
        (("SSLProtocol -all \\", "+TLSv1.3"), Pass),
    ],
)
def test_what_is_set_later_counts_and_what_a_condition_sets_stands_beside(lines: tuple[str, ...], tls: type) -> None:
    assert verdict("host-apache-tls-versions", apache=site(*lines)) is tls


def test_a_virtual_host_may_open_what_the_server_closes() -> None:
    opened = ("<VirtualHost *:8443>", "SSLEngine on", "SSLProtocol all", "</VirtualHost>")
    assert verdict("host-apache-tls-versions", apache=site(*HARDENED, *opened)) is Fail
    assert site(*opened, file="sites-available/x.conf") == read("apache")


def test_a_condition_alone_sets_nothing_for_certain() -> None:
    bare = APACHE.replace(b"security.conf:ServerTokens OS", b"security.conf:<IfDefine X>\n/etc/apache2/conf-enabled/security.conf:ServerTokens Prod\n/etc/apache2/conf-enabled/security.conf:</IfDefine>")  # fmt: skip
    assert read("apache", apache=bare).values("server", "servertokens") == ("Full", "Prod")


def test_red_hat_keeps_apache_s_settings_in_other_folders() -> None:
    text = b"/etc/httpd/conf/httpd.conf:Include conf.modules.d/*.conf\n/etc/httpd/conf/httpd.conf:IncludeOptional conf.d/*.conf\n"
    seen = read("apache", apache=text + b"/etc/httpd/conf.d/ssl.conf:<VirtualHost _default_:443>\n/etc/httpd/conf.d/ssl.conf:SSLEngine on\n/etc/httpd/conf.d/ssl.conf:</VirtualHost>\n")  # fmt: skip
    assert seen.values("1: _default_:443", "sslprotocol") == ("all -SSLv3",)


@pytest.mark.parametrize(
    "lines",
    [
        ("<VirtualHost *:1>",),
        ("</Directory>",),
        ("Include /srv/x.conf",),
        ("IncludeOptional apache2.conf",),
        ("ServerTokens \\",),
    ],
)
def test_settings_of_apache_that_are_not_whole_are_unreadable(lines: tuple[str, ...]) -> None:
    odd = APACHE + "".join(f"/etc/apache2/conf-enabled/zz.conf:{line}\n" for line in lines).encode()
    assert why(services.apache(found(apache=odd))) is Reason.UNREADABLE
