"""Which keys open which accounts: by the published line on real files, at a real host, and by whatever a host prints."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.findings import Fail
from scanner.observations import HostObservation, LoginKey, Reason, Unobserved
from scanner.probes import host
from scanner.probes.collection import login_keys
from scanner.probes.collection.sections import Collected, Section, prelude
from scanner.registry import load_checks
from tests.lab.machines import keygen
from tests.scanner.probes import login_hosts
from tests.scanner.probes.login_hosts import Premises
from tests.scanner.probes.web_peers import circumstances

CHECKS = load_checks()
ONE, OTHER = "SHA256:" + "A" * 43, "SHA256:" + "b" * 43
SSHD = b"authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\nauthorizedkeyscommand none\n"
KEYS = f"first an {ONE}\nsecond binh {ONE}\nnamed chi {OTHER}\n".encode()
GOOD = {
    "user": b"1000\n",
    "sshd": SSHD,
    "sshd-running": b"above /usr/sbin/sshd -D\n",
    "sshd-match": b"\n",
    "login-homes": b"",
    "login-keys": KEYS,
}


def found(*leave: str, **changed: bytes | tuple[bytes, int | None]) -> Collected:
    named = {name.replace("_", "-"): text for name, text in changed.items()}
    held = {name: text if isinstance(text, tuple) else (text, 0) for name, text in (GOOD | named).items() if name not in leave}
    return Collected({name: Section(*parts) for name, parts in held.items()}, begun=True, complete=True)


def why(fact: object) -> Reason:
    assert isinstance(fact, Unobserved), fact
    return fact.reason


# --- What is made of the sections ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("stated", "accounts"),
    [
        (b".ssh/authorized_keys .ssh/authorized_keys2", {"an", "binh"}),
        (b"%h/.ssh/authorized_keys", {"an"}),
        (b"/etc/ssh/authorized_keys/%u .ssh/authorized_keys", {"an", "chi"}),
        (b"none", set()),
    ],
)
def test_keys_count_where_the_server_looks_for_them(stated: bytes, accounts: set[str]) -> None:
    seen = login_keys.login_keys(found(sshd=b"authorizedkeysfile " + stated + b"\nauthorizedkeyscommand none\n"))
    assert not isinstance(seen, Unobserved) and {key.account for key in seen} == accounts


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"sshd": SSHD.replace(b"keys2", b"keys3")}, Reason.UNSUPPORTED),
        ({"sshd": SSHD.replace(b"none", b"/usr/bin/sss_ssh_authorizedkeys")}, Reason.UNSUPPORTED),
        ({"sshd": b"port 22\n"}, Reason.UNSUPPORTED),
        ({"sshd_match": b"Match User sftp\nAuthorizedKeysFile /srv/%u\n"}, Reason.UNSUPPORTED),
        ({"sshd": (b"", 1)}, Reason.NEEDS_RIGHTS),
        ({"login_homes": (b"", 3)}, Reason.UNSUPPORTED),
        ({"login_keys": (b"", 1)}, Reason.NEEDS_RIGHTS),
        ({"login_keys": (KEYS, 3)}, Reason.UNREADABLE),
        ({"login_keys": (b"", None)}, Reason.UNREADABLE),
        ({"login_keys": KEYS + b"first an SHA256:short\n"}, Reason.UNREADABLE),
        ({"login_keys": KEYS + f"third an {ONE}\n".encode()}, Reason.UNREADABLE),
    ],
)
def test_keys_that_are_not_wholly_seen_are_unseen(changed: dict[str, bytes | tuple[bytes, int | None]], wanted: Reason) -> None:
    assert why(login_keys.login_keys(found(**changed))) is wanted


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"user"}))
def test_without_a_section_nothing_is_taken_for_none(name: str) -> None:
    assert isinstance(login_keys.login_keys(found(name)), Unobserved)
    assert login_keys.login_keys(found(login_keys=b"")) == ()


ODD = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from([*GOOD.values(), b"\n", b" ", b"first", b"\x00", b"\xff"]), max_size=5).map(b"".join),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.tuples(ODD, st.sampled_from([0, 0, 0, 1, 3, 77, None])), min_size=1))
def test_no_output_breaks_the_reader(parts: dict[str, tuple[bytes, int | None]]) -> None:
    fact = login_keys.login_keys(found(**{name.replace("-", "_"): held for name, held in parts.items()}))
    if isinstance(fact, Unobserved):
        assert fact.detail.isascii() and fact.detail.isprintable()


# --- What the script prints of real files --------------------------------------------------------


class Tree:
    """A host's homes under a folder, and what the script says of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "etc").mkdir()
        self.passwd("root:x:0:0::/root:/bin/sh", "an:x:1000:1000::/home/an:/bin/sh", "binh:x:1001:1001::/home/binh/:/bin/sh")
        for home in ("root", "home/an", "home/binh"):
            (root / home).mkdir(parents=True)

    def passwd(self, *lines: str) -> None:
        fields = [line.split(":") for line in lines]
        moved = [":".join((*line[:5], f"{self.root}{line[5]}", line[6])) for line in fields]
        (self.root / "etc" / "passwd").write_text("\n".join(moved) + "\n")

    def file(self, name: str, *lines: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def run(self, call: str) -> subprocess.CompletedProcess[str]:
        """What a function of the script prints and ends with, the root being this folder."""
        depth = len(self.root.parts) - 1
        line = login_keys.KEYS.replace("find / ", f"find {self.root} ").replace("'/etc/ssh", f"'{self.root}/etc/ssh")
        shell = login_keys.SHELL.replace(login_keys.KEYS, line).replace(" /etc/passwd", f" {self.root}/etc/passwd")
        shell = shell.replace('"/etc/passwd"', f'"{self.root}/etc/passwd"').replace("/*/*/*/*/*/", "/*" * (5 + depth) + "/")
        shell = "\n".join(line for line in shell.splitlines() if not line.startswith("section "))
        script = f'{prelude("0" * 32)}brief() {{ "$@"; }}\n{shell}\n{call}\n'
        return subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("keys")
    return [keygen(folder / kind, kind) for kind in ("ed25519", "ecdsa")]


def fingerprint(public: str) -> str:
    shown = subprocess.run(["ssh-keygen", "-lf", "-"], input=public, capture_output=True, text=True, check=True, timeout=10)
    return shown.stdout.split()[1]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: another's files are read")


@needs_root
def test_only_fingerprints_and_names_leave_the_host(tree: Tree, public: list[str]) -> None:
    tree.file(
        "home/an/.ssh/authorized_keys", "# REMARK", f'restrict,command="echo SECRET" {public[0]} COMMENT', f"{public[1]} C2"
    )
    tree.file("home/binh/.ssh/authorized_keys2", f"{public[0]} COMMENT")
    tree.file("root/.ssh/authorized_keys")
    tree.file("home/an/.ssh/known_hosts", f"x {public[0]}")
    done = tree.run("opening")
    one, other = map(fingerprint, public)
    assert (set(done.stdout.splitlines()), done.returncode) == (
        {f"first an {one}", f"first an {other}", f"second binh {one}"},
        0,
    )
    assert tree.run("reached").returncode == 0


@needs_root
@pytest.mark.parametrize("odd", ["file-link", "folder-link", "noise"])
def test_a_link_or_noise_in_place_of_keys_leaves_them_unseen(tree: Tree, public: list[str], odd: str) -> None:
    elsewhere = tree.file("keys/authorized_keys", f"{public[0]} x")
    (tree.root / "home/an/.ssh").rmdir() if (tree.root / "home/an/.ssh").exists() else None
    if odd == "folder-link":
        (tree.root / "home/an/.ssh").symlink_to(elsewhere.parent)
    else:
        file = tree.file("home/an/.ssh/authorized_keys", "noise")
        if odd == "file-link":
            file.unlink()
            file.symlink_to(elsewhere)
    assert tree.run("opening").returncode == 3


@needs_root
def test_a_home_that_several_accounts_have_opens_all_of_them(tree: Tree, public: list[str]) -> None:
    tree.passwd("root:x:0:0::/root:/bin/sh", "toor:x:0:0::/root:/bin/sh")
    tree.file("root/.ssh/authorized_keys", public[0])
    assert set(tree.run("opening").stdout.splitlines()) == {f"first {name} {fingerprint(public[0])}" for name in ("root", "toor")}


@needs_root
def test_a_home_out_of_reach_is_told_unless_it_holds_no_keys(tree: Tree) -> None:
    deep = tree.root / "a/b/c/d/e"
    tree.passwd("an:x:1:1::/a/b/c/d/e:/bin/sh", "none:x:2:2::/nonexistent:/bin/false")
    assert tree.run("reached").returncode == 0
    deep.mkdir(parents=True)
    assert tree.run("reached").returncode == 0
    (deep / ".ssh").mkdir()
    assert tree.run("reached").returncode == 3
    tree.passwd("an:x:1:1::/moved:/bin/sh")
    (tree.root / "moved").symlink_to(tree.root / "a/b/c/d/e")
    assert tree.run("reached").returncode == 3


def test_the_published_line_follows_no_link_and_runs_one_program_of_a_fixed_name() -> None:
    words = shlex.split(login_keys.KEYS)
    assert "-L" not in words and "-follow" not in words
    assert [words[at + 1] for at, word in enumerate(words) if word.startswith("-exec")] == ["/usr/bin/ssh-keygen"]


# --- At a real host ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with login_hosts.premises(tmp_path_factory.mktemp("premises")) as place:
        yield place


@needs_root
def test_a_key_that_opens_every_account_of_a_real_host_is_found(premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    facts = {}
    for user in ("root", "audit", "guest"):
        seen = host.look(premises.target(user), circumstances(timeout=5, deadline=30))
        assert isinstance(seen, HostObservation), seen
        facts[user] = seen.login_keys
        judge = CHECKS["host-no-shared-keys"]
        if user == "audit":
            assert isinstance(judge(seen, judge.parameters()), Fail)
    assert facts["audit"] == facts["root"] and why(facts["guest"]) is Reason.NEEDS_RIGHTS
    held = facts["audit"]
    assert not isinstance(held, Unobserved)
    inspection = fingerprint(premises.key.with_name(f"{premises.key.name}.pub").read_text())
    assert LoginKey(account="root", fingerprint=inspection) in held and LoginKey(account="audit", fingerprint=inspection) in held
