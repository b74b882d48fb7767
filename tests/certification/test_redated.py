"""A bundle's key alone dates nothing anew: a bundle is as old as what another authority's witness saw of the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from certification.gateway_bundle import CRL, LOG_AGE
from certification.high_water import advanced
from certification.refusals import Code
from certification.register import read_register
from certification.revocation_list import CLOCKS_APART, read_revocation_list
from certification.status_event import Change
from scanner.bundle import unpacked
from tests.certification.stage import refused
from tests.certification.test_gateway_bundle import _crl, office, read, remade, soon
from tests.gateway.stage import Office

__all__ = ["office"]


def test_an_old_bundle_dated_anew_lets_nobody_back_in(office: Office) -> None:
    who = next(iter(office.clients.values()))
    old = office.export(lives=timedelta(days=7))
    mark = advanced(None, read(office, old), office.trust, soon())
    office.change(who, Change.REVOKED, "an")
    told = old.predicate
    # Before it ends, whoever holds the gateway key states it again: the same register, list and checkpoint.
    at = told.stated_at + timedelta(days=6, hours=23)
    words: dict[str, Any] = {"sequence": told.sequence + 100, "stated_at": at, "expires": at + timedelta(days=7)}
    forged = remade(old.data, lambda _: None, **words)
    for later in (at, told.stated_at + timedelta(days=13, hours=22)):
        with refused(Code.CHECKPOINT_OLD):
            read_register(forged, office.trust, later)
    # A little later is not long enough for the witness's word, and too long for the CA's list.
    at = told.stated_at + timedelta(minutes=30)
    soonish = remade(old.data, lambda _: None, sequence=told.sequence + 100, stated_at=at, expires=at + timedelta(days=7))
    with refused(Code.CRL_DIFFERS):
        read_register(soonish, office.trust, at)
    # What is honest, is read, and the memory goes on from there.
    advanced(mark, read(office, office.export()), office.trust, soon())


def test_a_bundle_is_stated_within_an_hour_of_the_witness_s_word(office: Office) -> None:
    made = office.export()
    seen = made.predicate.stated_at
    end = made.predicate.expires
    for late, code in ((LOG_AGE - timedelta(minutes=1), None), (LOG_AGE + timedelta(minutes=1), Code.CHECKPOINT_OLD)):
        at = seen + late
        data = remade(made.data, lambda _: None, stated_at=at)
        if code is None:
            assert len(read_register(data, office.trust, at).admitted) == 2
            continue
        with refused(code):
            read_register(data, office.trust, at)
    assert end - seen == timedelta(hours=24)


def test_nothing_is_exported_from_a_log_that_was_not_watched_of_late(office: Office) -> None:
    for at in (soon(3_700), soon(90_000)):
        with refused(Code.CHECKPOINT_OLD):
            office.export(at=at)
    office.export(at=soon(3_000))


def test_the_list_ends_with_its_bundle(office: Office) -> None:
    made = office.export()
    listed = read_revocation_list(unpacked(made.data)[CRL], office.ca, soon())
    assert made.predicate.expires <= listed.next_update <= made.predicate.expires + CLOCKS_APART

    def longer(files: dict[str, bytes]) -> None:
        files[CRL] = _crl(office, files, until=made.predicate.expires + CLOCKS_APART + timedelta(minutes=1))

    with refused(Code.CRL_DIFFERS):
        read(office, remade(made.data, longer))
