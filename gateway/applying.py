"""Applying: a bundle becomes what the proxy does, or nothing changes, or nobody is let in any more. There is no fourth way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from certification.high_water import Mark, advanced, less_let_in, not_older, on_time
from certification.refusals import Code, Refusal
from certification.register import Register, read_outline, read_register
from certification.trust import TrustRoot
from gateway import haproxy, nginx, probe, programs
from gateway.fault import GatewayError
from gateway.site import Proxy, Site
from gateway.states import CLOSED, States
from gateway.stopping import MANY, moved, without
from gateway.tables import tables
from scanner.findings import Stated, said

CA, CRL, PROBE = "ca.pem", "clients.crl", "probe.pem"
_CONFIGURATION = {Proxy.NGINX: nginx.CONFIGURATION, Proxy.HAPROXY: haproxy.CONFIGURATION}


@dataclass(frozen=True, slots=True)
class Applied:
    """What is in force now."""

    register: Register
    state: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long what is in force is good for."""

    state: str | None
    expires: datetime | None
    ends_soon: bool
    """Less than half of its time is left: somebody should look why no newer bundle came."""


def apply(bundle: bytes, trust: TrustRoot, site: Site, at: datetime) -> Applied:
    """Puts the bundle in force. Everything in it is verified before anything is written.

    A bundle that is refused lets in nobody new. It still takes away: whom a well signed and newer one no longer names is shut out, where there are
    many entries even before they are verified. A stale one closes the gateway, as do a clock that ran backwards, a state that has run out, and a
    revoked certificate that is let in.
    """
    states = States(Path(site.folder))
    with states.held():
        mark = states.mark()
        try:
            on_time(mark, at)
            shut_out = _stopped(states, site, bundle, trust, mark, at, MANY)
            try:
                register = read_register(bundle, trust, at)
                after = advanced(mark, register, trust, at, named=site.trust_sha256 is not None)
            except Refusal:
                if not shut_out:
                    _stopped(states, site, bundle, trust, mark, at)
                raise
        except Refusal as refusal:
            if refusal.code in (Code.BUNDLE_STALE, Code.CLOCK_BACKWARDS) or (mark is not None and at >= mark.expires):
                _closed_for(refusal, states, site)
            raise
        state = tables(register).state
        if states.current() == state:
            # The same bundle again: its folder is in use, so only a look whether it works.
            states.remember(after)
        else:
            _install(states, site, register, after, state)
        _tried(states, site, register, state)
        states.prune()
        return Applied(register, state)


def close(site: Site) -> None:
    """Lets nobody in any more, until a bundle is applied."""
    states = States(Path(site.folder))
    with states.held():
        _close(states, site)


def freshness(site: Site, at: datetime) -> Freshness:
    """How long what is in force is good for; closes the gateway where it has run out or the clock runs backwards."""
    states = States(Path(site.folder))
    with states.held():
        mark, current = states.mark(), states.current()
        if mark is None or current is None:
            return Freshness(current, None, ends_soon=True)
        try:
            on_time(mark, at)
        except Refusal as refusal:
            _closed_for(refusal, states, site)
            raise
        states.remember(mark.model_copy(update={"seen_at": at}))
        if at >= mark.expires:
            form = "%Y-%m-%d %H:%M:%S UTC"
            stale = Refusal(Code.BUNDLE_STALE, said("the bundle was good until {when}", when=f"{mark.expires:{form}}"))
            _closed_for(stale, states, site)
            raise stale
        return Freshness(current, mark.expires, ends_soon(mark.issued, mark.expires, at))


def ends_soon(issued: datetime, expires: datetime, at: datetime) -> bool:
    """Whether less than half of a bundle's life is left."""
    return (expires - at) * 2 < expires - issued


