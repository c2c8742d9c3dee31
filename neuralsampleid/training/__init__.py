"""Training pairs, augmentation, losses, and the two trainings."""
