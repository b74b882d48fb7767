"""How often each host was connected to in a run: the account of how gently it was looked at."""

from __future__ import annotations

from typing import Literal

from scanner.observations import Count
from scanner.record import Name, PeerText, Record, Sorted


class HostContact(Record):
    """The connections of one run to one host."""

    host: Name
    address: PeerText
    """The one address that was connected to; empty where its name could not be resolved."""
    connections: Count
    """As the fence counted them when they were opened; those of nmap by the most it was allowed to open."""
    budget: Count
    """The most that the permit allowed."""


class Contact(Record):
    """The connections of one run, host by host."""

    schema_version: Literal[1] = 1
    hosts: Sorted[HostContact]
