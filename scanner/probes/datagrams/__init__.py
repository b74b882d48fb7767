"""The datagram probes: one read-only question of each protocol to a host over UDP, and one to a declared UDP service."""
