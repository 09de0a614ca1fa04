"""Telegram's plumbing, shared by both bots.

In: `poller` (or the webhook route) stores updates in the inbox through `updates`; `inbox_worker`
feeds them to a dispatcher, in order per chat. Out: `session` makes bots whose every call is guarded
and paced (`pace`); `outbox_delivery` turns waiting effects into messages. `doorbell` wakes both
workers, `chat_state` remembers half-filled forms, `redis_link` survives the loss of Redis, and
`serving` runs all of it as one process.

What a person sees: `words` in his language and `buttons` make a `screens.Screen`, which a `talk`
shows in his chat.
"""
