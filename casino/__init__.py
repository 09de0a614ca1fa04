"""The whole business of the house: no Telegram, no HTTP, no chain.

Reading order for a newcomer: `money`, `ledger/chart`, `ledger/wallet`, `betting/game`,
`games/engines/dice`, `betting/bet_rules`, `betting/decide`, `ledger/journal`, `webapp/api/play`.
Nine files and a bet is understood.

Floors, top to bottom; a floor may import only what lies below it:

    worker
    reporting | support
    betting | cashier
    promotions | risk
    players
    ledger | staff
    audit | outbox | inbox | flags | rates | vault
    db | i18n | telemetry | nursery
    arrays | election | config | ids | clock
    exchange | switches
    money
    errors
"""
