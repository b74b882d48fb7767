"""The proxy's own programs: its test of a configuration, and its reload. Fixed words, no shell, bounded in time and output."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from gateway.fault import GatewayError
from scanner.findings import said

PATIENCE = 60.0
"""Seconds a test or a reload may take."""
_SHOWN = 800
_NGINX_ALONE = """\
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  include {configuration};
}}
"""


def run(command: tuple[str, ...], state: Path, what: str) -> None:
    """Runs a program of the proxy; raises GatewayError with the end of what it says where it fails."""
    words = [word.replace("{state}", str(state)) for word in command]
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False, env=environment
        )
    except FileNotFoundError:
        raise GatewayError(said("{what}: the program {program} is not there", what=what, program=words[0])) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GatewayError(said("{what}: {why}", what=what, why=type(error).__name__)) from None
    if done.returncode:
        told = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-_SHOWN:]
        message = said(
            "{what}: exit status {status}: {told}", what=what, status=done.returncode, told=" / ".join(told.split("\n"))
        )
        raise GatewayError(message)


def nginx_alone(configuration: Path) -> None:
    """Returns where nginx takes this state by itself, before it is put in force."""
    with tempfile.TemporaryDirectory(prefix="clearance-nginx-") as folder:
        main = Path(folder) / "nginx.conf"
        main.write_text(_NGINX_ALONE.format(folder=folder, configuration=configuration), encoding="utf-8")
        run(("nginx", "-t", "-e", "stderr", "-c", str(main)), configuration, "nginx -t")
