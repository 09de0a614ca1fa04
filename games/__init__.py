"""What is played: our own engines, other people's games, and the verifier."""
