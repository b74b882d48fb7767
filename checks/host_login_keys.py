"""A check of which SSH keys open more than one account."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, LoginKey, fact
from scanner.specimens import host


class Shared(Parameters):
    """Fingerprints of keys that may open several accounts, for a reason that is written down."""

    allowed: Annotated[tuple[str, ...], Stricter.SUBSET] = ()


_ONE, _OTHER = "SHA256:" + "A" * 43, "SHA256:" + "B" * 43


def _opened(*pairs: tuple[str, str]) -> HostObservation:
    return host(login_keys=tuple(LoginKey(account=account, fingerprint=key) for account, key in pairs))


@check(
    "host-no-shared-keys",
    observes=HostObservation,
    facts=("login_keys",),
    parameters=Shared,
    passes=(
        host(),
        _opened(),
        _opened(("an", _ONE), ("an", _OTHER), ("binh", "SHA256:" + "C" * 43)),
        (_opened(("an", _ONE), ("root", _ONE)), Shared(allowed=(_ONE,))),
    ),
    fails=(
        _opened(("an", _ONE), ("root", _ONE)),
        _opened(("an", _ONE), ("binh", _OTHER), ("chi", _OTHER)),
        (_opened(("an", _ONE), ("binh", _ONE)), Shared(allowed=(_OTHER,))),
    ),
    fixes={
        "openssh": "A key of his own for each person, in the file of his own account; ssh-keygen -lf FILE shows which key is which, and "
        "sudo in place of root's own file"
    },
    retests={
        "openssh": Retest(
            (
                "cat /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys | ssh-keygen -lf - | awk '{print $2}' | sort | "
                "uniq -d"
            ),
            "prints nothing",
        ),
    },
)
def no_shared_keys(host: HostObservation, parameters: Shared) -> Verdict:
    """No SSH key opens more than one account.

    Fails on public keys that stand in the files of several accounts (TCVN 14423:2026 clause 5.6.2.3). Whether two persons hold
    the same key is not seen, nor are keys that a directory hands out; an authority for certificates counts as a key.
    """
    opens: dict[str, set[str]] = defaultdict(set)
    for key in fact(host.login_keys):
        opens[key.fingerprint].add(key.account)
    shared = [
        f"{key}: {', '.join(sorted(accounts))}"
        for key, accounts in sorted(opens.items())
        if len(accounts) > 1 and key not in parameters.allowed
    ]
    return Fail(said("opens several accounts: {keys}", keys="; ".join(shared))) if shared else Pass()
