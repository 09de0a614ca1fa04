"""Money out, rail by rail: what the sender and the settler need of each, without keys."""
