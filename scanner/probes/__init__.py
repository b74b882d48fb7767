"""Probes look: the only code that touches the network. They copy what was seen, with no opinion."""
