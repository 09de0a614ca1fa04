"""A seeded month in the casino, played against the real core and checked at every step."""
