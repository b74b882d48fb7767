"""Base45 (RFC 9285): bytes as the characters that a QR code packs best. One text for each sequence of bytes."""

from __future__ import annotations

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {sign: value for value, sign in enumerate(_SIGNS)}


def encoded(data: bytes) -> str:
    """The text of these bytes."""
    words = []
    for at in range(0, len(data), 2):
        value = int.from_bytes(data[at : at + 2])
        low, rest = value % 45, value // 45
        words.append(_SIGNS[low] + _SIGNS[rest % 45] + (_SIGNS[rest // 45] if at + 1 < len(data) else ""))
    return "".join(words)


def decoded(text: str) -> bytes:
    """The bytes of this text; raises ValueError where it is none that `encoded` writes."""
    data = bytearray()
    for at in range(0, len(text), 3):
        values = [_VALUES.get(sign, -1) for sign in text[at : at + 3]]
        if -1 in values or len(values) == 1:
            raise ValueError("not base45")
        value = sum(value * 45**place for place, value in enumerate(values))
        width = len(values) - 1
        if value >= 256**width:
            raise ValueError("not base45")
        data += value.to_bytes(width)
    return bytes(data)
