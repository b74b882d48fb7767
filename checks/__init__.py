"""Checks: pure functions from an observation to a verdict, one subject a module. No network, no clock, no file."""
