"""The datagram probes: one read-only question of each protocol to a host over UDP, and one to a declared UDP service."""

from __future__ import annotations

from scanner.probes.datagrams.look import look, look_at_service

__all__ = ["look", "look_at_service"]
