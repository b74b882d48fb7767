"""Feeds: vendors' files read into records, kept in one SQLite file, and cut into the slice a run is judged by."""
