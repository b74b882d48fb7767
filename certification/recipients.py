"""Bundles encrypted to named recipients, in the age format: a sealed bundle lists every weakness of an agency.

Encryption hides a bundle on the road and proves nothing: what was opened is verified as if it had come in the clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from certification.refusals import Code, Refusal
from certification.signers import Passphrase, own_file, write_secret
from scanner.findings import said

if TYPE_CHECKING:
    from types import ModuleType

HEADER = b"age-encryption.org/v1\n"
"""How every file in the age format begins."""
MOST_RECIPIENTS = 64
_PREFIX = "age1"


def is_sealed_to(data: bytes) -> bool:
    """Whether these bytes are encrypted to somebody."""
    return data.startswith(HEADER)


def read_recipients(text: str, name: str) -> tuple[str, ...]:
    """The recipients in this text, one a line, `#` before remarks; refuses what is none, and a list of nobody."""
    lines = [line.strip() for line in text.splitlines()]
    found = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not found:
        raise Refusal(Code.RECIPIENT, said("{name}: names nobody", name=name))
    for one in found:
        _recipient(one)
    return found


def sealed_to(data: bytes, recipients: Sequence[str]) -> bytes:
    """The bytes, readable by each of these recipients and by nobody else."""
    if not 1 <= len(recipients) <= MOST_RECIPIENTS:
        raise Refusal(
            Code.RECIPIENT,
            said("{count} recipients, where 1 to {most} can be named", count=len(recipients), most=MOST_RECIPIENTS),
        )
    return bytes(_age().encrypt(data, [_recipient(one) for one in recipients]))


def unsealed(data: bytes, identity: Path, passphrase: Passphrase) -> bytes:
    """The bytes that were encrypted to this identity, whole; refuses what was changed, cut short, or is for somebody else."""
    age = _age()
    if not is_sealed_to(data):
        raise Refusal(Code.NOT_ENCRYPTED, said("the file is not encrypted to anybody"))
    try:
        return bytes(age.decrypt(data, _identities(identity, passphrase)))
    except age.DecryptError:
        raise Refusal(Code.NOT_OPENED, said("not for this identity, or changed on the way")) from None


def new_identity(path: Path, passphrase: str | None = None) -> str:
    """The recipient by which others encrypt to a new identity, which is written to this path for its owner only; overwrites nothing."""
    age = _age()
    identity = age.x25519.Identity.generate()
    text = f"# public key: {identity.to_public()}\n{identity}\n".encode()
    write_secret(path, bytes(age.passphrase.encrypt(text, passphrase)) if passphrase else text)
    return str(identity.to_public())


def _identities(path: Path, passphrase: Passphrase) -> list[Any]:
    age, data = _age(), own_file(path)
    try:
        if is_sealed_to(data):
            data = bytes(age.passphrase.decrypt(data, passphrase(path.name)))
        lines = [line.strip() for line in data.decode("ascii").splitlines()]
        found = [age.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (age.DecryptError, age.IdentityError, UnicodeDecodeError):
        # The library's own words are left out: they could quote the input.
        raise Refusal(Code.KEY_UNREADABLE, said("{path}: no age identity, or another passphrase", path=str(path))) from None
    if not found:
        raise Refusal(Code.KEY_UNREADABLE, said("{path}: holds no age identity", path=str(path)))
    return found


def _recipient(word: str) -> Any:
    age = _age()
    try:
        if word.startswith(_PREFIX):
            return age.x25519.Recipient.from_str(word)
    except age.RecipientError:
        pass  # the library's own words say less than ours
    message = said("{word}: a recipient begins with age1; `clearance keys new FILE --algorithm age` makes one", word=word[:80])
    raise Refusal(Code.RECIPIENT, message)


def _age() -> ModuleType:
    try:
        import pyrage as found
    except ImportError:
        raise Refusal(Code.EXTRA_MISSING, said("encrypting needs the extra `seal`: pip install 'clearance[seal]'")) from None
    module: ModuleType = found
    return module
