"""Certification: statements, who may sign them, and how they are verified. No network, no checks, no probes."""
