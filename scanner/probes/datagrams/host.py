"""What a host answers over UDP, question by question: answered, declined, ignored, refused or silent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from scanner.observations import Datagram, DatagramsObservation, Method, Reply, Unobserved
from scanner.probes.datagrams import directories, fixed, names
from scanner.probes.datagrams.asking import asked
from scanner.probes.datagrams.question import Question
from scanner.probes.looking import Circumstances, Target

PATIENCE = 1.5
"""Seconds to wait for an answer to one datagram."""
BY = "clearance datagrams"
_SHOWS_LIFE = {"snmp_v1": "snmp_v3", "snmp_v2c": "snmp_v3", "ntp_control": "ntp_time", "ntp_private": "ntp_time"}
"""Questions that a sound server meets with silence, and the one on the same port that it does answer."""


def questions() -> tuple[Question, ...]:
    """One question of each protocol, marked anew."""
    return (
        directories.snmp("snmp_v1"),
        directories.snmp("snmp_v2c"),
        directories.snmp_discovery(),
        fixed.tftp(),
        names.recursion(),
        fixed.ntp_time(),
        fixed.ntp_control(),
        fixed.ntp_private(),
        fixed.ipmi(),
        fixed.ipmi_ciphers(),
        fixed.portmapper(),
        fixed.memcached(),
        names.mdns(),
        fixed.ssdp(),
        names.netbios(),
        directories.cldap(),
    )


def look(target: Target, circumstances: Circumstances) -> DatagramsObservation | Unobserved:
    """What the host answers to each question; silence is told apart from refusal, and both from an answer."""
    ends, patience = time.monotonic() + circumstances.deadline, min(PATIENCE, circumstances.timeout)
    every = questions()
    found, sent = asked(target.address, every, patience, ends)
    again, sent_again = _told_from_silence(target.address, every, found, patience, ends)
    seen = circumstances.seen(Method.HANDSHAKE, BY, connections=sent + sent_again)
    facts: dict[str, Any] = found | again
    return DatagramsObservation(seen=seen, **facts)


def _told_from_silence(
    address: str, every: tuple[Question, ...], found: Mapping[str, Datagram | Unobserved], patience: float, ends: float
) -> tuple[dict[str, Datagram | Unobserved], int]:
    """What is ignored and not lost: asked once more, and afterwards the port answers the other question again."""
    by_name = {question.name: question for question in every}
    doubtful = {
        name: life for name, life in _SHOWS_LIFE.items() if _is(found[name], Reply.SILENT) and _is(found[life], Reply.SERVED)
    }
    if not doubtful:
        return {}, 0
    again, sent = asked(address, [by_name[name] for name in doubtful], patience, ends)
    alive, sent_after = asked(address, [by_name[life] for life in sorted(set(doubtful.values()))], patience, ends)
    for name, life in doubtful.items():
        heard = again[name]
        if isinstance(heard, Datagram) and heard.reply is Reply.SILENT and _is(alive[life], Reply.SERVED):
            again[name] = heard.model_copy(update={"reply": Reply.IGNORED})
    return again, sent + sent_after


def _is(found: Datagram | Unobserved, reply: Reply) -> bool:
    return isinstance(found, Datagram) and found.reply is reply
