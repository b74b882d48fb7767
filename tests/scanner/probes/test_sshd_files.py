"""What the SSH server's files set, reckoned without it: as the real server reckons the same files, or not at all; and never a pass."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.findings import Fail, Pass
from scanner.observations import HostObservation, Reason, Setting, Sshd, Unobserved
from scanner.probes.collection import sshd
from scanner.probes.collection.sections import Collected, CollectionError, Files, Section, collected, files, prelude
from scanner.probes.collection.sshd_files import DEFAULTS, LISTS, reckoned
from scanner.registry import load_checks
from scanner.specimens import SSHD, host
from tests.lab.machines import keygen

NONCE = "0" * 32
SERVER = Path("/usr/sbin/sshd")
CHECKS = {name: one for name, one in load_checks().items() if one.observes is HostObservation and "sshd" in one.facts}
REAL = pytest.mark.skipif(not SERVER.exists(), reason="this machine has no SSH server to compare with")


def as_collected(folder: Path) -> Collected:
    """What the script prints of the files in this folder, which stands for /etc/ssh."""
    part = sshd.SHELL[: sshd.SHELL.index("if [ ! -e /usr/sbin/sshd ]")].replace("/etc/ssh", str(folder))
    body = f"{prelude(NONCE)}{part}section sshd-match sshd_match\nsection sshd-files sshd_files\nsection done true\n"
    script = f"{{ exec </dev/null 2>/dev/null\n{body}}}\n"
    run = subprocess.run(["/bin/sh"], input=script.encode(), capture_output=True, timeout=60, check=False)
    return collected(run.stdout, NONCE)


def files_in(folder: Path) -> Files:
    section = as_collected(folder).sections["sshd-files"]
    assert section.status == 0
    return files(section.text)


def laid(folder: Path, main: str, **others: str) -> Path:
    """The folder with this sshd_config, and with files that it can include as @/a.conf (`__` for a point at the start)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sshd_config.d").mkdir(exist_ok=True)
    for name, text in others.items():
        (folder / "sshd_config.d" / f"{name.replace('__', '.')}.conf").write_bytes(
            text.replace("@", str(folder / "sshd_config.d")).encode()
        )
    (folder / "sshd_config").write_bytes(main.replace("@", str(folder / "sshd_config.d")).encode())
    return folder


def printed(folder: Path, key: Path) -> dict[str, list[str]] | None:
    """What the real server prints of these files; None where it refuses them."""
    script = 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -T -f "$0" -h "$1"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(folder / "sshd_config"), str(key)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if run.returncode:
        return None
    found: dict[str, list[str]] = defaultdict(list)
    for line in run.stdout.splitlines():
        name, _, value = line.partition(" ")
        found[name].append(value)
    return found


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key"
    keygen(path, "ed25519")
    return path


def agrees(folder: Path, key: Path) -> dict[str, list[str]]:
    """What is reckoned of the folder, which is what the real server prints, as far as it goes."""
    real = printed(folder, key)
    assert real is not None
    found = reckoned(files_in(folder), str(folder / "sshd_config"))
    assert {name: values for name, values in found.items() if values} == {name: real[name] for name in found if real[name]}
    assert DEFAULTS.keys() - found.keys() <= {"kbdinteractiveauthentication", "permituserenvironment"}
    return found


# --- As the real server reckons ---------------------------------------------------------------------

CONFIGURATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "nothing": ("", {}),
    "comments": ("# PermitRootLogin yes\n\n   #MaxAuthTries 1\n", {}),
    "first-wins": ("PermitRootLogin no\nPermitRootLogin yes\n", {}),
    "case": ("pErMiTrOoTlOgIn NO\nLOGLEVEL verbose\nx11forwarding YES\n", {}),
    "equals": ("PermitRootLogin=no\nMaxAuthTries = 3\nX11Forwarding =yes\nUsePAM= no\n", {}),
    "quotes": ('PermitRootLogin "no"\nLoginGraceTime\t"1m"\nLogLevel = "ERROR"\n', {}),
    "blanks": ("  \tPermitRootLogin\t \tno \t\nMaxAuthTries   2\f\n", {}),
    "line-ends": ("PermitRootLogin no\r\nMaxAuthTries 2\r\n\r\n", {}),
    "no-line-end": ("PermitRootLogin no\nMaxAuthTries 2", {}),
    "end-comment": ("PermitRootLogin no # never\nMaxAuthTries 2 #\n", {}),
    "times": ("LoginGraceTime 1h2m3\nClientAliveInterval 5M\n", {}),
    "more-times": ("LoginGraceTime 1w1d\nClientAliveInterval 0\nClientAliveCountMax 0\n", {}),
    "root-prohibit": ("PermitRootLogin prohibit-password\n", {}),
    "root-without": ("PermitRootLogin without-password\n", {}),
    "root-forced": ("PermitRootLogin forced-commands-only\n", {}),
    "challenge": ("ChallengeResponseAuthentication no\n", {}),
    "challenge-last": ("KbdInteractiveAuthentication yes\nChallengeResponseAuthentication no\n", {}),
    "challenge-disputed": ("KbdInteractiveAuthentication no\nChallengeResponseAuthentication yes\n", {}),
    "skey": ("SkeyAuthentication no\n", {}),
    "levels": ("LogLevel debug1\n", {}),
    "levels-3": ("LogLevel DEBUG3\n", {}),
    "users": ('AllowUsers an@192.0.2.0/24 binh\nDenyUsers mallory\nallowusers chi*\nAllowGroups "ssh users"\n', {}),
    "methods": ("AuthenticationMethods publickey,password publickey,keyboard-interactive\nAuthenticationMethods password\n", {}),
    "rhosts": ("IgnoreRhosts shosts-only\nHostbasedAuthentication yes\n", {}),
    "environment": ("PermitUserEnvironment yes\n", {}),
    "environment-pattern": ("PermitUserEnvironment LANG,LC_*\n", {}),
    "other-settings": (
        "Ciphers +aes128-ctr\nSubsystem sftp internal-sftp -l \"a b\"\nAcceptEnv LANG LC_*\nBanner '/etc/x y'\nPort 2222\n",
        {},
    ),
    "match": ("PermitRootLogin no\nMatch User an\n PermitRootLogin yes\n MaxAuthTries 1\nMatch all\nBanner none\n", {}),
    "include-first": ("Include @/*.conf\nPermitRootLogin yes\nMaxAuthTries 1\n", {"a": "PermitRootLogin no\n"}),
    "include-last": ("PermitRootLogin yes\nInclude @/a.conf\n", {"a": "PermitRootLogin no\nMaxAuthTries 2\n"}),
    "include-order": (
        "Include @/*.conf\n",
        {"b": "MaxAuthTries 2\n", "a10": "MaxAuthTries 3\n", "a9": "MaxAuthTries 4\n", "B": "MaxAuthTries 5\n"},
    ),
    "include-several": ("Include @/b.conf @/a.conf\n", {"a": "MaxAuthTries 3\n", "b": "MaxAuthTries 4\n"}),
    "include-question": ("Include @/?.conf\n", {"a": "MaxAuthTries 3\n", "ab": "X11Forwarding yes\n"}),
    "include-nothing": ("Include @/none*.conf\nMaxAuthTries 1\n", {"a": "PermitRootLogin no\n"}),
    "include-empty": ("Include @/*.conf\n", {"a": "", "b": "# nothing\n"}),
    "include-hidden": ("Include @/*.conf\n", {"__a": "MaxAuthTries 3\n"}),
    "include-nested": (
        "Include @/a.conf\nMaxAuthTries 1\n",
        {"a": "Include @/b.conf\nMaxAuthTries 2\n", "b": "MaxAuthTries 3\n"},
    ),
    "include-twice": ("Include @/a.conf\nMaxAuthTries 1\nInclude @/a.conf\n", {"a": "MaxAuthTries 3\nAllowUsers an\n"}),
    "include-quoted": ('Include "@/a.conf"\n', {"a": "MaxAuthTries 3\n"}),
    "include-equals": ("INCLUDE=@/a.conf\n", {"a": "MaxAuthTries 3\n"}),
    "match-ends-with-its-file": (
        "Include @/a.conf\nPermitRootLogin yes\nInclude @/b.conf\n",
        {
            "a": "Match User an\nPermitRootLogin no\nMaxAuthTries 1\n",
            "b": 'X11Forwarding yes\nMatch Group "domain users"\nMaxAuthTries 5\n',
        },
    ),
}


