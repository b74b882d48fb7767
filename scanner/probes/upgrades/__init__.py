"""From clear to TLS in a protocol's own words (STARTTLS and its like), on a connection that was just opened.

Shared by everything that shakes hands or sends hellos. Says what a protocol demands before TLS and nothing more: no name, no credential.
"""

from __future__ import annotations

from collections.abc import Callable

from scanner.probes.upgrades import lines, packets, xmpp
from scanner.probes.upgrades.talk import Stream, Talk, UpgradeError
from scanner.targets import Service, Speaks

__all__ = ["UPGRADES", "Stream", "UpgradeError", "upgraded"]

Upgrade = Callable[[Talk, str], Stream]
"""Says what the protocol demands and gives the stream on which TLS begins."""

UPGRADES: dict[Speaks, Upgrade] = {
    Speaks.SMTP: lines.smtp,
    Speaks.LMTP: lines.lmtp,
    Speaks.IMAP: lines.imap,
    Speaks.POP3: lines.pop3,
    Speaks.SIEVE: lines.sieve,
    Speaks.NNTP: lines.nntp,
    Speaks.IRC: lines.irc,
    Speaks.FTP: lines.ftp,
    Speaks.LDAP: packets.ldap,
    Speaks.XMPP_CLIENT: xmpp.client,
    Speaks.XMPP_SERVER: xmpp.server,
    Speaks.POSTGRES: packets.postgres,
    Speaks.MYSQL: packets.mysql,
    Speaks.MSSQL: packets.mssql,
    Speaks.RDP: packets.rdp,
}


def upgraded(wire: Stream, service: Service, address: str) -> Stream:
    """The stream on which TLS begins: the wire itself where the service speaks TLS from its first byte.

    Raises UpgradeError where the peer does not change to TLS, and OSError where the connection fails before it does.
    """
    upgrade = UPGRADES.get(service.speaks)
    return upgrade(Talk(wire), service.name or address) if upgrade else wire
