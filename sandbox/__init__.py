"""The outside world on one machine: Telegram, chains and servers for the demo and the tests."""
