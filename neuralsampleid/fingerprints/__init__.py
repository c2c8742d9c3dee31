"""Fingerprints of segments: how they are made, stored and searched."""
