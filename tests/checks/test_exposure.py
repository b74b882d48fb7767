"""Exposure: what listens in clear, and that what is not recognised is not taken for harmless."""

from __future__ import annotations

import pytest

from checks import exposure, exposure_services
from scanner.check import Parameters
from scanner.findings import Fail, Pass
from scanner.observations import OpenPort, Reason, Unobserved
from scanner.specimens import greeting, ports


def test_every_undeclared_port_is_named() -> None:
    verdict = exposure.only_declared(ports(undeclared=(8_080, 23)), Parameters())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == "ports nobody declared are open: 23, 8080"


def test_what_passes_says_which_ports_were_asked_for() -> None:
    verdict = exposure.only_declared(ports(asked="22,443"), Parameters())
    assert isinstance(verdict, Pass)
    assert verdict.seen.shown() == "of ports 22,443 only declared ones are open"


@pytest.mark.parametrize(
    ("service", "tls", "passes"),
    [
        ("telnet", False, False),
        ("telnet", True, True),
        ("login", False, False),
        ("ssh", False, True),
        ("telnets", False, True),
    ],
)
def test_a_clear_service_fails_unless_it_is_inside_tls(service: str, tls: bool, passes: bool) -> None:
    seen = ports(open=(OpenPort(port=2_323, transport="tcp", service=service, tls=tls),))
    assert isinstance(exposure.no_cleartext_services(seen, exposure.ClearServices()), Pass if passes else Fail)


def test_a_database_fails_inside_tls_too_and_names_the_zone() -> None:
    seen = ports(open=(OpenPort(port=3_306, transport="tcp", service="mysql", tls=True),))
    verdict = exposure.no_database_ports(seen, exposure.DatabaseServices())
    assert isinstance(verdict, Fail)
    assert verdict.seen.shown() == "open towards zone specimen: 3306/tcp mysql"


def test_a_protocol_that_is_not_recognised_is_a_missing_fact() -> None:
    assert greeting(protocol="unknown").spoken_in_clear == Unobserved(
        reason=Reason.UNREADABLE, detail="the protocol is not recognised"
    )


def test_what_is_inside_tls_is_not_spoken_in_clear_whatever_it_is() -> None:
    seen = greeting(protocol="unknown", encrypted=True)
    assert seen.spoken_in_clear is None
    assert isinstance(exposure_services.no_cleartext_administration(seen, exposure_services.ClearProtocols()), Pass)


def test_a_store_that_answers_strangers_fails_even_inside_tls() -> None:
    seen = greeting(encrypted=True, answers_unauthenticated=True)
    assert isinstance(exposure_services.authenticated_stores(seen, Parameters()), Fail)
