"""Tests against programs that are not installed for the suite: `make test-slow` installs them and runs these."""
