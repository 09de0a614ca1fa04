"""Schema of the house, one small reversible step a file."""
