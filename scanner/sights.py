"""Sights: one subject and one kind of observation, the unit of what is planned and looked at; and the vantage it is looked at from."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from scanner.record import Name, PeerText, Record

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{1,39}$")]
SubjectId = Annotated[str, StringConstraints(max_length=140, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5}(/udp)?)?$")]
"""`agency`, a host's id, or an endpoint as `web1:443` or `ns1:53/udp`."""


class Sight(Record):
    """One thing to look at: a subject and a kind of observation. The plan is a set of these."""

    subject: SubjectId
    kind: Kind


class Vantage(Record):
    """From where a thing was seen: the network zone and the address the probe looked from."""

    zone: Name
    address: PeerText
