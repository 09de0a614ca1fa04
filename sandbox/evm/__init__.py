"""An Ethereum on one machine: a real node, a token like USDT, people with wallets, and faults."""
