"""Other people's games: dialects of wallet calls, launches, catalogues."""