@REAL
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_real_server_prints_what_is_reckoned(name: str, tmp_path: Path, key: Path) -> None:
    main, others = CONFIGURATIONS[name]
    agrees(laid(tmp_path / "ssh", main, **others), key)


LINES = st.sampled_from(
    [
        "PermitRootLogin no", "permitrootlogin = yes", "PermitRootLogin prohibit-password", "MaxAuthTries 2", 'MaxAuthTries "5"',
        "LoginGraceTime 1m30s", "LoginGraceTime 0", "ClientAliveInterval 2m", "ClientAliveCountMax 1", "UsePAM yes", "UsePAM no",
        "LogLevel quiet", "LogLevel VERBOSE", "AllowUsers an binh@10.0.0.0/8", "AllowUsers chi", "DenyGroups x",
        "PasswordAuthentication no", "ChallengeResponseAuthentication no", "KbdInteractiveAuthentication yes", "X11Forwarding yes",
        "AuthenticationMethods publickey,password", "DisableForwarding yes", "# comment", "", "GSSAPIAuthentication yes",
        "Include @/a.conf", "Include @/*.conf", "Match User an", "Match all", "match ALL", "Banner none", "PermitEmptyPasswords yes",
    ]
)  # fmt: skip


@REAL
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, max_size=10), st.lists(LINES, max_size=5), st.lists(LINES, max_size=5))
def test_whatever_the_files_say_it_is_reckoned_as_the_server_does_or_not_at_all(
    tmp_path: Path, key: Path, main: list[str], one: list[str], other: list[str]
) -> None:
    folder = laid(tmp_path / "ssh", "\n".join(main), a="\n".join(one), b="\n".join(other))
    real = printed(folder, key)
    try:
        found = reckoned(files_in(folder), str(folder / "sshd_config"))
    except CollectionError:
        return
    assert real is None or {name: values for name, values in found.items() if values} == {
        name: real[name] for name in found if real[name]
    }


@REAL
def test_the_defaults_are_those_of_the_server_and_of_its_manual(tmp_path: Path, key: Path) -> None:
    real = printed(laid(tmp_path / "ssh", ""), key)
    assert real is not None and {name: [value] for name, value in DEFAULTS.items()} == {name: real[name] for name in DEFAULTS}
    assert not {"permitrootlogin", "usepam"} & DEFAULTS.keys()


@REAL
def test_this_machine_s_own_files_are_reckoned_as_its_server_does(key: Path) -> None:
    folder = Path("/etc/ssh")
    if (folder / "sshd_config").exists() and as_collected(folder).sections["sshd-files"].status == 0:
        agrees(folder, key)


def test_a_relative_include_is_looked_for_beside_the_main_file(tmp_path: Path) -> None:
    folder = laid(tmp_path / "ssh", "Include sshd_config.d/*.conf\nMaxAuthTries 1\n", a="MaxAuthTries 3\n")
    assert reckoned(files_in(folder), str(folder / "sshd_config"))["maxauthtries"] == ["3"]


