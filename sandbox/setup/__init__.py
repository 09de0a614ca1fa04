"""Getting a bare machine ready, before anything is installed: standard library only."""
