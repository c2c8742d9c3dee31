"""Tracks become stems: vocals, drums, bass and other, by one of three backends."""
