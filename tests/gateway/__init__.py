"""Tests of the gateway: real nginx and real HAProxy on loopback, and certificates as an agency would hold them."""
