"""Money in and out: rails, deposits, withdrawals, treasury.

Where to look: `rails` and `terms` say what is offered; `addresses` and `tags` how a player's coins
are told apart; `deposits` how they come in (`crediting`: statuses, playable or held; `unclaimed`:
no known owner); `withdrawals` how players and staff send them out (`withdrawal_states`: the status
table; `review`: the card); `payouts` what sender and watcher do, `batches` what they read,
`signing` what the signer does, `recovery` what becomes of a dead payment; `treasury` whether the
hot wallets agree with the book.

Locks, from the outside in: players, a payout, withdrawals or deposits in order of id, the audit
chain. Only commands on a single player write to the audit chain.
"""
