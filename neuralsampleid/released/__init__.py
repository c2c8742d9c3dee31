"""The published artefacts of the release: the archive and the folder of fingerprints in it."""
