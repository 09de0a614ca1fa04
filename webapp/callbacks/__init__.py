"""Calls from other machines: secrets are checked at the door, facts are stored once."""
