"""Signers: key files, passphrases, and that nothing but a typed statement can be signed."""

from __future__ import annotations

import inspect
import json
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from securesystemslib.dsse import Envelope as DsseEnvelope
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # it lists no __all__

from certification import signers
from certification.envelope import Envelope, read_envelope
from certification.keys import Signature, pem_of, spki_sha256, verified, verifier
from certification.permits import draft_permit
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.sealing import draft_scan_evidence
from certification.signers import FileSigner, Signer, new_key, signed, signer_of
from certification.statements import subjects
from scanner.record import canonical
from tests.certification.stage import SEEN, Case, permit, refused

STATEMENT = draft_permit(permit(), SEEN)


def never(name: str) -> str:
    """Fails the test that asks for a passphrase without need."""
    pytest.fail(f"asked for the passphrase of {name}")


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa-p256"])
def test_a_new_key_signs_and_its_public_half_verifies(tmp_path: Path, algorithm: str) -> None:
    public = new_key(tmp_path / "k.pem", algorithm)
    held = signer_of(f"file:{tmp_path / 'k.pem'}", never)
    assert (held.keyid, held.public_pem) == (spki_sha256(public), pem_of(public))
    envelope = read_envelope(signed(STATEMENT, held))
    assert envelope.payload == STATEMENT.written()
    verified(verifier(public), envelope.signatures[0], envelope.pae())
    with refused(Code.SIGNATURE_WRONG):
        verified(verifier(public), envelope.signatures[0], Envelope(envelope.payload + b" ").pae())


KINDS: dict[str, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "rsa": rsa.generate_private_key(65_537, 2_048),
}


@pytest.mark.parametrize("kind", KINDS)
def test_another_library_signs_verifies_and_encodes_the_same(kind: str) -> None:
    """securesystemslib, the library of TUF and in-toto: what it signs is verified here, and what is written here it verifies."""
    private = KINDS[kind]
    ours, theirs = (
        verifier(private.public_key()),
        SSlibKey.from_crypto(private.public_key(), keyid=spki_sha256(private.public_key())),
    )
    assert (ours.keyid, ours.scheme) == (theirs.keyid, theirs.scheme)
    bare = Envelope(STATEMENT.written())
    made = CryptoSigner(private, theirs).sign(bare.pae())
    envelope = bare.signed_also(Signature(made.keyid, made.signature))
    verified(ours, envelope.signatures[0], envelope.pae())
    read = DsseEnvelope.from_dict(json.loads(envelope.written()))
    assert read.pae() == envelope.pae()
    assert canonical(read.to_dict()) == envelope.written()
    assert set(read.verify([theirs], 1)) == {ours.keyid}
    good = bytes.fromhex(made.signature)
    for place in range(len(good)):
        changed = good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
        with pytest.raises(UnverifiedSignatureError):
            theirs.verify_signature(type(made)(made.keyid, changed.hex()), envelope.pae())
        with refused(Code.SIGNATURE_WRONG):
            verified(ours, Signature(made.keyid, changed.hex()), envelope.pae())
    for wrong in (
        "",
        "00",
        "zz",
        made.signature[:-2],
        made.signature + "00",
        "0" * len(made.signature),
        "f" * len(made.signature),
    ):
        with refused(Code.SIGNATURE_WRONG):
            verified(ours, Signature(made.keyid, wrong), envelope.pae())
    with refused(Code.SIGNATURE_WRONG):
        verified(ours, Signature("00" * 32, made.signature), envelope.pae())
    for other, key in KINDS.items():
        if other != kind:
            with refused(Code.SIGNATURE_WRONG):
                verified(verifier(key.public_key()), Signature(spki_sha256(key.public_key()), made.signature), envelope.pae())


def test_a_new_key_is_for_its_owner_only_and_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    new_key(path, "ed25519")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with refused(Code.KEY_EXISTS):
        new_key(path, "ed25519")
    assert path.read_bytes() == before
    with refused(Code.KEY_WEAK):
        new_key(tmp_path / "other.pem", "rsa")
    with refused(Code.KEY_UNREADABLE):
        new_key(tmp_path / "none" / "k.pem", "ed25519")


