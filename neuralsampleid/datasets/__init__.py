"""Data sets, each of which becomes a catalogue."""
