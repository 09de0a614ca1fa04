"""Proof by fault: what holds when processes die, wires are cut and machines forget."""
