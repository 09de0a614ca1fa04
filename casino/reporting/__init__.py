"""Figures for the house, and sums for one player."""
