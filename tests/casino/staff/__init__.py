"""Tests of casino.staff."""
