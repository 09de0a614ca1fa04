"""Tests of casino.players."""
