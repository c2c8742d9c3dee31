"""A person's own music: what nsid index makes and nsid identify asks."""
