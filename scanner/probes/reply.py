"""The reply probe: the question of its own protocol to each declared UDP service."""

from __future__ import annotations

from scanner.probes.datagrams.look import look_at_service as look

__all__ = ["look"]
