"""Tokens by PKCS#11: libraries, tokens, and the public halves of their keys. Nothing here logs in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certification.keys import PublicKey, accepted
from certification.refusals import Code, Refusal
from certification.token_uri import TokenUri
from scanner.findings import said

if TYPE_CHECKING:
    from pkcs11 import Session, Token

_OBJECTS_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A key on a token as its public half shows it; `public` is None where its type is not accepted, and `why` says so."""

    uri: TokenUri
    public: PublicKey | None
    why: str = ""


def tokens(module: str) -> tuple[Token, ...]:
    """The initialised tokens that are plugged in, by this library; refuses one that cannot be loaded."""
    try:
        import pkcs11
    except ImportError:
        message = said("keys on tokens need an extra that is not installed: pip install 'clearance[pkcs11]'")
        raise Refusal(Code.SIGNER_UNAVAILABLE, message) from None
    if not Path(module).is_file():
        raise Refusal(Code.TOKEN_MISSING, said("{module}: no such library; name the token's own in module-path", module=module))
    try:
        library = pkcs11.lib(module)
    except (pkcs11.PKCS11Error, RuntimeError, OSError):
        raise Refusal(Code.TOKEN_MISSING, said("{module}: not a PKCS#11 library that can be loaded", module=module)) from None
    with failing():
        found = (slot.get_token() for slot in library.get_slots(token_present=True))
        return tuple(token for token in found if pkcs11.TokenFlag.TOKEN_INITIALIZED in token.flags)


def token_of(uri: TokenUri) -> Token:
    """The one token the URI names; refuses none and several."""
    wanted = {"label": uri.token, "serial": uri.serial, "manufacturer_id": uri.manufacturer, "model": uri.model}
    fitting = [
        token
        for token in tokens(uri.module)
        if all(value is None or _plain(getattr(token, name)) == value for name, value in wanted.items())
    ]
    if not fitting:
        message = said("no token {token} is plugged in; `clearance keys list --module` shows what is", token=_named(uri))
        raise Refusal(Code.TOKEN_MISSING, message)
    if len(fitting) > 1:
        message = said("{count} tokens fit {token}; add serial= to the URI", count=len(fitting), token=_named(uri))
        raise Refusal(Code.TOKEN_MISSING, message)
    return fitting[0]


def public_key_of(uri: TokenUri) -> PublicKey:
    """The public half of the key the URI names, read without a PIN."""
    token = token_of(uri)
    with failing(), token.open() as session:
        return public_in(session, uri)


def public_in(session: Session, uri: TokenUri) -> PublicKey:
    """The public half of the key in this session; refuses none, several, and a type that is not accepted."""
    from pkcs11 import ObjectClass

    return accepted(_public(one_object(session, uri, ObjectClass.PUBLIC_KEY)))


def one_object(session: Session, uri: TokenUri, kind: Any) -> Any:
    """The one object of this class the URI names."""
    from pkcs11 import Attribute

    wanted: dict[Attribute, Any] = {Attribute.CLASS: kind}
    if uri.object is not None:
        wanted[Attribute.LABEL] = uri.object
    if uri.id is not None:
        wanted[Attribute.ID] = uri.id
    found = list(_bounded(session, wanted))
    name = kind.name.lower().replace("_", " ")
    if not found:
        message = said("token {token} holds no {kind} of this label or id", token=_named(uri), kind=name)
        raise Refusal(Code.TOKEN_KEY, message)
    if len(found) > 1:
        message = said(
            "token {token} holds {count} objects that fit ({kind}); add id= to the URI",
            token=_named(uri),
            count=len(found),
            kind=name,
        )
        raise Refusal(Code.TOKEN_KEY, message)
    return found[0]


def keys_on(module: str) -> tuple[TokenKey, ...]:
    """All keys of all tokens by this library whose public half can be read without a PIN."""
    from_tokens: list[TokenKey] = []
    for token in tokens(module):
        with failing(), token.open() as session:
            from_tokens.extend(_listed(module, token, session))
    return tuple(from_tokens)


@contextmanager
def failing() -> Iterator[None]:
    """Turns what the token's library raises into a refusal that quotes none of its words."""
    from pkcs11 import PKCS11Error
    from pkcs11 import exceptions as errors

    try:
        yield
    except (errors.DeviceRemoved, errors.TokenNotPresent, errors.TokenNotRecognised, errors.SlotIDInvalid):
        raise Refusal(Code.TOKEN_MISSING, said("the token was removed; plug it in and start again")) from None
    except PKCS11Error as error:
        message = said("the token failed ({kind}); nothing was signed", kind=type(error).__name__)
        raise Refusal(Code.TOKEN_FAILED, message) from None


def _listed(module: str, token: Token, session: Session) -> Iterator[TokenKey]:
    from pkcs11 import Attribute, ObjectClass

    for found in _bounded(session, {Attribute.CLASS: ObjectClass.PUBLIC_KEY}):
        label, key_id = found[Attribute.LABEL], found[Attribute.ID]
        uri = TokenUri(
            module=module, token=_plain(token.label), serial=_plain(token.serial), object=label or None, id=key_id or None
        )
        try:
            yield TokenKey(uri, accepted(_public(found)))
        except Refusal as refusal:
            yield TokenKey(uri, None, refusal.message)


def _bounded(session: Session, wanted: dict[Any, Any]) -> Iterator[Any]:
    for count, found in enumerate(session.get_objects(wanted)):
        if count >= _OBJECTS_LIMIT:
            raise Refusal(Code.TOKEN_FAILED, said("the token lists more than {limit} objects", limit=_OBJECTS_LIMIT))
        yield found


def _public(found: Any) -> object:
    """The public key in this object; whether its type is accepted is the caller's to ask."""
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key

    try:
        match found.key_type:
            case KeyType.RSA:
                exponent, modulus = (int.from_bytes(found[name]) for name in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
                return RSAPublicNumbers(exponent, modulus).public_key()
            case KeyType.EC:
                return load_der_public_key(encode_ec_public_key(found))
            case _:
                return None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refusal(Code.KEY_WEAK, said("the token's public key cannot be read as RSA or EC")) from None


def _plain(value: str | bytes) -> str:
    """A field of the token without the padding PKCS#11 gives it."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.rstrip(" \x00")


def _named(uri: TokenUri) -> str:
    return uri.token or f"serial {uri.serial}"
