"""The login probe at a real SSH server, and at hosts that do what they should not."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import paramiko
import pytest

from scanner.observations import HostObservation, Reason, Sshd, Unobserved
from scanner.probes import fence, host, login
from scanner.probes.looking import Target
from scanner.record import canonical
from scanner.targets import Login
from tests.lab.machines import keygen
from tests.scanner.permits import permit
from tests.scanner.probes import login_hosts
from tests.scanner.probes.login_hosts import Premises
from tests.scanner.probes.web_peers import circumstances, listening, saying, silent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the hosts' accounts live in a mount namespace")


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with login_hosts.premises(tmp_path_factory.mktemp("premises")) as found:
        yield found


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Premises]:
    """A host of a test's own, whose log holds nothing of other tests."""
    with login_hosts.premises(tmp_path) as found:
        _logged(found, 0)  # the lab's own knock at the door
        yield found


_ENDED = re.compile(
    r"(closed|reset) by (authenticating user \S+ )?127\.0\.0\.1 port|Disconnecting authenticating user|Unable to negotiate with"
)


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def seen(target: Target) -> HostObservation:
    found = host.look(target, circumstances(timeout=5, deadline=30))
    assert isinstance(found, HostObservation), found
    return found


def unseen(target: Target, *, timeout: float = 5, deadline: float = 30) -> Unobserved:
    found = host.look(target, circumstances(timeout=timeout, deadline=deadline))
    assert isinstance(found, Unobserved), found
    return found


def names(found: HostObservation) -> list[str]:
    assert not isinstance(found.packages, Unobserved), found.packages
    return [package.name for package in found.packages]


# --- Logins that work ----------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["root", "audit"])
def test_a_login_sees_every_fact_of_the_host(premises: Premises, user: str) -> None:
    found = seen(premises.target(user))
    assert not isinstance(found.os, Unobserved) and not isinstance(found.sshd, Unobserved)
    assert (found.user, found.os.id, found.os.version_id) == (user, "debian", "12")
    assert found.kernel == os.uname().release
    assert names(found) == ["base-files", "libssl3", "openssh-server"]
    assert found.sshd.value("clientaliveinterval") == "0"
    assert not isinstance(found.listening, Unobserved)
    assert (found.seen.how, found.seen.connections) == ("login", 1)
    assert HostObservation.read(found.written()) == found


def test_the_evidence_names_the_key_the_host_proved(premises: Premises) -> None:
    pinned = premises.machine.folder / "etc" / "ssh" / "ssh_host_rsa_key.pub"
    shown = subprocess.run(["ssh-keygen", "-lf", pinned], capture_output=True, text=True, check=True).stdout.split()[1]
    rsa_only = tuple(key for key in premises.machine.host_keys if key.startswith("ssh-rsa "))
    assert seen(premises.target(pinned=rsa_only)).host_key == shown


def test_one_login_is_one_connection_one_session_and_no_terminal(watched: Premises) -> None:
    before = len(watched.log)
    seen(watched.target())
    log = _logged(watched, before)
    assert log.count("Connection from 127.") == 1
    assert log.count("server_input_channel_req: channel") == log.count("request exec reply 1") == 1
    assert "Read error" not in log and "pty-req" not in log and "auth-agent-req" not in log


def test_an_account_as_useradd_makes_it_is_let_in_as_the_page_says(watched: Premises) -> None:
    """A server without PAM refuses a locked account, and the page's own command takes the lock away; no password opens it then."""
    shadow = watched.machine.folder / "etc" / "shadow"
    shadow.write_text(shadow.read_text().replace("audit:*:", "audit:!:"))
    before = len(watched.log)
    assert unseen(watched.target()).reason is Reason.LOGIN_REFUSED
    assert "account is locked" in watched.log[before:]
    (command,) = re.findall(r"^usermod -p '(.*)' audit$", login_hosts.DOCS.read_text("utf-8"), re.MULTILINE)
    shadow.write_text(shadow.read_text().replace("audit:!:", f"audit:{command}:"))
    assert names(seen(watched.target()))


def test_an_agent_lets_in_where_the_scope_names_no_key(
    premises: Premises, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keygen(tmp_path / "another", "ed25519")
    with login_hosts.agent(tmp_path, tmp_path / "another", premises.key) as socket_path:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket_path)
        assert names(seen(premises.target(key=Path())))


