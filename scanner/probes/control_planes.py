"""Control planes behind HTTP - container engines, orchestrators, coordination stores - by how they answer strangers. Pure; trusts no byte."""

from __future__ import annotations

import re

from scanner.probes.protocols import Recognised

_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})")


def clue(said: bytes) -> str | None:
    """Which control plane the answer to GET / may come from; None where it is like none."""
    status = _status(said)
    if status == 404 and b'{"message":"page not found"}' in said:
        return "docker"
    if b'"kind":"Status"' in said.replace(b" ", b"") or (status == 200 and b'"paths":' in said and b'"/api' in said):
        return "kubernetes"
    if status == 404 and b"404 page not found" in said:
        return "etcd"
    return None


QUESTIONS = {
    "docker": b"GET /version HTTP/1.0\r\nHost: %s\r\nAccept: application/json\r\n\r\n",
    "kubernetes": b"GET /api HTTP/1.0\r\nHost: %s\r\nAccept: application/json\r\n\r\n",
    "etcd": (
        b"POST /v3/kv/range HTTP/1.0\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n"
        b'{"key":"AA==","limit":1,"keys_only":true}'
    ),
}
"""What is asked then: read-only, without a credential; of etcd the first key's name, which is not kept."""


def answered(plane: str, said: bytes) -> Recognised | None:
    """What the answer shows; None where it is another server after all."""
    status = _status(said)
    match plane:
        case "docker" if status == 200 and b'"ApiVersion"' in said:
            return Recognised("docker", strangers=True)
        case "docker" if status in (401, 403):
            return Recognised("docker", strangers=False)
        case "kubernetes" if status == 200 and b'"APIVersions"' in said.replace(b" ", b""):
            return Recognised("kubernetes", strangers=True)
        case "kubernetes" if status in (401, 403):
            return Recognised("kubernetes", strangers=False)
        case "etcd" if status == 200 and b'"header"' in said and b'"cluster_id"' in said:
            return Recognised("etcd", strangers=True)
        case "etcd" if status in (400, 401, 403) and re.search(rb"user name is empty|permission denied|auth", said):
            return Recognised("etcd", strangers=False)
    return None


def _status(said: bytes) -> int:
    match = _STATUS.match(said)
    return int(match[1]) if match else 0
