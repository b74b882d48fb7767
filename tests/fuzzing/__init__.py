"""Every parser that reads what an outsider hands in, fed with what it should not be fed with."""
