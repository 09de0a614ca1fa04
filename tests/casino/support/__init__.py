"""Tests of casino.support."""
