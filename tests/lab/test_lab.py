"""The lab itself: its servers are what they claim to be, each host its own, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from scanner import strict_yaml
from scanner.ordering import read_scope
from scanner.targets import Host, Permit, Speaks
from tests.lab.province import Lab, LabAgency


def _listening(base: str) -> set[str]:
    found = subprocess.run(["ss", "-H", "-tln"], capture_output=True, text=True, check=True).stdout
    return {line.split()[3] for line in found.splitlines() if line.split()[3].startswith(base)}


def _login(agency: LabAgency, host: Host, command: str) -> str:
    assert host.login is not None
    assert host.login.key is not None
    known = agency.folder / f"known-{host.id}"
    known.write_text("".join(f"[{host.address}]:{host.login.port} {key}\n{host.address} {key}\n" for key in host.login.host_keys))
    words = ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
    words += ["-i", host.login.key, "-p", str(host.login.port), f"{host.login.user}@{host.address}", command]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=True, stdin=subprocess.DEVNULL).stdout


def test_scope_and_permits_are_read_as_the_command_line_reads_them(lab: Lab) -> None:
    for agency in (lab.good, lab.bad):
        scope = read_scope(agency.scope)
        assert scope.agency.code == agency.code
        for path in (agency.permit, agency.self_check_permit):
            permit = strict_yaml.parse(path.read_bytes(), str(path)).as_record(Permit)
            assert all(permit.outside(host.address) is None for host in scope.hosts)


def test_every_declared_service_accepts_a_connection(lab: Lab) -> None:
    for agency in (lab.good, lab.bad):
        for host in read_scope(agency.scope).hosts:
            for service in host.services:
                with socket.create_connection((host.address, service.port), timeout=5):
                    pass


def test_each_host_has_its_own_release_packages_and_sshd(lab: Lab) -> None:
    seen = {}
    for agency in (lab.good, lab.bad):
        for host in read_scope(agency.scope).hosts:
            said = _login(agency, host, ". /etc/os-release; echo $ID $VERSION_ID; dpkg-query -W; sudo -n /usr/sbin/sshd -T")
            assert f"listenaddress {host.address}:" in said
            seen[agency.code] = said
    assert seen["H98"].startswith("debian 12\n")
    assert "permitrootlogin no\n" in seen["H98"]
    assert "telnetd" not in seen["H98"]
    assert seen["H99"].startswith("debian 10\n")
    assert "permitrootlogin yes\n" in seen["H99"]
    assert "telnetd\t0.17-41.2\n" in seen["H99"]


def test_sudo_allows_the_published_line_and_nothing_else(lab: Lab) -> None:
    host = read_scope(lab.good.scope).hosts[0]
    for command in ("sudo -n id", "sudo -n /usr/sbin/sshd -t", "sudo -n cat /etc/shadow"):
        with pytest.raises(subprocess.CalledProcessError):
            _login(lab.good, host, command)


def test_the_sound_site_is_trusted_and_each_faulty_chain_is_not(lab: Lab) -> None:
    web = read_scope(lab.good.scope).hosts[0]
    service = next(service for service in web.services if service.speaks is Speaks.HTTPS)
    sound = ssl.create_default_context(cafile=str(lab.good.anchors))
    with (
        socket.create_connection((web.address, service.port)) as raw,
        sound.wrap_socket(raw, server_hostname=service.name) as tls,
    ):
        assert tls.version() == "TLSv1.3"
    apps = next(host for host in read_scope(lab.bad.scope).hosts if host.id == "apps")
    faulty = [service for service in apps.services if service.speaks is Speaks.HTTPS]
    assert len(faulty) == 5
    strict = ssl.create_default_context(cafile=str(lab.bad.anchors))
    for service in faulty:
        with pytest.raises(ssl.SSLError), socket.create_connection((apps.address, service.port)) as raw:
            strict.wrap_socket(raw, server_hostname=service.name).close()


def test_the_badly_kept_site_still_speaks_tls_1_0(lab: Lab) -> None:
    web = read_scope(lab.bad.scope).hosts[0]
    service = next(service for service in web.services if service.speaks is Speaks.HTTPS)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection((web.address, service.port)) as raw, old.wrap_socket(raw, server_hostname=service.name) as tls:
        assert tls.version() == "TLSv1"


def test_one_redis_asks_for_a_password_and_the_other_for_nothing(lab: Lab) -> None:
    answers = []
    for agency in (lab.good, lab.bad):
        for host in read_scope(agency.scope).hosts:
            for service in host.services:
                if service.port == 6_379:
                    with socket.create_connection((host.address, service.port)) as peer:
                        peer.sendall(b"PING\r\n")
                        answers.append(peer.recv(100))
    assert answers[0].startswith(b"-NOAUTH")
    assert answers[1] == b"+PONG\r\n"


def test_nothing_listens_and_nothing_runs_once_it_has_stopped(tmp_path: Path) -> None:
    worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0)
    base = f"127.{60 + worker}"
    with Lab.start(tmp_path / "province", base=base):
        assert len(_listening(base)) == 17
    assert not _listening(base)
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in commands


def test_a_lab_that_is_killed_takes_its_servers_with_it(tmp_path: Path) -> None:
    worker = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", ""))) or 0)
    base = f"127.{80 + worker}"
    code = (
        "import os, pathlib, sys\nfrom tests.lab.province import Lab\n"
        "with Lab.start(pathlib.Path(sys.argv[1]), base=sys.argv[2]):\n    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "province"), base], timeout=60, check=False)
    assert done.returncode == -9
    for _attempt in range(200):
        if not _listening(base):
            break
        socket.create_server(("127.0.0.1", 0)).close()
    assert not _listening(base)


def test_what_it_writes_is_data_and_keys_no_command_line_shows(lab: Lab) -> None:
    assert json.loads(lab.good.scope.read_text("utf-8"))["agency"]["code"] == "H98"
    assert (lab.good.login_key.stat().st_mode & 0o077) == 0
    assert (lab.good.client_key.stat().st_mode & 0o077) == 0
