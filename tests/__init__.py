"""What the project promises, as programs that fail when a promise breaks."""