@pytest.mark.parametrize(
    ("kind", "bits", "form"),
    [("rsa", 2_048, ""), ("rsa", 2_048, "PEM"), ("ecdsa", 256, ""), ("ecdsa", 384, "PEM"), ("ecdsa", 521, "PKCS8")],
)
def test_keys_of_every_usual_kind_are_read_and_offered(
    premises: Premises, tmp_path: Path, kind: str, bits: int, form: str
) -> None:
    public = keygen(tmp_path / "key", kind, bits)
    if form:
        rewrite = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "", "-m", form, "-f", str(tmp_path / "key")]
        subprocess.run(rewrite, check=True, capture_output=True)
    with (premises.machine.folder / "etc" / "ssh" / "authorized_keys" / "guest").open("a") as authorized:
        authorized.write(f"restrict {public}\n")
    assert names(seen(premises.target("guest", key=tmp_path / "key")))


def test_without_the_sudoers_line_only_the_ssh_settings_are_unseen_but_for_what_the_files_say(premises: Premises) -> None:
    found, asked = seen(premises.target("guest")), seen(premises.target()).sshd
    assert isinstance(found.sshd_printed, Unobserved) and found.sshd_printed.reason is Reason.NEEDS_RIGHTS
    assert "sudo -n /usr/sbin/sshd -T" in found.sshd_printed.detail
    assert isinstance(found.sshd, Sshd) and isinstance(asked, Sshd)
    assert (found.sshd.source, asked.source) == ("files", "program")
    assert found.sshd.settings and set(found.sshd.settings) <= set(asked.settings)
    assert names(found) and not isinstance(found.os, Unobserved) and not isinstance(found.listening, Unobserved)


def test_a_shell_that_is_no_posix_shell_may_start_one(premises: Premises) -> None:
    assert names(seen(premises.target("csh")))


@pytest.mark.parametrize("noisy", ["motd", "echo", "nul", "complains"])
def test_noise_around_the_collection_changes_nothing(premises: Premises, noisy: str) -> None:
    plain, found = seen(premises.target("guest")), seen(premises.target(noisy))
    assert (found.os, found.packages, found.sshd) == (plain.os, plain.packages, plain.sshd)


def test_a_collection_writes_nothing_on_the_host(premises: Premises) -> None:
    def files() -> dict[Path, int]:
        folder = premises.machine.folder
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != "sshd.log"}

    before, temporary = files(), set(Path("/tmp").iterdir())
    seen(premises.target())
    assert files() == before
    assert not [path for path in set(Path("/tmp").iterdir()) - temporary if path.stat().st_uid in (2_001, 2_002)]


# --- Facts that are easily wrong -----------------------------------------------------------------


def test_a_removed_package_is_not_installed_and_a_half_configured_one_is(premises: Premises, tmp_path: Path) -> None:
    assert "telnetd" not in names(seen(premises.target()))
    with login_hosts.premises(tmp_path, telnetd="install ok half-configured") as broken:
        found = seen(broken.target())
    assert "telnetd" in names(found) and not isinstance(found.packages, Unobserved)
    assert [(p.source, p.source_version) for p in found.packages if p.name == "telnetd"] == [("netkit-telnet", "0.17-41")]


def test_a_setting_that_stands_more_than_once_is_seen_each_time(premises: Premises) -> None:
    found = seen(premises.target()).sshd
    assert isinstance(found, Sshd)
    assert {setting.value for setting in found.settings if setting.name == "acceptenv"} == {"LANG", "LC_*", "TZ"}
    assert len([setting for setting in found.settings if setting.name == "hostkey"]) == 2


def test_what_a_match_block_allows_is_not_hidden_by_the_general_setting(premises: Premises, tmp_path: Path) -> None:
    more = "PasswordAuthentication no\nMatch Address 10.0.0.0/8\n  PasswordAuthentication yes\n  X11Forwarding no\n"
    with login_hosts.premises(tmp_path, sshd=more) as lax:
        config = lax.machine.folder / "etc" / "ssh" / "sshd_config"
        printed = seen(lax.target()).sshd
        config.chmod(0o600)
        hidden, as_root = seen(lax.target()).sshd, seen(lax.target("root")).sshd
        unasked = seen(lax.target("guest")).sshd
    assert isinstance(printed, Sshd) and as_root == printed
    assert printed.value("passwordauthentication") == "no; yes under Match Address 10.0.0.0/8"
    assert printed.value("x11forwarding") == "no"
    assert isinstance(hidden, Unobserved) and hidden.reason is Reason.NEEDS_RIGHTS
    assert "/etc/ssh/sshd_config" in hidden.detail
    assert isinstance(unasked, Unobserved) and unasked.reason is Reason.NEEDS_RIGHTS


