"""The book: the only code that moves money."""
