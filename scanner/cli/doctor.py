"""The verb that looks before the scan does: whether this machine and each host's login are ready, and how to mend what is not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.console import Console, now, pass_console
from scanner.cli.exits import ExitStatus
from scanner.cli.look import FILE, inputs_of
from scanner.cli.roots import trust_option
from scanner.i18n import N_, _, filled

if TYPE_CHECKING:
    from scanner.observations import HostObservation, Unobserved
    from scanner.ordering import Inputs
    from scanner.targets import Host

_MACHINE = N_("this machine")
"""What stands over this machine's signs; no host is called so, for an id holds no space."""
_OTHERS = 0o077
"""What of a file's mode lets others than its owner in."""
_FREE = 1_000_000_000
"""Bytes of disk a run of many hosts may want."""


@dataclass(frozen=True, slots=True)
class _Sign:
    """One thing that was examined: whether it is as it should be, what was seen, and what to do where it is not."""

    good: bool
    what: str
    mend: str = ""


@click.command()
@click.argument("scope", type=FILE)
@click.argument("hosts", nargs=-1)
@click.option("--permit", type=FILE, required=True, help="The permit the logins rest on.")
@trust_option("The trust root that a signed permit is verified with.", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=5.0, show_default=True, help="Seconds per answer.")
@click.option("--feeds", type=FILE, help="The feed store that a scan would be judged by: says whether each feed is young enough.")
@pass_console
def doctor(
    console: Console,
    scope: Path,
    hosts: tuple[str, ...],
    permit: Path,
    trust: Path | None,
    form: str,
    timeout: float,
    feeds: Path | None,
) -> None:
    """Examine this machine and the login to each host (or to the named ones), and say how to mend what is missing.

    Logs in as a scan would, inside the permit, and keeps nothing. Exits with 0 when all is ready and with 11 when something is not.
    """
    from scanner.faults import InputError
    from scanner.record import canonical

    given = inputs_of({"scope": scope, "permit": permit, "trust": trust})
    known = {host.id: host for host in given.scope.hosts}
    strange = [name for name in hosts if name not in known]
    if strange:
        raise InputError(_("{path}: no host is called {names}").format(path=scope, names=", ".join(strange)))
    signs = {_MACHINE: [*_machine(given), *_papers(), *_feeds(given, feeds)]}
    for host in [known[name] for name in hosts or known]:
        signs[host.id] = list(_host(given, host, timeout))
    if form == "json":
        shown = {
            name: [{"good": sign.good, "what": sign.what, "mend": sign.mend} for sign in found] for name, found in signs.items()
        }
        console.data(canonical(shown) + b"\n")
    else:
        _tell(console, signs)
    if not all(sign.good for found in signs.values() for sign in found):
        raise click.exceptions.Exit(ExitStatus.INCOMPLETE)


def _tell(console: Console, signs: dict[str, list[_Sign]]) -> None:
    for name, found in signs.items():
        console.say(_(name) if name == _MACHINE else name)
        for sign in found:
            console.say(f"  {'✓' if sign.good else '✗'} {sign.what}")
            if not sign.good and sign.mend:
                console.say(f"      → {sign.mend}")


