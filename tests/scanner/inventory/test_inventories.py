"""Inventories of every kind become the same hosts; every fault has its cell; what is written reads back."""

from __future__ import annotations

import io
import json
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from scanner.i18n import speaking
from scanner.inventory.hosts import Inventory, declared, hosts_as_data
from scanner.inventory.reading import WRITTEN, Form, read, written
from scanner.inventory.rows import ROWS
from scanner.inventory.scope_file import hosts_in, with_hosts
from scanner.inventory.units import current, renamed, units
from scanner.strict_yaml import InputError

TODAY = date(2026, 11, 23)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="
HEAD = "host,address,unit,port,transport,speaks,name"
HOSTS: list[dict[str, Any]] = [
    {
        "id": "web1",
        "address": "10.15.3.2",
        "unit": "UBND tỉnh Đắk Lắk",
        "services": [
            {"port": 443, "speaks": "https", "name": "dvc.example.vn"},
            {"port": 53, "transport": "udp", "speaks": "dns"},
        ],
        "login": {
            "user": "audit",
            "port": 2222,
            "key": "audit-key",
            "host_keys": [KEY, "ssh-rsa AAAA"],
            "via": {"user": "hop", "host_keys": [KEY], "address": "10.15.3.1"},
        },
    },
    {"id": "db1", "address": "2001:db8::5"},
    {"id": "mail", "address": "mail.example.vn", "services": [{"port": 25, "speaks": "smtp"}]},
]


def imported(data: bytes | str, name: str = "list.csv", form: Form | None = None) -> Inventory:
    return declared(read(data.encode() if isinstance(data, str) else data, name, form), TODAY)


def faults(found: Inventory) -> dict[str, str]:
    return {fault.place: fault.message for fault in found.faults}


@pytest.mark.parametrize("form", WRITTEN)
def test_what_is_exported_is_imported_again_as_it_was(form: Form) -> None:
    data = written(HOSTS, form)
    found = imported(data, f"list.{form}")
    assert not found.faults
    assert hosts_as_data(found.hosts) == HOSTS
    assert written(hosts_as_data(found.hosts), form) == data


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.ip_addresses().map(str),
            st.lists(st.tuples(st.integers(1, 65_535), st.sampled_from(["tcp", "udp"])), unique=True, max_size=3),
            st.sampled_from(["", "Cần Thơ", "UBND xã Ô Diên; phòng \"A\", 'B'", "Huế"]),
        ),
        unique_by=lambda host: host[0],
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(WRITTEN),
)
def test_any_inventory_survives_the_way_out_and_back(drawn: list[tuple[str, list[tuple[int, str]], str]], form: Form) -> None:
    hosts: list[dict[str, Any]] = []
    for number, (address, ports, unit) in enumerate(drawn):
        services = [{"port": port} | ({"transport": "udp"} if via == "udp" else {}) | {"speaks": "other"} for port, via in ports]
        hosts.append(
            {"id": f"h{number}", "address": address}
            | ({"unit": unit} if unit else {})
            | ({"services": services} if services else {})
        )
    found = imported(written(hosts, form), f"list.{form}")
    assert not found.faults
    assert hosts_as_data(found.hosts) == hosts


TEXT = "Máy chủ;Địa chỉ;Cổng;Giao thức\nweb1;10.0.0.1;443;https\nweb1;;22;ssh\n"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (TEXT.encode(), "UTF-8, semicolon"),
        (TEXT.replace(";", ",").encode("utf-8-sig"), "UTF-8, comma"),
        (TEXT.replace(";", "\t").encode("utf-16"), "UTF-16, tab"),
        (TEXT.encode("utf-16-le"), "UTF-16, semicolon"),
        (TEXT.encode("utf-16-be"), "UTF-16, semicolon"),
        (("sep=;\r\nDanh mục hệ thống\r\n" + TEXT.replace("\n", "\r\n")).encode(), "UTF-8, semicolon"),
        (unicodedata.normalize("NFD", TEXT).encode(), "UTF-8, semicolon"),
    ],
)
def test_csv_is_read_whatever_its_signs_and_encoding(data: bytes, what: str) -> None:
    found = imported(data)
    assert found.table.what == what
    assert [(host.id, [service.port for service in host.services]) for host in found.hosts] == [("web1", [443, 22])]