# --- What is not certain ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "PermitRootLogins no",
        "NewSettingOfTomorrow yes",
        "PermitRootLogin",
        "PermitRootLogin ",
        'PermitRootLogin ""',
        "PermitRootLogin 'no'",
        r"PermitRootLogin \no",
        'PermitRootLogin "no',
        'PermitRootLogin "no"x',
        "PermitRootLogin no yes",
        "PermitRootLogin maybe",
        "PermitRootLogin == no",
        "PermitRootLogin\u00a0no",
        "MaxAuthTries 010",
        "MaxAuthTries -1",
        "MaxAuthTries 0x4",
        "MaxAuthTries 9999999999999",
        "LoginGraceTime 1y",
        "LoginGraceTime -5",
        "LoginGraceTime 1.5m",
        "LogLevel LOUD",
        "AllowUsers an # and binh",
        "AllowUsers an\\ binh",
        "AuthenticationMethods publickey #,password",
        "\x00PermitRootLogin no",
        "\ufeffPermitRootLogin no",
        "PermitRootLogin\x0bno",
        '"PermitRootLogin" no',
        "Include /etc/ssh/[ab].conf",
        "Include /etc/ssh/*/a.conf",
        "Include ~/a.conf",
        "Include /etc/ssh/{a,b}.conf",
        "Include '/etc/ssh/a b.conf'",
        'Include "/etc/ssh/a b.conf"',
        "Include",
        "Match User an\nInclude /etc/ssh/a.conf",
        "Match User an\nNoSuchSetting yes",
        "Match all\nPermitRootLogin no",
        "Match all\nAllowUsers an",
        "Match version OpenSSH_10*\nPermitRootLogin no",
        "Match User\nPermitRootLogin no",
        "Match",
    ],
)
def test_a_line_whose_meaning_is_not_certain_makes_all_of_it_unread(line: str) -> None:
    with pytest.raises(CollectionError):
        reckoned({"/etc/ssh/sshd_config": ["PermitRootLogin yes", *line.split("\n")]})


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"/etc/ssh/other": ["PermitRootLogin no"]},
        {"/etc/ssh/sshd_config": [], "/etc/ssh/a.conf": []},
        {
            "/etc/ssh/sshd_config": ["Include a.conf"],
            "/etc/ssh/a.conf": ["Include b.conf"],
            "/etc/ssh/b.conf": ["Include a.conf"],
        },
        {"/etc/ssh/sshd_config": ["Include sshd_config sshd_config"]},
        {"/etc/ssh/sshd_config": [f"Include {'a*.conf ' * 30}"], **{f"/etc/ssh/a{n}.conf": [""] * 900 for n in range(9)}},
    ],
)
def test_files_that_are_missing_strange_or_endless_are_unread(given_: Files) -> None:
    with pytest.raises(CollectionError):
        reckoned(given_)


def test_a_file_that_may_not_be_read_or_is_none_is_said(tmp_path: Path) -> None:
    folder = laid(tmp_path / "ssh", "Include @/*.conf\n")
    (folder / "sshd_config.d" / "z.conf").mkdir()
    assert as_collected(folder).sections["sshd-files"].status == 77
    assert as_collected(tmp_path / "nowhere").sections["sshd-files"].status == 77


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=40), max_size=6))
def test_whatever_stands_in_a_file_is_reckoned_or_refused(lines: list[str]) -> None:
    try:
        found = reckoned({"/etc/ssh/sshd_config": lines})
    except CollectionError:
        return
    assert found.keys() >= DEFAULTS.keys() - {"kbdinteractiveauthentication", "permituserenvironment"}


# --- What is made of it -----------------------------------------------------------------------------


def session(
    text: bytes, match: bytes = b"\n", *, printed_: bytes | None = None, status: int = 1, read: int = 0
) -> Sshd | Unobserved:
    """What a session gives in which sshd could not be asked (or printed this), and the files say this."""
    parts = {
        "user": Section(b"1000\n", 0),
        "sshd": Section(printed_ or b"", 0 if printed_ else status),
        "sshd-running": Section(b"above /usr/sbin/sshd -D \n", 0),
        "sshd-match": Section(match, 0),
        "sshd-files": Section(text, read),
    }
    return sshd.sshd(Collected(parts, begun=True, complete=True))


OWN = b"/etc/ssh/sshd_config:PermitRootLogin yes\n"


