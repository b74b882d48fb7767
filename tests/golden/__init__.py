"""Golden cases: what is decided of what, readable as a specification."""
