"""Ordering a run: reads what the operator gives, holds it together, and fixes it in the order, all before the first packet."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from scanner import store, strict_yaml
from scanner.baseline import BoundBaseline, load
from scanner.check import Check
from scanner.i18n import _
from scanner.observations import Sight, Vantage
from scanner.order import Feed, FileDigest, Order
from scanner.plan import sights
from scanner.record import escaped, sha256
from scanner.strict_yaml import InputError
from scanner.tailoring import tailored
from scanner.targets import Pace, Permit, Scope
from scanner.waivers import read_deviations


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the operator gave, read and bound."""

    scope: Scope
    permit: Permit
    permit_envelope: bytes | None
    bound: BoundBaseline
    files: Mapping[str, bytes]
    """The inputs that travel with the run, by their path in it."""


def gathered(  # noqa: PLR0913 - each is a file of its own, given by name
    scope: Scope,
    permit: Permit,
    permit_envelope: bytes | None,
    baseline: tuple[str, bytes],
    checks: Mapping[str, Check[Any, Any]],
    *,
    tailoring: tuple[str, bytes] | None = None,
    deviations: tuple[str, bytes] | None = None,
    anchors: tuple[str, bytes] | None = None,
    crls: tuple[str, bytes] | None = None,
) -> Inputs:
    """The inputs, each checked against the others; raises InputError at the first that does not fit."""
    if permit.agency != scope.agency.code:
        text = _("the permit is for agency {permitted}, the scope is of {agency}")
        raise InputError(text.format(permitted=permit.agency, agency=scope.agency.code))
    bound = load(baseline[1], baseline[0], checks)
    files = {store.BASELINE: baseline[1]}
    if tailoring is not None:
        bound = tailored(bound, tailoring[1], tailoring[0], checks)
        files[store.TAILORING] = tailoring[1]
    if permit_envelope is not None:
        files[store.PERMIT_ENVELOPE] = permit_envelope
    if deviations is not None:
        read_deviations(deviations[1], deviations[0], bound, scope)
        files[store.DEVIATIONS] = deviations[1]
    if anchors is not None:
        if b"-----BEGIN CERTIFICATE-----" not in anchors[1]:
            raise InputError(_("{path}: holds no certificate in PEM form").format(path=anchors[0]))
        files[store.ANCHORS] = anchors[1]
    if crls is not None:
        if b"-----BEGIN X509 CRL-----" not in crls[1]:
            raise InputError(
                _("{path}: holds no CRL in PEM form (openssl crl -inform DER -in FILE converts one)").format(path=crls[0])
            )
        files[store.CRLS] = crls[1]
    return Inputs(scope, permit, permit_envelope, bound, files)


def ordered(
    inputs: Inputs,
    at: datetime,
    *,
    zone: str,
    tool: str,
    code: tuple[FileDigest, ...],
    skip: Iterable[Sight] = (),
    feeds: Iterable[Feed] = (),
    pace: Pace = Pace.NORMAL,
) -> Order:
    """The order of a new run as of this instant, with a nonce of its own."""
    files, nonce = inputs.files, secrets.token_hex(32)
    planned = sights(inputs.scope, inputs.bound)
    return Order(
        run=f"R-{at:%Y%m%d-%H%M%S}-{nonce[:6]}",
        nonce=nonce,
        kind=inputs.permit.kind,
        ordered_at=at,
        judged_at=at,
        scope=inputs.scope,
        permit=inputs.permit,
        permit_envelope=_digest(files, store.PERMIT_ENVELOPE),
        baseline=sha256(files[store.BASELINE]),
        tailoring=_digest(files, store.TAILORING),
        deviations=_digest(files, store.DEVIATIONS),
        trust_anchors=_digest(files, store.ANCHORS),
        crls=_digest(files, store.CRLS),
        feeds=tuple(feeds),
        vantage=Vantage(zone=zone, address=escaped(_own_address(inputs.scope))),
        pace=pace,
        tool=tool,
        checks=code,
        plan=planned,
        skipped=tuple(skip),
    )


def read_scope(path: Path) -> Scope:
    """The scope in this file; a login key named by a relative path is looked for beside the file."""
    document = strict_yaml.read_file(path)
    if isinstance(document.value, dict) and document.value.get("hosts", ()) in ([], None):
        text = _("no host is declared yet; fill in an inventory and run: clearance inventory import FILE --scope {scope}")
        raise document.error(("hosts",), text.format(scope=path))
    scope = document.as_record(Scope)
    hosts = []
    for host in scope.hosts:
        login = host.login
        if login is not None:
            via = login.via and login.via.model_copy(update={"key": _beside(path, login.via.key)})
            login = login.model_copy(update={"key": _beside(path, login.key), "via": via})
        hosts.append(host.model_copy(update={"login": login}))
    return scope.model_copy(update={"hosts": tuple(hosts)})


def _beside(scope: Path, key: str | None) -> str | None:
    return None if key is None else str((scope.parent / Path(key).expanduser()).absolute())


def _digest(files: Mapping[str, bytes], path: str) -> str | None:
    return sha256(files[path]) if path in files else None


def _own_address(scope: Scope) -> str:
    """The address this machine looks from, as its routing table says; asking sends no packet."""
    import socket

    host = scope.hosts[0].address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return "unknown"
