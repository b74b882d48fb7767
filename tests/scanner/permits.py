"""A permit as a test needs one: for its own addresses, open for an hour around now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from scanner.targets import Permit, Person, Rate, RunKind, Window


def now() -> datetime:
    """This second."""
    return datetime.now(UTC).replace(microsecond=0)


def permit(*addresses: str, budget: int = 1_000, rate: int = 1_000, parallel: int = 4) -> Permit:
    """A permit for a self-check of these networks: so many connections in all and in a second, so many probes side by side."""
    person = Person(person="a", organisation="An agency")
    return Permit(
        kind=RunKind.SELF_CHECK,
        decision="1",
        agency="H46",
        permitted_by=person,
        inspectors=(person,),
        addresses=addresses,
        window=Window(begins=now() - timedelta(hours=1), ends=now() + timedelta(hours=1)),
        rate=Rate(connections_per_second=rate, parallel_per_host=parallel, connections_per_host=budget),
    )
