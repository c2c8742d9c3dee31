"""Encoders and the re-ranker: one model per file behind one interface."""
