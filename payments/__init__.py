"""How money travels: chains, the processes that watch and pay, and the signer.

Read `chains/base.py` (what every chain promises), then `watcher.py` (money in), `sender.py` (money
out) and `signer/` (the only code that sees a secret)."""