def test_every_fault_is_told_at_once_with_its_cell() -> None:
    found = imported(
        f"{HEAD}\n"
        "web1,10.15.3.300,,443,,https,\n"
        "web 2,10.0.0.2,,443,,https,\n"
        "web3,10.0.0.3,,70000,,https,\n"
        "web4,10.0.0.0/28,,443,,https,\n"
        "web5,10.0.0.5,,443,sctp,gopher,https://a.vn/x\n"
        "web6,10.0.0.6,=cmd,443,,https,\n"
        "web7,10.0.0.7,,x,,https,\n"
        "web8,10.0.0.8,,,,https,\n"
        ",,,,,,\n"
        "web9,,,443,,https,\n"
    )
    told = faults(found)
    assert list(told) == ["B2", "A3", "D4", "B5", "E6", "F6", "G6", "C7", "D8", "D9", "B11"]
    assert told["B2"] == "'10.15.3.300' is not an IP address"
    assert "as in web-2" in told["A3"]
    assert told["D4"] == "port 70000 > 65535"
    assert "range" in told["B5"]
    assert found.bad == 9
    assert found.good == 0


def test_duplicates_and_overlaps_are_faults_that_name_both_places() -> None:
    found = imported(
        f"{HEAD}\nweb1,10.0.0.1,,443,,https,\nweb1,10.0.0.1,,443,,https,\nweb2,10.0.0.1,,80,,http,\n"
        "web1,10.0.0.9,,80,,http,\nweb3,10.0.0.3,,,,,\nweb3,10.0.0.3,,,,,\nweb1,,,443,udp,dns,\n"
    )
    told = faults(found)
    assert list(told) == ["D3", "B4", "B5", "A7"]
    assert "A2" in told["D3"]
    assert "web1" in told["B4"]
    assert "B2" in told["B5"]
    assert (found.hosts, found.left_out, found.good) == ([], ["web1", "web2", "web3"], 0)


def test_a_host_with_any_faulty_row_is_left_out_whole_and_the_numbers_agree() -> None:
    found = imported(
        f"{HEAD}\nweb1,10.0.0.1,,443,,https,\nweb1,10.0.0.1,,70000,,ssh,\nweb2,10.0.0.2,,22,,ssh,\nweb2,10.0.0.2,,443,,https,\n"
    )
    assert [host.id for host in found.hosts] == ["web2"]
    assert (found.left_out, found.good, found.bad) == (["web1"], 2, 2)


@pytest.mark.parametrize(("lang", "word"), [("en", "a host has one “Address”"), ("vi", "“Địa chỉ”")])
def test_a_column_is_named_by_its_heading_in_the_language_chosen(lang: str, word: str) -> None:
    with speaking(lang):
        found = imported(f"{HEAD}\nweb1,10.0.0.1,,443,,https,\nweb1,10.0.0.9,,80,,http,\n")
    assert word in faults(found)["B3"]


def test_an_address_that_is_no_name_is_told_what_a_name_may_hold() -> None:
    told = faults(imported(f"{HEAD}\nweb1,ví dụ.vn,,443,,https,\nweb2,fe80::zz,,443,,https,\n"))
    assert "letters without accents" in told["B2"] and "as in dvc.example.vn" in told["B2"]
    assert told["B3"] == "'fe80::zz' is not an IP address"


def test_a_fraction_in_a_workbook_is_told_to_be_no_whole_number() -> None:
    book = Workbook()
    page = book.active
    assert page is not None
    for row in (HEAD.split(","), ["web1", "10.0.0.1", "", 443.5, "", "https", ""], ["web2", 1.5, "", 443, "", "https", ""]):
        page.append(row)
    kept = io.BytesIO()
    book.save(kept)
    told = [(fault.place, fault.message) for fault in imported(kept.getvalue(), "list.xlsx").faults]
    assert ("D2", "a whole number is wanted, not 443.5") in told
    assert any(place == "B3" and "is not text" in message for place, message in told)


