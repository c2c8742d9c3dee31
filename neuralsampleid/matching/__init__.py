"""Rankings of tracks, and the lines along which two tracks match."""
