"""Money in and out: rails, deposits, withdrawals, treasury.

Where to look: `rails` and `terms` say what is offered, `addresses` and `tags` how a player's coins
are told apart, `deposits` how they come in, `withdrawals` how players and staff send them out,
`payouts` what the sender and the signer do, `treasury` whether the hot wallets agree with the book.
"""
