"""Published files: where they are, downloads, archives."""
