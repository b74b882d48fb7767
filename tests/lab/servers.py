"""Configurations of the lab's nginx and redis: sound ones and bad ones."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.lab.pki import Served
from tests.lab.processes import Address, started

_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  default_type text/html;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{servers}
}}
"""
_ANYTHING_GOES = """\
openssl_conf = start
[start]
ssl_conf = ssl
[ssl]
system_default = server
[server]
MinProtocol = TLSv1
CipherString = DEFAULT:@SECLEVEL=0
"""
_PAGE = '  location = / {{ return 200 "<!doctype html><title>{name}</title><p>{name}\\n"; }}\n  location / {{ return 404; }}\n'
_SOUND_TLS = """\
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:\
ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305;
  ssl_session_tickets off;
  ssl_prefer_server_ciphers on;
  server_tokens off;
  add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;
  add_header X-Content-Type-Options nosniff always;
  add_header X-Frame-Options DENY always;
  add_header Referrer-Policy no-referrer always;
  add_header Content-Security-Policy "default-src 'self'; frame-ancestors 'none'" always;
"""
_OLD_TLS = """\
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
  ssl_ciphers ALL:COMPLEMENTOFDEFAULT:@SECLEVEL=0;
  server_tokens on;
"""


@dataclass(frozen=True, slots=True)
class Site:
    """One listening port of nginx."""

    address: Address
    name: str
    tls: Served | None = None
    old: bool = False
    redirect_to: int | None = None
    """The https port plain HTTP is sent to; content is served in clear where None."""

    def block(self) -> str:
        """Its server block."""
        host, port = self.address
        listen = f"  listen {host}:{port}{' ssl' if self.tls else ''};\n  server_name {self.name};\n"
        if self.tls is None:
            where = "" if self.redirect_to == 443 else f":{self.redirect_to}"
            answer = f"  server_tokens off;\n  location / {{ return 301 https://{self.name}{where}$request_uri; }}\n"
            return _block(listen + (answer if self.redirect_to else _PAGE.format(name=self.name)))
        keys = f"  ssl_certificate {self.tls.chain};\n  ssl_certificate_key {self.tls.key};\n"
        return _block(listen + keys + (_OLD_TLS if self.old else _SOUND_TLS) + _PAGE.format(name=self.name))


def nginx(stack: ExitStack, folder: Path, sites: tuple[Site, ...], *, weak: bool = False) -> None:
    """Starts one nginx that serves these sites; OpenSSL lets pass whatever it can where `weak`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, servers="".join(site.block() for site in sites)), encoding="utf-8")
    openssl = folder / "openssl.cnf"
    openssl.write_text(_ANYTHING_GOES, encoding="utf-8")  # Debian's own refuses to serve a 1024-bit key
    environment = {"OPENSSL_CONF": str(openssl)} if weak else {}
    command: list[str | Path] = ["nginx", "-p", folder, "-e", folder / "nginx.error.log", "-c", config]
    started(stack, command, folder / "nginx.log", [site.address for site in sites], signal.SIGQUIT, environment)


def redis(stack: ExitStack, folder: Path, address: Address, password: str | None) -> None:
    """Starts a redis that asks for a password, or one that asks for nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"bind {address[0]}", f"port {address[1]}", f"dir {folder}", 'save ""', "appendonly no", "daemonize no"]
    lines += [f"requirepass {password}"] if password else ["protected-mode no"]
    config = folder / "redis.conf"
    config.touch(mode=0o600)
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    started(stack, ["redis-server", config], folder / "redis.log", [address])


def _block(body: str) -> str:
    return f"server {{\n{body}}}\n"
