"""The engine: what was declared, what was seen, how it is judged, what is kept."""
