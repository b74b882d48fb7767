"""Refused requests stand in the log that a gateway's bundle is made of: they let nobody in and disturb nobody."""

from __future__ import annotations

from certification.ledger import entered
from certification.request_refusal import refuse
from tests.certification.stage import Case, signer
from tests.certification.test_gateway_bundle import office, read
from tests.gateway.stage import NOW, Office, clock

__all__ = ["office"]


def test_refused_requests_in_the_log_let_nobody_in_and_disturb_nobody(office: Office) -> None:
    request = Case(trust=office.trust).request
    no = refuse(request, "thiếu máy chủ thư", office.trust, NOW, signer=signer("an"), confirm=lambda _: True)
    entered(office.log, no, signer("a-log"), office.trust, clock())
    made = office.export()
    assert {each.serial for each in read(office, made).admitted} == set(office.clients)
