"""What a declared UDP service answers to one question of the protocol it is declared to speak."""

from __future__ import annotations

import time
from dataclasses import replace

from scanner.observations import Method, Reason, Reply, ReplyObservation, Unobserved
from scanner.probes.datagrams import directories, fixed, names
from scanner.probes.datagrams.asking import asked
from scanner.probes.datagrams.host import BY, PATIENCE
from scanner.probes.datagrams.question import Question, Read
from scanner.probes.looking import Circumstances, Target
from scanner.targets import Speaks


def look(target: Target, circumstances: Circumstances) -> ReplyObservation | Unobserved:
    """What a declared UDP service answers to one question of the protocol it is declared to speak."""
    if target.service is None:
        raise AssertionError("a reply is looked for at endpoints")
    question, protocol = _of(target.service.speaks, target.service.port)
    ends = time.monotonic() + circumstances.deadline
    found, sent = asked(target.address, [question], min(PATIENCE, circumstances.timeout), ends)
    result = found[question.name]
    seen = circumstances.seen(Method.HANDSHAKE, BY, connections=sent)
    if isinstance(result, Unobserved):
        if result.reason is Reason.UNREADABLE:
            return ReplyObservation(seen=seen, asked=protocol, spoken=False, said="")
        return result
    if result.reply is Reply.REFUSED:
        return Unobserved(reason=Reason.REFUSED, detail="the host says that nothing listens there")
    if result.reply is Reply.SILENT:
        return Unobserved(reason=Reason.SILENT, detail=f"no answer to a question in {protocol}")
    spoken = Unobserved(reason=Reason.UNSUPPORTED, detail="no question of its protocol is known") if protocol == "any" else True
    return ReplyObservation(seen=seen, asked=protocol, spoken=spoken, said=result.said)


def _of(speaks: Speaks, port: int) -> tuple[Question, str]:
    """The question of this protocol, put to this port; an empty datagram where no question of it is known."""
    known = {Speaks.DNS: names.recursion, Speaks.NTP: fixed.ntp_time, Speaks.SNMP: directories.snmp_discovery}
    if speaks in known:
        return replace(known[speaks](), port=port), speaks.value
    return Question("any", port, b"\r\n", _anything), "any"


def _anything(data: bytes) -> Read | None:
    return Reply.SERVED, data[:200]
