"""Addresses as they are declared and granted."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator

from scanner.i18n import N_


def _a_network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError(
            N_("it is no range of addresses: write one as 10.1.2.0/24 or 2001:db8::/64, with zeros behind the network's part")
        ) from None


Network = Annotated[str, AfterValidator(_a_network)]
"""An address range as in 10.1.2.0/24 or 2001:db8::/64; host bits must be zero."""
