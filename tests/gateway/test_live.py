"""The gateway as agencies meet it: real nginx and real HAProxy on loopback, by bundles from a real log."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certification.connection_ca import ca_certificate
from certification.gateway_bundle import CRL
from certification.keyring import Keyring
from certification.log_store import opened
from certification.refusals import Code, Refusal
from certification.request import Kind
from certification.signers import signed
from certification.status_event import Change
from certification.trust import draft_keyring, read_trust_root
from gateway import applying, haproxy, nginx
from gateway.applying import apply, close, freshness
from gateway.fault import GatewayError
from gateway.site import Proxy
from gateway.states import CLOSED, States
from tests.certification.stage import refused, root_key, signer
from tests.certification.test_gateway_bundle import remade, updated
from tests.gateway.proxies import Reply, Stand, eventually, stand
from tests.gateway.stage import Client, Office, ca_key, client, clock, keyring, root

PATIENCE = (4, 16, 60)
"""Seconds that something is good for; the longer ones on a machine that is busy with other things."""
TLS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.fixture(scope="module", params=list(Proxy))
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A gateway that runs, and has been given nothing yet."""
    folder = tmp_path_factory.mktemp(f"gateway-{request.param}")
    with opened(folder / "log", "a-log") as log, stand(request.param, folder, Office(log)) as made:
        yield made


@pytest.fixture(autouse=True)
def _connections(gate: Stand) -> Iterator[None]:
    yield
    gate.stack.close()


@pytest.fixture
def agency(gate: Stand) -> Client:
    """An agency that is let in; the same one as long as nothing became of it."""
    standing = gate.office.standing
    if standing is None or not gate.call(standing).let_in:
        standing = gate.office.standing = gate.office.issue()
        gate.apply()
        assert gate.call(standing).let_in
    return standing


def refusal(reply: Reply) -> str:
    """Why the register refused."""
    assert reply.status == 403, reply
    return reply.text.removeprefix("refused: ").strip()


def shut_out(reply: Reply) -> bool:
    """Whether the connection was refused, in TLS or by the register."""
    return reply.status in (None, 400, 403)


def test_before_its_first_bundle_it_lets_in_nobody(gate: Stand) -> None:
    assert refusal(gate.call(None)) == "closed"
    assert freshness(gate.site, clock()).state == CLOSED


def test_a_certified_agency_is_let_in_and_the_service_is_told_who_it_is(gate: Stand, agency: Client) -> None:
    told = {name.lower(): value for name, value in gate.call(agency).told.items()}
    assert told == {
        "service": "official",
        "path": "/v1/verify",
        "clearance-serial": agency.serial,
        "clearance-agency": "P01",
        "clearance-echelon": "province",
        "clearance-kind": "official",
        "clearance-bulk": "no",
    }
    for version in TLS:
        assert gate.call(agency, version=version).let_in
    assert gate.call(agency, "/v1/verify/a.b/c?q=%2e%2e&x=//").let_in
    assert shut_out(gate.call(None))


def test_only_what_was_granted_is_reached_and_only_by_a_plain_path(gate: Stand, agency: Client) -> None:
    for path in ELSEWHERE:
        assert refusal(gate.call(agency, path)) == "interface", path


ELSEWHERE = (
    "/v1/read",
    "/v1/verify/bulk",
    "/v1/verify/bulk/x",
    "/sandbox/v1/verify",
    "/v1/read/../verify",
    "/v1/verify/../read",
    "/v1/verify/./x",
    "/v1/verify/.hidden",
    "//v1/verify",
    "/v1//verify",
    "/v1/verify//x",
    "/v1/%76erify",
    "/v1/verify%2f..%2fread",
    "/v1/VERIFY",
    "/V1/verify",
    "/v1/verify;x=1",
    "/v1/verify|bulk",
    "/v1/",
    "/v1",
    "/",
    "/verify",
    "/sandbox/v1/../../v1/verify",
)


def test_nothing_a_client_says_of_itself_reaches_the_service(gate: Stand, agency: Client) -> None:
    forged = dict.fromkeys(("clearance-serial", "CLEARANCE-AGENCY", "Clearance_Serial", "Clearance-Bulk"), "CC-of-somebody-else")
    reply = gate.connection(agency).get(headers=forged)
    assert "somebody" not in reply.text
    assert agency.serial in reply.text
    # A tunnel would not be decided again: none is opened.
    upgraded = gate.connection(agency).get(headers={"Connection": "Upgrade", "Upgrade": "tunnel"})
    assert upgraded.let_in if gate.site.proxy is Proxy.NGINX else refusal(upgraded) == "interface"


