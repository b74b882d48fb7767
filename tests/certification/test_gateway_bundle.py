"""Gateway bundles: whoever holds the bundle's key can take away, and never grant; and nothing older is applied twice."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certification.envelope import read_envelope
from certification.exporting import Exported
from certification.gateway_bundle import (
    CRL,
    PROBE_REVOKED,
    REGISTER,
    STATEMENT,
    GatewayBundleStatement,
    LoggedEvent,
    RegisterEntry,
    register_bytes,
    register_entries,
)
from certification.high_water import advanced
from certification.ledger import proven
from certification.log_store import SqliteLog, opened
from certification.refusals import Code
from certification.register import Register, read_register
from certification.request import Kind
from certification.revocation_list import Stopped, revocation_list
from certification.signers import signed
from certification.statements import file_subjects, read_statement
from certification.status import State
from certification.status_event import Change
from scanner.record import sha256
from scanner.store import packed, unpacked
from tests.certification.stage import known, refused, signer
from tests.gateway.stage import ENDS, ISSUED, NOW, Client, Office, ca_key, certificate, client, clock, keyring, root

Files = dict[str, bytes]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """An office with an official and a trial certificate."""
    with opened(tmp_path / "log", "a-log") as log:
        made = Office(log)
        made.issue()
        made.issue(kind=Kind.TRIAL, echelon="commune")
        yield made


def read(office: Office, made: Exported | bytes, seconds: int = 30) -> Register:
    data = made.data if isinstance(made, Exported) else made
    return read_register(data, office.trust, soon(seconds))


def soon(seconds: int = 30) -> Any:
    return clock() + timedelta(seconds=seconds)


def remade(data: bytes, change: Callable[[Files], None], by: str = "gateway-1", **predicate: Any) -> bytes:
    """The bundle with other files or words, well signed: what whoever holds its key can do."""
    files = unpacked(data)
    told = read_statement(read_envelope(files.pop(STATEMENT)).payload, GatewayBundleStatement).predicate
    change(files)
    lines = files[REGISTER].count(b"\n")
    update = {"crl_sha256": sha256(files[CRL]), "entries": lines, **predicate}
    statement = GatewayBundleStatement(subject=file_subjects(files), predicate=told.model_copy(update=update))
    return packed({**files, STATEMENT: signed(statement, signer(by))})


def entries(files: Files) -> list[RegisterEntry]:
    return list(register_entries(files[REGISTER], files[REGISTER].count(b"\n")))


def with_entry(change: Callable[[RegisterEntry], RegisterEntry]) -> Callable[[Files], None]:
    """The first entry changed."""

    def changed(files: Files) -> None:
        first, *others = entries(files)
        files[REGISTER] = register_bytes([change(first), *others])

    return changed


def updated(**update: Any) -> Callable[[Files], None]:
    return with_entry(lambda entry: entry.model_copy(update=update))


def packed64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_bundle_lets_in_what_is_in_force_and_says_to_what(office: Office) -> None:
    made = office.export()
    assert made.left_out == ()
    found = read(office, made)
    assert {each.serial for each in found.admitted} == set(office.clients)
    assert found.left_out == ()
    one = next(each for each in found.admitted if each.granted.kind is Kind.TRIAL)
    assert (one.granted.agency.echelon, one.granted.scope.apis) == ("commune", ("verify",))
    assert len({each.sha256 for each in found.admitted} | {each.sha1 for each in found.admitted}) == 4


def test_what_was_stopped_is_left_out_and_comes_back_with_two_signatures_only(office: Office) -> None:
    who = next(iter(office.clients.values()))
    before = read(office, office.export())
    office.change(who, Change.SUSPENDED, "an")
    held = office.export()
    assert [(serial, refusal.code) for serial, refusal in held.left_out] == [(who.serial, Code.SUSPENDED)]
    found = read(office, held)
    assert who.serial not in {each.serial for each in found.admitted}
    assert [(each.serial, each.state) for each in found.predicate.statuses] == [(who.serial, State.SUSPENDED)]
    mark = advanced(advanced(None, before, office.trust, soon()), found, office.trust, soon())
    # The key's holder lets it in again, as it was before: the gateway remembers.
    old = entries(unpacked(before_bytes := remade(held.data, lambda _: None)))
    assert old
    with refused(Code.STILL_STOPPED):
        advanced(mark, _again(office, before_bytes, who), office.trust, soon())
    office.change(who, Change.RESUMED, "an", "binh")
    back = read(office, office.export())
    assert {each.serial for each in back.admitted} == set(office.clients)
    assert next(each for each in back.admitted if each.serial == who.serial).resumed is not None
    assert advanced(mark, back, office.trust, soon()).stopped == ()
    office.change(who, Change.REVOKED, "binh")
    gone = office.export()
    assert [refusal.code for _serial, refusal in gone.left_out] == [Code.REVOKED]
    last = advanced(mark, read(office, gone), office.trust, soon())
    assert [each.state for each in last.stopped] == [State.REVOKED]


def _again(office: Office, data: bytes, who: Client) -> Register:
    """A register in which the stopped certificate is let in as if nothing had been done to it."""
    from certification import merkle
    from certification.ledger import newest
    from certification.log_proof import LogProof

    point = newest(office.log)
    position = office.log.position(read_envelope(who.certificate).payload)
    assert position is not None
    proof = LogProof(position, merkle.inclusion(office.log, position, point.checkpoint.size), point).written().decode()
    entry = RegisterEntry(
        serial=who.serial, authorisation=packed64(who.certificate), proof=proof, certificate=who.x509.decode(), events=()
    )

    def change(files: Files) -> None:
        files[REGISTER] = register_bytes([*entries(files), entry])
        files[CRL] = _crl(office, files)

    return read(office, remade(data, change, statuses=(), sequence=90))


def _crl(office: Office, files: Files, *, until: Any = None) -> bytes:
    """A list with nothing on it but the certificate to try a gateway with."""
    from certification.connection_ca import read_certificate

    head, end, _key = files[PROBE_REVOKED].partition(b"-----END CERTIFICATE-----\n")
    serial = read_certificate(head + end).serial_number
    with office.key.unlocked("") as private:
        stopped = {serial: Stopped(State.REVOKED, NOW)}
        return revocation_list(stopped, office.ca, private, NOW, until or clock() + timedelta(hours=24, minutes=1), 1)


# --- what the holder of the bundle's key could try ------------------------------------------------


def test_nothing_is_let_in_beside_what_it_supersedes(office: Office) -> None:
    old = office.issue()
    before = office.export()
    (stale,) = (entry for entry in entries(unpacked(before.data)) if entry.serial == old.serial)
    office.renew(old)
    after = office.export().data

    def both(files: Files) -> None:
        proof = proven(office.log, old.certificate).written().decode()
        entry = stale.model_copy(update={"proof": proof})
        files[REGISTER] = register_bytes([*entries(files), entry])

    with refused(Code.REGISTER_TWICE):
        read(office, remade(after, both, statuses=()))


def test_an_entry_with_one_approval_opens_nothing(office: Office) -> None:
    for by, code in (
        (("an",), Code.QUORUM_MISSING),
        (("an", "chi"), Code.QUORUM_ONE_AUTHORITY),
        (("an", "dung"), Code.KEY_ROLE),
    ):
        alone = certificate(by=by, number=77)
        held = client(alone, office.ca, office.key)
        change = updated(serial=held.serial, authorisation=packed64(alone), certificate=held.x509.decode())
        with refused(code):
            read(office, remade(office.export().data, change))


def test_an_entry_without_its_own_proof_opens_nothing(office: Office) -> None:
    data = office.export().data
    first, second = entries(unpacked(data))
    unlogged = certificate(number=78)
    held = client(unlogged, office.ca, office.key)
    old = first.proof
    office.issue()
    for change, code in (
        (updated(proof=""), Code.LOG_PROOF_MALFORMED),
        (updated(proof=second.proof), Code.NOT_IN_LOG),
        (updated(serial=held.serial, authorisation=packed64(unlogged), certificate=held.x509.decode()), Code.NOT_IN_LOG),
    ):
        with refused(code):
            read(office, remade(data, change))
    with refused(Code.NOT_IN_LOG):
        read(office, remade(office.export().data, with_entry(lambda entry: entry.model_copy(update={"proof": old}))))


def test_a_tampered_scope_breaks_the_signatures(office: Office) -> None:
    def wider(entry: RegisterEntry) -> RegisterEntry:
        envelope = base64.b64decode(entry.authorisation)
        payload = read_envelope(envelope).payload
        other = payload.replace(b'"rate":600', b'"rate":6000')
        assert other != payload
        return entry.model_copy(
            update={"authorisation": packed64(envelope.replace(base64.b64encode(payload), base64.b64encode(other)))}
        )

    with refused(Code.SIGNATURE_WRONG):
        read(office, remade(office.export().data, with_entry(wider)))


def test_a_scope_above_the_ceiling_is_left_out_at_both_ends(office: Office) -> None:
    above = office.issue(echelon="commune", apis=("read", "verify"))
    made = office.export()
    assert [(serial, refusal.code) for serial, refusal in made.left_out] == [(above.serial, Code.ABOVE_CEILING)]
    # A gateway whose trust root, or whose bundle, allows less lets in less.
    ceilings = tuple(ceiling for ceiling in made.predicate.ceilings if ceiling.echelon != "commune")
    for trust, data, code in (
        (root(ceilings=tuple(each.model_copy(update={"rate": 10}) for each in ceilings)), made.data, Code.ABOVE_CEILING),
        (office.trust, remade(made.data, lambda _: None, ceilings=ceilings), Code.ECHELON_UNKNOWN),
    ):
        found = read_register(data, trust, soon())
        assert code in {refusal.code for _serial, refusal in found.left_out}
        assert len(found.admitted) < 2


def test_an_entry_stands_once_in_its_place_under_its_own_name(office: Office) -> None:
    data = office.export().data

    def twice(files: Files) -> None:
        files[REGISTER] = b"".join(line + b"\n" for line in files[REGISTER].splitlines() for _ in range(2))

    def backwards(files: Files) -> None:
        files[REGISTER] = b"".join(line + b"\n" for line in reversed(files[REGISTER].splitlines()))

    for change in (twice, backwards, updated(serial="CC-0")):
        with refused(Code.REGISTER_TWICE):
            read(office, remade(data, change))
    listed = entries(unpacked(data))[0].serial
    office.change(office.clients[listed], Change.SUSPENDED, "an")
    statuses = office.export().predicate.statuses
    with refused(Code.REGISTER_TWICE):
        read(office, remade(data, lambda _: None, statuses=statuses))


def test_the_client_certificate_is_the_one_that_follows_from_its_authorisation(office: Office) -> None:
    data = office.export().data
    first, second = entries(unpacked(data))
    forger = ca_key("forger")
    from certification.connection_ca import ca_certificate

    forged = client(base64.b64decode(first.authorisation), ca_certificate(root(ca=forger), forger, NOW), forger)
    for pem in (second.certificate, forged.x509.decode(), first.certificate + first.certificate):
        with refused(Code.CLIENT_CERTIFICATE_DIFFERS):
            read(office, remade(data, updated(certificate=pem)))


def test_a_suspension_in_the_entry_counts_and_a_resumption_needs_its_quorum(office: Office) -> None:
    who = next(iter(office.clients.values()))
    office.change(who, Change.SUSPENDED, "an")
    office.change(who, Change.RESUMED, "an", "binh")
    data = office.export().data

    def with_events(change: Callable[[tuple[LoggedEvent, ...]], tuple[LoggedEvent, ...]]) -> Callable[[Files], None]:
        def changed(files: Files) -> None:
            files[REGISTER] = register_bytes(
                entry.model_copy(update={"events": change(entry.events)}) if entry.events else entry for entry in entries(files)
            )

        return changed

    assert read(office, remade(data, with_events(lambda events: events))).left_out == ()
    for change, code in (
        (lambda events: events[:1], Code.SUSPENDED),
        (lambda events: events[1:], Code.STILL_IN_FORCE),
        (lambda events: events[::-1], Code.EVENT_LATE),
        (lambda events: (*events, events[0]), Code.EVENT_LATE),
    ):
        with refused(code):
            read(office, remade(data, with_events(change)))


# --- the bundle itself ----------------------------------------------------------------------------


def test_only_a_gateway_key_signs_bundles(office: Office) -> None:
    data = office.export().data
    for by, code in (("an", Code.KEY_ROLE), ("scanner-1", Code.KEY_ROLE), ("nobody", Code.KEY_UNKNOWN)):
        with refused(code):
            read(office, remade(data, lambda _: None, by))
    with refused(Code.KEY_ROLE):
        office.export(signer=signer("an"))


@pytest.mark.parametrize(
    "break_it",
    [
        lambda files: files.pop(CRL),
        lambda files: files.update({"more.pem": b""}),
        lambda files: files.update({REGISTER: b""}),
        lambda files: files.update({CRL: b""}),
        lambda files: files.update({STATEMENT: files[STATEMENT] + b" "}),
    ],
    ids=["removed", "added", "emptied", "no list", "spaced"],
)
def test_a_file_that_was_not_signed_for_is_refused(office: Office, break_it: Callable[[Files], Any]) -> None:
    files = unpacked(office.export().data)
    break_it(files)
    with pytest.raises(Exception, match=r"bundle-malformed|envelope-not-canonical"):
        read(office, packed(files))
    with refused(Code.BUNDLE_MALFORMED):
        read(office, b"not a bundle at all")


def test_a_register_has_one_written_form(office: Office) -> None:
    office.change(next(iter(office.clients.values())), Change.SUSPENDED, "an")
    office.change(next(iter(office.clients.values())), Change.RESUMED, "an", "binh")
    data = office.export().data
    for entry in entries(unpacked(data)):
        assert entry.line() == entry.written()

    def spaced(files: Files) -> None:
        files[REGISTER] = files[REGISTER].replace(b'","', b'", "', 1)

    def cut(files: Files) -> None:
        files[REGISTER] = files[REGISTER][:-20] + b"\n"

    for change in (spaced, cut):
        with refused(Code.BUNDLE_MALFORMED):
            read(office, remade(data, change))
    with refused(Code.BUNDLE_MALFORMED):
        read(office, remade(data, lambda _: None, entries=1))


def test_an_empty_broken_or_foreign_list_is_refused(office: Office) -> None:
    made = office.export()
    for crl in (b"", b"-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"):
        with refused(Code.CRL_DIFFERS):
            read(office, remade(made.data, lambda files, crl=crl: files.update({CRL: crl})))  # type: ignore[misc]

    def short(files: Files) -> None:
        files[CRL] = _crl(office, files, until=NOW + timedelta(hours=1))

    def empty(files: Files) -> None:
        with office.key.unlocked("") as private:
            files[CRL] = revocation_list({}, office.ca, private, NOW, clock() + timedelta(hours=24, minutes=1), 1)

    def everybody(files: Files) -> None:
        probe = _crl(office, files)
        assert probe
        with office.key.unlocked("") as private:
            from certification.connection_ca import read_certificate

            head, end, _key = files[PROBE_REVOKED].partition(b"-----END CERTIFICATE-----\n")
            own = {read_certificate(head + end).serial_number: Stopped(State.REVOKED, NOW)}
            more = {read_certificate(each.x509).serial_number: Stopped(State.REVOKED, NOW) for each in office.clients.values()}
            files[CRL] = revocation_list(own | more, office.ca, private, NOW, clock() + timedelta(hours=24, minutes=1), 1)

    for change in (short, empty, everybody):
        with refused(Code.CRL_DIFFERS):
            read(office, remade(made.data, change))
    with refused(Code.CRL_DIFFERS):
        read(office, remade(made.data, lambda _: None, crl_sha256="00" * 32))


def test_a_bundle_is_good_in_its_time_only(office: Office) -> None:
    made = office.export(lives=timedelta(hours=2))
    with refused(Code.BUNDLE_STALE):
        read_register(made.data, office.trust, made.predicate.expires)
    with refused(Code.CLOCK_BACKWARDS):
        read_register(made.data, office.trust, made.predicate.stated_at - timedelta(seconds=1))
    with pytest.raises(ValueError, match="lives for up to 7 days"):
        office.export(lives=timedelta(days=8))


def test_what_lapses_on_the_way_is_left_out_and_the_others_are_let_in(office: Office) -> None:
    short = office.issue(ends=NOW + timedelta(hours=1))
    made = office.export()
    found = read_register(made.data, office.trust, NOW + timedelta(hours=1))
    assert [(serial, refusal.code) for serial, refusal in found.left_out] == [(short.serial, Code.EXPIRED)]
    assert len(found.admitted) == 2
    late = read(office, made)
    assert len(late.admitted) == 3
    # An approver's key is revoked: whatever rests on it is out, whoever made the bundle.
    keys = tuple(key.model_copy(update={"revoked_at": NOW}) if key.holder == "binh" else key for key in keyring().keys)
    gone = read_register(made.data, root(keys=keys), soon())
    assert gone.admitted == ()
    assert {refusal.code for _serial, refusal in gone.left_out} == {Code.KEY_REVOKED}


def test_one_without_a_client_certificate_or_with_another_s_is_left_out(office: Office) -> None:
    one, other = office.clients.values()
    office.clients[one.serial] = Client(one.serial, one.certificate, other.x509, one.key)
    del office.clients[other.serial]
    made = office.export()
    assert {refusal.code for _serial, refusal in made.left_out} == {Code.CLIENT_CERTIFICATE_DIFFERS}
    assert read(office, made).admitted == ()
    early = office.issue(at=ISSUED, ends=ENDS)
    assert early.serial in {each.serial for each in read(office, office.export()).admitted}


def test_an_export_rests_on_a_whole_and_watched_log(office: Office, tmp_path: Path) -> None:
    from certification.exporting import export

    means: Mapping[str, Any] = {"ca": office.ca, "ca_key": office.key, "signer": signer("gateway-1")}
    with refused(Code.NOT_COSIGNED):
        export(office.log, office.trust, soon(), 1, soon(3_600), lambda _: None, **means)
    office.cosign()
    export(office.log, office.trust, soon(), 1, soon(3_600), lambda _: None, **means)

    class Less:
        """A log that hides its last entries."""

        def __init__(self, log: SqliteLog, hide: slice) -> None:
            self.log, self.hide = log, hide

        def __getattr__(self, name: str) -> Any:
            return getattr(self.log, name)

        def entries(self, start: int = 0, serial: str | None = None) -> Any:
            return iter(list(self.log.entries(start, serial))[self.hide])

    for hide, code in ((slice(0, 1), Code.CHECKPOINT_UNSIGNED), (slice(1, 2), Code.LOG_ENTRY_MISSING)):
        with refused(code):
            export(Less(office.log, hide), office.trust, soon(), 1, soon(3_600), lambda _: None, **means)


def test_the_trust_root_holds_gateway_and_ca_keys_of_installations_only() -> None:
    from certification.keyring import HolderKind
    from certification.statements import Role

    for role in (Role.GATEWAY, Role.CONNECTION_CA):
        with refused(Code.ROOT_INCONSISTENT):
            root(
                more_keys=(
                    known("ha", role, holder_kind=HolderKind.PERSON, keyid=signer("x").keyid, public_key=signer("x").public_pem),
                )
            )
