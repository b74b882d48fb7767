"""The login probe: one pinned, read-only login over SSH, one collection, one round trip."""

from __future__ import annotations

import secrets

from scanner.observations import HostObservation, Method, Reason, Seen, Unobserved
from scanner.probes import collection
from scanner.probes.collection import (
    accounts,
    authentication,
    clock,
    confinement,
    hardening,
    login_keys,
    logs,
    media,
    names,
    packages,
    protection,
    restarts,
    services,
    sshd,
    syslog,
    system,
    updates,
)
from scanner.probes.collection.sections import Collected, CollectionError, collected
from scanner.probes.login import BY, Answer, IncompatibleError, LoginError, answer
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
        said, by = _answered(target.address, login, collection.script(nonce), circumstances)
        return _observed(said, collected(said.output, nonce), login, circumstances.seen(Method.LOGIN, by, _connections(by)))
    except LoginError as error:
        return unobserved(error, error.reason)
    except CollectionError as error:
        return unobserved(error, Reason.UNREADABLE)
    except OSError as error:
        return unobserved(error)


def _answered(address: str, login: Login, script: bytes, circumstances: Circumstances) -> tuple[Answer, str]:
    """The host's answer, and by what it was had: another client where the usual one shares no algorithm with the server."""
    try:
        return answer(address, login, script, circumstances), BY
    except IncompatibleError as error:
        from scanner.probes import old_login

        try:
            return old_login.answer(address, login, script, circumstances), old_login.BY
        except LoginError as again:
            if again.reason is Reason.UNSUPPORTED:
                raise error from None  # the first client says it better
            raise


def _connections(by: str) -> int:
    return 1 if by == BY else 2


def _observed(said: Answer, found: Collected, login: Login, seen: Seen) -> HostObservation | Unobserved:
    if not found.begun:
        return _no_shell(said)
    kernel = system.kernel(found)
    if isinstance(kernel, Unobserved):
        return kernel
    return HostObservation(
        seen=seen,
        user=login.user,
        host_key=said.host_key,
        os=system.os_release(found),
        packages=packages.packages(found),
        sshd=sshd.sshd(found),
        kernel=kernel,
        kernel_version=system.kernel_version(found),
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
        processes=logs.processes(found),
        journal=logs.journal(found),
        oldest_record=logs.oldest_record(found),
        log_targets=syslog.targets(found),
        rotations=logs.rotations(found),
        audit=logs.audit(found),
        audit_settings=logs.audit_settings(found),
        log_room_used=logs.log_room(found),
        clocks=clock.clocks(found),
        jobs=protection.jobs(found),
        signatures=protection.signatures(found),
        integrity_bases=protection.integrity_bases(found),
        nginx=services.nginx(found),
        apache=services.apache(found),
        postgresql=services.postgresql(found),
        mysql=services.mysql(found),
        redis=services.redis(found),
        package_sources=updates.package_sources(found),
        upgraded=updates.upgraded(found),
        module_streams=packages.module_streams(found),
        replaced_files=restarts.replaced_files(found),
        restart_required=restarts.restart_required(found),
        filter_logs=hardening.filter_logs(found),
        contained=logs.contained(found),
        mounts=confinement.mounts(found),
        access_control=confinement.access_control(found),
        automounters=media.automounters(found),
        resolvers=names.resolvers(found),
        account_sources=names.account_sources(found),
        log_files=logs.log_files(found),
        login_keys=login_keys.login_keys(found),
    )


def _no_shell(said: Answer) -> Unobserved:
    words = (said.errors.strip() or said.output.strip()).split(b"\n")[0].strip()
    heard = f"it said: {escaped(words, limit=120)}" if words else "it said nothing"
    return Unobserved(reason=Reason.UNSUPPORTED, detail=f"the host did not run /bin/sh for this user; {heard}")
