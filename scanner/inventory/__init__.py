"""Inventories: what an agency lists in a file of any of its programs, as hosts of a scope. No network, no clock."""
