"""What is asked of a system, and how well it answers."""
