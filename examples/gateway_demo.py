"""The gateway of the exercise: a real nginx on loopback that lets in whom the log says, and nobody else."""

from __future__ import annotations

import http.client
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.ceremony import Command
from tests.gateway.proxies import free_port, server_certificate, service
from tests.lab.processes import started

NAME = "npd.example.vn"
_MAIN = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/states/current/nginx.conf;
}}
"""
_SITE = """\
proxy = "nginx"
folder = "{folder}/states"
trust = "{trust}"
listen = "127.0.0.1:{port}"
server_name = "{name}"
server_certificate = "{folder}/server.pem"
server_key = "{folder}/server.pem.key"
official = "{official}"
sandbox = "{sandbox}"
test = ["nginx", "-t", "-e", "stderr", "-c", "{folder}/nginx.conf"]
reload = ["nginx", "-e", "stderr", "-c", "{folder}/nginx.conf", "-s", "reload"]
"""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gateway, and what an authority needs to write its bundles."""

    clearance: Command
    folder: Path
    root: Path
    log: Path
    port: int

    def admit(self, certificate: Path) -> None:
        """Makes the agency's client certificate."""
        signer = ("--ca-signer", f"file:{self._keys}/connection-ca.pem")
        self.clearance(
            "gateway", "client", certificate, "--trust", self.root, "--ca", self._ca, *signer, "--clients", self._desk / "clients"
        )  # fmt: skip

    def renew(self) -> None:
        """Writes the next bundle and puts it in force."""
        bundle = self._desk / "gateway.bundle"
        self.clearance(
            "gateway", "export", "--log", self.log, "--trust", self.root, "--ca", self._ca,
            "--ca-signer", f"file:{self._keys}/connection-ca.pem", "--clients", self._desk / "clients",
            "--signer", f"file:{self._keys}/gateway.pem", "--state", self._desk / "sequence.json", "--out", bundle,
        )  # fmt: skip
        self.clearance("gateway", "apply", bundle, "--site", self.folder / "site.toml")

    def call(self, serial: str, key: Path, source: str, path: str) -> tuple[int | None, str]:
        """What the agency gets when it connects from there with its client certificate; no status where TLS refuses."""
        context = ssl.create_default_context(cafile=self.folder / "server.pem")
        context.load_cert_chain(self._desk / "clients" / f"{serial}.pem", key)
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), 10, (source, 0)) as plain,
                context.wrap_socket(plain, server_hostname=NAME) as secured,
            ):
                secured.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
                answer = http.client.HTTPResponse(secured)
                answer.begin()
                return answer.status, answer.read(4_096).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException):
            return None, "refused in TLS"

    @property
    def _desk(self) -> Path:
        return self.folder.parent

    @property
    def _keys(self) -> Path:
        return self._desk / "keys"

    @property
    def _ca(self) -> Path:
        return self._desk / "connection-ca.pem"


@contextmanager
def gateway(clearance: Command, folder: Path, root: Path, log: Path) -> Iterator[Gate]:
    """An nginx that starts closed; stopped again afterwards."""
    folder.mkdir()
    server_certificate(folder)
    with ExitStack() as stack:
        port = free_port()
        official, sandbox = (stack.enter_context(service(name)) for name in ("official", "sandbox"))
        words = {"folder": folder, "trust": root, "port": port, "name": NAME, "official": official, "sandbox": sandbox}
        (folder / "site.toml").write_text(_SITE.format(**words), encoding="utf-8")
        (folder / "nginx.conf").write_text(_MAIN.format(folder=folder), encoding="utf-8")
        # Closed first: there is no proxy yet that could be reloaded, and the command says so.
        signer = ("--ca-signer", f"file:{folder.parent}/keys/connection-ca.pem")
        clearance("gateway", "ca", "--trust", root, *signer, "--out", folder.parent / "connection-ca.pem", show=False)
        clearance("gateway", "close", "--site", folder / "site.toml", expect=12, show=False)
        command: list[str | Path] = ["nginx", "-e", "stderr", "-c", folder / "nginx.conf"]
        started(stack, command, folder / "nginx.log", [("127.0.0.1", port)], signal.SIGTERM)
        yield Gate(clearance, folder, root, log, port)
