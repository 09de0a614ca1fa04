"""What the player can ask for: one file for each family of screens."""
