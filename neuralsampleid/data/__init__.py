"""The catalogue, and the data sets that fill it."""
