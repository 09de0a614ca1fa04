"""The clockwork: scheduled jobs of the business (`python -m casino.worker`)."""
