"""Tests of the operators' bot."""
