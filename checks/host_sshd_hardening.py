"""Advice on the SSH server's further settings (`sshd -T`): what it offers without need, and to whom. An unstated one never passes.

Where only the server's files were read, what they set wrongly fails, what they leave open does not, and nothing passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from scanner.check import Parameters, Retest, Stricter, check
from scanner.findings import Fail, Pass, Verdict, said
from scanner.observations import HostObservation, Setting, Sshd, fact
from scanner.specimens import SSHD, host

_TEST = "in /etc/ssh/sshd_config, then sshd -t && systemctl reload ssh"


class SettingValues(Parameters):
    """The values that settings may have."""

    values: Annotated[Mapping[str, tuple[str, ...]], Stricter.NONE] = {
        "hostbasedauthentication": ("no",),
        "ignorerhosts": ("yes",),
        "gssapiauthentication": ("no",),
        "permituserenvironment": ("no",),
        "disableforwarding": ("yes",),
        "usepam": ("yes",),
        "x11forwarding": ("no",),
    }


def _only(*users: str, **others: str) -> HostObservation:
    plain = tuple(Setting(name=name, value=value) for name, value in (SSHD | others).items())
    return host(sshd=Sshd(settings=(*plain, *(Setting(name="allowusers", value=user) for user in users))))


@check(
    "host-sshd-settings",
    observes=HostObservation,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    parameters=SettingValues,
    passes=(host(), (_only(gssapiauthentication="yes"), SettingValues(values={"usepam": ("yes",)}))),
    fails=(
        host(sshd_settings={"hostbasedauthentication": "yes"}),
        host(sshd_settings={"disableforwarding": "no"}),
        host(sshd_settings={"disableforwarding": "yes; no under Match User an"}),
        host(sshd_settings={"usepam": None}),
    ),
    fixes={"openssh": f"Set each named setting to the value asked for  {_TEST}"},
    retests={
        "openssh": Retest("sshd -T | grep -i ^NAME", "prints the value that was asked for"),
    },
)
def settings(host: HostObservation, parameters: SettingValues) -> Verdict:
    """The SSH server offers nothing without need.

    Fails on settings with another value than asked for, in general or in a Match block (CIS Debian 12 5.1.8 to 5.1.11 and
    5.1.22).
    """
    sshd = fact(host.sshd)
    held = {name: sshd.value(name) for name in parameters.values}
    wrong = [
        f"{name} {held[name] or '?'}"
        for name, allowed in sorted(parameters.values.items())
        if held[name] not in allowed and not sshd.leaves_open(name)
    ]
    return Fail(said("states {settings}", settings=", ".join(wrong))) if wrong else Pass()


@check(
    "host-sshd-sources",
    observes=HostObservation,
    facts=("sshd",),
    to_pass=("sshd_printed",),
    passes=(_only("an@192.0.2.0/24", "audit@192.0.2.10"),),
    fails=(host(), _only("an@192.0.2.0/24", "audit"), _only("an@*"), _only("an@192.0.2.0/24", "an@0.0.0.0/0")),
    fixes={"openssh": f"AllowUsers NAME@ADDRESS/BITS for every administrator  {_TEST}"},
    retests={
        "openssh": Retest("sshd -T | grep -i ^allowusers", "prints an address or a network behind each name"),
    },
)
def sources(host: HostObservation, _: Parameters) -> Verdict:
    """Administrators log in from named addresses only.

    Fails unless AllowUsers names every user together with addresses (TCVN 14423:2026 clause 5.12.2.5). A packet filter or a
    gateway that does the same is not seen.
    """
    allowed = [
        setting.value.partition(" under Match ")[0] for setting in fact(host.sshd).settings if setting.name == "allowusers"
    ]
    patterns = [pattern for value in allowed for pattern in value.split()]
    anywhere = [pattern for pattern in patterns if pattern.partition("@")[2] in ("", "*", "0.0.0.0/0", "::/0")]
    if not patterns:
        return Fail(said("AllowUsers names nobody: everybody may log in from anywhere"))
    return Fail(said("from anywhere: {users}", users=", ".join(anywhere))) if anywhere else Pass()
