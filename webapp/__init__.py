"""The Mini App's server: log-in, API, live updates, calls from other machines, static files."""
