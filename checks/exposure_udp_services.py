"""Checks of declared UDP services."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import ReplyObservation, fact
from scanner.specimens import reply


@check(
    "exposure-declared-datagrams",
    observes=ReplyObservation,
    facts=("spoken",),
    passes=(reply(), reply(asked="ntp")),
    fails=(reply(spoken=False), reply(asked="snmp", spoken=False)),
    fixes={
        "any": "Write into the scope file what the service speaks, or find out what answers on its port.",
        "debian": "ss -ulpn names the program that listens on the port.",
    },
    retests={
        "any": Retest("nmap -Pn -sU -sV -p PORT HOST", "names the protocol that the scope file declares"),
        "debian": Retest("ss -Hulpn 'sport = :PORT'", "names the program that is meant to listen there"),
    },
)
def declared_datagrams(found: ReplyObservation, _: Parameters) -> Verdict:
    """Declared UDP services speak what is declared.

    Fails where something else than the declared protocol answers; for DNS, NTP and SNMP. A service that says nothing, or
    that is not there, was not seen, and the inventory is not covered (TCVN 14423:2026 clause 5.5.2.1c).
    """
    if fact(found.spoken):
        return Pass(said("answers in {protocol}", protocol=found.asked))
    return Fail(said("answers, and not in {protocol}", protocol=found.asked))
