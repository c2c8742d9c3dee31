"""Tables, figures and the record of how they came about."""
