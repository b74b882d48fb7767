"""The login probe: one pinned, read-only login over SSH, one collection, one round trip."""

from __future__ import annotations

import secrets

import paramiko

from scanner.observations import HostObservation, Method, Reason, Unobserved
from scanner.probes import collection
from scanner.probes.collection import accounts, authentication, hardening, packages, sshd, system
from scanner.probes.collection.sections import Collected, CollectionError, collected
from scanner.probes.login import Answer, LoginError, answer
from scanner.probes.looking import Circumstances, Target, unobserved
from scanner.record import escaped
from scanner.targets import Login


def look(target: Target, circumstances: Circumstances) -> HostObservation | Unobserved:
    """What a login to the host shows; without a usable login, why there was none."""
    login = target.host.login
    if login is None:
        return Unobserved(reason=Reason.NO_CREDENTIAL, detail="the scope declares no login for this host")
    nonce = secrets.token_hex(16)
    try:
        said = answer(target.address, login, collection.script(nonce), circumstances)
        return _observed(said, collected(said.output, nonce), login, circumstances)
    except LoginError as error:
        return unobserved(error, error.reason)
    except CollectionError as error:
        return unobserved(error, Reason.UNREADABLE)
    except OSError as error:
        return unobserved(error)


def _observed(said: Answer, found: Collected, login: Login, circumstances: Circumstances) -> HostObservation | Unobserved:
    if not found.begun:
        return _no_shell(said)
    kernel = system.kernel(found)
    if isinstance(kernel, Unobserved):
        return kernel
    return HostObservation(
        seen=circumstances.seen(Method.LOGIN, f"paramiko {paramiko.__version__}", connections=1),
        user=login.user,
        host_key=said.host_key,
        os=system.os_release(found),
        packages=packages.packages(found),
        sshd=sshd.sshd(found),
        kernel=kernel,
        listening=system.listening(found),
        accounts=accounts.accounts(found),
        credentials=accounts.credentials(found),
        logins=accounts.logins(found),
        sudo=accounts.sudo(found),
        authentication=authentication.authentication(found),
        automatic_logins=authentication.automatic_logins(found),
        packet_filter=hardening.packet_filter(found),
        kernel_parameters=hardening.kernel_parameters(found),
        exposed_keys=hardening.exposed_keys(found),
        disks=hardening.disks(found),
    )


def _no_shell(said: Answer) -> Unobserved:
    words = (said.errors.strip() or said.output.strip()).split(b"\n")[0].strip()
    heard = f"it said: {escaped(words, limit=120)}" if words else "it said nothing"
    return Unobserved(reason=Reason.UNSUPPORTED, detail=f"the host did not run /bin/sh for this user; {heard}")