def test_the_program_is_believed_before_the_files() -> None:
    found = session(OWN, printed_=b"permitrootlogin no\n")
    assert isinstance(found, Sshd) and (found.source, found.value("permitrootlogin")) == ("program", "no")


def test_without_the_program_the_files_tell_what_they_can_and_say_so() -> None:
    found = session(OWN)
    assert isinstance(found, Sshd) and found.source == "files"
    assert (found.value("permitrootlogin"), found.value("maxauthtries")) == ("yes", "6")
    assert found.leaves_open("usepam") and not found.leaves_open("maxauthtries")


@pytest.mark.parametrize(
    ("text", "status", "read", "reason"),
    [
        (OWN + b"/etc/ssh/sshd_config:Frobnicate yes\n", 1, 0, Reason.NEEDS_RIGHTS),
        (OWN, 1, 77, Reason.NEEDS_RIGHTS),
        (b"", 1, 0, Reason.NEEDS_RIGHTS),
        (OWN, 255, 0, Reason.UNREADABLE),  # the server was asked, and does not like its own files
        (OWN, None, 0, Reason.UNREADABLE),
    ],
)
def test_where_the_files_do_not_do_the_program_is_asked_for(text: bytes, status: int, read: int, reason: Reason) -> None:
    found = session(text, status=status, read=read)
    assert isinstance(found, Unobserved) and found.reason is reason
    assert reason is not Reason.NEEDS_RIGHTS or "sudo -n /usr/sbin/sshd -T" in found.detail


def test_match_blocks_stand_beside_the_files_values_as_beside_the_program_s() -> None:
    block = b"Match User an\nPermitRootLogin yes\nX11Forwarding yes\nUsePAM no\nAllowUsers an\n"
    found = session(b"/etc/ssh/sshd_config:PermitRootLogin no\n", block)
    assert isinstance(found, Sshd)
    assert found.value("permitrootlogin") == "no; yes under Match User an"
    assert found.value("x11forwarding") == "no; yes under Match User an"
    assert found.value("usepam") is None  # in general nobody knows it, so nobody knows whether the block changes it
    assert found.value("allowusers") == "an under Match User an"


def test_no_check_of_the_server_passes_by_its_files() -> None:
    assert len(CHECKS) >= 9
    assert not [name for name, one in CHECKS.items() if "sshd_printed" not in one.to_pass]
    good = Sshd(settings=tuple(Setting(name=name, value=value) for name, value in SSHD.items()), source="files")
    unprinted = host(sshd=good).sshd_printed
    assert isinstance(unprinted, Unobserved) and unprinted.reason is Reason.NEEDS_RIGHTS
    assert host().sshd_printed == host().sshd


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_what_the_files_leave_open_is_no_failure(name: str) -> None:
    """A host whose files say nothing that is certain; AllowUsers, which then names nobody, is certain all the same."""
    check = CHECKS[name]
    verdict = check(host(sshd=Sshd(settings=(), source="files")), check.parameters())
    assert isinstance(verdict, Fail if name == "host-sshd-sources" else Pass), name


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_what_the_files_set_wrongly_is_a_failure(name: str) -> None:
    """The general value of what fails when the program prints it fails when the files say it."""
    check = CHECKS[name]
    failing = [one if isinstance(one, tuple) else (one, check.parameters()) for one in check.fails]
    stated = 0
    for seen, parameters in failing:
        assert isinstance(seen, HostObservation) and isinstance(seen.sshd, Sshd)
        if {setting.name for setting in seen.sshd.settings} < SSHD.keys():
            continue  # a setting is not there at all, which files leave open
        by_files = seen.model_copy(update={"sshd": seen.sshd.model_copy(update={"source": "files"})})
        assert isinstance(check(by_files, parameters), Fail)
        stated += 1
    assert stated


def test_the_documentation_says_what_files_can_decide() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "host-access.md").read_text(encoding="utf-8")
    assert re.search(r"files alone can show a fault and never a merit", text)
    assert set(LISTS).isdisjoint(DEFAULTS)
