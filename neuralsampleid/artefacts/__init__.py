"""Files that others have published: where they are, downloads, archives."""