@pytest.mark.parametrize("text", ["[web]\nweb1 ansible_host=10.0.0.1\n", "all:\n  hosts:\n    web1:\n"])
def test_an_ansible_inventory_that_is_not_its_json_says_how_to_write_that(text: str) -> None:
    with pytest.raises(InputError, match=r"ansible-inventory -i hosts\.ini --list"):
        imported(text, "hosts.ini", Form.ANSIBLE)


def test_rows_of_a_host_whose_first_row_is_bad_are_left_out_with_it() -> None:
    found = imported(f"{HEAD}\nweb1,10.0.0.300,,443,,https,\nweb1,,,22,,ssh,\nweb2,10.0.0.2,,22,,ssh,\n")
    assert list(faults(found)) == ["B2"]
    assert (found.bad, [host.id for host in found.hosts]) == (2, ["web2"])


def test_there_were_63_units_and_there_are_34() -> None:
    assert len(current(date(2024, 12, 31))) == 63
    assert len(current(date(2025, 6, 30))) == 63
    assert len(current(date(2025, 7, 1))) == 34
    today = set(current(TODAY))
    assert all(unit.into in today for unit in units() if unit.into)
    assert all(unicodedata.is_normalized("NFC", unit.name) for unit in units())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Bắc Kạn", "Thái Nguyên"),
        ("UBND tỉnh Bắc  Kạn", "UBND tỉnh Thái Nguyên"),
        ("Sở KHCN tỉnh Bình Dương", "Sở KHCN Thành phố Hồ Chí Minh"),
        ("Bà Rịa – Vũng Tàu", "Thành phố Hồ Chí Minh"),
        ("Thái Nguyên", "Thái Nguyên"),
        ("Cục C06", "Cục C06"),
        ("Thừa Thiên Huế", "Huế"),
    ],
)
def test_a_merged_unit_has_the_name_of_today(old: str, new: str) -> None:
    assert renamed(old, TODAY) == new
    assert renamed(old, date(2020, 1, 1)) == old


def test_renames_are_told_apart_from_faults() -> None:
    found = imported(f"{HEAD}\nweb1,10.0.0.1,Bắc Kạn,443,,https,\nweb1,,Bắc Kạn,22,,ssh,\n")
    assert not found.faults
    assert found.renames == [("C2", "Bắc Kạn", "Thái Nguyên")]
    assert found.hosts[0].unit == "Thái Nguyên"


def test_yaml_and_json_faults_have_line_and_path() -> None:
    yaml = "hosts:\n  - id: web1\n    address: 10.0.0.1\n    colour: red\n    services:\n      - {port: 70000, speaks: https}\n"
    assert list(faults(imported(yaml, "a.yaml"))) == ["line 4", "line 6"]
    told = faults(imported(json.dumps({"hosts": [{"id": "w", "address": "10.0.0.999", "services": [{"port": 1.5}]}]}), "a.json"))
    assert list(told) == ["hosts[0].services[0].port", "hosts[0].address"]
    with pytest.raises(InputError, match="no list of hosts"):
        imported("{}", "a.json")


def test_an_ansible_inventory_gives_hosts_their_ssh_and_asks_for_host_keys() -> None:
    data = {
        "_meta": {
            "hostvars": {
                "web1": {"ansible_host": "10.0.0.1", "ansible_user": "audit", "clearance_host_keys": [KEY], "ansible_port": 2222},
                "db1": {"ansible_host": "10.0.0.2", "ansible_user": "audit", "clearance_services": [{"port": 5432}]},
            }
        },
        "all": {"children": ["ungrouped"]},
        "ungrouped": {"hosts": ["web1", "db1", "10.0.0.3"]},
    }
    found = imported(json.dumps(data), "a.json")
    assert not found.faults
    told = {host.id: host for host in found.hosts}
    assert told["web1"].login is not None
    assert told["web1"].login.port == 2222
    assert told["db1"].login is None
    assert told["db1"].services[0].speaks == "postgres"
    assert str(told["10.0.0.3"].address) == "10.0.0.3"
    assert any(note.place == "db1" and "host key" in note.message for note in found.table.notes)


