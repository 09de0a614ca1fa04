"""Tests of the player's bot."""
