"""The targets: a parser, the errors it documents, and well-formed beginnings. Any other error is a find."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from certification import csr, log_proof
from certification.application import application
from certification.authorisation import AuthorisationStatement
from certification.checkpoint import read_checkpoint
from certification.envelope import read_envelope
from certification.refusals import Refusal
from certification.statements import read_statement
from certification.token_uri import read_token_uri
from certification.trust import TrustRoot, read_trust_root
from certification.verify import verify
from scanner import nmap_xml, questionnaire_xlsx, questionnaire_yaml, strict_yaml
from scanner.assessment import Assessment
from scanner.attestations import Deviations
from scanner.baseline import BoundBaseline, load
from scanner.order import Order
from scanner.probes import certificates, revocation, ssh_packets
from scanner.probes.collection.sections import CollectionError, collected
from scanner.probes.sweep.server_flight import flight, is_whole
from scanner.record import RecordError
from scanner.registry import load_checks
from scanner.store import StoreError, packed, unpacked
from scanner.strict_yaml import InputError
from scanner.tailoring import tailored
from scanner.targets import Permit, Scope

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser under test."""

    name: str
    parse: Callable[[bytes], object]
    documented: tuple[type[Exception], ...]
    """What it may raise; nothing where it takes any bytes."""
    seeds: Callable[[], list[bytes]]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


@cache
def _stage() -> dict[str, bytes]:
    """Signed and sealed things of the tests' stage."""
    from certification.signers import signed
    from certification.trust import draft_keyring
    from tests.certification.stage import Case, keyring, signer

    case = Case()
    certificate = case.certificate()
    return {
        "certificate": certificate,
        "payload": read_envelope(certificate).payload,
        "request": case.request,
        "bundle": packed(case.bundle),
        "order": case.bundle["order.json"],
        "assessment": case.bundle["assessment.json"],
        "root": signed(draft_keyring(keyring()), signer("root-1"), signer("root-2")),
    }


@cache
def _log() -> dict[str, bytes]:
    """A checkpoint and a proof of a small log."""
    import tempfile

    from certification.ledger import begun, entered
    from certification.log_store import opened
    from tests.certification.stage import DRAFTED, Case, root, signer

    trust = root()
    certificate = Case(trust=trust).certificate()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "log", "a-log") as log:
        begun(log, signer("a-log"), trust, DRAFTED)
        proof = entered(log, certificate, signer("a-log"), trust, DRAFTED)
        return {"proof": proof.written(), "checkpoint": proof.checkpoint.written()}


@cache
def _leaf() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    from tests.scanner.probes.issuing import Made

    return Made(subject="leaf").certificate().public_bytes(Encoding.DER)


