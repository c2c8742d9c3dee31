"""The classical system: landmarks, pairs of spectral peaks that agree on a time offset."""
