"""Coins circulate on all chains at once while everything fails; at each final point none is lost."""
