"""Which protocol a peer's words belong to, and what they show about strangers. Pure; trusts no byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scanner.observations import Weakness

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A protocol, and what its words show about strangers."""

    protocol: str
    strangers: bool | None = None
    """Whether a command was executed without a credential; False also where the protocol asks for one first; None where the
    words do not show it."""
    doubt: str = "only an offered name or credential would show it"
    """Why the words do not show it."""
    weaknesses: tuple[Weakness, ...] = ()
    """What else they show to be allowed."""
    unclear: tuple[Weakness, ...] = ()
    """What they were to show and did not."""


@dataclass(frozen=True, slots=True)
class _Words:
    protocol: str
    pattern: re.Pattern[bytes]
    strangers: bool | None


def _words(*known: tuple[str, str, bool | None]) -> tuple[_Words, ...]:
    return tuple(_Words(name, re.compile(pattern.encode(), re.IGNORECASE), strangers) for name, pattern, strangers in known)


_LINES = r"(?:\d{3}-[^\n]*\n){0,40}"
"""The lines before the last of a reply in several lines (RFC 959 section 4.2)."""
_GREETINGS = _words(
    # protocol, its first words, what they show about strangers
    ("ssh", r"SSH-\d", False),
    ("vnc", r"RFB \d{3}\.\d{3}\n", None),
    ("rsync", r"@RSYNCD: ", None),
    ("lmtp", _LINES + r"220[ -][^\n]*\bLMTP\b", False),
    ("smtp", _LINES + r"[245]\d\d[ -][^\n]*\bE?SMTP\b", False),
    ("nntp", _LINES + r"20[01][ -][^\n]*\b(NNTP|NNRP|INN|news)", None),
    ("ftp", _LINES + r"(220|120|421|530)[ -][^\n]*(FTP|FileZilla)", False),
    ("pop3", r"\+OK[ \r]", False),
    ("imap", r"\* PREAUTH", True),
    ("imap", r"\* (OK|BYE)\b", False),
    ("sieve", r'"IMPLEMENTATION" ', False),
    ("irc", r":[^ ]+ (NOTICE|020|001) |NOTICE AUTH ", None),
    ("redis", r"-DENIED Redis is running in protected mode", False),
    ("redis", r"-ERR max number of clients reached", None),
)
_COMPLAINTS = _words(
    # what servers that wait say to a question that is not of their protocol
    ("http", r"HTTP/\d\.\d \d{3}", None),
    ("xmpp", r"(<\?xml[^>]*>\s*)?<stream:(stream|error)", None),
    ("amqp", r"AMQP[\0\2\3]", None),
    ("irc", r":[^ ]+ (NOTICE|4\d\d) ", None),
    ("finger", r"finger: |Login(:| +Name)", True),
)
_NUMBERED = re.compile(rb"220[ -]")
_DO, _WILL, _DONT, _WONT = 0xFD, 0xFB, 0xFE, 0xFC
_PROPOSAL = re.compile(rb"\xff([\xfb-\xfe])(.)", re.DOTALL)
_UNSEEN = re.compile(rb"\xff[\xfb-\xfe].|\xff\xfa[^\xff]*\xff\xf0|\xff[\xf0-\xf9]|\x1b\[[0-9;?]*[A-Za-z]|\0", re.DOTALL)
_PROMPT = re.compile(rb"(login|user ?name|password)[ \t]*[:>]\s*\Z", re.IGNORECASE)
_MYSQL_VERSION = re.compile(rb"\d[\d.]*[0-9A-Za-z.+~:_-]*\0")
_MYSQL_SSL = 0x800
"""The capability to change to TLS, in the lower two bytes behind version, thread, salt and filler."""
_MYSQL_TURNS_AWAY = (1040, 1129, 1130)
"""Too many connections; this host is blocked; this host may not connect."""
_MYSQL_X = b"\x05\0\0\0\x0b\x08\x05\x1a\0"
"""The notice with which MySQL's X protocol begins."""


def greeted(said: bytes) -> Recognised | None:
    """The protocol of what a peer says before it is asked anything; None where it is not recognised."""
    return _telnet(said) or _among(_GREETINGS, said) or _mysql(said)


def complained(said: bytes) -> Recognised | None:
    """The protocol of a peer that waits, by what it says to a question that is not its own; None where it is not recognised."""
    return _among(_COMPLAINTS, said)


