"""Tests of casino, file for file."""
