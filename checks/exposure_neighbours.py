"""Checks of what answers inside the permitted networks beside the declared hosts."""

from __future__ import annotations

from scanner.check import Parameters, Retest, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import NeighboursObservation, Reason, Unobserved, fact
from scanner.specimens import NEIGHBOUR, neighbours


@check(
    "exposure-no-undeclared-hosts",
    observes=NeighboursObservation,
    facts=("undeclared",),
    passes=(neighbours(), neighbours(networks=("192.0.2.7/32",), asked=0)),
    fails=(
        neighbours(answering=(NEIGHBOUR,)),
        neighbours(answering=(NEIGHBOUR,), rest=Unobserved(reason=Reason.NOT_ASKED)),
    ),
    fixes={
        "any": (
            "Declare the host in the scope file, move it to another network, or narrow the permit to the networks of this system. "
            "Where a firewall refuses in the name of addresses nobody has, let it drop towards the inspector instead."
        ),
        "debian": "ip neigh show on the gateway names the hardware address behind each IP address.",
    },
    retests={
        "any": Retest("nmap -sn NETWORK", "names declared hosts only"),
        "debian": Retest("ip neigh show", "names declared hosts only"),
    },
)
def no_undeclared_hosts(found: NeighboursObservation, _: Parameters) -> Verdict:
    """Nothing undeclared answers inside the permitted networks.

    Fails on every address inside the permit that accepts or refuses a connection although no declared host has it. A permit
    that lists the declared addresses alone leaves nothing to look for, and passes (TCVN 14423:2026 clause 5.5.2.1c).
    """
    answering = fact(found.undeclared)
    if answering:
        shown = ", ".join(f"{one.address} ({one.port}/tcp {'open' if one.accepted else 'refused'})" for one in answering[:20])
        return Fail(said("{count} undeclared addresses answer: {shown}", count=len(answering), shown=shown))
    if not found.asked:
        return Pass(said("the permit leaves no address to ask beside the declared hosts"))
    return Pass(said("of {count} other permitted addresses none answers on ports {ports}", count=found.asked, ports=found.ports))
