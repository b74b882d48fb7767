"""Tests of patching: versions, layers, and the answers of other programs on the same data."""