NMAP = """<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun scanner="nmap">
<host><status state="up"/><address addr="10.0.0.1" addrtype="ipv4"/><address addr="00:11:22:33:44:55" addrtype="mac"/>
<hostnames><hostname name="dvc.example.vn" type="PTR"/></hostnames><ports>
<port protocol="tcp" portid="443"><state state="open"/><service name="http" tunnel="ssl"/></port>
<port protocol="tcp" portid="993"><state state="open"/><service name="imap" tunnel="ssl"/></port>
<port protocol="tcp" portid="25"><state state="closed"/><service name="smtp"/></port>
<port protocol="tcp" portid="9999"><state state="open"/><service name="abyss"/></port></ports></host>
<host><status state="down"/><address addr="10.0.0.2" addrtype="ipv4"/></host>
<runstats><finished exit="success"/></runstats></nmaprun>"""


def test_nmaps_open_ports_become_services() -> None:
    found = imported(NMAP, "a.xml")
    (host,) = found.hosts
    assert [(service.port, service.speaks, service.name) for service in host.services] == [
        (443, "https", "dvc.example.vn"),
        (993, "tls", "dvc.example.vn"),
        (9999, "other", "dvc.example.vn"),
    ]
    assert [note.place for note in found.table.notes] == ["10.0.0.1 9999/tcp", "10.0.0.2"]
    for broken, said in (
        (NMAP.replace('<finished exit="success"/>', ""), "no end"),
        (NMAP[:-20], r"not whole \(line \d+, column \d+\); write it with nmap -oX$"),
        (NMAP.replace("<!DOCTYPE nmaprun>", '<!DOCTYPE nmaprun [<!ENTITY a "b">]>').replace("abyss", "&a;"), "entities"),
    ):
        with pytest.raises(InputError, match=said):
            imported(broken, "a.xml")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04broken", "not a workbook"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old or password-protected"),
        (b"a,b\n1,2\n", "no row of headings"),
        (b'host,address\n"w,10.0.0.1\n', "line"),
        ("host,address\nmáy,1".encode("cp1258", "replace").replace(b"?", b"\xff"), "not UTF-8"),
        (b"host,address,Host\n", "stands twice"),
        (b"host,address\nw,1\0\n", "NUL"),
        (b"host,address\n" + b"w,10.0.0.1\n" * (ROWS + 1), "split"),
        (("host,address" + "," * 300 + "\n").encode(), "columns"),
    ],
)
def test_what_is_no_inventory_is_refused_with_a_reason(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        imported(data)


def test_a_formula_in_a_workbook_is_a_fault_of_its_cell(tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("Ghi chú").write_string(0, 0, "x")
    page = book.add_worksheet("Hệ thống")
    for row, cells in enumerate([["Danh mục"], ["Host", "IP", "Cổng"], ["web1", "10.0.0.1", 443], ["web2", "=1+1", 22.5]]):
        page.write_row(row, 0, cells)
    book.close()
    found = imported(path.read_bytes(), "a.xlsx")
    assert set(faults(found)) == {"B4", "C4"}
    assert found.table.what == "sheet 'Hệ thống'"
    assert found.table.notes[0].place == "Ghi chú"
    assert [host.id for host in found.hosts] == ["web1"]


def test_a_private_key_in_a_cell_is_refused_and_not_repeated() -> None:
    found = imported("host,address,user,key file,host keys\nw,10.0.0.1,audit,-----BEGIN PRIVATE KEY----- MIIE,x\n")
    assert set(faults(found)) == {"D2", "E2"}
    assert "MIIE" not in str(found.faults)


def test_the_rest_of_a_scope_file_stays_as_it_was_written() -> None:
    text = (
        "# mine\nschema_version: 1\nagency: {code: H1, name: {vi: A, en: A}, echelon: province}\nhosts:\n- id: old\n  address: 10.0.0.1\n"
        "\n# about the system\nsystem: {id: s, name: {vi: S, en: S}, level: 3, operator: IT}\n"
    )
    new, scope = with_hosts(text, HOSTS, "scope.yaml")
    assert "# mine" in new
    assert "system: {id: s" in new
    assert [host.id for host in scope.hosts] == ["web1", "db1", "mail"]
    assert list(hosts_in(new, "scope.yaml").values()) == HOSTS
