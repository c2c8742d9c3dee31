"""A data set's tables of tracks and occurrences: formats, checks, shards."""
