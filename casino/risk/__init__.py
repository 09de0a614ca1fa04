"""Doubts about a withdrawal: facts for the people who decide."""
