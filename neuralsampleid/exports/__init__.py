"""What ``nsid identify`` writes: one file for each format, all of them from ``Findings``."""
