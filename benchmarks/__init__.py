"""How fast the money core is, measured beside PostgreSQL's own benchmark; `make bench`."""