def test_an_encrypted_key_asks_for_its_passphrase_once_by_file_name(tmp_path: Path) -> None:
    new_key(tmp_path / "k.pem", "ed25519", "mật khẩu")
    asked: list[str] = []

    def passphrase(name: str) -> str:
        asked.append(name)
        return "mật khẩu"

    assert signer_of(f"file:{tmp_path / 'k.pem'}", passphrase).keyid
    assert asked == ["k.pem"]


def test_a_wrong_passphrase_is_refused_and_stands_in_no_message(tmp_path: Path) -> None:
    new_key(tmp_path / "k.pem", "ecdsa-p256", "right")
    with pytest.raises(Refusal) as caught:
        signer_of(f"file:{tmp_path / 'k.pem'}", lambda _: "wrong-secret")
    assert caught.value.code is Code.KEY_UNREADABLE
    assert "wrong-secret" not in f"{caught.value!r} {caught.value.message} {caught.value.__cause__!r}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    new_key(tmp_path / "k.pem", "ed25519")
    (tmp_path / "k.pem").chmod(mode)
    with refused(Code.KEY_FILE_OPEN):
        signer_of(f"file:{tmp_path / 'k.pem'}", never)


def _file(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    path.chmod(0o600)
    return f"file:{path}"


def _pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_files_that_hold_no_fitting_key_are_refused(tmp_path: Path) -> None:
    cases = {
        "text": (b"no key", Code.KEY_UNREADABLE),
        "large": (b"x" * 100_000, Code.KEY_UNREADABLE),
        "rsa": (_pem(rsa.generate_private_key(65_537, 2_048)), Code.KEY_WEAK),
        "p384": (_pem(ec.generate_private_key(ec.SECP384R1())), Code.KEY_WEAK),
    }
    for name, (data, code) in cases.items():
        with refused(code):
            signer_of(_file(tmp_path / name, data), never)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for missing in (tmp_path / "none", tmp_path, tmp_path / "pipe"):
        with refused(Code.KEY_UNREADABLE):
            signer_of(f"file:{missing}", never)


@pytest.mark.parametrize("uri", ["pkcs11:token=x;object=y?module-path=/x.so", "k.pem", "file:", "http://x/k.pem"])
def test_other_signers_are_not_available_and_say_so(uri: str) -> None:
    with refused(Code.SIGNER_UNAVAILABLE):
        signer_of(uri, never)


def test_no_signer_signs_bytes() -> None:
    for kind in (Signer, FileSigner):
        public = [name for name in vars(kind) if not name.startswith("_")]
        assert sorted(public) == ["cosign", "keyid", "public_pem", "sign", "sign_both", "sign_checkpoint", "sign_paper"]
        assert inspect.signature(kind.sign).parameters["statement"].annotation == "Statement"
        for notes in (kind.sign_checkpoint, kind.cosign):
            assert inspect.signature(notes).parameters["checkpoint"].annotation == "Checkpoint"
        assert inspect.signature(kind.sign_both).parameters["words"].annotation == "QrWords"
        assert inspect.signature(kind.sign_paper).parameters["paper"].annotation == "SoundPaper"
    with pytest.raises(AttributeError):
        signers.FileSigner(ec.generate_private_key(ec.SECP256R1())).sign(b"bytes")  # type: ignore[arg-type]


def test_what_is_signed_is_shown_whole() -> None:
    long = draft_permit(permit(decision="12/QĐ-BCA " + "rất dài " * 100), SEEN)
    shown = rendered(long)
    assert "12/QĐ-BCA " + "rất dài " * 100 in shown
    assert "10.1.2.0/24" in shown
    assert "urn:npd:clearance:permit/v1" in shown


def test_a_long_list_of_files_shows_its_digest(case: Case) -> None:
    few = draft_scan_evidence(case.bundle, SEEN)
    shown = rendered(few)
    assert all(subject.name in shown for subject in few.subject)
    many = few.model_copy(update={"subject": subjects({f"file-{number}": "00" * 32 for number in range(30)})})
    other = few.model_copy(update={"subject": subjects({f"file-{number}": "00" * 32 for number in range(31)})})
    assert "and 10 more" in rendered(many)
    assert rendered(many).splitlines()[-1] != rendered(other).splitlines()[-1]


def test_a_line_break_in_a_value_does_not_draw_a_line_of_its_own() -> None:
    shown = rendered(draft_permit(permit(decision="1\n  kind: official"), SEEN))
    assert "decision: 1\\x0a  kind: official" in shown