def test_match_blocks_in_included_files_are_found_or_missed_aloud(tmp_path: Path) -> None:
    with login_hosts.premises(tmp_path, sshd="Include /etc/ssh/sshd_config.d/*.conf\n") as lax:
        folder = lax.machine.folder / "etc" / "ssh" / "sshd_config.d"
        folder.mkdir()
        (folder / "10-guests.conf").write_text("Match User guest\n  PermitRootLogin yes\n")
        found = seen(lax.target()).sshd
        folder.chmod(0o700)
        hidden = seen(lax.target()).sshd
    assert isinstance(found, Sshd) and found.value("permitrootlogin") == "without-password; yes under Match User guest"
    assert isinstance(hidden, Unobserved) and hidden.reason is Reason.NEEDS_RIGHTS


# --- Logins that do not work ---------------------------------------------------------------------


def test_a_key_that_is_not_authorised_is_a_refused_login(premises: Premises, tmp_path: Path) -> None:
    keygen(tmp_path / "wrong", "ed25519")
    found = unseen(premises.target(key=tmp_path / "wrong"))
    assert found.reason is Reason.LOGIN_REFUSED and "audit is not let in" in found.detail


def test_another_host_key_ends_the_connection_before_any_login_is_tried(watched: Premises, tmp_path: Path) -> None:
    other = keygen(tmp_path / "other", "ed25519")
    before = len(watched.log)
    found = unseen(watched.target(pinned=(other,)))
    assert found.reason is Reason.HOST_KEY_CHANGED and "SHA256:" in found.detail
    assert "userauth-request" not in _logged(watched, before)
    before = len(watched.log)
    seen(watched.target())
    assert "userauth-request for user audit" in _logged(watched, before)


def test_a_host_that_shows_none_of_the_pinned_kinds_of_key_has_changed_its_key(watched: Premises, tmp_path: Path) -> None:
    before = len(watched.log)
    found = unseen(watched.target(pinned=(keygen(tmp_path / "other", "ecdsa", 256),)))
    assert found.reason is Reason.HOST_KEY_CHANGED
    assert "userauth-request" not in _logged(watched, before)


def test_a_host_that_shows_the_pinned_key_but_cannot_prove_it_is_not_logged_in_to(tmp_path: Path) -> None:
    keygen(tmp_path / "own", "ed25519")
    public = keygen(tmp_path / "pinned", "ed25519")
    key = login_hosts.Replayed.from_private_key_file(str(tmp_path / "own"))
    key.shows = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "pinned")).asbytes()
    with login_hosts.odd_host(f"{login_hosts.own_network()}.2", login_hosts.Odd, key) as peer:
        found = unseen(login_hosts.target(peer.address, _login(peer.port, tmp_path / "own", public)))
    assert found.reason is Reason.HOST_KEY_CHANGED and "cannot prove" in found.detail


def test_no_login_no_key_and_no_agent_are_a_missing_credential_and_no_connection(tmp_path: Path) -> None:
    with listening(f"{login_hosts.own_network()}.2", silent) as peer:
        undeclared = unseen(login_hosts.target(peer.address, None))
        nothing = unseen(login_hosts.target(peer.address, _login(peer.port, None)))
        missing = unseen(login_hosts.target(peer.address, _login(peer.port, tmp_path / "missing")))
        assert not peer.taken
    assert {undeclared.reason, nothing.reason, missing.reason} == {Reason.NO_CREDENTIAL}
    assert "missing" in missing.detail


SECRET = "correct horse battery staple"


