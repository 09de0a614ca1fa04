"""Bets of every kind, from the gate to the receipt."""
