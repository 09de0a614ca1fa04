"""Money out on Bitcoin, from a wish to a final block, on both nodes."""
