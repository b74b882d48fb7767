"""Real tokens for tests: SoftHSM2 with a store of its own in a temporary folder, and keys imported into it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "so-geheim-735190"
"""The user PIN of every token made here; no output may ever hold it."""
SO_PIN = "aufseher-4711"

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
P256 = ec.SECP256R1()
P384 = ec.SECP384R1()


@dataclass(frozen=True)
class Store:
    """A SoftHSM2 store: initialise tokens in it, then load the library."""

    folder: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment in which the library finds this store."""
        return {**os.environ, "SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def token(self, label: str) -> None:
        """A new token of this label."""
        self._run("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN)

    def key(self, token: str, label: str, private: Key, number: str = "01") -> None:
        """Imports both halves of a key."""
        path = self.folder / "key.p8"
        path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._run("--import", str(path), "--token", token, "--label", label, "--id", number, "--pin", PIN)
        path.unlink()

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(["softhsm2-util", *arguments], env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout


def store_at(folder: Path) -> Store:
    """An empty store in this folder."""
    if not Path(MODULE).is_file() or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM2 is not installed (Debian: softhsm2)")
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    return Store(folder)


def uri(token: str, key: str, *more: str) -> str:
    """The URI of a key in a store."""
    return ";".join([f"pkcs11:token={quote(token, safe='')}", f"object={quote(key, safe='')}", *more]) + f"?module-path={MODULE}"


def rsa_key(bits: int = 2_048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(65_537, bits)


def ec_key(curve: ec.EllipticCurve = P256) -> ec.EllipticCurvePrivateKey:
    """A new key on this curve."""
    return ec.generate_private_key(curve)
