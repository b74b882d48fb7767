"""Tools of the builders: not shipped."""
