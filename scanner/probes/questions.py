"""The questions to services that wait and speak no text: desktops, displays, shares, directories and control planes.

Each takes a conversation, opens the connections it needs, and gives what was recognised and the words it rests on; None where the service
is something else. None sends a name or a credential, and none changes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scanner.observations import Weakness
from scanner.probes import control_planes, desktops, directories, shares
from scanner.probes.conversation import HUNG_UP, Conversation
from scanner.probes.protocols import Recognised
from scanner.targets import Service, Speaks

Heard = tuple[Recognised, bytes]
Question = Callable[[Conversation], Heard | None]


def desktop(looking: Conversation) -> Heard | None:
    """RDP: whether a client without CredSSP is let in, by RDP's own security or by TLS alone."""
    said = _asked(looking, desktops.rdp_request(desktops.STANDARD))
    if not desktops.is_rdp(said):
        return None
    let_in = desktops.accepts(said, desktops.STANDARD)
    if not let_in:
        said = _asked(looking, desktops.rdp_request(desktops.TLS))
        if not desktops.is_rdp(said):
            return Recognised("rdp", strangers=False, unclear=(Weakness.RDP_WITHOUT_NLA,)), said
        let_in = desktops.accepts(said, desktops.TLS)
    return Recognised("rdp", strangers=False, weaknesses=(Weakness.RDP_WITHOUT_NLA,) if let_in else ()), said


def display(looking: Conversation) -> Heard | None:
    """X11: whether a client without authorisation may connect."""
    said = _asked(looking, desktops.X11_SETUP)
    let_in = desktops.x11(said)
    return None if let_in is None else (Recognised("x11", strangers=let_in), said[:8])


def share(looking: Conversation) -> Heard | None:
    """SMB: whether signing is required, and whether SMB 1 is spoken."""
    said = _asked(looking, shares.smb2_negotiate())
    signing = shares.smb2_signing(said)
    old = _asked(looking, shares.smb1_negotiate())
    spoken = shares.smb1_accepted(old)
    if signing is None and spoken is None:
        return None
    found = [Weakness.SMB_1] if spoken else []
    unclear = [Weakness.SMB_UNSIGNED] if signing is None else []
    found += [Weakness.SMB_UNSIGNED] if signing is False else []
    return Recognised("smb", strangers=False, weaknesses=tuple(found), unclear=tuple(unclear)), (said or old)[4:8]


def portmapper(looking: Conversation) -> Heard | None:
    """Rpcbind: that it lists its programs to strangers, and whether the mount daemon among them exports to everybody."""
    said = _asked(looking, shares.DUMP)
    programs = shares.programs(said)
    if programs is None:
        return None
    mount = next((each for each in programs if each.number == shares.MOUNT and each.version == 3 and each.protocol == 6), None)
    if mount is None:
        return Recognised("rpcbind", strangers=True), b""
    service = Service(port=mount.port, speaks=Speaks.OTHER) if 1 <= mount.port <= 65_535 else None
    elsewhere = replace(looking, target=replace(looking.target, service=service), opened=0)
    everybody = shares.exported_to_all(_asked(elsewhere, shares.EXPORT)) if service else None
    looking.opened += elsewhere.opened
    found = (Weakness.OPEN_EXPORT,) if everybody else ()
    return Recognised(
        "rpcbind", strangers=True, weaknesses=found, unclear=(Weakness.OPEN_EXPORT,) if everybody is None else ()
    ), b""


def directory(looking: Conversation) -> Heard | None:
    """LDAP: whether entries below the first naming context are shown."""
    answer = directories.found(_asked(looking, directories.root()))
    if answer is None:
        return None
    is_open: bool | None = None
    if answer.naming_context:
        is_open = directories.open_to_strangers(directories.found(_asked(looking, directories.below(answer.naming_context))))
    elif answer.result is not None and not answer.entries:
        is_open = directories.open_to_strangers(answer)
    found = (Weakness.OPEN_DIRECTORY,) if is_open else ()
    unclear = (Weakness.OPEN_DIRECTORY,) if is_open is None else ()
    return Recognised("ldap", strangers=False, weaknesses=found, unclear=unclear), answer.naming_context


def control_plane(looking: Conversation, said: bytes) -> Heard | None:
    """What lies behind an HTTP answer that looks like a control plane's; unclear where it says no more."""
    plane = control_planes.clue(said)
    if plane is None:
        return None
    host = (looking.service.name or looking.target.address).encode("ascii", "replace")
    try:
        with looking.line() as line:
            answer = looking.asked(line, control_planes.QUESTIONS[plane] % host)
    except (*HUNG_UP, TimeoutError):
        answer = b""
    if not answer:  # it looked like one and did not say so in the time allowed: that it serves no strangers nobody has seen
        return Recognised("http", unclear=(Weakness.SERVES_STRANGERS,)), said.split(b"\r\n", 1)[0]
    found = control_planes.answered(plane, answer)
    return (found, answer.split(b"\r\n", 1)[0]) if found else None


QUESTIONS: tuple[Question, ...] = (desktop, share, directory, portmapper, display)
"""Asked of a service that waits and answered no question in text."""

_AT_HOME: dict[int, Question] = {
    111: portmapper,
    389: directory,
    445: share,
    3389: desktop,
    **dict.fromkeys(range(6_000, 6_010), display),
}


def at_home(port: int) -> Question | None:
    """The question that the port's number suggests: asked first, for these servers wait, and never taken for an answer."""
    return _AT_HOME.get(port)


def _asked(looking: Conversation, question: bytes) -> bytes:
    """What the service says to this on a connection of its own; nothing where it hangs up or stays silent."""
    try:
        with looking.line() as line:
            return looking.asked(line, question)
    except (*HUNG_UP, TimeoutError):
        return b""
