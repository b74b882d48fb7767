"""Runnable examples: the whole road on loopback, with real servers and keys made on the spot."""
