"""The inspector's own key: from the file the scope names or from the SSH agent. No passphrase is asked for, no key is quoted."""

from __future__ import annotations

import io
from contextlib import ExitStack, closing
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from scanner.record import escaped
from scanner.targets import Jump, Login

_KEY_FILE_LIMIT = 65_536


class CredentialError(Exception):
    """There is no key to log in with, and why."""


def keys(login: Login | Jump, stack: ExitStack) -> list[paramiko.PKey]:
    """The keys to offer: the named file's one, or those of the SSH agent, which the stack closes."""
    if login.key is not None:
        return [_from_file(Path(login.key).expanduser())]
    try:
        agent = stack.enter_context(closing(paramiko.Agent()))
    except paramiko.SSHException as error:
        raise CredentialError(f"the SSH agent does not answer: {escaped(str(error), limit=120)}") from None
    if not agent.get_keys():
        raise CredentialError("no key file is named and the SSH agent holds no key")
    return list(agent.get_keys())


def _from_file(path: Path) -> paramiko.PKey:
    try:
        if not path.is_file():
            raise CredentialError(f"{path.name}: no such key file")
        with path.open("rb") as file:
            data = file.read(_KEY_FILE_LIMIT)
    except OSError as error:
        raise CredentialError(f"{path.name}: {error.strerror or 'not readable'}") from None
    try:
        return _offered(_parsed(data))
    except TypeError:  # cryptography's word for a key that wants a passphrase
        raise CredentialError(f"{path.name} is encrypted: put it into the SSH agent") from None
    except (ValueError, UnsupportedAlgorithm, paramiko.SSHException):  # its own words could quote the file
        raise CredentialError(f"{path.name} holds no private key that can be used") from None


def _parsed(data: bytes) -> object:
    if b"BEGIN OPENSSH PRIVATE KEY" in data:
        return serialization.load_ssh_private_key(data, password=None)
    return serialization.load_pem_private_key(data, password=None)


def _offered(key: object) -> paramiko.PKey:
    """The key as paramiko takes it, in the one form of each kind that it reads soundly (not ECDSA keys of OpenSSH's own form)."""
    kind: type[paramiko.PKey]
    form = serialization.PrivateFormat.TraditionalOpenSSL
    match key:
        case Ed25519PrivateKey():
            kind, form = paramiko.Ed25519Key, serialization.PrivateFormat.OpenSSH
        case EllipticCurvePrivateKey():
            kind = paramiko.ECDSAKey
        case RSAPrivateKey():
            kind = paramiko.RSAKey
        case _:
            raise UnsupportedAlgorithm("another kind of key")
    written = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return kind.from_private_key(io.StringIO(written.decode("ascii")))