@pytest.mark.parametrize(
    "form",
    ["encrypted", "encrypted-pem", "encrypted-pkcs8", "text", "binary", "folder", "fifo", "endless", "public", "truncated"],
)
def test_a_key_file_that_cannot_be_used_is_a_missing_credential_and_is_not_quoted(
    premises: Premises, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "key"
    if form.startswith("encrypted"):
        kind = {"encrypted": ["-t", "ed25519"]}.get(form, ["-m", form[10:].upper(), "-t", "rsa", "-b", "2048"])
        subprocess.run(["ssh-keygen", "-q", *kind, "-N", SECRET, "-C", "", "-f", path], check=True)
    elif form == "folder":
        path.mkdir()
    elif form == "fifo":
        os.mkfifo(path)
    elif form == "endless":
        path.symlink_to("/dev/zero")
    else:
        whole = premises.key.read_bytes()
        public = premises.key.with_suffix(".pub").read_bytes()
        path.write_bytes(
            {"text": SECRET.encode(), "binary": bytes(range(256)) * 9, "public": public, "truncated": whole[:200]}[form]
        )
    found = unseen(premises.target(key=path))
    assert found.reason is Reason.NO_CREDENTIAL and found.detail.startswith("key")
    assert ("encrypted" in found.detail) == form.startswith("encrypted")
    held = path.read_text(errors="replace").split() if path.is_file() else []
    assert SECRET not in found.detail and not [word for word in held if len(word) > 12 and word in found.detail]


def test_an_empty_agent_and_one_that_does_not_sign_are_a_missing_credential(
    premises: Premises, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_ASKPASS", "/bin/false")
    for folder, keys in (("empty", ()), ("asks", (premises.key,))):
        (tmp_path / folder).mkdir()
        with login_hosts.agent(tmp_path / folder, *keys, options=("-c",)) as socket_path:
            monkeypatch.setenv("SSH_AUTH_SOCK", socket_path)
            found = unseen(premises.target(key=Path()))
        assert found.reason is Reason.NO_CREDENTIAL and "agent" in found.detail


def test_an_agent_with_many_wrong_keys_is_told_how_to_help(
    watched: Premises, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [tmp_path / f"key{number}" for number in range(8)]
    for key in keys:
        keygen(key, "ed25519")
    before = len(watched.log)
    with login_hosts.agent(tmp_path, *keys) as socket_path:
        monkeypatch.setenv("SSH_AUTH_SOCK", socket_path)
        found = unseen(watched.target(key=Path()))
    assert found.reason is Reason.LOGIN_REFUSED and "holds 8 keys" in found.detail
    assert _logged(watched, before).count("Failed publickey") == login.TRIES


def test_nothing_is_sent_to_a_host_outside_the_permit(premises: Premises) -> None:
    before = len(premises.log)
    with fence.raised(fence.Fence(permit("127.99.0.0/16"), lambda: datetime.now(UTC))):
        assert unseen(premises.target()).reason is Reason.NOT_PERMITTED
    assert len(premises.log) == before


# --- Hosts that do what they should not ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("parrot", Reason.UNSUPPORTED, "did not run /bin/sh"),
        ("exits", Reason.UNSUPPORTED, "said nothing"),
        ("false", Reason.UNSUPPORTED, "said nothing"),
        ("nologin", Reason.UNSUPPORTED, "not available"),
        ("windows", Reason.UNSUPPORTED, "is not recognized as an internal"),
        ("cygwin", Reason.UNSUPPORTED, "MINGW64_NT"),
        ("cut-in-uname", Reason.UNREADABLE, "ended before"),
        ("floods", Reason.UNREADABLE, "bytes of output"),
        ("complains-on", Reason.UNREADABLE, "bytes of output"),
    ],
)
def test_a_host_that_gives_no_collection_is_unobserved_with_the_reason(
    premises: Premises, name: str, reason: Reason, said: str
) -> None:
    found = unseen(premises.target(name))
    assert (found.reason, said in found.detail) == (reason, True), found


@pytest.mark.parametrize("name", ["hangs", "trickles"])
def test_a_host_that_does_not_end_meets_the_deadline(premises: Premises, name: str) -> None:
    assert unseen(premises.target(name), deadline=2).reason is Reason.TIMED_OUT


def test_an_output_that_ends_early_leaves_facts_unseen_and_never_empty(premises: Premises) -> None:
    found = seen(premises.target("cut-in-packages"))
    assert not isinstance(found.os, Unobserved)
    for fact in (found.packages, found.sshd):
        assert isinstance(fact, Unobserved) and fact.reason is Reason.UNREADABLE and "ended before" in fact.detail
    nearly = seen(premises.target("cut-before-done"))
    assert names(nearly) and not isinstance(nearly.listening, Unobserved)


@pytest.mark.parametrize(
    ("server", "reason", "said"),
    [
        (login_hosts.Odd, Reason.TIMED_OUT, "in time"),
        (login_hosts.SilentAtLogin, Reason.TIMED_OUT, "login in time"),
        (login_hosts.TwoFactor, Reason.LOGIN_REFUSED, "more than a key"),
        (login_hosts.NoCommands, Reason.UNSUPPORTED, "runs no command"),
    ],
)
def test_a_host_that_stops_in_the_protocol_is_unobserved_in_time(
    tmp_path: Path, server: type[login_hosts.Odd], reason: Reason, said: str
) -> None:
    public = keygen(tmp_path / "key", "ed25519")
    key = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "key"))
    with login_hosts.odd_host(f"{login_hosts.own_network()}.2", server, key) as peer:
        asked = login_hosts.target(peer.address, _login(peer.port, tmp_path / "key", public))
        found = unseen(asked, timeout=1, deadline=2)
    assert (found.reason, said in found.detail) == (reason, True), found
    assert server.outlasted == []