def undecided(said: bytes) -> bool:
    """Whether this is a bare 220: FTP and SMTP servers begin alike when they hide their names."""
    return _NUMBERED.match(said) is not None


def featured(said: bytes) -> Recognised | None:
    """FTP, by the answer to FEAT (RFC 2389): its list, or the demand to log in first."""
    is_ftp = re.match(rb"211[ -]", said) or (re.match(rb"5(00|02|30) ", said) and re.search(rb"\bUSER and PASS\b", said))
    return Recognised("ftp", strangers=False) if is_ftp else None


def helloed(said: bytes) -> Recognised | None:
    """SMTP, by the answer to EHLO (RFC 5321 section 4.1.1.1)."""
    return Recognised("smtp", strangers=False) if re.match(rb"250[ -]", said) else None


def _among(known: tuple[_Words, ...], said: bytes) -> Recognised | None:
    return next((Recognised(words.protocol, words.strangers) for words in known if words.pattern.match(said)), None)


def _telnet(said: bytes) -> Recognised | None:
    """Negotiation (RFC 854), or a prompt for a name or a password in clear at the end of what is said."""
    asks = _PROMPT.search(_UNSEEN.sub(b"", said)) is not None
    if asks or _PROPOSAL.match(said):
        return Recognised("telnet", False if asks else None)
    return None


def declined(said: bytes) -> bytes:
    """A polite no to each telnet option that is proposed, so that the server goes on to its prompt."""
    no = {_DO: _WONT, _WILL: _DONT}
    return b"".join(bytes((0xFF, no[kind[0]])) + option for kind, option in _PROPOSAL.findall(said) if kind[0] in no)


def _mysql(said: bytes) -> Recognised | None:
    """A handshake of protocol 10, or the error that turns a host away: either way nothing before a credential."""
    if said.startswith(_MYSQL_X):
        return Recognised("mysql", strangers=False)
    if len(said) < 7 or said[3] != 0 or int.from_bytes(said[:3], "little") > 4_096:
        return None
    handshake = _MYSQL_VERSION.match(said, 5) if said[4] == 10 else None
    if handshake is not None:
        flags = said[handshake.end() + 13 : handshake.end() + 15]
        if len(flags) < 2:
            return Recognised("mysql", strangers=False, unclear=(Weakness.NO_TLS,))
        without = not int.from_bytes(flags, "little") & _MYSQL_SSL
        return Recognised("mysql", strangers=False, weaknesses=(Weakness.NO_TLS,) if without else ())
    refused = said[4] == 0xFF and int.from_bytes(said[5:7], "little") in _MYSQL_TURNS_AWAY
    return Recognised("mysql", strangers=False, unclear=(Weakness.NO_TLS,)) if refused else None


def vnc_version(greeting: bytes) -> bytes:
    """The version to answer a VNC server with: its own, or 3.8, the last that is published (RFC 6143 section 7.1.1)."""
    offered = greeting[4:11]
    return b"RFB 003.003\n" if offered < b"003.007" else b"RFB 003.007\n" if offered < b"003.008" else b"RFB 003.008\n"


_VNC_NONE = 1
_VNC_WITH_CREDENTIAL = frozenset((2, 5, 6, 30))
"""VNC's own, RA2, RA2ne and Apple's; the others wrap a choice of their own, which may be no credential at all."""


def vnc_strangers(types: bytes, version: bytes) -> Recognised:
    """Whether a VNC server that was answered with this version lets in without a credential (RFC 6143 section 7.1.2)."""
    if version == b"RFB 003.003\n":
        offered = {int.from_bytes(types[:4])} if len(types) >= 4 else set()
    else:
        offered = set(types[1 : 1 + types[0]]) if types and 0 < types[0] < len(types) else set()
    if _VNC_NONE in offered:
        return Recognised("vnc", strangers=True)
    if offered and offered <= _VNC_WITH_CREDENTIAL:
        return Recognised("vnc", strangers=False)
    return Recognised("vnc", doubt="it offers no security type that shows it")


def tls(said: bytes) -> bool:
    """Whether this is a TLS record that answers a ClientHello (RFC 8446 section 5.1), be it an alert."""
    if len(said) < 5 or said[1] != 3 or said[2] > 4:
        return False
    size = int.from_bytes(said[3:5])
    return (said[0] == 0x15 and size == 2) or (said[0] == 0x16 and 4 <= size <= 16_384)
