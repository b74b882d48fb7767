"""A signer whose key never leaves its token: shows what it signs, asks once for the PIN, and tries it once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha384
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from certification.checkpoint import Checkpoint, NoteSignature
from certification.envelope import Envelope
from certification.keys import PublicKey, Signature, pem_of, spki_sha256, verified, verifier
from certification.qr_token import QrSignature, QrWords, algorithm_of, raw, signed_bytes
from certification.refusals import Code, Refusal
from certification.rendering import rendered
from certification.statements import Statement
from certification.token_uri import TokenUri
from certification.tokens import failing, one_object, public_in, public_key_of, token_of
from scanner.findings import said
from scanner.i18n import N_, shown

if TYPE_CHECKING:
    from pkcs11 import Session, Token

    from certification.paper import SoundPaper

_SPENT: set[tuple[str, bytes]] = set()
"""Library and serial of each token that refused a PIN in this process: none is asked again."""


@dataclass(frozen=True, slots=True)
class Presence:
    """How a person at the token is shown what is signed, and asked for the PIN."""

    show: Callable[[str], None]
    pin: Callable[[TokenUri, str], str]
    """Given the URI and what to say about the token; called at most once for each signature, after `show`."""


class TokenSigner:
    """A signer whose key is on a PKCS#11 token. Made without a PIN: only the public half is read."""

    __slots__ = ("_presence", "_public", "_uri")

    def __init__(self, uri: TokenUri, presence: Presence) -> None:
        self._uri = uri
        self._presence = presence
        self._public = public_key_of(uri)

    @property
    def keyid(self) -> str:
        """The SHA-256 of the public key's SubjectPublicKeyInfo."""
        return spki_sha256(self._public)

    @property
    def public_pem(self) -> str:
        """The public key in PEM."""
        return pem_of(self._public)

    def sign(self, statement: Statement) -> Signature:
        """The signature over the statement's envelope encoding, verified before it is handed out.

        What is signed is shown first, then the PIN is asked for. A PIN the token refuses is a Refusal, and no PIN is
        tried on that token again by this process.
        """
        (made,) = self._signed(rendered(statement), Envelope(statement.written()).pae())
        return made

    def sign_paper(self, paper: SoundPaper, attributes: bytes) -> bytes:
        """The signature over the signed attributes of a signature in this PDF (CMS, RFC 5652 section 5.4)."""
        paper.insist_on_attributes(attributes)
        (made,) = self._signed(paper.rendered(), attributes)
        return bytes.fromhex(made.signature)

    def sign_both(self, statement: Statement, words: QrWords) -> tuple[Signature, QrSignature | None]:
        """The signatures over a statement and over its QR token, with one PIN; None where the key's would not fit into a code."""
        algorithm, envelope = algorithm_of(self._public), Envelope(statement.written()).pae()
        if algorithm is None:
            return self._signed(rendered(statement), envelope)[0], None
        made, small = self._signed(rendered(statement), envelope, signed_bytes(words, algorithm))
        return made, QrSignature(self.keyid, algorithm, raw(algorithm, bytes.fromhex(small.signature)))

    def _signed(self, what: str, *encodings: bytes) -> list[Signature]:
        """A signature over each encoding of what is shown, in one session."""
        with consented(self._uri, self._presence, self.keyid, what) as session:
            found = [Signature(self.keyid, _signature(session, self._uri, self._public, data).hex()) for data in encodings]
        for made, data in zip(found, encodings, strict=True):
            try:
                verified(verifier(self._public), made, data)
            except Refusal:
                message = said("the private key on the token is not the half of its public key; nothing was signed")
                raise Refusal(Code.TOKEN_KEY, message) from None
        return found

    def sign_checkpoint(self, checkpoint: Checkpoint, name: str) -> NoteSignature:  # noqa: ARG002 - as the protocol has it
        """Refuses: a log's key must be Ed25519, which this signer does not know."""
        raise _not_a_log_key()

    def cosign(self, checkpoint: Checkpoint, name: str, at: datetime) -> NoteSignature:  # noqa: ARG002 - as the protocol has it
        """Refuses: a witness's key must be Ed25519, which this signer does not know."""
        raise _not_a_log_key()


