"""PKCS#11 URIs (RFC 7512), read strictly: what is not understood is refused, and no message repeats a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from certification.refusals import Code, Refusal
from scanner.findings import said
from scanner.i18n import N_

_LIMIT = 4_096
_PATH = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})+")
_QUERY = re.compile(r"(?:[A-Za-z0-9\-._~:\[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})+")
_PATH_NAMES = ("token", "serial", "manufacturer", "model", "object", "id", "type")
_QUERY_NAMES = ("module-path", "pin-source")


@dataclass(frozen=True, slots=True)
class TokenUri:
    """Which key, on which token, by which library. Texts are compared whole, as they stand on the token."""

    module: str
    token: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    object: str | None = None
    id: bytes | None = None
    pin_source: str | None = None

    def written(self) -> str:
        """The URI in its one written form."""
        path = [
            f"{name}={quote(value, safe='')}"
            for name in ("token", "serial", "manufacturer", "model", "object")
            if (value := getattr(self, name)) is not None
        ]
        if self.id is not None:
            path.append("id=" + "".join(f"%{byte:02X}" for byte in self.id))
        query = [f"module-path={quote(self.module, safe='/')}"]
        if self.pin_source is not None:
            query.append(f"pin-source={quote(self.pin_source, safe='/:')}")
        return f"pkcs11:{';'.join(path)}?{'&'.join(query)}"


def read_token_uri(uri: str) -> TokenUri:
    """The URI's parts; refuses one that is not well formed, names an unknown attribute, carries a PIN, or says too little."""
    # Values are never repeated in a message: somebody may have written a PIN there.
    scheme, _, rest = uri.partition(":")
    if scheme != "pkcs11" or len(uri) > _LIMIT:
        raise _refused(N_("a token's key is named as pkcs11:token=LABEL;object=KEY?module-path=/path/library.so"))
    path, mark, query = rest.partition("?")
    raw = _attributes(path, ";", _PATH, _PATH_NAMES)
    if mark:
        raw |= _attributes(query, "&", _QUERY, _QUERY_NAMES)
    key_id = raw.pop("id", None)
    text = {name: _text(name, value) for name, value in raw.items()}
    if text.pop("type", "private") != "private":
        raise _refused(N_("type must be private where it is given: it is a key that signs"))
    module = text.pop("module-path", None)
    if module is None:
        raise _refused(N_("module-path is missing: name the token's library, as ?module-path=/usr/lib/softhsm/libsofthsm2.so"))
    if not module.startswith("/"):
        raise _refused(N_("module-path must be an absolute path"))
    if "token" not in text and "serial" not in text:
        raise _refused(N_("neither token nor serial is given: say on which token the key is"))
    if "object" not in text and key_id is None:
        raise _refused(N_("neither object nor id is given: say which key of the token signs"))
    return TokenUri(module=module, id=key_id, pin_source=text.pop("pin-source", None), **text)


def _attributes(text: str, separator: str, form: re.Pattern[str], known: tuple[str, ...]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(separator):
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise _refused(N_("pin-value is refused: a PIN in a command line can be read by others; use a prompt or --pin-file"))
        if name not in known:
            name = name if re.fullmatch(r"[a-z0-9-]{1,40}", name) and equals else "?"
            raise _refused(f"unknown attribute {name}; known here are {', '.join(known)}")
        if name in found:
            raise _refused(f"{name} stands twice")
        if not form.fullmatch(value):
            raise _refused(f"{name} is empty, or holds a character that must be written as %XX")
        found[name] = _decoded(value)
    return found


def _decoded(value: str) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes.fromhex(match[1].decode()), value.encode("ascii"))


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(f"{name} is not UTF-8") from None
    if any(ord(sign) < 0x20 or ord(sign) == 0x7F for sign in text):
        raise _refused(f"{name} holds a control character")
    return text


def _refused(why: str) -> Refusal:
    return Refusal(Code.TOKEN_URI, said("the key's URI: {detail}", detail=why))
