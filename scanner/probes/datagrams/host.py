"""What a host answers over UDP, question by question: answered, declined, ignored, refused or silent."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from scanner.observations import Datagram, DatagramsObservation, Method, Reply, Unobserved
from scanner.probes.datagrams import directories, fixed, names
from scanner.probes.datagrams.asking import asked
from scanner.probes.datagrams.question import Question
from scanner.probes.looking import Circumstances, Target

PATIENCE = 1.5
"""Seconds to wait for an answer to one datagram."""
_QUIET = 2.5
"""Seconds without a datagram before each question that is put again: time servers that limit the rate drop what comes within two."""
BY = "clearance datagrams"
_SHOWS_LIFE = {"snmp_v1": "snmp_v3", "snmp_v2c": "snmp_v3", "ntp_control": "ntp_time", "ntp_private": "ntp_time"}
"""Questions that a sound server meets with silence, and the one on the same port that it does answer."""

Fact = Datagram | Unobserved


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
    again, sent_again = _told_from_silence(target.address, every, found, ends)
    seen = circumstances.seen(Method.HANDSHAKE, BY, connections=sent + sent_again)
    facts: dict[str, Any] = found | again
    return DatagramsObservation(seen=seen, **facts)


def _told_from_silence(
    address: str, every: tuple[Question, ...], found: Mapping[str, Fact], ends: float
) -> tuple[dict[str, Fact], int]:
    """What is ignored and not lost: asked again, one question a port at a time and in quiet, and the port still answers the other."""
    by_name, by_life = {question.name: question for question in every}, defaultdict(list)
    for name, life in _SHOWS_LIFE.items():
        if _is(found[name], Reply.SILENT) and _is(found[life], Reply.SERVED):
            by_life[life].append(name)
    if not by_life or time.monotonic() + _QUIET >= ends:
        return {}, 0
    time.sleep(_QUIET)
    again: dict[str, Fact] = {}
    sent = 0
    for turn in zip_longest(*by_life.values()):
        heard, more = asked(address, [by_name[name] for name in turn if name is not None], _QUIET, ends)
        again, sent = again | heard, sent + more
    alive, more = asked(address, [by_name[life] for life in by_life], _QUIET, ends)
    for name, last in again.items():
        if isinstance(last, Datagram) and last.reply is Reply.SILENT and _is(alive[_SHOWS_LIFE[name]], Reply.SERVED):
            again[name] = last.model_copy(update={"reply": Reply.IGNORED})
    return again, sent + more


def _is(found: Fact, reply: Reply) -> bool:
    return isinstance(found, Datagram) and found.reply is reply
