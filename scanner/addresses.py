"""Addresses as they are declared and granted."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator


def _a_network(text: str) -> str:
    return str(ip_network(text))


Network = Annotated[str, AfterValidator(_a_network)]
"""An address range as in 10.1.2.0/24 or 2001:db8::/64; host bits must be zero."""