def _stopped(
    states: States, site: Site, bundle: bytes, trust: TrustRoot, mark: Mark | None, at: datetime, at_least: int = 0
) -> bool:
    """Shuts out whom the bundle no longer names, where it names at least so many: whether anybody was. Refuses an older bundle."""
    if mark is None or states.current() in (None, CLOSED):
        return False
    outline = read_outline(bundle, trust, at)
    not_older(mark, outline, trust, named=site.trust_sha256 is not None)
    if outline.predicate.entries < at_least:
        return False
    less = without(states.files(), outline.named)
    if less is None:
        return False
    # The memory first: the bundle before must not bring back whom this one shuts out.
    states.remember(less_let_in(mark, outline))
    name = f"{outline.predicate.sequence}-{outline.sha256[:12]}-less"
    before, place = states.place(str(states.current())), states.place(name)
    files = moved(less, _CONFIGURATION[site.proxy], (str(before), before.name), (str(place), name))
    _put(states, site, name, files)
    probe.in_force(site, files[PROBE], name)
    return True


def _install(states: States, site: Site, register: Register, after: Mark, state: str) -> None:
    own = {CA: register.ca_pem, CRL: register.crl_pem, PROBE: register.probe_unknown}
    files = {**own, **_files(register, site, str(states.place(state)))}
    _put(states, site, state, files, after)


def _put(states: States, site: Site, name: str, files: Mapping[str, bytes], after: Mark | None = None) -> None:
    """Writes the state, tests it, puts it in force and reloads; what was in force before is again where the proxy does not take it."""
    configuration = states.write(name, files) / _CONFIGURATION[site.proxy]
    before = states.current()
    _tested_alone(site, configuration)
    if after is not None:
        # The memory first: a crash between the two must not let an older bundle in.
        states.remember(after)
    with probe.Canary(site, files[PROBE]) as canary:
        states.swap(name)
        try:
            programs.run(site.test, configuration, "the test of the proxy's configuration")
            programs.run(site.reload, configuration, "the reload of the proxy")
        except GatewayError:
            states.swap(before)
            raise
        canary.ended()


def _tried(states: States, site: Site, register: Register, state: str) -> None:
    """Returns where the new state is in force and keeps out what it must; closes the gateway otherwise."""
    probe.in_force(site, register.probe_unknown, state)
    for pem, what in ((register.probe_revoked, "revoked"), (register.probe_unknown, "unregistered")):
        if probe.asked(site, pem).let_in:
            _close(states, site)
            shut = not probe.asked(site, pem).let_in
            message = (
                said("a certificate that is {what} was let in; the gateway is closed now", what=what)
                if shut
                else said("a certificate that is {what} was let in, and still is: STOP THE PROXY BY HAND", what=what)
            )
            raise GatewayError(message)


def _close(states: States, site: Site) -> None:
    files = nginx.nginx_closed(site, CLOSED) if site.proxy is Proxy.NGINX else haproxy.haproxy_closed(site, CLOSED)
    with probe.Canary(site, states.read(PROBE)) as canary:
        if states.current() != CLOSED:
            states.write(CLOSED, files)
            states.swap(CLOSED)
        programs.run(site.reload, states.place(CLOSED) / _CONFIGURATION[site.proxy], "the reload of the proxy")
        canary.ended()
    probe.in_force(site, None, CLOSED)


def _closed_for(refusal: Refusal, states: States, site: Site) -> None:
    """Closes the gateway for this reason; raises GatewayError with both where that fails."""
    try:
        _close(states, site)
    except GatewayError as error:
        message = said(
            "{why}; and the gateway could not be closed: {fault}", why=Stated(refusal.message), fault=Stated(error.message)
        )
        raise GatewayError(message) from None


def _files(register: Register, site: Site, folder: str) -> Mapping[str, bytes]:
    found = tables(register)
    if site.proxy is Proxy.NGINX:
        return nginx.nginx_files(found, site, folder)
    return haproxy.haproxy_files(found, site, folder)


def _tested_alone(site: Site, configuration: Path) -> None:
    if site.proxy is Proxy.NGINX:
        programs.nginx_alone(configuration)
    elif any("{state}" in word for word in site.test):
        programs.run(site.test, configuration, "the test of the proxy's configuration")
