"""A gateway to test: the proxy itself, two services behind it, and clients that call it as an agency would."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway import haproxy, nginx
from gateway.applying import Applied, apply
from gateway.site import Proxy, Site
from gateway.states import CLOSED, States
from tests.gateway.stage import NOW, Client, Office
from tests.lab.processes import started

NAME = "npd.example.vn"
_NGINX = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {states}/current/nginx.conf;
}}
"""
_HAPROXY = """\
global
  maxconn 256
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
"""


@dataclass(frozen=True)
class Reply:
    """What a client got: no status where the connection was ended instead."""

    status: int | None
    text: str = ""
    state: str | None = None

    @property
    def let_in(self) -> bool:
        return self.status == 200

    @property
    def told(self) -> dict[str, str]:
        """What the service behind the gateway was told."""
        found: dict[str, str] = json.loads(self.text)
        return found


@dataclass
class Stand:
    """One proxy, its site, and the office whose bundles it is given."""

    site: Site
    office: Office
    folder: Path
    calls: int = 0
    stack: ExitStack = field(default_factory=ExitStack)

    def apply(self, data: bytes | None = None, at: datetime | None = None, **changes: Any) -> Applied:
        """Puts the office's next bundle, or this one, in force."""
        data = self.office.export(**changes).data if data is None else data
        return apply(data, self.office.trust, self.site, at or _clock())

    def connection(self, client: Client | bytes | None, source: str = "127.0.0.1", version: Any = None) -> Connection:
        """A connection as an agency opens it."""
        pem = client.pem if isinstance(client, Client) else client
        made = Connection(self.site, pem, self.folder, source, version)
        self.stack.callback(made.http.close)
        return made

    def call(self, client: Client | bytes | None, path: str = "/v1/verify", **more: Any) -> Reply:
        """One request on a connection of its own."""
        connection = self.connection(client, **more)
        try:
            return connection.get(path)
        finally:
            connection.http.close()


class Connection:
    """A connection that may be kept open."""

    def __init__(self, site: Site, pem: bytes | None, folder: Path, source: str, version: Any) -> None:
        self.context = ssl.create_default_context(cafile=site.server_certificate)
        if version is not None:
            self.context.minimum_version = self.context.maximum_version = version
        if pem is not None:
            path = folder / f"client-{os.getpid()}.pem"
            path.write_bytes(pem)
            self.context.load_cert_chain(path)
        host, port = site.probed
        self.http = http.client.HTTPSConnection(NAME, port, timeout=10, context=self.context)
        self.http._create_connection = lambda _address, timeout, _source: socket.create_connection(  # type: ignore[attr-defined]
            (host, port), timeout, (source, 0)
        )
        self.session: ssl.SSLSession | None = None

    def get(self, path: str = "/v1/verify", headers: Mapping[str, str] | None = None) -> Reply:
        try:
            self.http.putrequest("GET", path, skip_accept_encoding=True)
            for name, value in (headers or {"Clearance-Serial": "CC-of-somebody-else"}).items():
                self.http.putheader(name, value)
            self.http.endheaders()
            answer = self.http.getresponse()
            reply = Reply(answer.status, answer.read().decode(), answer.getheader("Clearance-State"))
            if isinstance(self.http.sock, ssl.SSLSocket):
                self.session = self.http.sock.session
        except (OSError, http.client.HTTPException):
            self.http.close()
            return Reply(None)
        return reply

    def resumed(self, path: str = "/v1/verify") -> tuple[bool, Reply]:
        """Whether another connection could go on with this one's session, and what it gets."""
        session, port = self.session, self.http.port
        try:
            with (
                socket.create_connection(("127.0.0.1", port), 10) as plain,
                self.context.wrap_socket(plain, server_hostname=NAME, session=session) as secured,
            ):
                secured.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
                answer = http.client.HTTPResponse(secured)
                answer.begin()
                return bool(secured.session_reused), Reply(answer.status, answer.read().decode())
        except (OSError, http.client.HTTPException):
            return False, Reply(None)


def eventually(what: Any, seconds: float = 20) -> bool:
    """Whether it becomes true within a generous time."""
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        told = {name: value for name, value in self.headers.items() if name.lower().startswith("clearance-")}
        body = json.dumps({"service": self.server.name, "path": self.path, **told}).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def service(name: str) -> Iterator[str]:
    """A service behind the gateway, which tells what it was told."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a proxy that is stopped just hangs up
    server.name = name  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def server_certificate(folder: Path) -> Path:
    """The gateway's own certificate, its key beside it as HAProxy looks for it."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    secret = folder / "server.pem.key"
    secret.touch(mode=0o600)
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@contextmanager
def stand(proxy: Proxy, folder: Path, office: Office) -> Iterator[Stand]:
    """A proxy that runs, closed as it is before its first bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate = server_certificate(folder)
    with ExitStack() as stack:
        port = free_port()
        given: dict[str, Any] = {
            "proxy": proxy,
            "folder": str(folder / "gateway"),
            "trust": str(folder / "trust.dsse.json"),
            "listen": f"127.0.0.1:{port}",
            "server_name": NAME,
            "server_certificate": str(certificate),
            "server_key": f"{certificate}.key",
            "official": stack.enter_context(service("official")),
            "sandbox": stack.enter_context(service("sandbox")),
        }
        main = folder / "main.cfg"
        states = States(folder / "gateway")
        words: dict[str, Any] = {"test": ("true",), "reload": ("true",)}
        closed = {Proxy.NGINX: nginx.nginx_closed, Proxy.HAPROXY: haproxy.haproxy_closed}[proxy]
        with states.held():
            states.write(CLOSED, closed(Site(**given, **words), CLOSED))
            states.swap(CLOSED)
        if proxy is Proxy.NGINX:
            main.write_text(_NGINX.format(folder=folder, states=states.folder))
            run = ["nginx", "-e", "stderr", "-c", str(main)]
            words = {"test": ("nginx", "-t", *run[1:]), "reload": (*run, "-s", "reload")}
            started(stack, run, folder / "proxy.log", [("127.0.0.1", port)], signal.SIGTERM)
        else:
            main.write_text(_HAPROXY)
            pid = folder / "haproxy.pid"
            run = ["haproxy", "-W", "-f", str(main), "-f", f"{states.folder}/current/haproxy.cfg", "-p", str(pid)]
            started(stack, run, folder / "proxy.log", [("127.0.0.1", port)], signal.SIGTERM)
            with suppress(FileNotFoundError):
                eventually(lambda: pid.exists() and pid.read_text().strip())
            words = {
                "test": ("haproxy", "-c", "-f", str(main), "-f", "{state}"),
                "reload": ("kill", "-USR2", pid.read_text().split()[0]),
            }
        yield Stand(Site(**given, **words), office, folder)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _clock() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