def test_each_echelon_and_kind_has_its_own_doors(gate: Stand) -> None:
    office = gate.office
    trial = office.issue(kind=Kind.TRIAL, echelon="commune")
    central = office.issue(echelon="central", apis=("read", "bulk-read"), bulk=True)
    gate.apply()
    assert gate.call(trial, "/sandbox/v1/verify").told["service"] == "sandbox"
    assert refusal(gate.call(trial, "/v1/verify")) == "interface"
    assert refusal(gate.call(trial, "/sandbox/v1/read")) == "interface"
    for path in ("/v1/read", "/v1/bulk-read", "/v1/read/bulk", "/v1/read/bulk/today"):
        assert gate.call(central, path).told["service"] == "official"
    assert refusal(gate.call(central, "/v1/verify")) == "interface"
    assert refusal(gate.call(central, "/sandbox/v1/read")) == "interface"


def test_a_trial_that_became_official_uses_the_official_door_and_others_are_stopped_as_before(
    gate: Stand, agency: Client
) -> None:
    office = gate.office
    trial = office.issue(kind=Kind.TRIAL, echelon="central", apis=("read",))
    gate.apply()
    assert gate.call(trial, "/sandbox/v1/read").let_in
    official = office.renew(trial, echelon="central", apis=("read",))
    other = office.issue()
    gate.apply()
    assert gate.call(official, "/v1/read").told["service"] == "official"
    assert shut_out(gate.call(trial, "/sandbox/v1/read"))
    assert gate.call(other).let_in and gate.call(agency).let_in
    office.change(other, Change.SUSPENDED, "an")
    gate.apply()
    assert shut_out(gate.call(other))
    assert gate.call(official, "/v1/read").let_in
    office.change(official, Change.REVOKED, "an")
    gate.apply()
    assert shut_out(gate.call(official, "/v1/read")) and shut_out(gate.call(trial, "/sandbox/v1/read"))


def test_a_bundle_that_is_refused_still_shuts_out_whom_it_no_longer_names(gate: Stand, agency: Client) -> None:
    office = gate.office
    other = office.issue()
    before = office.export().data
    gate.apply(before)
    assert gate.call(other).let_in
    office.change(other, Change.SUSPENDED, "an")
    data = office.export().data
    with refused(Code.LOG_PROOF_MALFORMED):
        gate.apply(remade(data, updated(proof="")))
    assert shut_out(gate.call(other)), "whoever may name it may also no longer name it"
    assert gate.call(agency).let_in
    with refused(Code.BUNDLE_OLDER):
        gate.apply(before)
    assert shut_out(gate.call(other)), "the bundle before does not bring it back"
    data = office.export().data
    gate.apply(data)
    assert shut_out(gate.call(other)) and gate.call(agency).let_in


def test_it_is_let_in_from_its_own_addresses_only(gate: Stand) -> None:
    office = gate.office
    narrow = office.issue(endpoints=("127.0.0.7/32", "127.1.0.0/16"))
    wide = office.issue(endpoints=("127.0.0.0/24",))
    gate.apply()
    for source, let_in in (("127.0.0.7", True), ("127.1.2.3", True), ("127.0.0.8", False), ("127.2.0.1", False)):
        reply = gate.call(narrow, source=source)
        assert reply.let_in if let_in else refusal(reply) == "address"
    # An address inside the narrow one's network is inside the wide one's too.
    for source, let_in in (("127.0.0.7", True), ("127.0.0.8", True), ("127.1.2.3", False)):
        reply = gate.call(wide, source=source)
        assert reply.let_in if let_in else refusal(reply) == "address"


def test_nobody_makes_more_requests_than_granted(gate: Stand) -> None:
    few = gate.office.issue(rate=10)
    gate.apply()
    connection = gate.connection(few)
    seen = [connection.get().status for _ in range(14)]
    assert seen[0] == 200
    assert 429 in seen
    assert seen.count(200) <= 10


@pytest.mark.parametrize("version", TLS)
def test_suspending_ends_open_and_resumed_connections_and_resuming_lets_in_again(gate: Stand, version: ssl.TLSVersion) -> None:
    agency = gate.office.issue()
    gate.apply()
    kept = gate.connection(agency, version=version)
    assert kept.get().let_in
    assert kept.get().let_in
    gate.office.change(agency, Change.SUSPENDED, "an")
    gate.apply()
    # No waiting: what `apply` returns from is in force.
    assert shut_out(kept.get())
    assert shut_out(gate.call(agency, version=version))
    resumed, reply = kept.resumed()
    assert shut_out(reply)
    assert not resumed
    gate.office.change(agency, Change.RESUMED, "an", "binh")
    gate.apply()
    assert gate.call(agency, version=version).let_in
    gate.office.change(agency, Change.REVOKED, "binh")
    gate.apply()
    assert shut_out(gate.call(agency, version=version))