SSH = b"SSH-2.0-odd\r\n"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", Reason.SILENT),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200, Reason.NOT_SPOKEN),
        (b"<h1>\x1b[2J\xff" * 2_000_000, Reason.NOT_SPOKEN),
        (b"SSH-1.5-old\r\n", Reason.UNSUPPORTED),
        (SSH, Reason.TIMED_OUT),
        (SSH + b"\x00\x00\x00\x0c\x0a\x14" + b"\x00" * 10, Reason.UNSUPPORTED),
    ],
    ids=["silent", "http", "ten-megabytes", "ssh1", "stops-after-banner", "empty-kexinit"],
)
def test_a_port_that_speaks_no_sound_ssh_is_unobserved(premises: Premises, said: bytes, reason: Reason) -> None:
    with listening(f"{login_hosts.own_network()}.2", saying(said, first=True) if said else silent) as peer:
        asked = login_hosts.target(peer.address, _login(peer.port, premises.key, premises.machine.host_keys[0]))
        found = unseen(asked, timeout=1, deadline=5)
    assert found.reason is reason, found
    assert found.detail.isascii() and found.detail.isprintable()


def test_a_packet_of_four_gigabytes_is_not_read_for_long(premises: Premises) -> None:
    sent: list[int] = []
    over = threading.Event()

    def talk(wire: socket.socket) -> None:
        wire.sendall(SSH + b"\xff\xff\xff\xf4")
        try:
            while sum(sent) < 8 * login.SESSION_LIMIT:
                sent.append(wire.send(b"A" * 1_000_000))
        finally:
            over.set()

    with listening(f"{login_hosts.own_network()}.2", talk) as peer:
        asked = login_hosts.target(peer.address, _login(peer.port, premises.key, premises.machine.host_keys[0]))
        found = unseen(asked, timeout=10, deadline=20)
        assert over.wait(10)
    assert found.reason is Reason.RESET, found
    assert sum(sent) < 3 * login.SESSION_LIMIT  # what was on the way in the sockets' own buffers included


def test_a_host_that_closes_at_once_and_one_that_is_not_there_are_told_apart(premises: Premises) -> None:
    address, key = f"{login_hosts.own_network()}.2", premises.machine.host_keys[0]
    with listening(address, lambda wire: None) as peer:
        asked = login_hosts.target(address, _login(peer.port, premises.key, key))
        assert unseen(asked).reason is Reason.RESET
    assert unseen(asked).reason is Reason.REFUSED


def test_no_secret_is_in_any_evidence(premises: Premises) -> None:
    held = [word for word in premises.key.read_text().split() if len(word) > 20]
    evidence = canonical(seen(premises.target()).model_dump(mode="json")).decode()
    assert held and not [word for word in held if word in evidence]


def _login(port: int, key: Path | None, *host_keys: str) -> Login:
    pinned = host_keys or ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",)
    return Login(user="audit", port=port, key=None if key is None else str(key), host_keys=pinned)


def _logged(premises: Premises, before: int) -> str:
    """What the server logged since, once it has logged the end of a connection."""
    patience = time.monotonic() + 10
    while not _ENDED.search(log := premises.log[before:]) and time.monotonic() < patience:
        time.sleep(0.02)
    assert _ENDED.search(log), log
    return log
