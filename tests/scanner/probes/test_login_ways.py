"""Ways to a host: through another machine, and by another client where the usual one shares no algorithm with the server. Real sshd."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.observations import HostObservation, Reason, Unobserved
from scanner.probes import fence, host
from scanner.probes.looking import Target
from scanner.targets import Jump, Login
from tests.scanner.permits import permit
from tests.scanner.probes import login_hosts
from tests.scanner.probes.login_hosts import Premises
from tests.scanner.probes.talkers import circumstances

_OLD = """\
KexAlgorithms diffie-hellman-group14-sha1
Ciphers aes128-cbc
MACs hmac-sha1
HostKeyAlgorithms ssh-rsa
PubkeyAcceptedAlgorithms ssh-rsa,ssh-ed25519
"""


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with login_hosts.premises(tmp_path_factory.mktemp("premises")) as found:
        yield found


def look(target: Target) -> HostObservation | Unobserved:
    return host.look(target, circumstances(timeout=5, deadline=30))


def seen(target: Target) -> HostObservation:
    found = look(target)
    assert isinstance(found, HostObservation), found
    return found


@contextmanager
def permitted(*addresses: str) -> Iterator[fence.Fence]:
    allowed = permit(*(addresses or ("127.43.0.0/16",)), rate=50, budget=5_000)
    with fence.raised(fence.Fence(allowed, lambda: datetime.now(UTC))) as raised:
        yield raised


def leading(premises: Premises, *options: str) -> None:
    """Lets the account guest forward connections, or not."""
    public = premises.key.with_name(f"{premises.key.name}.pub").read_text().strip()
    keys = premises.machine.folder / "etc" / "ssh" / "authorized_keys" / "guest"
    keys.write_text(f"{','.join(('restrict', *options))} {public}\n")


def through(premises: Premises, **changes: str | tuple[str, ...]) -> Target:
    """The host, reached through itself by the account guest."""
    address, port = premises.machine.ssh
    jump = Jump(address=address, user="guest", port=port, key=str(premises.key), host_keys=premises.machine.host_keys)
    way = Jump.model_validate({**jump.model_dump(), **changes})
    login = Login(user="audit", port=port, key=str(premises.key), host_keys=premises.machine.host_keys, via=way)
    return login_hosts.target(address, login)


def test_a_host_is_seen_through_another_machine(premises: Premises) -> None:
    address, port = premises.machine.ssh
    leading(premises, "port-forwarding", f'permitopen="{address}:{port}"')
    with permitted() as raised:
        found = seen(through(premises))
        assert raised.spent[address] == 2  # the jump host's connection and the one inside it
    assert found.user == "audit"
    assert not isinstance(found.packages, Unobserved)


def test_a_jump_host_that_may_not_lead_on_is_told_as_such(premises: Premises) -> None:
    leading(premises)
    with permitted():
        found = look(through(premises))
    assert isinstance(found, Unobserved) and found.reason is Reason.BLOCKED, found
    assert "does not lead to the host" in found.detail


def test_the_jump_host_is_pinned_like_every_other(premises: Premises) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    with permitted():
        found = look(through(premises, host_keys=(other,)))
    assert isinstance(found, Unobserved) and found.reason is Reason.HOST_KEY_CHANGED
    assert found.detail.startswith("jump host")


def test_both_ends_of_the_way_lie_inside_the_permit(premises: Premises) -> None:
    leading(premises, "port-forwarding")
    with permitted("127.99.0.0/16"):
        assert getattr(look(through(premises)), "reason", None) is Reason.NOT_PERMITTED
    with permitted(f"{premises.machine.ssh[0]}/32"):
        assert getattr(look(through(premises, address="127.99.0.1")), "reason", None) is Reason.NOT_PERMITTED


def test_without_a_permit_no_way_leads_through_another_machine(premises: Premises) -> None:
    leading(premises, "port-forwarding")
    assert getattr(look(through(premises)), "reason", None) is Reason.NOT_PERMITTED


@pytest.mark.parametrize("changed", [{}, {"key": "/nonexistent"}], ids=["with the right key", "without a key"])
def test_a_server_of_old_algorithms_is_logged_in_to_by_the_other_client(tmp_path: Path, changed: dict[str, str]) -> None:
    with login_hosts.premises(tmp_path, sshd=_OLD) as old:
        target = old.target(key=Path(changed["key"]) if changed else None, pinned=old.machine.host_keys[1:])
        found = look(target)
    if changed:
        assert isinstance(found, Unobserved) and found.reason is Reason.NO_CREDENTIAL
        return
    assert isinstance(found, HostObservation), found
    assert found.seen.by.startswith("asyncssh")
    assert found.host_key.startswith("SHA256:")
    assert not isinstance(found.packages, Unobserved) and not isinstance(found.sshd, Unobserved)


def test_an_old_server_with_another_key_is_not_logged_in_to(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with login_hosts.premises(tmp_path / "one", sshd=_OLD) as old, login_hosts.premises(tmp_path / "two") as stranger:
        found = look(old.target(pinned=stranger.machine.host_keys[1:]))
        assert "Accepted publickey" not in old.log
    assert isinstance(found, Unobserved) and found.reason in (Reason.HOST_KEY_CHANGED, Reason.UNSUPPORTED), found


def test_an_old_server_that_does_not_know_the_key_refuses_the_login(tmp_path: Path) -> None:
    with login_hosts.premises(tmp_path, sshd=_OLD) as old:
        (old.machine.folder / "etc" / "ssh" / "authorized_keys" / "audit").write_text("")
        found = look(old.target(pinned=old.machine.host_keys[1:]))
    assert isinstance(found, Unobserved) and found.reason is Reason.LOGIN_REFUSED, found


@pytest.mark.parametrize("account", ["floods", "hangs"])
def test_the_other_client_is_bounded_too(tmp_path: Path, account: str) -> None:
    with login_hosts.premises(tmp_path, sshd=_OLD) as old:
        target = old.target(account, pinned=old.machine.host_keys[1:])
        found = host.look(target, circumstances(timeout=3, deadline=4))
    assert isinstance(found, Unobserved), found
    assert found.reason is (Reason.UNREADABLE if account == "floods" else Reason.TIMED_OUT)