def _machine(given: Inputs) -> Iterator[_Sign]:
    import shutil
    import sys

    nmap = shutil.which("nmap")
    yield _Sign(
        bool(nmap),
        _("nmap: {where}").format(where=nmap or _("not found")),
        _("apt-get install nmap; without it only a few ports of a host can be asked for"),
    )
    yield _Sign(sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", _("install Python 3.11 or newer"))
    free = shutil.disk_usage(Path.cwd()).free
    yield _Sign(free > _FREE, _("disk: {free} MB free here").format(free=free // 1_000_000), _("make room, or run elsewhere"))
    closed = given.permit.closed(now())
    window = given.permit.window
    yield _Sign(
        closed is None,
        filled(closed)
        if closed is not None
        else _("permit {decision} is open until {ends}").format(
            decision=given.permit.decision, ends=f"{window.ends:%Y-%m-%d %H:%M} UTC"
        ),
        _another_window(),
    )


def _another_window() -> str:
    text = _("wait for the window, or ask for another permit; check this machine's clock: {now}")
    return text.format(now=f"{now():%Y-%m-%d %H:%M} UTC")


def _key_files(host: Host) -> Iterator[_Sign]:
    """The key files of the logins that others may read or change; where one is missing, the login says so."""
    for account in (host.login, host.login.via if host.login else None):
        path = Path(account.key) if account is not None and account.key else None
        mode = path.stat().st_mode if path is not None and path.is_file() else 0
        if mode & _OTHERS:
            text = _("key file {path}: mode {mode:o} lets others than its owner at it")
            yield _Sign(
                good=False,
                what=text.format(path=path, mode=mode & 0o777),
                mend=_("chmod 600 {path}; where others could read it, make a new key").format(path=shlex.quote(str(path))),
            )


def _papers() -> Iterator[_Sign]:
    """Whether papers can be set here, and with which rights ports are looked for; neither is needed to judge."""
    import os

    from scanner.typesetting import FACES, FONTS

    missing = [face for face in FACES if not (FONTS / face).is_file()]
    yield _Sign(
        not missing,
        _("fonts for papers: {where}").format(where=_("not found") if missing else FONTS),
        _("apt-get install fonts-croscore; without it no PDF can be made"),
    )
    rights = (
        _("rights: root, nmap may send raw packets")
        if os.geteuid() == 0
        else _("rights: an ordinary user, nmap connects in full")
    )
    yield _Sign(good=True, what=rights)


def _feeds(given: Inputs, store: Path | None) -> Iterator[_Sign]:
    """Whether each feed that the baseline asks for is there and young enough."""
    from scanner.feeds.store import opened

    if store is None:
        return
    with opened(store, now()) as found:
        dated = {
            ref.kind: ref.generated_at for ref in sorted(found.feeds(), key=lambda ref: ref.generated_at, reverse=True)
        }  # the oldest stays
    for asked in given.bound.baseline.feeds:
        at = dated.get(asked.kind)
        days = None if at is None else (now() - at).days
        yield _Sign(
            days is not None and days <= asked.max_age_days,
            _("feed {kind}: {age}").format(
                kind=asked.kind,
                age=_("absent")
                if days is None
                else _("{days} days old, at most {most}").format(days=days, most=asked.max_age_days),
            ),
            _("import a newer edition: clearance feeds import (docs/feeds.md)"),
        )


def _host(given: Inputs, host: Host, timeout: float) -> Iterator[_Sign]:
    from scanner.observations import Unobserved, Vantage
    from scanner.probes import fence
    from scanner.probes import host as login
    from scanner.probes.looking import Circumstances, Target
    from scanner.probes.resolution import UnresolvedError, resolve

    try:
        known = resolve(host)
    except UnresolvedError as error:
        yield _Sign(good=False, what=str(error), mend=_("mend the name, or write the address into the scope"))
        return
    if len(known) != 1:
        yield _Sign(good=False, what=", ".join(known), mend=_("declare each address as a host of its own"))
        return
    (address,) = known
    outside = given.permit.outside(address)
    yield _Sign(
        outside is None,
        _("{address} lies inside the permit").format(address=address) if outside is None else filled(outside),
        _("have the permit name it"),
    )
    if outside is not None:
        return
    if host.login is None:
        yield _Sign(good=False, what=_("no login: its host controls stay undetermined"), mend=_MEND["no-credential"]())
        return
    yield from _key_files(host)
    closed = given.permit.closed(now())
    if closed is not None:
        yield _Sign(good=False, what=_("login not tried: {why}").format(why=filled(closed)), mend=_another_window())
        return
    circumstances = Circumstances(vantage=Vantage(zone="doctor", address="unknown"), now=now, timeout=timeout)
    with fence.raised(fence.Fence(given.permit, now)):
        seen = login.look(Target(host.id, host, None, address), circumstances)
    if isinstance(seen, Unobserved):
        yield _unseen(seen)
    else:
        yield _Sign(good=True, what=_("{user} is let in; the host proves {key}").format(user=seen.user, key=seen.host_key))
        yield from _facts(seen)


def _facts(seen: HostObservation) -> Iterator[_Sign]:
    """What the login could read and what not."""
    from scanner.observations import Unobserved

    facts = {name: getattr(seen, name) for name in type(seen).model_fields} | {"sshd": seen.sshd_printed}
    unread = {name: fact for name, fact in facts.items() if isinstance(fact, Unobserved)}
    for name, why in unread.items():
        yield _unseen(why, f"{name}: ")
    yield _Sign(good=True, what=_("{read} facts can be read").format(read=len(facts) - len(unread)))


def _unseen(why: Unobserved, named: str = "") -> _Sign:
    mend = _MEND.get(why.reason.value)
    return _Sign(good=False, what=f"{named}{why.reason}: {why.detail}", mend=mend() if mend else "")


_MEND = {
    "no-credential": lambda: _(
        "add `login:` with user, key and host_keys to the scope (docs/host-access.md), or start an SSH agent with the key"
    ),
    "login-refused": lambda: _(
        "put the inspector's public key into the account's authorized_keys on the host (docs/host-access.md, section 2)"
    ),
    "host-key-changed": lambda: _("compare the key at the host's own console, and write it into the scope if it is the host's"),
    "needs-rights": lambda: _("install the sudoers lines of docs/host-access.md, section 3"),
    "unsupported": lambda: _("Linux with a POSIX shell, and the program named, are needed"),
    "refused": lambda: _("start the SSH server, or mend the port in the scope"),
    "timed-out": lambda: _("let this machine's address through the firewall to the SSH port"),
    "unreachable": lambda: _("mend the route or the address"),
    "not-permitted": lambda: _("have the permit name the address, and of a jump host its address too"),
    "blocked": lambda: _('let the jump host\'s account forward to the host: restrict,port-forwarding,permitopen="HOST:PORT"'),
    "reset": lambda: _("look into the host's SSH log: it hangs up, as hosts do that ban an address"),
}
"""How to mend what keeps a login or a fact away, by the reason."""