def _crl() -> list[bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding

    from tests.scanner.probes.issuing import NOW, called, key

    builder = x509.CertificateRevocationListBuilder().issuer_name(called("Lab Intermediate")).last_update(NOW).next_update(NOW)
    revoked = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(NOW).build()
    return [builder.add_revoked_certificate(revoked).sign(key("Lab Intermediate"), SHA256()).public_bytes(Encoding.PEM)]


def _csr() -> list[bytes]:
    from tests.certification.stage import CSR

    return [CSR]


def _examples(*names: str) -> list[bytes]:
    return [(ROOT / "examples" / name).read_bytes() for name in names]


def _verified(data: bytes) -> object:
    return verify(data, _trust(), _at())


def _applied(data: bytes) -> object:
    return application(data, _trust(), _at())


@cache
def _trust() -> TrustRoot:
    from tests.certification.stage import root

    return root()


def _bound(data: bytes) -> BoundBaseline:
    return load(data, "fuzz.yaml", load_checks())


def _tailored(data: bytes) -> object:
    return tailored(_parent(), data, "fuzz.yaml", load_checks())


@cache
def _parent() -> BoundBaseline:
    return load((ROOT / "checks" / "baselines" / "npdb-2026.yaml").read_bytes(), "npdb-2026.yaml", load_checks())


def _sections() -> list[bytes]:
    return [b"\nNONCE begin os\nID=debian\n\nNONCE end 0 os\n\nNONCE begin uname\nLinux"]


def _flights() -> list[bytes]:
    hello = bytes.fromhex("16030300310200002d0303" + "11" * 32 + "00" + "c02f" + "00" + "0005ff01000100")
    return [hello, bytes.fromhex("15030300020228"), b"HTTP/1.1 400 Bad Request\r\n", b"\x80\x03\x04\x00\x00"]


def _kexinit() -> list[bytes]:
    return [ssh_packets.packet(ssh_packets.disconnect()), b"SSH-2.0-x\r\n", b"\x00\x00\x00\x0c\x0a" + b"\x14" + b"\x00" * 16]


def _ssh(data: bytes) -> None:
    found = ssh_packets.unpacked(data)
    if found is not None:
        ssh_packets.read_kexinit(found[0])


def _certificate(data: bytes) -> None:
    certificates.facts(certificates.loaded(data), data)


def _workbook() -> list[bytes]:
    from scanner.questionnaire import sheet as asked

    sheet = asked(_bound((ROOT / "examples" / "lab-baseline.yaml").read_bytes()), 3, {})
    return [questionnaire_xlsx.write(sheet), questionnaire_yaml.write(sheet)]


def _nmap() -> list[bytes]:
    service = b'<state state="open"/><service name="ssh" product="OpenSSH"><cpe>cpe:/a:x</cpe></service>'
    port = b'<ports><port protocol="tcp" portid="22">' + service + b"</port></ports>"
    end = b'<runstats><finished exit="success"/></runstats></nmaprun>'
    return [b'<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun><host><status state="up"/>' + port + b"</host>" + end]


def targets() -> Iterator[Target]:
    """Every target."""
    signed = (Refusal,)
    yield Target("envelope", read_envelope, signed, lambda: [_stage()["certificate"]])
    yield Target("statement", lambda data: read_statement(data, AuthorisationStatement), signed, lambda: [_stage()["payload"]])
    yield Target("certificate", _verified, signed, lambda: [_stage()["certificate"]])
    yield Target("application", _applied, (Refusal, StoreError), lambda: [_stage()["request"], _stage()["bundle"][:20_000]])
    yield Target("trust-root", lambda data: read_trust_root(data, _at()), signed, lambda: [_stage()["root"]])
    yield Target("checkpoint", read_checkpoint, signed, lambda: [_log()["checkpoint"]])
    yield Target("log-proof", log_proof.read_log_proof, signed, lambda: [_log()["proof"]])
    yield Target(
        "token-uri", lambda data: read_token_uri(_text(data)), signed, lambda: [b"pkcs11:token=T;object=K?module-path=/x.so"]
    )
    yield Target("signing-request", csr.proven_key, signed, _csr)
    yield Target("bundle", unpacked, (StoreError,), lambda: [_stage()["bundle"][:20_000], _stage()["bundle"]])
    yield Target("order", Order.read, (RecordError,), lambda: [_stage()["order"]])
    yield Target("assessment", Assessment.read, (RecordError,), lambda: [_stage()["assessment"]])
    yield Target("scope", lambda data: _record(data, Scope), (InputError,), lambda: _examples("scope.yaml"))
    yield Target("permit", lambda data: _record(data, Permit), (InputError,), lambda: _examples("permit.yaml"))
    yield Target("waivers", lambda data: _record(data, Deviations), (InputError,), lambda: _examples("waivers.yaml"))
    yield Target("baseline", _bound, (InputError,), lambda: _examples("lab-baseline.yaml"))
    yield Target("tailoring", _tailored, (InputError,), lambda: _examples("tailoring.yaml"))
    yield Target("questionnaire-xlsx", lambda data: questionnaire_xlsx.read(data, "q"), (InputError,), lambda: _workbook()[:1])
    yield Target("questionnaire-yaml", lambda data: questionnaire_yaml.read(data, "q"), (InputError,), lambda: _workbook()[1:])
    yield Target("nmap-xml", lambda data: nmap_xml.read(io.BytesIO(data)), (nmap_xml.UnreadableError,), _nmap)
    yield Target("server-flight", lambda data: (flight(data), is_whole(data)), (), _flights)
    yield Target("ssh-packet", _ssh, (ssh_packets.PacketError,), _kexinit)
    yield Target("peer-certificate", _certificate, (certificates.UnreadableError,), lambda: [_leaf()])
    yield Target("crl", revocation.crls_in, (ValueError,), _crl)
    yield Target("collection", lambda data: collected(data, "NONCE"), (CollectionError,), _sections)
    yield Target("json", lambda data: json.dumps(_json(data)), (RecordError,), lambda: [b'{"a":[1,2.5,null,true,"\\u0041"]}'])


def _json(data: bytes) -> object:
    from scanner.record import parse_json

    return parse_json(data)


def _record(data: bytes, kind: type[Scope | Permit | Deviations]) -> object:
    return strict_yaml.parse(data, "fuzz.yaml").as_record(kind)


def _at() -> datetime:
    from tests.certification.stage import LATER

    return LATER
