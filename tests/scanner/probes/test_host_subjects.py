"""What the sections on accounts, passwords and hardening say, in the words of several systems, and whatever a host prints."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.observations import Accounts, Authentication, Credential, Disk, FilterChain, LastLogin, Reason, SudoGrant, Unobserved
from scanner.probes.collection import accounts, authentication, hardening
from scanner.probes.collection.sections import Collected, Section

PASSWD = b"root:1:0:0:/bin/bash\nan:1:1000:1000:/bin/bash\nbinh:2:1001:27:\n"
GROUP = b"root:0:\nsudo:27:an\ndba:1200:chi\n"
SHADOW = b"root:1:0:20000:99999::\nan:3:y:20000:60:30:\nold:3:-1:17000:::20800\nguest:0:0::-1::\n"
SUDOERS = b"""{
  "Defaults": [
    {"Options": [{"env_reset": true}]},
    {"Binding": [{"username": "binh"}], "Options": [{"authenticate": false}]},
    {"Binding": [{"usergroup": "ops"}], "Options": [{"authenticate": false}]}
  ],
  "User_Specs": [
    {"User_List": [{"usergroup": "sudo"}, {"userid": 1000}], "Host_List": [{"hostname": "ALL"}],
     "Cmnd_Specs": [
       {"runasusers": [{"username": "ALL"}], "Options": [{"authenticate": false}, {"setenv": true}],
        "Commands": [{"command": "ALL"}, {"command": "/bin/su", "negated": true}]},
       {"Options": [{"authenticate": true}], "Commands": [{"command": "/bin/ls"}]}]},
    {"User_List": [{"username": "binh"}], "Cmnd_Specs": [{"Commands": [{"command": "/usr/bin/apt"}]}]}
  ]
}
"""
LASTLOG = (
    b"Username         Port     From                                       Latest\n"
    b"root                                                                **Never logged in**\n"
    b"an               pts/0    192.0.2.9                                  Mon Nov 23 10:00:05 +0700 2026\n"
)
DEBIAN_PAM = (
    b"/etc/pam.d/common-auth:auth\trequired\tpam_faillock.so preauth\n"
    b"/etc/pam.d/common-auth:auth\t[success=2 default=ignore]\tpam_unix.so nullok\n"
    b"/etc/pam.d/common-auth:auth\t[default=die]\tpam_faillock.so authfail deny=4\n"
    b"/etc/pam.d/common-password:password\trequisite\tpam_pwquality.so retry=3\n"
    b"/etc/pam.d/common-password:password\t[success=1 default=ignore]\tpam_unix.so obscure use_authtok yescrypt\n"
    b"/etc/pam.d/sshd:@include common-auth\n/etc/pam.d/sshd:account    required     pam_nologin.so\n"
    b"/etc/pam.d/passwd:@include common-password\n"
)
RHEL_PAM = (
    b"/etc/pam.d/password-auth:auth        required      pam_faillock.so preauth silent\n"
    b"/etc/pam.d/password-auth:auth        sufficient    pam_unix.so nullok\n"
    b"/etc/pam.d/password-auth:auth        required      pam_faillock.so authfail\n"
    b"/etc/pam.d/password-auth:password    requisite     pam_pwquality.so local_users_only\n"
    b"/etc/pam.d/password-auth:password    sufficient    pam_unix.so sha512 shadow nullok use_authtok\n"
    b"/etc/pam.d/password-auth:-session    optional      pam_systemd.so\n"
    b"/etc/pam.d/sshd:auth       substack     password-auth\n/etc/pam.d/sshd:auth       include      postlogin\n"
    b"/etc/pam.d/sshd:password   include      password-auth\n/etc/pam.d/postlogin:auth optional pam_permit.so # end\n"
)
ALPINE_PAM = (
    b"/etc/pam.d/base-auth:auth\t\trequired\tpam_env.so\n/etc/pam.d/base-auth:auth\t\trequired\tpam_unix.so  nullok_secure\n"
    b"/etc/pam.d/sshd:auth\t\tinclude\t\tbase-auth\n"
)
POLICIES = (
    b"/etc/login.defs:PASS_MAX_DAYS\t365\n/etc/security/pwquality.conf:minlen = 14\n"
    b"/etc/security/pwquality.conf.d/50-lax.conf:minlen=8 # why\n/etc/security/faillock.conf:even_deny_root\n"
)
PROFILES = b"/etc/profile.d/t.sh:readonly TMOUT=300; export TMOUT\n/etc/bashrc:TMOUT='0'\n/etc/profile:echo $TMOUTS\n"
FIREWALLD = b"""table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		iifname "lo" accept
		jump filter_INPUT_POLICIES
		reject with icmpx admin-prohibited
	}

	chain filter_OUTPUT {
		type filter hook output priority filter + 10; policy accept;
		oifname "lo" accept
	}

	chain filter_IN_public {
		drop
	}
}
"""
UFW = b"""# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
	set admins {
		type ipv4_addr
		flags interval
	}
	chain INPUT {
		type filter hook input priority filter; policy drop;
		counter packets 5 bytes 300 jump ufw-before-input
	}
}
table ip6 filter {
	chain INPUT {
		type filter hook input priority filter; policy accept;
	}
}
"""
IPTABLES = b"-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N x\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-port-unreachable\n"
DISKS = b"loop /snap/core20/1\ndisk \npart /boot\ndisk \nlvm /\ncrypt \npart \ndisk \nlvm /srv\npart \ndisk \n"
KEYS = (
    b"   523301      4 -rw-r--r--   1 root     ssl-cert     1704 Mar  3  2026 /etc/ssl/private/dvc.key\n"
    b"   523302      4 -rw-r--r--   1 root     root          400 Nov  3 10:12 /etc/ssh/id_ed25519.pub\n"
)
PARAMETERS = b"net/ipv4/ip_forward 0\nkernel/randomize_va_space 2\n"
GOOD = {
    "user": b"1000\n",
    "passwd": PASSWD,
    "group": GROUP,
    "shadow": SHADOW,
    "sudoers": SUDOERS,
    "lastlog": LASTLOG,
    "pam": DEBIAN_PAM,
    "policies": POLICIES,
    "profiles": PROFILES,
    "autologin": b"",
    "nft": FIREWALLD,
    "iptables": IPTABLES,
    "ip6tables": IPTABLES,
    "keys": KEYS,
    "parameters": PARAMETERS,
    "disks": DISKS,
}
FACTS = (
    accounts.accounts,
    accounts.credentials,
    accounts.logins,
    accounts.sudo,
    authentication.authentication,
    authentication.automatic_logins,
    hardening.packet_filter,
    hardening.kernel_parameters,
    hardening.exposed_keys,
    hardening.disks,
)


def found(**changed: Any) -> Collected:
    """The good sections with these changed: text, text and status, or None for one that is not there."""
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (GOOD | changed).items() if text is not None}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def reason(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


def test_sound_sections_give_every_fact() -> None:
    assert not [fact for read in FACTS if isinstance(fact := read(found()), Unobserved)]


def test_accounts_and_groups_say_who_administers() -> None:
    seen = accounts.accounts(found())
    assert isinstance(seen, Accounts)
    assert {account.name: account.kept_in for account in seen.accounts} == {"root": "shadow", "an": "shadow", "binh": "here"}
    assert seen.administrators(()) == {"root", "an", "binh"}
    assert seen.administrators((SudoGrant(who="%dba", commands=("ALL",), asks=True),)) == {"root", "an", "binh", "chi"}
    assert seen.administrators((SudoGrant(who="ALL", commands=("/bin/bash",), asks=True),)) == {"root", "an", "binh"}


def test_credentials_are_kinds_schemes_and_days_and_for_ever_is_never() -> None:
    seen = accounts.credentials(found())
    assert not isinstance(seen, Unobserved)
    assert [(held.name, held.state, held.scheme, held.maximum) for held in seen] == [
        ("root", "locked", "none", None),
        ("an", "open", "y", 60),
        ("old", "open", "other", None),
        ("guest", "empty", "none", None),
    ]
    assert seen[2] == Credential(
        name="old", state="open", scheme="other", changed=17_000, maximum=None, inactive=None, expires=20_800
    )


def test_sudo_rules_say_for_whom_no_password_is_asked() -> None:
    seen = accounts.sudo(found())
    assert not isinstance(seen, Unobserved)
    assert {(grant.who, grant.asks, grant.is_total) for grant in seen} == {
        ("%sudo", False, True),
        ("#1000", False, True),
        ("%sudo", True, False),
        ("#1000", True, False),
        ("binh", False, False),
    }


def test_a_default_for_a_host_or_for_all_spares_everybody_the_password() -> None:
    for binding in (b'"Binding": [{"hostname": "web"}], ', b""):
        text = SUDOERS.replace(b'"Binding": [{"username": "binh"}], ', binding).replace(
            b'{"authenticate": true}', b'{"setenv": true}'
        )
        seen = accounts.sudo(found(sudoers=text))
        assert not isinstance(seen, Unobserved) and not [grant for grant in seen if grant.asks]


def test_last_logins_are_instants() -> None:
    at = datetime(2026, 11, 23, 3, 0, 5, tzinfo=UTC)
    assert accounts.logins(found()) == (LastLogin(name="root", at=None), LastLogin(name="an", at=at))


@pytest.mark.parametrize(
    ("pam", "strong", "counts"),
    [(DEBIAN_PAM, True, True), (RHEL_PAM, True, True), (ALPINE_PAM, False, False)],
    ids=["debian", "rhel", "alpine"],
)
def test_stacks_of_three_systems_are_followed_through_their_includes(pam: bytes, strong: bool, counts: bool) -> None:
    seen = authentication.authentication(found(pam=pam))
    assert isinstance(seen, Authentication)
    assert seen.demanded("password", "pam_pwquality") is strong
    assert seen.demanded("auth", "pam_faillock", first=False) is counts


@pytest.mark.parametrize(
    "line",
    [b"@include sshd", b"@include missing", b"auth include missing", b"auth required", b"sudo everything x"],
    ids=["loop", "missing", "missing-include", "short", "no-kind"],
)
def test_a_stack_that_cannot_be_followed_is_unreadable_and_never_shorter(line: bytes) -> None:
    assert reason(authentication.authentication(found(pam=DEBIAN_PAM + b"/etc/pam.d/sshd:" + line + b"\n"))) is Reason.UNREADABLE


def test_settings_of_drop_ins_stand_beside_those_of_their_file() -> None:
    seen = authentication.authentication(found())
    assert isinstance(seen, Authentication)
    assert seen.numbers("pwquality.conf", "minlen") == (14, 8)
    assert seen.numbers("faillock.conf", "deny", *seen.rules("auth", "pam_faillock")) == (4,)
    assert seen.shell_timeouts == (0, 300)


def test_automatic_logins_are_found_and_other_lines_are_not() -> None:
    lines = (
        b"/etc/gdm3/daemon.conf:AutomaticLoginEnable = true\n/etc/gdm3/daemon.conf:TimedLoginEnable=false\n"
        b"/etc/systemd/system/getty@tty1.service.d/a.conf:ExecStart=-/sbin/agetty -o '-p' --autologin an --noclear %I\n"
        b"/etc/systemd/system/getty@tty1.service:User=an\n/etc/sddm.conf:User=an\n/etc/lightdm/lightdm.conf:autologin-user=an\n"
        b"/etc/inittab:tty1::respawn:/sbin/getty 38400 tty1\n"
    )
    seen = authentication.automatic_logins(found(autologin=lines))
    assert not isinstance(seen, Unobserved)
    assert len(seen) == 4 and not [line for line in seen if "inittab" in line or "Timed" in line or "service:" in line]


def chains(text: bytes) -> set[tuple[str, str, bool]]:
    seen = hardening.packet_filter(found(nft=text))
    assert not isinstance(seen, Unobserved), seen
    return {(chain.family, chain.hook, chain.denies) for chain in seen}


def test_packet_filters_of_three_systems_say_what_becomes_of_the_rest() -> None:
    assert chains(FIREWALLD) == {("inet", "input", True), ("inet", "output", False)}
    assert chains(UFW) == {("ip", "input", True), ("ip6", "input", False)}
    assert chains(b"") == set()
    seen = hardening.packet_filter(found(nft=None))
    assert not isinstance(seen, Unobserved)
    assert FilterChain(family="ip6", table="filter", name="INPUT", hook="input", denies=True) in seen
    assert len([chain for chain in seen if chain.denies]) == 4


def test_a_rule_that_accepts_everything_makes_the_policy_worthless() -> None:
    assert chains(FIREWALLD.replace(b'iifname "lo" accept', b"counter packets 1 bytes 2 accept")) == {
        ("inet", "input", False),
        ("inet", "output", False),
    }
    seen = hardening.packet_filter(found(nft=None, iptables=IPTABLES + b"-A FORWARD -j ACCEPT\n"))
    assert not isinstance(seen, Unobserved)
    assert {chain.denies for chain in seen if (chain.family, chain.hook) == ("ip", "forward")} == {False}


def test_disks_are_encrypted_where_one_they_stand_on_is() -> None:
    assert hardening.disks(found()) == (
        Disk(mounted="/boot", encrypted=False),
        Disk(mounted="/", encrypted=True),
        Disk(mounted="/srv", encrypted=False),
    )


def test_key_files_come_with_mode_and_owner_and_public_halves_do_not_count() -> None:
    seen = hardening.exposed_keys(found())
    assert not isinstance(seen, Unobserved)
    assert [(file.path, file.mode, file.owner) for file in seen] == [("/etc/ssl/private/dvc.key", "-rw-r--r--", "root")]


@pytest.mark.parametrize(
    ("section", "read"),
    [
        ("shadow", accounts.credentials),
        ("sudoers", accounts.sudo),
        ("nft", hardening.packet_filter),
        ("keys", hardening.exposed_keys),
    ],
)
def test_without_a_sudoers_line_the_part_names_the_line_that_is_missing(
    section: str, read: Callable[[Collected], object]
) -> None:
    refused = read(found(**{section: (b"", 1)}))
    assert isinstance(refused, Unobserved)
    assert refused.reason is Reason.NEEDS_RIGHTS and "sudo -n /usr/" in refused.detail
    assert reason(read(found(**{section: (b"", 1), "user": b"0\n"}))) is Reason.UNREADABLE


@pytest.mark.parametrize("name", GOOD)
def test_a_failed_hung_or_missing_section_is_never_an_empty_fact(name: str) -> None:
    whole = [read(found()) for read in FACTS]
    for odd in (found(**{name: (GOOD[name], 2)}), found(**{name: (b"", None)}), found(**{name: (b"", 77)})):
        for read, fact in zip(FACTS, whole, strict=True):
            seen = read(odd)
            assert seen == fact or isinstance(seen, Unobserved)


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"user", "autologin", "ip6tables", "iptables"}))
def test_a_section_of_noise_is_unreadable(name: str) -> None:
    seen = [read(found(**{name: b"\x1b[2J\xff noise\n"})) for read in FACTS]
    assert [fact for fact in seen if isinstance(fact, Unobserved)]


ODD = st.one_of(
    st.binary(max_size=200),
    st.sampled_from(sorted(GOOD.values())).flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])),
    st.lists(st.sampled_from([*GOOD.values(), b"\n", b":", b"{", b"}", b"[1]", b"null", b"\x00", b"\xff"]), max_size=4).map(
        b"".join
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 77, None])), min_size=1))
def test_no_output_breaks_a_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    for read in FACTS:
        fact = read(found(**parts))
        if isinstance(fact, Unobserved):
            assert fact.detail.isascii() and fact.detail.isprintable()


RULESET = """\
table inet filter {
 set admins { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 } }
 map m { type inet_service : verdict; elements = { 22 : accept } }
 chain input { type filter hook input priority 0; policy drop;
  ct state established,related accept
  iif lo accept
  ip saddr @admins tcp dport 22 accept comment "admin {"
  tcp dport { 80, 443 } ct count over 20 reject
 }
 chain forward { type filter hook forward priority 0; policy accept; counter drop;
 }
 chain output { type filter hook output priority 0; policy accept;
  counter accept comment "all"
  drop
 }
 chain nat { type nat hook prerouting priority -100;
 }
}
table ip6 closed {
 chain output { type filter hook output priority 5; policy accept; reject;
 }
}
"""


def test_the_rules_that_a_real_nft_prints_are_read(tmp_path: Path) -> None:
    rules = tmp_path / "rules.nft"
    rules.write_text(RULESET)
    script = 'nft -f "$0" && exec /usr/sbin/nft -t list ruleset'
    run = subprocess.run(["unshare", "-rn", "sh", "-c", script, rules], capture_output=True, timeout=20, check=True)
    assert chains(run.stdout) == {
        ("inet", "input", True),
        ("inet", "forward", True),
        ("inet", "output", False),
        ("ip6", "output", True),
    }