@pytest.mark.parametrize("version", TLS)
def test_sessions_are_not_resumed_at_all(gate: Stand, agency: Client, version: ssl.TLSVersion) -> None:
    first = gate.connection(agency, version=version)
    assert first.get().let_in
    resumed, reply = first.resumed()
    assert reply.let_in
    assert not resumed


def test_a_certificate_of_the_right_ca_that_is_in_no_register_opens_nothing(gate: Stand) -> None:
    unlisted = gate.office.issue()
    del gate.office.clients[unlisted.serial]
    gate.apply()
    assert refusal(gate.call(unlisted)) == "unknown"


def test_a_forged_ca_of_the_same_names_opens_nothing(gate: Stand, agency: Client) -> None:
    forger = ca_key("forger")
    theirs = ca_certificate(root(ca=forger), forger, clock())
    forged = client(agency.certificate, theirs, forger)
    reply = gate.call(forged)
    assert reply.status in (None, 400)


def test_a_certificate_ends_by_itself_on_an_open_connection_too(gate: Stand) -> None:
    for seconds in PATIENCE:
        short = gate.office.issue(ends=clock() + timedelta(seconds=seconds))
        gate.apply()
        kept = gate.connection(short)
        if kept.get().let_in:
            break
    else:
        pytest.fail("this machine is too slow to see it let in")
    assert eventually(lambda: not kept.get().let_in, 90)
    assert refusal(kept.get()) == "expired" if gate.site.proxy is Proxy.NGINX else shut_out(kept.get())
    assert shut_out(gate.call(short))


def test_a_bundle_that_runs_out_shuts_the_gateway_without_any_command(gate: Stand, agency: Client) -> None:
    for seconds in PATIENCE:
        with suppress(Refusal):
            gate.apply(lives=timedelta(seconds=seconds))
        kept = gate.connection(agency)
        if kept.get().let_in:
            break
    else:
        pytest.fail("this machine is too slow to see it let in")
    assert eventually(lambda: not kept.get().let_in, 90)
    assert refusal(gate.call(agency)) == "stale"
    # The timer's command closes it, and says so.
    with refused(Code.BUNDLE_STALE):
        freshness(gate.site, clock())
    assert refusal(gate.call(agency)) == "closed"
    gate.apply()
    assert gate.call(agency).let_in
    assert not freshness(gate.site, clock()).ends_soon


def test_a_stale_bundle_and_a_clock_that_runs_backwards_close_the_gateway(gate: Stand, agency: Client) -> None:
    made = gate.office.export(lives=timedelta(hours=1))
    for at, code in ((made.predicate.expires, Code.BUNDLE_STALE), (clock() - timedelta(hours=1), Code.CLOCK_BACKWARDS)):
        with refused(code):
            gate.apply(made.data, at)
        assert refusal(gate.call(agency)) == "closed"
        gate.apply()
        assert gate.call(agency).let_in
    half = gate.office.export(lives=timedelta(hours=1))
    gate.apply(half.data)
    assert freshness(gate.site, clock()).ends_soon is False
    close(gate.site)
    assert refusal(gate.call(agency)) == "closed"


def test_a_refused_bundle_changes_nothing(gate: Stand, agency: Client) -> None:
    older = gate.office.export().data
    gate.apply()
    state = States(Path(gate.site.folder)).current()
    newest = gate.office.export().data
    for data, code in (
        (older, Code.BUNDLE_OLDER),
        (remade(newest, updated(proof="")), Code.LOG_PROOF_MALFORMED),
        (remade(newest, lambda files: files.update({CRL: b""})), Code.CRL_DIFFERS),
        (newest[:-512], Code.BUNDLE_MALFORMED),
    ):
        with refused(code):
            gate.apply(data)
        assert States(Path(gate.site.folder)).current() == state
        assert gate.call(agency).state == state
        assert gate.call(agency).let_in
    gate.apply(newest)
    again = gate.apply(newest)
    assert gate.call(agency).state == again.state


