"""What the sections on resolvers, sources of accounts and automatic mounts say, and whatever a host prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from checks.host_names import Resolvers
from scanner.observations import Automounter, Reason, Unobserved
from scanner.probes.collection import media, names
from scanner.probes.collection.sections import Collected, Section, collected, prelude

NONCE = "0" * 32
RESOLVERS = (
    b"/etc/resolv.conf:search example.vn\n/etc/resolv.conf:nameserver 192.0.2.53\n/etc/resolv.conf:; nameserver 192.0.2.99\n"
    b"/etc/resolv.conf:nameserver\t2001:DB8::53 # main\n/etc/resolv.conf:options edns0 trust-ad\n"
)
STUB = b"/etc/resolv.conf:nameserver 127.0.0.53\n/etc/resolv.conf:options edns0\n"
UPSTREAM = b"/run/systemd/resolve/resolv.conf:nameserver 192.0.2.54\n/run/systemd/resolve/resolv.conf:nameserver fe80::1%eth0\n"
NSSWITCH = (
    b"/etc/nsswitch.conf:passwd:     sss files [!NOTFOUND=return] systemd # why\n/etc/nsswitch.conf:group: files ldap\n"
    b"/etc/nsswitch.conf:hosts: files dns\n"
)
UNITS = (
    b"Id=autofs.service\nActiveState=inactive\nUnitFileState=\n\nId=udisks2.service\nActiveState=active\nUnitFileState=enabled\n"
)
GOOD = {
    "user": b"1000\n",
    "processes": b"systemd\nudisksd\n",
    "resolvers": RESOLVERS,
    "nsswitch": NSSWITCH,
    "automounters": UNITS,
}
FACTS = (names.resolvers, names.account_sources, media.automounters)


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (GOOD | changed).items() if name not in leave}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


# --- Resolvers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (RESOLVERS, {"192.0.2.53", "2001:db8::53"}),
        (STUB + UPSTREAM, {"192.0.2.54", "fe80::1%eth0"}),
        (RESOLVERS + UPSTREAM, {"192.0.2.53", "2001:db8::53", "192.0.2.54", "fe80::1%eth0"}),
        (b"/etc/resolv.conf:search example.vn\n", {"127.0.0.1"}),
        (b"", {"127.0.0.1"}),
        (b"/etc/resolv.conf:nameserver 127.0.0.1\n", {"127.0.0.1"}),
    ],
    ids=["file", "resolved", "both", "none-named", "no-file", "own"],
)
def test_resolvers_are_those_in_force_and_those_behind_systemd_resolved(text: bytes, wanted: set[str]) -> None:
    seen = names.resolvers(found(resolvers=text))
    assert not isinstance(seen, Unobserved) and set(seen) == wanted


@pytest.mark.parametrize(
    "odd",
    [
        STUB,
        STUB + b"/run/systemd/resolve/resolv.conf:search .\n",
        RESOLVERS + b"/etc/resolv.conf:nameserver\n",
        RESOLVERS + b"/etc/resolv.conf:nameserver dns.example.vn\n",
        RESOLVERS + b"noise\n",
    ],
    ids=["stub", "stub-of-nobody", "empty", "name", "noise"],
)
def test_a_resolver_that_is_not_shown_makes_the_list_unreadable_and_never_shorter(odd: bytes) -> None:
    assert why(names.resolvers(found(resolvers=odd))) is Reason.UNREADABLE


def test_what_is_approved_must_be_networks() -> None:
    assert Resolvers(approved=("192.0.2.0/24", "::1")).approved
    with pytest.raises(ValidationError):
        Resolvers(approved=("192.0.2.1/24",))


# --- Sources of accounts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (NSSWITCH, {"sss", "files", "systemd"}),
        (b"/usr/etc/nsswitch.conf:passwd: compat\n/usr/etc/nsswitch.conf:passwd_compat: winbind\n", {"compat", "winbind"}),
        (NSSWITCH + b"/usr/etc/nsswitch.conf:passwd: ldap\n", {"sss", "files", "systemd"}),
        (b"/etc/nsswitch.conf:passwd: compat\n", {"compat", "nis"}),
        (b"/etc/nsswitch.conf:hosts: dns\n", {"files"}),
        (b"", {"files"}),
    ],
)
def test_sources_of_accounts_are_named_without_conditions(text: bytes, wanted: set[str]) -> None:
    seen = names.account_sources(found(nsswitch=text))
    assert not isinstance(seen, Unobserved) and set(seen) == wanted


def test_a_source_without_a_sound_name_is_unreadable() -> None:
    assert why(names.account_sources(found(nsswitch=b"/etc/nsswitch.conf:passwd: files \x1b[2J\n"))) is Reason.UNREADABLE


# --- Automatic mounts ----------------------------------------------------------------------------


def test_a_service_that_is_enabled_or_running_mounts_and_one_that_is_neither_does_not() -> None:
    udisks = Automounter(name="udisks2", enabled=True, running=True)
    assert media.automounters(found()) == (udisks,)
    masked = UNITS.replace(b"enabled", b"masked").replace(b"=active", b"=failed")
    assert media.automounters(found(automounters=masked)) == ()
    odd_state = media.automounters(found(automounters=UNITS.replace(b"=enabled", b"=indirect")))
    assert odd_state == (udisks,)


def test_without_systemd_processes_and_the_links_of_the_boot_tell() -> None:
    seen = media.automounters(found("automounters", started=b"autofs\nautofs\n"))
    assert not isinstance(seen, Unobserved)
    assert {(held.name, held.enabled, held.running) for held in seen} == {("autofs", True, False), ("udisks2", False, True)}
    assert media.automounters(found("automounters", started=b"", processes=b"init\n")) == ()
    assert why(media.automounters(found("automounters", started=b"", processes=(b"", 77)))) is Reason.NEEDS_RIGHTS
    assert why(media.automounters(found("automounters", started=b"cron\n"))) is Reason.UNREADABLE
    assert why(media.automounters(found("automounters"))) is Reason.UNREADABLE


@pytest.mark.parametrize(
    "odd", [b"", UNITS.partition(b"\n\n")[0], UNITS + b"\nId=x.service\n", UNITS.replace(b"=active", b"=\xff"), b"noise\n"]
)
def test_units_that_are_not_those_asked_for_are_unreadable(odd: bytes) -> None:
    assert why(media.automounters(found(automounters=odd))) is Reason.UNREADABLE
    assert why(media.automounters(found(automounters=(UNITS, 1)))) is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("files", "printed"),
    [((), b""), (("runlevels/default/autofs",), b"autofs\n"), (("rc2.d/S01udisks2", "rc3.d/K01autofs"), b"udisks2\n")],
)
def test_links_of_the_boot_are_found(tmp_path: Path, files: tuple[str, ...], printed: bytes) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shell = media.SHELL.partition("if [ -d /run")[0].replace("/etc/", f"{tmp_path}/")
    script = f"{prelude(NONCE)}{shell}started\n".encode()
    assert subprocess.run(["/bin/sh"], input=script, capture_output=True, check=True, timeout=10).stdout == printed


# --- Whatever a host prints ----------------------------------------------------------------------


def test_this_machine_says_all_of_it() -> None:
    script = f"{prelude(NONCE)}{names.SHELL}{media.SHELL}section processes echo sh\nsection done true\n".encode()
    real = collected(subprocess.run(["/bin/sh"], input=script, capture_output=True, check=True, timeout=30).stdout, NONCE)
    asked, sources = names.resolvers(real), names.account_sources(real)
    named = {line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")}
    assert isinstance(asked, Unobserved) or named - {"127.0.0.53"} <= set(asked)
    assert not isinstance(sources, Unobserved) and "files" in sources
    assert {"resolvers", "nsswitch"} < set(real.sections) and {"automounters", "started"} & set(real.sections)


def test_sound_sections_give_every_fact() -> None:
    assert not [fact for read in FACTS if isinstance(fact := read(found()), Unobserved)]


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"user", "processes"}))
def test_a_failed_hung_or_missing_section_is_never_another_fact(name: str) -> None:
    whole = [read(found()) for read in FACTS]
    for odd in (found(**{name: (GOOD[name], 2)}), found(**{name: (b"", None)}), found(**{name: (b"", 77)}), found(name)):
        seen = [read(odd) for read in FACTS]
        assert [fact for fact in seen if isinstance(fact, Unobserved)]
        assert all(fact == before or isinstance(fact, Unobserved) for fact, before in zip(seen, whole, strict=True))


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(GOOD.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*GOOD.values(), STUB, UPSTREAM, b"\n", b":", b"=", b"[", b"\x00", b"\xff"]), max_size=5).map(
        b"".join
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted({*GOOD, "started"})), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None]))))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    for odd in (found(**parts), found("automounters", **parts)):
        for fact in (read(odd) for read in FACTS):
            if isinstance(fact, Unobserved):
                assert fact.detail.isascii() and fact.detail.isprintable()
