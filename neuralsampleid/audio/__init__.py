"""Decoding, resampling and time–frequency front ends."""