def test_among_many_the_stopped_are_shut_out_before_the_others_are_verified(
    gate: Stand, agency: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = gate.office.issue()
    gate.apply()
    states = States(Path(gate.site.folder))
    older = gate.office.export().data
    gate.apply()
    monkeypatch.setattr(applying, "MANY", 1)
    gate.office.change(other, Change.SUSPENDED, "an")
    data = gate.office.export().data
    kept = gate.connection(other)
    assert kept.get().let_in
    # An older bundle takes nobody away, and a forged one neither.
    for wrong in (older, remade(data, updated(), by="an")):
        with pytest.raises(Refusal):
            gate.apply(wrong)
        assert gate.call(other).let_in
    # One whose other entries are refused does: to stop, the bundle's key is enough.
    with refused(Code.LOG_PROOF_MALFORMED):
        gate.apply(remade(data, updated(proof="")))
    assert str(states.current()).endswith("-less")
    assert shut_out(kept.get())
    assert refusal(gate.call(other)) == "unknown"
    assert gate.call(agency).let_in
    with refused(Code.BUNDLE_DIFFERS):
        gate.apply(data)
    gate.apply()
    assert shut_out(gate.call(other))
    assert gate.call(agency).let_in
    gate.office.change(other, Change.REVOKED, "an")


def test_what_the_proxy_does_not_take_is_taken_back(gate: Stand, agency: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    states = States(Path(gate.site.folder))
    before = states.current()
    for broken in (
        replace_site(gate, test=("false",)),
        replace_site(gate, reload=("false",)),
        replace_site(gate, test=("no-such-program-anywhere",)),
    ):
        with pytest.raises(GatewayError):
            apply(gate.office.export().data, gate.office.trust, broken, clock())
        assert states.current() == before
        assert gate.call(agency).let_in
    monkeypatch.setattr(applying, "CRL", "elsewhere.crl")
    with pytest.raises(GatewayError, match=r"clients.crl|exit status"):
        gate.apply()
    assert states.current() == before
    assert gate.call(agency).let_in


def replace_site(gate: Stand, **changes: Any) -> Any:
    return gate.site.model_copy(update=changes)


def test_a_gateway_that_lets_in_a_revoked_certificate_is_closed(
    gate: Stand, agency: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an operator's own change takes the decision away: only trying it out shows that."""

    def careless(made: Any) -> Any:
        def files(*given: Any) -> dict[str, bytes]:
            found = dict(made(*given))
            name = next(name for name in found if name in (nginx.CONFIGURATION, haproxy.CONFIGURATION))
            lines = found[name].decode().replace(" crl-file ", " #").splitlines()
            found[name] = "\n".join(line for line in lines if not any(word in line for word in _DECISIONS)).encode() + b"\n"
            return found

        return files

    monkeypatch.setattr(nginx, "nginx_files", careless(nginx.nginx_files))
    monkeypatch.setattr(haproxy, "haproxy_files", careless(haproxy.haproxy_files))
    if gate.site.proxy is Proxy.HAPROXY:
        monkeypatch.setattr(haproxy, "_CONFIGURATION", haproxy._CONFIGURATION.replace(" crl-file {folder}/clients.crl", ""))
    with pytest.raises(GatewayError, match="revoked was let in; the gateway is closed"):
        gate.apply()
    assert refusal(gate.call(agency)) == "closed"
    monkeypatch.undo()
    gate.apply()
    assert gate.call(agency).let_in


_DECISIONS = (
    "ssl_crl",
    "if ($clearance_verdict",
    "http-request return status 403",
    "http-request return status 429",
    "limit_req zone",
)


def test_the_memory_of_a_gateway_is_not_done_without(gate: Stand, agency: Client) -> None:
    mark = Path(gate.site.folder) / "mark.json"
    kept = mark.read_bytes()
    for damage in (mark.unlink, lambda: mark.write_bytes(kept[:-1])):
        damage()
        with refused(Code.MARK_LOST):
            gate.apply()
    mark.write_bytes(kept)
    assert gate.call(agency).let_in
    gate.apply()


def test_two_at_once_do_not_change_the_states(gate: Stand) -> None:
    with States(Path(gate.site.folder)).held(), pytest.raises(GatewayError, match="another"):
        gate.apply()


def test_a_swapped_trust_root_puts_nothing_in_force_unless_the_site_names_it(gate: Stand) -> None:
    forger = tuple(root_key(f"root-{number}") for number in (4, 5, 6))
    ring = Keyring.model_validate_json(keyring(root_keys=forger).model_dump_json())
    stranger = read_trust_root(signed(draft_keyring(ring), signer("root-4"), signer("root-5")), clock())
    gate.apply()
    data = gate.office.export().data
    with refused(Code.ROOT_CHANGED):
        apply(data, stranger, gate.site, clock())
    apply(data, stranger, gate.site.model_copy(update={"trust_sha256": stranger.sha256}), clock())
