"""The only code that sees a key: a process of its own that talks to PostgreSQL alone."""
