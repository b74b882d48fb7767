"""What a host answers to questions over UDP, and what a declared UDP service answers to one in its own protocol."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import StringConstraints

from scanner.observations.base import Count, PortNumber, Seen, Unobserved
from scanner.record import PeerText, Record


class Reply(StrEnum):
    """What came back to one question. Silence is a value of its own: nobody knows whether the question ever arrived."""

    SERVED = "served"
    """It did what it was asked, without a credential."""
    DECLINED = "declined"
    """It answered that it will not."""
    IGNORED = "ignored"
    """Nothing came back, while the same port answered another question before and after: what protocols without a refusal do."""
    REFUSED = "refused"
    """Nothing listens there: the host said so (ICMP port unreachable)."""
    SILENT = "silent"
    """Nothing came back."""


class Datagram(Record):
    """One question over UDP and what came back."""

    port: PortNumber
    reply: Reply
    said: PeerText = ""
    """What shows it, where something came back."""
    sent: Count = 0
    """Bytes of the question."""
    received: Count = 0
    """Bytes of the first answer: what amplification is made of."""


Fact = Datagram | Unobserved


class DatagramsObservation(Record):
    """What the host answers to one read-only question of each protocol that is dangerous in the hands of strangers."""

    kind: Literal["datagrams"] = "datagrams"
    seen: Seen
    snmp_v1: Fact
    """A read of sysDescr with the empty community; no other community is ever tried."""
    snmp_v2c: Fact
    snmp_v3: Fact
    """Discovery of the engine (RFC 3414), which needs no user."""
    tftp: Fact
    """A read of a file whose name cannot exist; served where a TFTP server answers at all, if only that there is no such file."""
    dns_recursion: Fact
    """The root's name servers, recursion desired; served where recursion is available to us."""
    ntp_time: Fact
    ntp_control: Fact
    """Mode 6, read variables."""
    ntp_private: Fact
    """Mode 7, system information."""
    ipmi: Fact
    """RMCP presence."""
    ipmi_ciphers: Fact
    """The cipher suites of the management controller; served where suite zero, which asks for no password, is among them."""
    portmapper: Fact
    """The list of RPC programs."""
    memcached: Fact
    mdns: Fact
    ssdp: Fact
    netbios: Fact
    cldap: Fact

    @property
    def answered(self) -> tuple[str, ...]:
        """The questions to which anything came back, a refusal among it."""
        return self._with(Reply.SERVED, Reply.DECLINED, Reply.IGNORED, Reply.REFUSED)

    @property
    def open(self) -> tuple[str, ...]:
        """The questions on whose port something listens."""
        return self._with(Reply.SERVED, Reply.DECLINED, Reply.IGNORED)

    def _with(self, *replies: Reply) -> tuple[str, ...]:
        facts = {name: getattr(self, name) for name in sorted(QUESTIONS)}
        return tuple(name for name, fact in facts.items() if isinstance(fact, Datagram) and fact.reply in replies)


QUESTIONS = tuple(name for name in DatagramsObservation.model_fields if name not in ("kind", "seen"))
"""The names of the questions, each a fact of its own."""


class ReplyObservation(Record):
    """What a declared UDP service answers; a service that says nothing, or is not there, is unobserved."""

    kind: Literal["reply"] = "reply"
    seen: Seen
    asked: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=40)]
    """The protocol of the question."""
    spoken: bool | Unobserved
    """Whether the answer is of that protocol; unobserved where it was asked in none."""
    said: PeerText
