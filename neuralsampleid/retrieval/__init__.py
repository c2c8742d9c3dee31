"""Fingerprint store, index, matching and re-ranking."""