@contextmanager
def consented(uri: TokenUri, presence: Presence, keyid: str, what: str) -> Iterator[Session]:
    """A session with the token that still holds this key, after its holder was shown `what` is signed and gave the PIN."""
    token = token_of(uri)
    _usable(uri, token)
    presence.show(what)
    with failing(), _logged_in(uri, token, presence) as session:
        # Another token may have been plugged in under the same name meanwhile.
        if spki_sha256(public_in(session, uri)) != keyid:
            raise Refusal(Code.TOKEN_KEY, said("the token's key has changed since it was first read; nothing was signed"))
        yield session


def _logged_in(uri: TokenUri, token: Token, presence: Presence) -> Session:
    """A session in which the token signs; the PIN is asked for once, and one that is refused is never tried again."""
    from pkcs11 import PROTECTED_AUTH, TokenFlag
    from pkcs11 import exceptions as errors

    pinpad = TokenFlag.PROTECTED_AUTHENTICATION_PATH in token.flags
    pin: Any = PROTECTED_AUTH if pinpad else presence.pin(uri, _warning(token))
    if pin == "":
        # An empty one is not worth one of the token's few tries.
        raise Refusal(Code.PIN_UNREADABLE, said("no PIN was given; nothing was signed"))
    try:
        return token.open(user_pin=pin)
    except errors.PinLocked:
        raise _locked(uri) from None
    except (errors.PinIncorrect, errors.PinInvalid, errors.PinLenRange, errors.PinExpired):
        _SPENT.add((uri.module, token.serial))
        raise _refused_pin(uri) from None


def _usable(uri: TokenUri, token: Token) -> None:
    """Returns where a PIN may be tried on the token."""
    from pkcs11 import TokenFlag

    if TokenFlag.USER_PIN_LOCKED in token.flags:
        raise _locked(uri)
    if (uri.module, token.serial) in _SPENT:
        raise Refusal(Code.PIN_WRONG, said("this token refused a PIN already; none is tried a second time"))


def _signature(session: Session, uri: TokenUri, public: PublicKey, data: bytes) -> bytes:
    from pkcs11 import MGF, Mechanism, ObjectClass
    from pkcs11.util.ec import encode_ecdsa_signature

    private = one_object(session, uri, ObjectClass.PRIVATE_KEY)
    match public:
        case RSAPublicKey():
            pss = (Mechanism.SHA256, MGF.SHA256, 32)
            signed: bytes = private.sign(sha256(data).digest(), mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=pss)
            return signed
        case EllipticCurvePublicKey():
            digest = (sha256 if isinstance(public.curve, SECP256R1) else sha384)(data).digest()
            return encode_ecdsa_signature(private.sign(digest, mechanism=Mechanism.ECDSA))
        case _:
            raise Refusal(Code.KEY_WEAK, said("a token signs with RSA or ECDSA keys here"))


def _warning(token: Token) -> str:
    from pkcs11 import TokenFlag

    if TokenFlag.USER_PIN_FINAL_TRY in token.flags:
        return shown(said("one try is left before the token locks"))
    if TokenFlag.USER_PIN_COUNT_LOW in token.flags:
        return shown(said("a wrong PIN was entered before"))
    return ""


def _refused_pin(uri: TokenUri) -> Refusal:
    """The refusal of a wrong PIN, with what the token tells about tries that are left."""
    from pkcs11 import TokenFlag

    flags = token_of(uri).flags
    if TokenFlag.USER_PIN_LOCKED in flags:
        return _locked(uri)
    if TokenFlag.USER_PIN_FINAL_TRY in flags:
        left = N_("one try is left before it locks")
    elif TokenFlag.USER_PIN_COUNT_LOW in flags:
        left = N_("it counts wrong PINs and will lock; many tokens lock at the third")
    else:
        left = N_("it does not say how many tries are left; many tokens lock at the third")
    return Refusal(Code.PIN_WRONG, said("the token refused the PIN and it is not tried again; {detail}", detail=left))


def _locked(uri: TokenUri) -> Refusal:
    message = said("token {token} is locked after wrong PINs; its administrator must unlock it", token=uri.token or "?")
    return Refusal(Code.PIN_LOCKED, message)


def _not_a_log_key() -> Refusal:
    return Refusal(Code.KEY_WEAK, said("a log's or a witness's key must be Ed25519, and is kept in a file"))
