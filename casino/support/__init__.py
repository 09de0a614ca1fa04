"""Conversations between a player and staff."""
