"""Pure arithmetic, one file a game: no money, no database, no clock."""
