"""A TON network on one machine: the node process, and wallets of people who use it."""
