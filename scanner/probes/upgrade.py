"""The upgrade probe: whether a service that begins in clear changes to TLS. One connection, closed before a hello is sent."""

from __future__ import annotations

import time

from scanner.observations import Method, Reason, Unobserved, UpgradeObservation
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.probes.sweep.asking import Asker
from scanner.probes.upgrades import UpgradeError
from scanner.probes.upgrades.talk import MOST


def look(target: Target, circumstances: Circumstances) -> UpgradeObservation | Unobserved:
    """Whether it changes to TLS; or why that could not be seen, that it is something else than declared among it."""
    service = target.service
    if service is None or not service.speaks.upgrades:
        return unobserved("nothing here begins in clear and changes to TLS", Reason.NOT_ASKED)
    asker = Asker(target, service, circumstances, time.monotonic() + circumstances.deadline)
    refused = ""
    try:
        with asker.stream(MOST):
            pass
    except UpgradeError as error:
        if error.why.reason is not Reason.UNSUPPORTED:
            return error.why
        refused = error.why.detail
    except OSError as error:
        return unobserved(error)
    seen = circumstances.seen(Method.HANDSHAKE, "clearance upgrade", asker.opened)
    return UpgradeObservation(seen=seen, protocol=service.speaks, offered=not refused, said=refused)
