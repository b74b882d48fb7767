"""What gets into a proxy's configuration: names that can do no harm there, and nothing else."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certification.log_store import opened
from certification.register import Register, read_register
from gateway import tables as tables_module
from gateway.fault import GatewayError
from gateway.haproxy import haproxy_files
from gateway.nginx import _EARLIER, nginx_files
from gateway.site import Proxy, Site, read_site
from gateway.states import States
from gateway.tables import cell, tables
from scanner.strict_yaml import InputError
from tests.gateway.stage import Office, clock

ROOT = Path(__file__).resolve().parents[2]
GOOD: dict[str, Any] = {
    "proxy": Proxy.NGINX,
    "folder": "/var/lib/clearance/gateway",
    "trust": "/etc/clearance/trust.dsse.json",
    "listen": "192.0.2.1:443",
    "server_name": "npd.example.vn",
    "server_certificate": "/etc/clearance/server.pem",
    "server_key": "/etc/clearance/server.pem.key",
    "official": "127.0.0.1:9000",
    "sandbox": "[::1]:9001",
    "test": ("nginx", "-t"),
    "reload": ("systemctl", "reload", "nginx"),
}
SITE = Site(**GOOD)
NASTY = [
    '"; }',
    "a b",
    "x;",
    "{",
    "}",
    "$http_x",
    "#",
    "\n",
    "\\",
    "'",
    "%[src]",
    "é",
    "\u202e",
    "a\x00",
    "`id`",
    "${x}",
    "|" * 301,
]


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    with opened(tmp_path_factory.mktemp("log") / "log", "a-log") as log:
        office = Office(log)
        office.issue(endpoints=("127.0.0.0/8",))
        office.issue(endpoints=("127.1.0.0/16", "::1/128"), rate=60)
        yield read_register(office.export().data, office.trust, clock() + timedelta(seconds=5))


def test_every_word_of_the_files_is_a_plain_word(register: Register) -> None:
    found = tables(register)
    for files in (nginx_files(found, SITE, "/var/lib/x"), haproxy_files(found, SITE, "/var/lib/x")):
        for name, data in files.items():
            if name.endswith((".map", ".geo")):
                for line in data.decode().splitlines():
                    assert re.fullmatch(r'"?[A-Za-z0-9:][A-Za-z0-9._:/|-]*"? [A-Za-z0-9.:-]+;?', line), (name, line)


@pytest.mark.parametrize("nasty", [*NASTY, "verify|bulk", "a/b", "a:b", ""])
def test_no_name_breaks_out_of_a_configuration(register: Register, nasty: str) -> None:
    if nasty in NASTY:
        with pytest.raises(GatewayError):
            cell(nasty)
    one, *others = register.admitted
    granted = one.granted
    agency = granted.agency.model_copy(update={"code": nasty})
    echelon = granted.agency.model_copy(update={"echelon": nasty})
    scope = granted.scope.model_copy(update={"apis": (nasty,)})
    for changed in ({"serial": nasty}, {"agency": agency}, {"agency": echelon}, {"scope": scope}):
        hostile = replace(register, admitted=(replace(one, granted=granted.model_copy(update=changed)), *others))
        for make in (nginx_files, haproxy_files):
            with pytest.raises(GatewayError):
                make(tables(hostile), SITE, "/var/lib/x")
    if nasty in NASTY:
        with pytest.raises(GatewayError):
            nginx_files(replace(tables(register), state=nasty), SITE, "/var/lib/x")


@pytest.mark.parametrize("field", ["folder", "trust", "server_certificate", "listen", "official", "server_name"])
@pytest.mark.parametrize("nasty", NASTY[:-1])
def test_no_setting_of_a_site_breaks_out_either(field: str, nasty: str) -> None:
    for value in (nasty, GOOD[field] + nasty, nasty + GOOD[field]):
        with pytest.raises(ValueError, match=field):
            Site(**{**GOOD, field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("listen", "192.0.2.1"),
        ("listen", "192.0.2.1:0"),
        ("listen", "192.0.2.1:70000"),
        ("listen", "192.0.2.1:0443"),
        ("listen", "::1:443"),
        ("listen", "[192.0.2.1]:443"),
        ("listen", "999.0.2.1:443"),
        ("folder", "relative"),
        ("folder", "/a/../b"),
        ("proxy", "apache"),
        ("test", ()),
        ("more", "x"),
    ],
)
def test_a_site_is_read_strictly(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's words vary
        Site(**{**GOOD, field: value})
    with pytest.raises(ValueError, match="beside its certificate"):
        Site(**{**GOOD, "proxy": Proxy.HAPROXY, "server_key": "/etc/clearance/other.key"})
    path = tmp_path / "site.toml"
    for text in ("proxy = ", 'proxy = "nginx"\n', "\x00"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"site\.toml"):
            read_site(path)
    with pytest.raises(InputError):
        read_site(tmp_path / "none.toml")


@pytest.mark.parametrize("name", ["nginx.toml", "haproxy.toml"])
def test_the_examples_are_sites(name: str) -> None:
    site = read_site(ROOT / "examples" / "gateway" / name)
    assert site.proxy.value == name.removesuffix(".toml")


@given(st.integers(0, 9_999_999_999), st.integers(0, 9_999_999_999), st.integers(0, 999))
@settings(max_examples=400)
def test_the_comparison_of_times_compares(now: int, until: int, rest: int) -> None:
    pattern = rf"^(?=\d{{10}}\.\d+\|\d{{10}}$)(\d*)(?:{_EARLIER})"
    assert bool(re.search(pattern, f"{now:010}.{rest:03}|{until:010}")) == (now < until)
    assert not re.search(pattern, f"{now:09}.{rest:03}|{until:010}") or now >= 10**9


def test_an_address_is_let_in_where_a_network_of_the_certificate_holds_it(register: Register) -> None:
    """Both proxies know an address by the smallest network that holds it; the pairs must say the same as the networks do."""
    rng = random.Random(7)
    nets = [
        str(ip_network((rng.randrange(2**32) & 0xFF0F00FF, length), strict=False)) for length in (0, 4, 8, 8, 12, 16, 24, 32) * 4
    ]
    nets += ["::/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1::1/128"]
    one = register.admitted[0]
    admitted = []
    for number in range(40):
        scope = one.granted.scope.model_copy(update={"endpoints": tuple(rng.sample(nets, 3))})
        granted = one.granted.model_copy(update={"serial": f"CC-{number}", "scope": scope})
        admitted.append(replace(one, granted=granted, sha1=f"{number:040x}", sha256=f"{number:064x}"))
    found = tables(replace(register, admitted=tuple(admitted)))
    addresses = [ip_address(rng.randrange(2**32) & 0xFF0F00FF) for _ in range(300)]
    addresses += [ip_address(text) for text in ("2001:db8:1::1", "2001:db8:1::2", "2001:db8::1", "::1")]
    for address in addresses:
        holding = [net for net in found.networks if address in ip_network(net)]
        smallest = max(holding, key=lambda net: ip_network(net).prefixlen, default=None)
        for each in admitted:
            wanted = any(address in ip_network(endpoint) for endpoint in each.granted.scope.endpoints)
            name = "none" if smallest is None else found.networks[smallest]
            assert (f"{each.serial}|{name}" in found.sources) == wanted


def test_more_pairs_than_a_proxy_should_hold_are_refused(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_module, "PAIRS_LIMIT", 1)
    with pytest.raises(GatewayError, match="more than"):
        tables(register)
    twin = replace(register, admitted=(register.admitted[0], register.admitted[0]))
    monkeypatch.undo()
    with pytest.raises(GatewayError, match="one fingerprint"):
        tables(twin)


def test_states_are_written_whole_and_swapped_at_one_stroke(tmp_path: Path) -> None:
    states = States(tmp_path / "gateway")
    with states.held():
        assert states.current() is None
        for number in range(6):
            states.write(f"{number}-a", {"a.map": b"x"})
            states.swap(f"{number}-a")
            assert states.current() == f"{number}-a"
            assert (tmp_path / "gateway" / "current" / "a.map").read_bytes() == b"x"
        states.prune()
        assert len(list((tmp_path / "gateway" / "states").iterdir())) == 3
        assert states.current() == "5-a"
        for wrong in ("A", "", "a/b"):
            with pytest.raises(GatewayError):
                states.place(wrong)
        states.swap(None)
        assert states.current() is None
    (tmp_path / "file").write_text("")
    with pytest.raises(GatewayError), States(tmp_path / "file" / "below").held():
        pass
